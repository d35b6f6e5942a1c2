/* The rules that a model file from the internet must keep to, one test a rule: here those of the header, 4 to 14;
 * the others are in rules_file.c.
 *
 *    1 a regular file of 8 bytes to 2 GiB             11 rank 0..8, counts that do not overflow
 *    2 the header's length fits, by subtraction       12 begin <= end <= data, and the length is shape x dtype
 *    3 a short read is an error                       13 the ranges tile the data
 *    4 strict UTF-8, no NUL                           14 at most 8192 tensors, names of 1..512 bytes
 *    5 one JSON object, white space around it         15 no aligned reads from the file
 *    6 depth three, whole numbers only                16 our own memory, never mapped
 *    7 no duplicate keys, after decoding escapes      17 names and shapes equal the configuration's (binder)
 *    8 metadata: strings, 64 KiB, 256 entries         18 no NaN, no infinity
 *    9 a tensor has its three members, each once      19 as many labels as classes
 *   10 dtypes of a closed list, else "unsupported"    20 the file's hash; messages without raw bytes of the file
 *                                                     21 every failure returns */
#include "bytes.h"

#define ONE "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"

static void rule_04_strict_utf8_without_nul(void **state)
{
    static const char *const bad[] = { "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "\xff", "\xc3" };
    char header[128];
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        snprintf(header, sizeof header, "{\"__metadata__\":{\"a\":\"%s\"}}", bad[i]);
        CHECK(bytes_try(header, 0, &err) == EM_EFORMAT && strstr(err.msg, "UTF-8"), "%zu: %s", i, err.msg);
    }
    CHECK(bytes_try_n("{}\0", 3, 0, &err) == EM_EFORMAT && strstr(err.msg, "NUL"), "raw NUL: %s", err.msg);
    CHECK(bytes_try("{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, &err) == EM_EFORMAT && strstr(err.msg, "NUL"), "escaped NUL: %s", err.msg);
    CHECK(bytes_try("{\"__metadata__\":{\"a\":\"\\ud800\"}}", 0, &err) == EM_EFORMAT && strstr(err.msg, "surrogate"), "half: %s", err.msg);
    CHECK(bytes_try("{\"__metadata__\":{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x95\"}}", 0, &err) == EM_OK, "good: %s", err.msg);
}

static void rule_05_one_object_and_nothing_after_it(void **state)
{
    static const char *const good[] = { "{}", " {}", "\t\r\n {} \n", "{ \"__metadata__\" : { } }" };
    static const char *const bad[] = { "", " ", "[]", "\"a\"", "7", "{}{}", "{},", "{} x", "{", "}", "{\"a\"", "{,}", "{\"__metadata__\":{},}",
                                       "\v{}", "{\"__metadata__\":{\"a\" \"b\"}}", "{\"__metadata__\":{\"a\":\"b\",}}",
                                       "{\"__metadata__\":{\"a\":\"b\" \"c\":\"d\"}}", "{\"__metadata__\":{\"a\":\"b\";\"c\":\"d\"}}" };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(good); i++)
        CHECK(bytes_try(good[i], 0, &err) == EM_OK, "%s: %s", good[i], err.msg);
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(bytes_try(bad[i], 0, &err) == EM_EFORMAT && strstr(err.msg, "header byte"), "%s: %s", bad[i], err.msg);
}

static void rule_06_depth_three_and_whole_numbers(void **state)
{
    static const char *const values[] = { "null", "true", "-1", "1.0", "1e0", "1E0", "01", "00", "+1", "9223372036854775808", "99999999999999999999",
                                          "", "\"1\"", "[1]", "{}", "0x1", "1 2" };
    char header[256], *deep = malloc(1 << 20);
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(values); i++) {
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"U8\",\"shape\":[%s],\"data_offsets\":[0,1]}}", values[i]);
        if (values[i][0])                                       /* an empty shape is a scalar */
            CHECK(bytes_try(header, 1, &err) == EM_EFORMAT && (i > 7 || strstr(err.msg, "whole number")), "shape %s: %s", values[i], err.msg);
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,%s]}}", values[i]);
        CHECK(bytes_try(header, 1, &err) == EM_EFORMAT, "offset %s: %s", values[i], err.msg);
    }
    CHECK(bytes_try("{\"a\":{\"dtype\":\"U8\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}", 0, &err) == EM_OK,
          "2^63 - 1: %s", err.msg);
    memset(deep, '[', 1 << 20);
    CHECK(bytes_try_n(deep, 1 << 20, 0, &err) == EM_EFORMAT, "a million brackets");
    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '{', (1 << 20) - 5);
    CHECK(bytes_try_n(deep, 1 << 20, 0, &err) == EM_EFORMAT, "a million braces");
    free(deep);
}

