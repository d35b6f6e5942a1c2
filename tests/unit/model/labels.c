/* Label files and finding classes in them. */
#include "check.h"

#include "base/text.h"
#include "model/labels.h"

#include <jansson.h>

#include <sys/stat.h>
#include <unistd.h>

#define HEADER "index,mid,display_name\n"

static const char *const *shared(char **strings)
{
    return (const char *const *)strings;
}

static em_labels audioset(void)
{
    em_labels labels;
    em_err err;

    CHECK_OK(em_labels_audioset(&labels, &err));
    return labels;
}

static void audioset_has_its_527_classes(void **state)
{
    em_labels labels = audioset(), file;
    em_err err;
    (void)state;

    CHECK(labels.n == 527, "%d", labels.n);
    CHECK(!strcmp(labels.names[0], "Speech") && !strcmp(labels.mids[0], "/m/09x0r"), "%s", labels.names[0]);
    CHECK(!strcmp(labels.names[1], "Male speech, man speaking"), "%s", labels.names[1]);
    CHECK(!strcmp(labels.names[526], "Field recording"), "%s", labels.names[526]);
    CHECK_OK(em_labels_read(&file, EM_SOURCE_DIR "/config/labels/audioset.csv", &err));
    for (int i = 0; i < 527; i++)
        CHECK(!strcmp(file.names[i], labels.names[i]) && !strcmp(file.mids[i], labels.mids[i]), "%d", i);
    em_labels_deinit(&file);
    em_labels_deinit(&labels);
    em_labels_deinit(&labels);
}

static void the_list_equals_the_reference(void **state)
{
    em_labels labels = audioset();
    json_t *root = json_load_file(EM_SHARED_DIR "/golden/labels.json", 0, NULL);
    (void)state;

    if (!root) {
        em_labels_deinit(&labels);
        print_message("SKIPPED: " EM_SHARED_DIR "/golden/labels.json is not at hand\n");
        skip();
    }
    for (size_t i = 0; i < 527; i++) {
        const json_t *row = json_array_get(root, i);

        CHECK(!strcmp(json_string_value(json_object_get(row, "name")), labels.names[i]), "%zu", i);
        CHECK(!strcmp(json_string_value(json_object_get(row, "mid")), labels.mids[i]), "%zu", i);
    }
    json_decref(root);
    em_labels_deinit(&labels);
}

static void good_files_are_read(void **state)
{
    static const struct { const char *text, *why, *first; int n; } cases[] = {
        { HEADER "0,/m/1,\"Dog\"\n1,/m/2,\"Cat, meow\"\n", "as AudioSet writes it", "Dog", 2 },
        { HEADER "0,/m/1,Dog", "no quotes, no last line feed", "Dog", 1 },
        { "index,mid,display_name\r\n0,/m/1,\"Dog\"\r\n1,,Cat\r\n", "CRLF and no mid", "Dog", 2 },
        { "\xef\xbb\xbf" HEADER "0,/m/1,\"Dog\"\n", "byte order mark", "Dog", 1 },
        { HEADER "0,/m/1,\"a \"\"b\"\" c\"\n", "doubled quotes", "a \"b\" c", 1 },
        { HEADER "0,/m/1,\"D\x1bog\"\n", "a control character", "D?og", 1 },
        { "\"index\",\"mid\",\"display_name\"\n\"0\",\"/m/1\",\"Dog\"\n", "all quoted", "Dog", 1 },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_labels labels;
        em_err err = { 0 };

        CHECK(em_labels_parse(&labels, cases[i].text, strlen(cases[i].text), "l.csv", &err) == EM_OK, "%s: %s", cases[i].why, err.msg);
        CHECK(labels.n == cases[i].n && !strcmp(labels.names[0], cases[i].first), "%s: %s", cases[i].why, labels.names[0]);
        em_labels_deinit(&labels);
    }
}

