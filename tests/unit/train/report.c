/* The report: its text line by line, its JSON read back by jansson, names that are not ASCII or not harmless, a full disk. */
#include "check.h"

#include "train/report.h"

#include <jansson.h>
#include <math.h>

#define LONG "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"

enum { N = 6, C = 4, MANY = 30 };

static const char *const names[C] = { "Hund", "H\xc3\xa4hn\xc3\xa4", "bad\x1b[31m", "never" };

/* Clips 0-1 are class 0, 2-3 class 1, 4-5 class 2; one answer is wrong. */
static const unsigned char targets[N][C] = { { 1 }, { 1 }, { 0, 1 }, { 0, 1 }, { 0, 0, 1 }, { 0, 0, 1 } };
static const float scores[N][C] = { { .9f }, { .8f, .1f }, { .7f, .6f }, { .2f, .5f }, { 0, 0, .3f }, { 0, 0, .4f } };

/* The page, valid until the next one. */
static const char *print(const em_eval_report *r)
{
    static char text[1 << 16];
    FILE *f = tmpfile();
    size_t n;
    em_err err;

    CHECK(f, "a temporary file");
    CHECK_OK(em_eval_report_print(f, r, &err));
    rewind(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void check_has(const char *text, const char *wanted)
{
    CHECK(strstr(text, wanted), "\"%s\" in:\n%s", wanted, text);
}

static em_metrics metrics_of(bool is_single)
{
    em_metrics m;
    em_err err;

    CHECK_OK(em_metrics_init(&m, &(em_scored){ scores[0], targets[0], N, C }, &(em_metrics_cfg){ .is_single = is_single }, &err));
    return m;
}

static void the_page_has_every_number_in_its_column(void **state)
{
    em_metrics m = metrics_of(true);
    const char *text = print(&(em_eval_report){ .title = "nano on t\xc3\xa9st", .metrics = &m, .classes = names });
    (void)state;

    check_has(text, "nano on t\xc3\xa9st: 6 clips, 4 classes, 1 of them without a clip and left out\n");
    check_has(text, "\naccuracy        0.8333\n");
    check_has(text, "\nmAP             1.0000   mean of 3 classes\n");
    check_has(text, "\nmicro F1        0.8333   one answer a clip\n");
    check_has(text, "\nclass      clips      AP    AUC     F1  best F1     at\n");
    check_has(text, "\nHund           2   1.000  1.000  0.800    1.000  0.800\n");
    check_has(text, "\nH\xc3\xa4hn\xc3\xa4          2   1.000  1.000  0.667    1.000  0.500\n");
    check_has(text, "\nbad?[31m       2   1.000  1.000  1.000    1.000  0.300\n");
    check_has(text, "\nconfusions, truth by answer\n               0    1    2\n 0 Hund        2    .    .\n");
    check_has(text, "\n 1 H\xc3\xa4hn\xc3\xa4       1    1    .\n 2 bad?[31m");
    CHECK(!strstr(text, "never") && !strchr(text, '\x1b'), "%s", text);
    em_metrics_deinit(&m);
}

static void thresholds_and_events_have_columns_where_they_are_given(void **state)
{
    static const em_counts segments[C] = { { 1, 0, 0 }, { 0, 0, 3 } }, events[C] = { { 1, 2, 0 }, { 0 } };
    em_metrics m = metrics_of(false);
    const char *text = print(&(em_eval_report){ "t", "the model's", &m, names, segments, events });
    (void)state;

    check_has(text, "\nmicro F1        0.7273   thresholds: the model's\n");
    check_has(text, "\nsegments F1     0.4000   micro, on a grid\n  macro         0.5000\n");
    check_has(text, "\nevents F1       0.5000   micro, with collars\n  macro         0.5000\n");
    check_has(text, "\nclass      clips      AP    AUC     F1     at  best F1     at seg F1  ev F1\n");
    check_has(text, "\nHund           2   1.000  1.000  0.800  0.500    1.000  0.800  1.000  0.500\n");
    CHECK(!strstr(text, "accuracy") && !strstr(text, "confusions"), "%s", text);
    em_metrics_deinit(&m);
}

/* More classes than fit side by side: the largest confusions, in order; names are cut by characters. */
static void of_many_classes_the_largest_confusions_are_listed(void **state)
{
    static float s[MANY * 2][MANY];
    static unsigned char y[MANY * 2][MANY];
    static char room[MANY][64];
    const char *many[MANY], *text, *first, *second;
    char wanted[160];
    em_metrics m;
    em_err err;
    (void)state;

    for (int i = 0; i < MANY * 2; i++) {
        y[i][i / 2] = 1;
        s[i][i == 7 || i == 10 || i == 11 ? 29 : i / 2] = 1;
    }
    for (int c = 0; c < MANY; c++) {
        snprintf(room[c], sizeof room[c], "%s%d", c == 3 ? LONG ", a name that is far too long for it" : "c", c);
        many[c] = room[c];
    }
    CHECK_OK(em_metrics_init(&m, &(em_scored){ s[0], y[0], MANY * 2, MANY }, &(em_metrics_cfg){ .is_single = true }, &err));
    text = print(&(em_eval_report){ .title = "t", .metrics = &m, .classes = many });
    snprintf(wanted, sizeof wanted, "\n%-36s%5d %5d  c29\n", "c5", 2, 2);
    first = strstr(text, wanted);
    second = strstr(text, "\n" LONG ", a name that is far too lo\xe2\x80\xa6    1     2  c29\n");
    text = strstr(text, "\nlargest confusions\n");
    CHECK(text && first && second && text < first && first < second, "%s", text);
    CHECK(!strstr(second + 1, "\nc"), "no others: %s", second);
    em_metrics_deinit(&m);
}

static void json_has_it_all(void **state)
{
    static const em_counts events[C] = { { 1, 2, 0 } };
    em_metrics m = metrics_of(true);
    const em_eval_report r = { .title = "t", .metrics = &m, .classes = names, .events = events };
    const json_t *first, *rows;
    em_json j = { 0 };
    json_t *root;
    (void)state;

    em_eval_report_json(&j, NULL, &r);
    root = json_loads(j.text, 0, NULL);
    CHECK(root && !j.has_failed && !strchr(j.text, '\n'), "%s", j.text);
    CHECK(fabs(json_number_value(json_object_get(root, "accuracy")) - 5. / 6) < 1e-6, "accuracy");
    CHECK(json_number_value(json_object_get(root, "map")) == 1, "mAP");
    CHECK(json_integer_value(json_object_get(root, "map_classes")) == 3, "of three classes");
    CHECK(fabs(json_number_value(json_object_get(json_object_get(root, "f1"), "micro")) - 5. / 6) < 1e-6, "F1");
    CHECK(json_number_value(json_object_get(json_object_get(root, "event_f1"), "micro")) == 0.5, "events");
    CHECK(!json_object_get(root, "segment_f1"), "no segments");
    rows = json_object_get(root, "per_class");
    first = json_array_get(rows, 0);
    CHECK(json_array_size(rows) == C && json_is_null(json_object_get(json_array_get(rows, 3), "ap")), "null where undefined");
    CHECK(!strcmp(json_string_value(json_object_get(json_array_get(rows, 1), "class")), names[1]), "names");
    CHECK(json_integer_value(json_object_get(first, "positives")) == 2 && json_integer_value(json_object_get(first, "false")) == 1 &&
          json_is_null(json_object_get(first, "threshold")), "class 0");
    rows = json_object_get(root, "confusion");
    CHECK(json_integer_value(json_array_get(json_array_get(rows, 1), 0)) == 1, "truth by answer");
    json_decref(root);
    em_json_deinit(&j);
    em_metrics_deinit(&m);
}

static void a_full_disk_is_an_error(void **state)
{
    em_metrics m = metrics_of(true);
    FILE *full = fopen("/dev/full", "w");
    em_err err;
    (void)state;

    CHECK(full, "/dev/full");
    CHECK(em_eval_report_print(full, &(em_eval_report){ .title = "t", .metrics = &m, .classes = names }, &err) == EM_EIO &&
          strstr(err.msg, "space"), "%s", err.msg);
    fclose(full);
    em_metrics_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_every_number_in_its_column),
        cmocka_unit_test(thresholds_and_events_have_columns_where_they_are_given),
        cmocka_unit_test(of_many_classes_the_largest_confusions_are_listed),
        cmocka_unit_test(json_has_it_all),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