static void rule_07_duplicate_keys_after_decoding(void **state)
{
    static const char *const headers[] = {
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
        "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"sh\\u0061pe\":[2],\"data_offsets\":[0,2]}}",
        "{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
        "{\"__metadata__\":{\"k\":\"1\",\"\\u006b\":\"2\"},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
        "{\"__metadata__\":{},\"__metadata\\u005f_\":{},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
    };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(headers); i++)
        CHECK(bytes_try(headers[i], 2, &err) == EM_EFORMAT && strstr(err.msg, "duplicate"), "%s: %s", headers[i], err.msg);
}

static void rule_08_metadata_is_small_and_of_strings(void **state)
{
    static const char *const bad[] = { "{\"a\":1}", "{\"a\":null}", "{\"a\":{}}", "{\"a\":[]}", "{\"a\":true}", "[]", "\"a\"", "{1:\"a\"}" };
    char header[128], *long_one = malloc(1 << 18);
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        snprintf(header, sizeof header, "{\"__metadata__\":%s}", bad[i]);
        CHECK(bytes_try(header, 0, &err) == EM_EFORMAT, "%s: %s", bad[i], err.msg);
    }
    for (int n = (64 << 10) - 1; n <= 64 << 10; n++) {          /* with the key's byte: 64 KiB, and one more */
        int at = sprintf(long_one, "{\"__metadata__\":{\"k\":\"");
        memset(long_one + at, 'x', (size_t)n);
        strcpy(long_one + at + n, "\"}}");
        CHECK(bytes_try(long_one, 0, &err) == (n < 64 << 10 ? EM_OK : EM_EFORMAT), "%d bytes: %s", n, err.msg);
    }
    for (int n = 256; n <= 257; n++) {
        int at = sprintf(long_one, "{\"__metadata__\":{");
        for (int i = 0; i < n; i++)
            at += sprintf(long_one + at, "%s\"k%d\":\"\"", i ? "," : "", i);
        strcpy(long_one + at, "}}");
        CHECK(bytes_try(long_one, 0, &err) == (n == 256 ? EM_OK : EM_EFORMAT), "%d entries: %s", n, err.msg);
    }
    free(long_one);
}

static void rule_09_a_tensor_has_its_three_members(void **state)
{
    static const struct { const char *tensor, *word; } cases[] = {
        { "{\"shape\":[1],\"data_offsets\":[0,1]}", "no dtype" },      { "{\"dtype\":\"U8\",\"data_offsets\":[0,1]}", "no shape" },
        { "{\"dtype\":\"U8\",\"shape\":[1]}", "no data_offsets" },     { "{}", "no dtype" },
        { "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"extra\":[1]}", "nothing else" },
        { "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}", "two" },
        { "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}", "more than 2" },
        { "{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}", "string" }, { "[]", "'{'" }, { "\"a\"", "'{'" },
    };
    char header[256];
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        snprintf(header, sizeof header, "{\"a\":%s}", cases[i].tensor);
        CHECK(bytes_try(header, 1, &err) == EM_EFORMAT && strstr(err.msg, cases[i].word), "%s: %s", cases[i].tensor, err.msg);
    }
    CHECK(bytes_try("{\"a\":{\"data_offsets\":[0,1],\"shape\":[1],\"dtype\":\"U8\"}}", 1, &err) == EM_OK, "any order: %s", err.msg);
}

static void rule_10_other_dtypes_are_unsupported(void **state)
{
    static const struct { const char *dtype; size_t n_bytes; em_status want; } cases[] = {
        { "F32", 4, EM_OK },           { "F16", 2, EM_OK },          { "BF16", 2, EM_OK },         { "I64", 8, EM_OK },         { "U8", 1, EM_OK },
        { "F64", 8, EM_EUNSUPPORTED }, { "BOOL", 1, EM_EUNSUPPORTED }, { "F8_E4M3", 1, EM_EUNSUPPORTED }, { "f32", 4, EM_EUNSUPPORTED },
        { "", 1, EM_EUNSUPPORTED },    { "F32 ", 4, EM_EUNSUPPORTED },
    };
    char header[128];
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[],\"data_offsets\":[0,%zu]}}", cases[i].dtype, cases[i].n_bytes);
        CHECK(bytes_try(header, cases[i].n_bytes, &err) == cases[i].want, "%s: %s", cases[i].dtype, err.msg);
        CHECK(cases[i].want == EM_OK || strstr(err.msg, "not supported"), "%s: %s", cases[i].dtype, err.msg);
    }
}

