/* text.c - hostile names: strict UTF-8, no control characters, slugs that tell all AudioSet classes apart. */
#include "check.h"

#include "base/text.h"

#include <jansson.h>

static size_t encode(char out[5], unsigned long c)
{
    static const unsigned long most[] = { 0x80, 0x800, 0x10000, 0x200000 };
    static const unsigned char lead[] = { 0x00, 0xc0, 0xe0, 0xf0 };
    size_t n = 0;

    while (c >= most[n])
        n++;
    for (size_t i = n; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    out[n + 1] = '\0';
    return n + 1;
}

static void every_code_point_has_its_length(void **state)
{
    char s[5];

    (void)state;
    for (unsigned long c = 1; c < 0x120000; c++) {
        size_t n = encode(s, c);
        bool is_good = c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000);

        if (em_utf8_length(s) != (is_good ? n : 0) || em_utf8_valid(s, n) != is_good)
            CHECK(false, "U+%04lX", c);
        if (n > 1)
            CHECK(!em_utf8_valid(s, n - 1), "U+%04lX cut short", c);
    }
    CHECK(em_utf8_length("") == 1, "the NUL itself");
}

static void bytes_that_are_not_utf8_are_found(void **state)
{
    static const struct { const char *s; size_t n; const char *why; } rows[] = {
        { "\x80", 1, "a lone continuation" },       { "\xbf", 1, "the last continuation" },
        { "\xc0\x80", 2, "overlong NUL" },          { "\xc1\xbf", 2, "overlong DEL" },
        { "\xe0\x9f\xbf", 3, "overlong U+07FF" },   { "\xf0\x8f\xbf\xbf", 4, "overlong U+FFFF" },
        { "\xed\xa0\x80", 3, "first surrogate" },   { "\xed\xbf\xbf", 3, "last surrogate" },
        { "\xf4\x90\x80\x80", 4, "U+110000" },      { "\xf5\x80\x80\x80", 4, "lead byte F5" },
        { "\xff", 1, "FF" },                        { "\xfe", 1, "FE" },
        { "\xc3", 1, "two bytes, cut off" },        { "\xe2\x82", 2, "three bytes, cut off" },
        { "\xf0\x9f\x90", 3, "four bytes, cut off" }, { "\xc3(", 2, "lead, then a letter" },
        { "a\0b", 3, "a NUL inside" },              { "\0", 1, "only a NUL" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        CHECK(!em_utf8_valid(rows[i].s, rows[i].n), "%s", rows[i].why);
    CHECK(em_utf8_valid("", 0), "nothing at all");
    CHECK(em_utf8_valid("Gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x95", 11), "a dog");
}

static void cleaning_takes_what_a_terminal_obeys(void **state)
{
    static const struct { const char *in; size_t room; const char *out; } rows[] = {
        { "Bark", 80, "Bark" },                       { "", 80, "" },
        { "a\x1b[2Jb", 80, "a?[2Jb" },                { "\x01\x1f\x7f", 80, "???" },
        { "\xc2\x80\xc2\x9f\xc2\xa0", 80, "??\xc2\xa0" }, { "line\r\nline\t", 80, "line??line?" },
        { "\xff\xfe", 80, "??" },                     { "\xed\xa0\x80", 80, "???" },
        { "Gr\xc3\xbc\xc3\x9f", 80, "Gr\xc3\xbc\xc3\x9f" },
        { "Gr\xc3\xbc\xc3\x9f", 6, "Gr\xc3\xbc" },    { "Gr\xc3\xbc", 4, "Gr" },
        { "Gr\xc3\xbc", 5, "Gr\xc3\xbc" },            { "abc", 1, "" },
        { "cut \xe2\x82", 80, "cut ??" },
    };
    char out[80];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        memset(out, 'z', sizeof out);
        CHECK(em_text_clean(out, rows[i].room, rows[i].in) == out, "row %zu", i);
        CHECK(strcmp(out, rows[i].out) == 0, "row %zu: \"%s\"", i, out);
    }
    out[0] = 'z';
    em_text_clean(out, 0, "abc");
    CHECK(out[0] == 'z', "no room at all");
}

static void slugs_are_plain(void **state)
{
    static const struct { const char *in; size_t room; const char *out; } rows[] = {
        { "Smoke detector, smoke alarm", 80, "smoke_detector_smoke_alarm" },
        { "  --Dog!!", 80, "dog" },       { "A\xc3\xbc" "B", 80, "a_b" },   { "!?", 80, "" },
        { "", 80, "" },                   { "R&B 2", 80, "r_b_2" },         { "abc", 4, "abc" },
        { "abc", 3, "ab" },               { "a b", 3, "a" },                { "abc", 2, "a" },
        { "abc", 1, "" },
    };
    char out[80];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        CHECK(strcmp(em_slug(out, rows[i].room, rows[i].in), rows[i].out) == 0, "row %zu: \"%s\"", i, out);
}

static void every_audioset_class_has_its_own_slug(void **state)
{
    static char slugs[527][80];
    json_t *labels = json_load_file(EM_SHARED_DIR "/golden/labels.json", 0, NULL);
    json_t *row;
    size_t i, n = 0;

    (void)state;
    if (!labels) {
        print_message("SKIPPED: the list of AudioSet's classes is not at hand\n");
        return;
    }
    json_array_foreach(labels, i, row) {
        const char *name = NULL;

        assert_int_equal(json_unpack(row, "{s:s}", "name", &name), 0);
        assert_true(n < EM_COUNT(slugs));
        em_slug(slugs[n], sizeof slugs[n], name);
        CHECK(slugs[n][0] != '\0', "%s", name);
        for (size_t k = 0; k < n; k++)
            CHECK(strcmp(slugs[k], slugs[n]) != 0, "classes %zu and %zu are both \"%s\"", k, n, slugs[n]);
        n++;
    }
    CHECK(n == 527, "%zu classes", n);
    json_decref(labels);
}

static void distance_counts_edits_without_case(void **state)
{
    static const struct { const char *a, *b; int d; } rows[] = {
        { "", "", 0 }, { "", "abc", 3 }, { "abc", "", 3 }, { "Bark", "bark", 0 }, { "bark", "brk", 1 },
        { "bark", "barks", 1 }, { "kitten", "sitting", 3 }, { "flaw", "lawn", 2 }, { "ab", "ba", 1 }, { "wacth", "watch", 1 }, { "ca", "abc", 3 },
    };
    char a[300], b[300];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        CHECK(em_text_distance(rows[i].a, rows[i].b) == rows[i].d, "%s, %s: %d", rows[i].a, rows[i].b,
              em_text_distance(rows[i].a, rows[i].b));
    memset(a, 'x', sizeof a);
    memset(b, 'y', sizeof b);
    a[sizeof a - 1] = b[sizeof b - 1] = '\0';
    CHECK(em_text_distance(a, b) == 127, "two long strings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_has_its_length),
        cmocka_unit_test(bytes_that_are_not_utf8_are_found),
        cmocka_unit_test(cleaning_takes_what_a_terminal_obeys),
        cmocka_unit_test(slugs_are_plain),
        cmocka_unit_test(every_audioset_class_has_its_own_slug),
        cmocka_unit_test(distance_counts_edits_without_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
