/* Label files line by line, as spreadsheets, pandas and people write them. */
#include "check.h"

#include "made.h"
#include "train/table.h"

#include <unistd.h>

/* The rows of a text as "[a][b]\n" for each. */
static char *rows_of(const char *text, char separator, char comment, em_err *err)
{
    static char out[4096];
    char *folder = made_folder();
    em_table t;
    bool has_row = true;

    made_text(folder, "t.csv", text);
    out[0] = '\0';
    *err = (em_err){ 0 };
    CHECK(em_table_open(&t, made_path(folder, "t.csv"), err) == EM_OK, "%s", err->msg);
    t.separator = separator;
    t.comment = comment;
    while (em_table_next(&t, &has_row, err) == EM_OK && has_row) {
        for (int i = 0; i < t.n_fields; i++)
            sprintf(out + strlen(out), "[%s]", t.fields[i]);
        strcat(out, "\n");
    }
    em_table_deinit(&t);
    made_remove(folder);
    return out;
}

static void rows_are_cut_as_everybody_writes_them(void **state)
{
    static const struct { const char *text, *rows; char separator, comment; } cases[] = {
        { "a,b\nc,d\n", "[a][b]\n[c][d]\n", 0, 0 },
        { "a,b\r\nc,d", "[a][b]\n[c][d]\n", 0, 0 },
        { "\xef\xbb\xbf" "a,b\n\n \nc,d\n", "[a][b]\n[c][d]\n", 0, 0 },
        { "a\tb,c\n", "[a][b,c]\n", 0, 0 },
        { "a;b,c\n", "[a;b][c]\n", ',', 0 },
        { "a;b\nc,d;e\n", "[a][b]\n[c,d][e]\n", 0, 0 },
        { "a,\"b,c\",d\n", "[a][b,c][d]\n", 0, 0 },
        { "a,\"b \"\"c\"\"\",d\n", "[a][b \"c\"][d]\n", 0, 0 },
        { "--abc, 30.000, 40.000, \"/m/1,/m/2\"\n", "[--abc][30.000][40.000][/m/1,/m/2]\n", 0, 0 },
        { "a,,\n", "[a][][]\n", 0, 0 },
        { "f.wav\t\t\t\n", "[f.wav][][][]\n", '\t', 0 },
        { " a , \"b\" ,c \n", "[a][b][c]\n", 0, 0 },
        { "# x, y\n#z\na,b\n", "[a][b]\n", 0, '#' },
        { "#a,b\n", "[#a][b]\n", 0, 0 },
        { "", "", 0, 0 },
    };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *rows = rows_of(cases[i].text, cases[i].separator, cases[i].comment, &err);

        CHECK(strcmp(rows, cases[i].rows) == 0 && err.code == EM_OK, "case %zu: %s %s", i, rows, err.msg);
    }
}

static void bad_lines_are_named(void **state)
{
    static const struct { const char *text, *why; } cases[] = {
        { "a,b\n\"c,d\n", "t.csv: line 2: a quote is not closed" },
        { "\"a\"b,c\n", "t.csv: line 1: there is text behind a closing quote" },
    };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        rows_of(cases[i].text, 0, 0, &err);
        CHECK(err.code == EM_EFORMAT && strstr(err.msg, cases[i].why), "case %zu: %s", i, err.msg);
    }
}

static void nul_bytes_and_endless_lines_are_refused(void **state)
{
    char *folder = made_folder();
    FILE *f = fopen(made_path(folder, "t.csv"), "w");
    bool has_row;
    em_table t;
    em_err err;
    (void)state;

    fwrite("a,b\nc\0d\n", 1, 8, f);
    for (int i = 0; i < 1100000; i++)
        putc('x', f);
    fclose(f);
    CHECK_OK(em_table_open(&t, made_path(folder, "t.csv"), &err));
    CHECK_OK(em_table_next(&t, &has_row, &err));
    CHECK(em_table_next(&t, &has_row, &err) == EM_EFORMAT && strstr(err.msg, "line 2: holds a NUL byte"), "%s", err.msg);
    while (strstr(err.msg, "NUL") && em_table_next(&t, &has_row, &err) == EM_OK && has_row)
        ;
    CHECK(err.code == EM_EFORMAT && strstr(err.msg, "is longer than 1048576 bytes"), "%s", err.msg);
    em_table_deinit(&t);
    made_remove(folder);
}

static void a_header_names_columns_and_the_width_of_rows(void **state)
{
    char *folder = made_folder();
    bool has_row;
    em_table t;
    em_err err;
    int column;
    (void)state;

    made_text(folder, "t.csv", "FileName,labels\na.wav,x\nb.wav,x,y\n");
    CHECK_OK(em_table_open(&t, made_path(folder, "t.csv"), &err));
    CHECK_OK(em_table_header(&t, &err));
    CHECK(em_table_column(&t, "path|filename") == 0 && em_table_column(&t, "label") == -1, "%d", em_table_column(&t, "path|filename"));
    CHECK(em_table_need(&t, &column, "split|subset", &err) == EM_EFORMAT && strstr(err.msg, "t.csv: line 1: names no column split"),
          "%s", err.msg);
    CHECK_OK(em_table_next(&t, &has_row, &err));
    CHECK(strcmp(em_table_field(&t, 1), "x") == 0 && strcmp(em_table_field(&t, -1), "") == 0, "%s", em_table_field(&t, 1));
    CHECK(em_table_next(&t, &has_row, &err) == EM_EFORMAT && strstr(err.msg, "line 3: has 3 fields where the header has 2"), "%s", err.msg);
    em_table_deinit(&t);
    made_remove(folder);
}

static void only_whole_finite_decimals_are_numbers(void **state)
{
    static const char *const bad[] = { "", "1x", "nan", "inf", "1e999", " 1", "0x10" };
    double x;
    (void)state;

    CHECK(em_text_number("-1.5e2", &x) && x == -150, "%g", x);
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(!em_text_number(bad[i], &x), "%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_cut_as_everybody_writes_them),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(nul_bytes_and_endless_lines_are_refused),
        cmocka_unit_test(a_header_names_columns_and_the_width_of_rows),
        cmocka_unit_test(only_whole_finite_decimals_are_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