static void bad_files_are_refused_with_their_line(void **state)
{
    static const struct { const char *text, *word; } cases[] = {
        { "", "line 1" },                                  { "0,/m/1,Dog\n", "line 1" },          { "index,mid\n0,/m/1\n", "line 1" },
        { HEADER, "no class" },                            { HEADER "1,/m/1,Dog\n", "index 0" },  { HEADER "0,/m/1,Dog\n0,/m/2,Cat\n", "line 3" },
        { HEADER "0,/m/1,Dog\n2,/m/2,Cat\n", "line 3" },   { HEADER "00,/m/1,Dog\n", "index 0" }, { HEADER "0,/m/1,\"Dog\n", "line 2" },
        { HEADER "0,/m/1,Cat, meow\n", "line 2" },         { HEADER "0,/m/1\n", "line 2" },       { HEADER "\n", "line 2" },
        { HEADER "0,/m/1,\"\"\n", "empty" },               { HEADER "0,/m/ 1,Dog\n", "mid" },     { HEADER "0,/m/1,\"Dog\"x\n", "line 2" },
        { HEADER "0,/m/1,Dog\n1,/m/2,dog!\n", "short name dog" }, { HEADER "0,/m/1,D\xffog\n", "UTF-8" },
        { HEADER "0123456789012,/m/1,Dog\n", "too long" }, { HEADER "0,/m/1,Dog\n1", "line 3" },  { HEADER "0,/m/1,\"Dog", "not closed" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_labels labels;
        em_err err = { 0 };

        CHECK(em_labels_parse(&labels, cases[i].text, strlen(cases[i].text), "l.csv", &err) == EM_EFORMAT, "%s", cases[i].text);
        CHECK(strstr(err.msg, cases[i].word) && strstr(err.msg, "l.csv"), "%s: %s", cases[i].text, err.msg);
        em_labels_deinit(&labels);
    }
}

static void no_prefix_of_a_file_breaks_the_reader(void **state)
{
    static const char text[] = HEADER "0,/m/1,\"a \"\"b\"\" c\"\r\n1,/m/2,Caf\xc3\xa9\n";
    (void)state;

    for (size_t n = 0; n <= strlen(text); n++) {
        char *prefix = malloc(n + !n);                  /* its own block, so that a sanitizer sees the end */
        em_labels labels;
        em_err err;

        memcpy(prefix, text, n);
        em_labels_parse(&labels, prefix, n, "l.csv", &err);
        em_labels_deinit(&labels);
        free(prefix);
    }
}

static void files_that_cannot_be_read_are_named(void **state)
{
    char path[] = "/tmp/earmark-labels-XXXXXX";
    em_labels labels;
    em_err err;
    int fd = mkstemp(path);
    (void)state;

    CHECK(fd >= 0, "mkstemp");
    CHECK(em_labels_read(&labels, "/nowhere.csv", &err) == EM_EIO && strstr(err.msg, "/nowhere.csv"), "%s", err.msg);
    CHECK(em_labels_read(&labels, "/tmp", &err) == EM_EIO && strstr(err.msg, "regular"), "%s", err.msg);
    CHECK(em_labels_read(&labels, path, &err) == EM_EFORMAT && strstr(err.msg, path), "%s", err.msg);
    CHECK(ftruncate(fd, (4 << 20) + 1) == 0, "sparse");
    CHECK(em_labels_read(&labels, path, &err) == EM_EIO && strstr(err.msg, "at most"), "%s", err.msg);
    close(fd);
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0, "mkfifo");
    CHECK(em_labels_read(&labels, path, &err) == EM_EIO && strstr(err.msg, "regular"), "%s", err.msg);
    unlink(path);
}

