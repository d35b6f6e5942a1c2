/* The table of options is sound, and what is written of options elsewhere (README, earmark.conf, help) is what it says. */
#include "check.h"

#include "cli/options.h"
#include "model/config.h"
#include "reading.h"
#include "sinks/sink.h"

static void the_table_is_sound(void **state)
{
    const em_option_section *section;
    char letters[128] = "";
    int n = 0;
    (void)state;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; i < section->n; i++) {
            const em_option *row = &section->rows[i];

            n++;
            CHECK(em_options_find(row->name) == row, "--%s is there once", row->name);
            CHECK(row->help && *row->help, "--%s has help", row->name);
            CHECK(!row->is_valid || row->wanted, "--%s says what it wants", row->name);
            CHECK((row->kind == EM_OPTION_FLAG || row->kind == EM_OPTION_COUNT) == !row->arg || row->kind == EM_OPTION_COMMAND,
                  "--%s has an argument or is a flag", row->name);
            CHECK(!row->letter || !strchr(letters, row->letter), "-%c is there once", row->letter);
            if (row->letter)
                letters[strlen(letters)] = row->letter;
        }
    CHECK(n < EM_OPTION_ROWS, "the table has grown beyond em_options.layer and getopt's: %d", n);
}

/* --help, and with it README and earmark.conf, names every format that there is, and the error for others does. */
static void every_format_is_named(void **state)
{
    const em_option_section *section;
    const em_option *row = NULL;
    const char *format;
    (void)state;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; i < section->n; i++)
            if (strcmp(section->rows[i].name, "format") == 0)
                row = &section->rows[i];
    CHECK(row, "--format");
    for (int i = 0; (format = em_sink_format(i, NULL)); i++)
        CHECK(strstr(row->help, format) && strstr(row->wanted, format), "%s", format);
}

/* config/earmark.conf shows every option with its built-in value. */
static void the_shipped_file_is_the_table(void **state)
{
    const em_option_section *section;
    em_options o, shipped;
    em_err err;
    char *first, *second, *text = NULL;
    size_t n = 0;
    FILE *f = fopen(EM_SOURCE_DIR "/config/earmark.conf", "r");
    (void)state;

    CHECK(f && getdelim(&text, &n, '\0', f) > 0, "config/earmark.conf");
    fclose(f);
    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; section->has_keys && i < section->n; i++) {
            const em_option *row = &section->rows[i];
            char line[128];

            snprintf(line, sizeof line, row->fallback ? "\n%s = %s\n" : "\n#%s =\n", row->name, row->fallback);
            if (!row->fallback && (row->kind == EM_OPTION_FLAG || row->kind == EM_OPTION_COUNT))
                snprintf(line, sizeof line, "\n%s = %s\n", row->name, row->kind == EM_OPTION_FLAG ? "no" : "0");
            CHECK(strstr(text, line), "--%s: %s", row->name, line);
            CHECK(strstr(text, row->help), "--%s: its help", row->name);
        }
    CHECK_OK(em_options_init(&o, &err));
    CHECK_OK(em_options_init(&shipped, &err));
    CHECK_OK(em_options_read_file(&shipped, EM_SOURCE_DIR "/config/earmark.conf", EM_LAYER_CONFIG, &err));
    first = printed(&o);
    second = printed(&shipped);
    CHECK(strcmp(first, second) == 0, "the shipped file changes a value");
    free(first);
    free(second);
    free(text);
    em_options_deinit(&o);
    em_options_deinit(&shipped);
}

/* A row of README's table as it should be: | `-k`, `--top-k=N` | classes to list a result [5] | */
static void readme_row(char *out, size_t room, const em_option *row)
{
    const char *arg = row->arg ? row->arg : "";
    bool shows_fallback = row->fallback && row->kind != EM_OPTION_WAIT && strcmp(row->fallback, "none") != 0;
    char letter[16] = "", plain[400];
    size_t n = 0;

    if (row->letter)
        snprintf(letter, sizeof letter, "`-%c`, ", row->letter);
    snprintf(plain, sizeof plain, "%s%s%s%s", arg[0] == '[' ? "[=" : *arg ? "=" : "", arg[0] == '[' ? arg + 1 : arg, "` | ", row->help);
    n = (size_t)snprintf(out, room, "| %s`--%s", letter, row->name);
    for (const char *c = plain; *c && n < room - 3; c++) {
        if (*c == '|' && c != strstr(plain, "` | ") + 2)            /* Markdown's own columns */
            out[n++] = '\\';
        out[n++] = *c;
    }
    out[n] = '\0';
    snprintf(out + n, room - n, shows_fallback ? " [%s] |\n" : " |\n", row->fallback);
}

static void the_table_in_readme_is_the_table(void **state)
{
    const em_option_section *section;
    char *text = NULL, *table, *end;
    size_t n = 0;
    FILE *f = fopen(EM_SOURCE_DIR "/README.md", "r");
    int n_rows = 0, n_written = 0;
    (void)state;

    CHECK(f && getdelim(&text, &n, '\0', f) > 0, "README.md");
    fclose(f);
    table = strstr(text, "| option | meaning [default] |\n");
    CHECK(table && (end = strstr(table, "\n\n")), "README.md has the table");
    end[1] = '\0';
    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; i < section->n; i++, n_rows++) {
            char line[600];

            readme_row(line, sizeof line, &section->rows[i]);
            CHECK(strstr(table, line), "README.md has no row %s", line);
        }
    for (const char *p = table; (p = strstr(p, "`--")); p++)
        n_written++;
    CHECK(n_written == n_rows, "README.md has %d rows, and there are %d options", n_written, n_rows);
    free(text);
}

/* Who looks for another network finds its name in --help. */
static void every_preset_is_named(void **state)
{
    const em_option *row = em_options_find("preset");
    const char *name;
    (void)state;

    for (int i = 0; (name = em_config_preset_name(i)); i++)
        CHECK(strstr(row->help, name), "--preset: its help does not name %s", name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(every_format_is_named),
        cmocka_unit_test(the_shipped_file_is_the_table),
        cmocka_unit_test(every_preset_is_named),
        cmocka_unit_test(the_table_in_readme_is_the_table),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
