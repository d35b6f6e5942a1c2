/* json.c - what is written is JSON that a strict reader takes, whatever the strings and numbers are. */
#include "check.h"

#include "base/json.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>

static void a_record_reads_as_it_should(void **state)
{
    static const float scores[] = { 0.5f, 0, -1.25f };
    em_json j = { 0 };

    (void)state;
    for (int again = 0; again < 2; again++) {           /* the second time from the kept buffer */
        em_json_reset(&j);
        em_json_begin(&j, NULL, '{');
        em_json_string(&j, "type", "scores");
        em_json_int(&j, "n", INT64_MIN);
        em_json_bool(&j, "up", true);
        em_json_bool(&j, "down", false);
        em_json_null(&j, "clip");
        em_json_fixed(&j, "time", 12.3456, 3);
        em_json_float(&j, "p", 0.1234567);
        em_json_floats(&j, "scores", scores, EM_COUNT(scores));
        em_json_floats(&j, "none", NULL, 0);
        em_json_begin(&j, "rows", '[');
        for (int i = 0; i < 2; i++) {
            em_json_begin(&j, NULL, '{');
            em_json_int(&j, "i", i);
            em_json_end(&j, '}');
        }
        em_json_end(&j, ']');
        em_json_end(&j, '}');
        em_json_newline(&j);
        em_json_begin(&j, NULL, '[');
        em_json_end(&j, ']');
        CHECK(!j.has_failed && strlen(j.text) == j.n, "%zu characters", j.n);
        assert_string_equal(j.text,
            "{\"type\":\"scores\",\"n\":-9223372036854775808,\"up\":true,\"down\":false,\"clip\":null,\"time\":12.346,\"p\":0.1234567,"
            "\"scores\":[0.5,0,-1.25],\"none\":[],\"rows\":[{\"i\":0},{\"i\":1}]}\n[]");
    }
    em_json_deinit(&j);
    CHECK(!j.text && j.room == 0, "freed");
}

/* Writes value as key and value; what a strict reader gets must be `want` (NULL: just valid UTF-8). */
static void check_string(const char *value, const char *want)
{
    em_json j = { 0 };
    json_t *read;
    const char *key;
    json_error_t error;

    em_json_begin(&j, NULL, '{');
    em_json_string(&j, value, value);
    em_json_end(&j, '}');
    for (size_t i = 0; i < j.n; i++)
        CHECK((unsigned char)j.text[i] >= 0x20 && j.text[i] != 0x7f, "a raw control character in %s", j.text);
    CHECK(!strstr(j.text, "\xc2\x9b"), "a raw C1 control character in %s", j.text);
    read = json_loads(j.text, JSON_REJECT_DUPLICATES, &error);
    CHECK(read, "%s: %s", j.text, error.text);
    key = json_object_iter_key(json_object_iter(read));
    CHECK(strcmp(key, json_string_value(json_object_get(read, key))) == 0, "%s", j.text);
    CHECK(!want || strcmp(key, want) == 0, "%s", j.text);
    json_decref(read);
    em_json_deinit(&j);
}

static void hostile_strings_come_back_as_they_were(void **state)
{
    static const char *const same[] = {
        "", "\"", "\\", "\\\"", "\\u0041", "</script>", "a\nb\r\t\b\f", "\x01\x1f\x7f", "\x1b[2J", "\xc2\x9b" "31m",
        "\xc2\x80\xc2\x9f\xc2\xa0", "Gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x90\x95", "\xef\xbf\xbf", "\xe2\x80\xa8", "%s%n", "{\"a\":1}",
    };
    static const struct { const char *in, *out; } broken[] = {
        { "\xff", "\xef\xbf\xbd" },                 { "a\xc3", "a\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" }, { "\xed\xa0\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx" },
        { "\xe2\x82\"", "\xef\xbf\xbd\xef\xbf\xbd\"" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(same); i++)
        check_string(same[i], same[i]);
    for (size_t i = 0; i < EM_COUNT(broken); i++)
        check_string(broken[i].in, broken[i].out);
    for (int a = 1; a < 256; a++)
        for (int b = 1; b < 256; b += 5) {
            char s[3] = { (char)a, (char)b, '\0' };

            check_string(s, NULL);
        }
}

static void numbers_are_json_in_every_locale(void **state)
{
    static const double odd[] = { (double)NAN, (double)INFINITY, (double)-INFINITY };
    static const struct { double x; const char *text; } rows[] = {
        { 0, "0" }, { 1e-7, "1e-07" }, { 0.5, "0.5" }, { 123456789, "1.234568e+08" }, { -2.5e-30, "-2.5e-30" },
    };
    em_json j = { 0 };
    json_t *read;

    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        print_message("no locale with a decimal comma here: the C locale is tried\n");
    for (size_t i = 0; i < EM_COUNT(odd); i++) {
        em_json_reset(&j);
        em_json_float(&j, NULL, odd[i]);
        CHECK(strcmp(j.text, "null") == 0, "case %zu: %s", i, j.text);
        em_json_reset(&j);
        em_json_fixed(&j, NULL, odd[i], 3);
        CHECK(strcmp(j.text, "null") == 0, "case %zu: %s", i, j.text);
    }
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        em_json_reset(&j);
        em_json_float(&j, NULL, rows[i].x);
        CHECK(strcmp(j.text, rows[i].text) == 0, "row %zu: %s", i, j.text);
    }
    em_json_reset(&j);
    em_json_fixed(&j, NULL, -1.7976931348623157e308, 300);      /* longer than any buffer for it need be */
    read = json_loads(j.text, JSON_DECODE_ANY, NULL);
    CHECK(read, "%s", j.text);
    json_decref(read);
    setlocale(LC_NUMERIC, "C");
    em_json_deinit(&j);
}

static void the_kept_buffer_stops_growing(void **state)
{
    em_json j = { 0 };
    const char *text;

    (void)state;
    for (int round = 0; round < 3; round++) {
        const char *before = j.text;

        em_json_reset(&j);
        em_json_begin(&j, NULL, '[');
        for (int i = 0; i < 5000; i++)
            em_json_int(&j, NULL, i);
        em_json_end(&j, ']');
        text = j.text;
        CHECK(round == 0 || text == before, "round %d allocated", round);
    }
    em_json_deinit(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_as_it_should),
        cmocka_unit_test(hostile_strings_come_back_as_they_were),
        cmocka_unit_test(numbers_are_json_in_every_locale),
        cmocka_unit_test(the_kept_buffer_stops_growing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