static void rule_11_counts_that_overflow_are_refused(void **state)
{
    static const struct { const char *shape; size_t n_bytes; em_status want; } cases[] = {
        { "", 4, EM_OK },                       { "0", 0, EM_OK },                       { "1,1,1,1,1,1,1,1", 4, EM_OK },
        { "1,1,1,1,1,1,1,1,1", 4, EM_EFORMAT }, { "4294967296,4294967296", 0, EM_EFORMAT }, { "9223372036854775807,3", 0, EM_EFORMAT },
        { "4611686018427387904", 0, EM_EFORMAT },                                        { "2147483648,2147483648,4", 0, EM_EFORMAT },
    };
    char header[160];
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[0,%zu]}}", cases[i].shape, cases[i].n_bytes);
        CHECK(bytes_try(header, cases[i].n_bytes, &err) == cases[i].want, "[%s]: %s", cases[i].shape, err.msg);
    }
}

static void rule_12_the_range_lies_within_the_data_and_fits_the_shape(void **state)
{
    static const struct { const char *offsets; size_t n_data; } cases[] = {
        { "8,0", 8 }, { "0,9", 8 }, { "0,4", 8 }, { "0,8", 7 }, { "0,9223372036854775807", 8 },
        { "9223372036854775799,9223372036854775807", 8 }, { "0,0", 0 },
    };
    char header[160];
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        snprintf(header, sizeof header, "{\"weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%s]}}", cases[i].offsets);
        CHECK(bytes_try(header, cases[i].n_data, &err) == EM_EFORMAT && strstr(err.msg, "tensor weight"), "[%s]: %s", cases[i].offsets, err.msg);
    }
    CHECK(bytes_try(ONE, 8, &err) == EM_OK, "%s", err.msg);
}

static void rule_13_the_ranges_tile_the_data(void **state)
{
    static const struct { int a, b, c, d; size_t n_data; em_status want; const char *word; } cases[] = {
        { 0, 2, 2, 4, 4, EM_OK, "" },          { 2, 4, 0, 2, 4, EM_OK, "" },        { 0, 0, 0, 4, 4, EM_OK, "" },   { 4, 4, 0, 4, 4, EM_OK, "" },
        { 0, 2, 3, 4, 4, EM_EFORMAT, "hole" }, { 1, 2, 2, 4, 4, EM_EFORMAT, "hole" }, { 0, 3, 2, 4, 4, EM_EFORMAT, "overlap" },
        { 0, 2, 0, 2, 2, EM_EFORMAT, "overlap" }, { 0, 2, 2, 4, 5, EM_EFORMAT, "end at byte 4 of 5" }, { 2, 2, 0, 4, 4, EM_EFORMAT, "overlap" },
    };
    char header[256];
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        snprintf(header, sizeof header,
                 "{\"a\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]},"
                 "\"b\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}",
                 cases[i].b - cases[i].a, cases[i].a, cases[i].b, cases[i].d - cases[i].c, cases[i].c, cases[i].d);
        CHECK(bytes_try(header, cases[i].n_data, &err) == cases[i].want && strstr(err.msg, cases[i].word), "case %zu: %s", i, err.msg);
    }
    CHECK(bytes_try("{}", 1, &err) == EM_EFORMAT, "a tail behind no tensors");
}

static void rule_14_names_and_numbers_of_tensors_are_bounded(void **state)
{
    char *header = malloc(1 << 20);
    em_err err;
    (void)state;

    for (int n = 8192; n <= 8193; n++) {
        int at = sprintf(header, "{");
        for (int i = 0; i < n; i++)
            at += sprintf(header + at, "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "", i);
        strcpy(header + at, "}");
        CHECK(bytes_try(header, 0, &err) == (n == 8192 ? EM_OK : EM_EFORMAT), "%d tensors: %s", n, err.msg);
    }
    for (int n = 0; n <= 513; n += n == 0 ? 1 : n == 1 ? 511 : 1) {
        int at = sprintf(header, "{\"");
        memset(header + at, 'n', (size_t)n);
        strcpy(header + at + n, "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        CHECK(bytes_try(header, 0, &err) == (n >= 1 && n <= 512 ? EM_OK : EM_EFORMAT), "a name of %d bytes: %s", n, err.msg);
    }
    free(header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_04_strict_utf8_without_nul),
        cmocka_unit_test(rule_05_one_object_and_nothing_after_it),
        cmocka_unit_test(rule_06_depth_three_and_whole_numbers),
        cmocka_unit_test(rule_07_duplicate_keys_after_decoding),
        cmocka_unit_test(rule_08_metadata_is_small_and_of_strings),
        cmocka_unit_test(rule_09_a_tensor_has_its_three_members),
        cmocka_unit_test(rule_10_other_dtypes_are_unsupported),
        cmocka_unit_test(rule_11_counts_that_overflow_are_refused),
        cmocka_unit_test(rule_12_the_range_lies_within_the_data_and_fits_the_shape),
        cmocka_unit_test(rule_13_the_ranges_tile_the_data),
        cmocka_unit_test(rule_14_names_and_numbers_of_tensors_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