static void a_class_is_found_by_name_mid_or_slug(void **state)
{
    static const struct { const char *wanted; const char *name; } cases[] = {
        { "Speech", "Speech" },                      { "speech", "Speech" },             { "SPEECH", "Speech" },          { "/m/09x0r", "Speech" },
        { "male_speech_man_speaking", "Male speech, man speaking" },                     { "male speech, man speaking", "Male speech, man speaking" },
        { "smoke_detector_smoke_alarm", "Smoke detector, smoke alarm" },                 { "Speec", NULL },               { "", NULL },
        { "/M/09X0R", NULL },                        { "Male_speech_man_speaking", NULL }, { "male speech", NULL },
    };
    em_labels labels = audioset();
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        int found = em_labels_find(shared(labels.names), shared(labels.mids), labels.n, cases[i].wanted);

        CHECK(cases[i].name ? found >= 0 && !strcmp(labels.names[found], cases[i].name) : found == -1, "%s: %d", cases[i].wanted, found);
    }
    CHECK(em_labels_find(shared(labels.names), NULL, labels.n, "/m/09x0r") == -1, "without mids");
    em_labels_deinit(&labels);
}

static void every_audioset_class_has_its_own_slug(void **state)
{
    em_labels labels = audioset();
    char slug[64];
    (void)state;

    for (int i = 0; i < labels.n; i++) {
        em_slug(slug, sizeof slug, labels.names[i]);
        CHECK(em_labels_find(shared(labels.names), shared(labels.mids), labels.n, slug) == i, "%s", slug);
        CHECK(em_labels_find(shared(labels.names), shared(labels.mids), labels.n, labels.mids[i]) == i, "%s", labels.mids[i]);
    }
    em_labels_deinit(&labels);
}

static void unknown_classes_get_the_three_nearest_names(void **state)
{
    static const struct { const char *wanted, *first; } cases[] = {
        { "Speach", "Speech" }, { "rooster", "Chicken, rooster" }, { "Dogg", "Dog" }, { "smoke", "Smoke detector, smoke alarm" },
    };
    em_labels labels = audioset();
    em_err err;
    int i_class, nearest[EM_NEAREST];
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK(em_labels_resolve(&i_class, shared(labels.names), shared(labels.mids), labels.n, cases[i].wanted, &err) == EM_EINVAL,
              "%s", cases[i].wanted);
        CHECK(em_labels_nearest(nearest, shared(labels.names), labels.n, cases[i].wanted) == 3, "%s", cases[i].wanted);
        CHECK(!strcmp(labels.names[nearest[0]], cases[i].first), "%s: %s", cases[i].wanted, err.msg);
        CHECK(strstr(err.msg, cases[i].wanted) && strstr(err.msg, labels.names[nearest[2]]), "%s", err.msg);
        CHECK(nearest[0] != nearest[1] && nearest[1] != nearest[2], "%s", err.msg);
    }
    CHECK_OK(em_labels_resolve(&i_class, shared(labels.names), shared(labels.mids), labels.n, "speech", &err));
    CHECK(i_class == 0, "%d", i_class);
    CHECK(em_labels_nearest(nearest, shared(labels.names), 2, "x") == 2 && em_labels_nearest(nearest, NULL, 0, "x") == 0, "few classes");
    CHECK(em_labels_resolve(&i_class, NULL, NULL, 0, "x", &err) == EM_EINVAL && strstr(err.msg, "no classes"), "%s", err.msg);
    em_labels_deinit(&labels);
}

static void mids_are_looked_up_by_display_name(void **state)
{
    static const char *const names[] = { "Rooster next door", "Speech", "Dog" };
    em_labels labels = audioset();
    const char *mids[3];
    (void)state;

    em_labels_mids(mids, &labels, names, 3);
    CHECK(!strcmp(mids[0], "") && !strcmp(mids[1], "/m/09x0r") && !strcmp(mids[2], "/m/0bt9lr"), "%s %s %s", mids[0], mids[1], mids[2]);
    em_labels_deinit(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audioset_has_its_527_classes),
        cmocka_unit_test(the_list_equals_the_reference),
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(no_prefix_of_a_file_breaks_the_reader),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(a_class_is_found_by_name_mid_or_slug),
        cmocka_unit_test(every_audioset_class_has_its_own_slug),
        cmocka_unit_test(unknown_classes_get_the_three_nearest_names),
        cmocka_unit_test(mids_are_looked_up_by_display_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
