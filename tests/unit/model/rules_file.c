/* The rules of rules_header.c that are about the file, its values and the configuration: 1 to 3 and 15 to 21. */
#include "bytes.h"

#include "model/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ONE "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"

static char folder[] = "/tmp/earmark-rules-XXXXXX";

/* A path in the test's folder, valid until the next call. */
static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *path, const void *content, size_t n)
{
    FILE *f = fopen(path, "wb");

    CHECK(f && fwrite(content, 1, n, f) == n && fclose(f) == 0, "%s", path);
}

static void rule_01_only_regular_files_of_a_sane_size(void **state)
{
    em_st *st;
    em_err err;
    const char *path;
    (void)state;

    CHECK(em_st_open(&st, in_folder("none"), &err) == EM_EIO && strstr(err.msg, "none"), "missing: %s", err.msg);
    CHECK(em_st_open(&st, folder, &err) == EM_EIO && strstr(err.msg, "regular"), "folder: %s", err.msg);
    CHECK(em_st_open(&st, "/dev/zero", &err) == EM_EIO && strstr(err.msg, "regular"), "device: %s", err.msg);
    CHECK(mkfifo(in_folder("fifo"), 0600) == 0, "mkfifo");
    CHECK(em_st_open(&st, in_folder("fifo"), &err) == EM_EIO && strstr(err.msg, "regular"), "FIFO: %s", err.msg);
    put_file(path = in_folder("short"), "1234567", 7);
    CHECK(em_st_open(&st, path, &err) == EM_EFORMAT && strstr(err.msg, "too few"), "7 bytes: %s", err.msg);
    CHECK(truncate(path, (off_t)(2ll << 30) + 1) == 0, "sparse");
    CHECK(em_st_open(&st, path, &err) == EM_EFORMAT && strstr(err.msg, "too many"), "2 GiB + 1: %s", err.msg);
    CHECK(!st, "NULL on error");
}

static void rule_02_the_header_fits_into_the_file(void **state)
{
    static const struct { unsigned char length[8]; const char *why; } cases[] = {
        { { 1 }, "one more than there is" },                                { { 0, 0, 0, 1 }, "16 MiB" }, { { 1, 0, 0, 1 }, "over 16 MiB" },
        { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, "2^64 - 1" },
        { { 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, "8 + N wraps to 0" },
        { { 0, 0, 0, 0, 0, 0, 0, 0x80 }, "2^63" },
    };
    em_st *st;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(em_st_open_bytes(&st, cases[i].length, 8, "m", &err) == EM_EFORMAT && strstr(err.msg, "header of"), "%s: %s", cases[i].why, err.msg);
}

static void rule_03_a_short_read_is_an_error(void **state)
{
    bytes b = bytes_raw(ONE, strlen(ONE), 8);
    const char *path = in_folder("cut");
    em_st *st;
    em_err err;
    float x[2];
    (void)state;

    put_file(path, b.at, b.n);
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK_OK(em_st_read(st, em_st_get(st, 0), x, &err));
    CHECK(truncate(path, (off_t)b.n - 1) == 0, "truncate");
    CHECK(em_st_read(st, em_st_get(st, 0), x, &err) == EM_EIO && strstr(err.msg, "shorter"), "%s", err.msg);
    em_st_close(st);
    free(b.at);
}

static void rule_15_numbers_at_odd_addresses_are_read(void **state)
{
    static const char header[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                 "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}";
    static const float want[2] = { 1.5f, -2.25f };

    for (size_t pad = 0; pad < 4; pad++) {
        char padded[256];
        size_t n = (size_t)snprintf(padded, sizeof padded, "%s%*s", header, (int)pad, "");
        bytes b = bytes_raw(padded, n, 9);
        em_st *st;
        em_err err;
        float x[2];
        (void)state;

        memcpy(b.at + b.n - 8, want, sizeof want);
        CHECK_OK(em_st_open_bytes(&st, b.at, b.n, "m", &err));
        CHECK_OK(em_st_read(st, em_st_find(st, "b"), x, &err));
        CHECK(x[0] == want[0] && x[1] == want[1], "pad %zu", pad);
        CHECK(em_st_read(st, em_st_find(st, "a"), x, &err) == EM_EUNSUPPORTED && strstr(err.msg, "tensor a"), "U8: %s", err.msg);
        em_st_close(st);
        free(b.at);
    }
}

static void rule_16_a_file_cut_while_open_is_an_error_not_a_signal(void **state)
{
    enum { N = 1 << 16 };
    static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[65536],\"data_offsets\":[0,262144]}}";
    bytes b = bytes_raw(header, strlen(header), 4 * N);
    const char *path = in_folder("mapped");
    float *x = malloc(N * sizeof *x);
    char hash[EM_SHA256_CHARS];
    em_st *st;
    em_err err;
    (void)state;

    put_file(path, b.at, b.n);
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK(truncate(path, 4096) == 0, "truncate");
    CHECK(em_st_read(st, em_st_get(st, 0), x, &err) == EM_EIO, "read");
    CHECK(em_st_hash(st, hash, &err) == EM_EIO, "hash");
    em_st_close(st);
    free(x);
    free(b.at);
}

static void rule_17_sizes_come_from_checked_ranges(void **state)
{
    static const struct { size_t offset; int value; const char *key; } cases[] = {
        { offsetof(em_config, n_mels), 1 << 30, "mels" },         { offsetof(em_config, depths), 1 << 30, "depths" },
        { offsetof(em_config, d_state), 1 << 30, "d_state" },     { offsetof(em_config, n_classes), 10001, "classes" },
        { offsetof(em_config, n_frames), 1 << 30, "frames" },     { offsetof(em_config, dims), 1 << 28, "dims" },
        { offsetof(em_config, n_classes), -1, "classes" },        { offsetof(em_config, depths), 0, "depths" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_config cfg;
        em_err err;

        CHECK_OK(em_config_preset(&cfg, "nano", &err));
        memcpy((char *)&cfg + cases[i].offset, &cases[i].value, sizeof cases[i].value);
        CHECK(em_config_check(&cfg, "m", &err) == EM_EFORMAT && strstr(err.msg, cases[i].key), "%s %d: %s", cases[i].key, cases[i].value, err.msg);
    }
}

static void rule_18_nan_and_infinity_are_refused_with_their_place(void **state)
{
    static const struct { const char *dtype; size_t n_each; uint32_t bits; bool is_bad; } cases[] = {
        { "F32", 4, 0x7fc00000, true },  { "F32", 4, 0xff800000, true }, { "F32", 4, 0x7f800001, true }, { "F32", 4, 0x7f7fffff, false },
        { "F32", 4, 1, false },
        { "F16", 2, 0x7c00, true },      { "F16", 2, 0xfe00, true },     { "F16", 2, 0x7bff, false },    { "BF16", 2, 0x7f80, true },
        { "BF16", 2, 0xffc0, true },     { "BF16", 2, 0xff7f, false },
    };
    enum { N = 40000, PLACE = 37001 };                  /* beyond the first chunk of any dtype */
    static float x[N];
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        char header[128];
        size_t n_data = N * cases[i].n_each;
        int n = snprintf(header, sizeof header, "{\"w\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%zu]}}", cases[i].dtype, N, n_data);
        bytes b = bytes_raw(header, (size_t)n, n_data);
        em_st *st;
        em_err err = { 0 };
        em_status status;

        for (size_t k = 0; k < cases[i].n_each; k++)
            b.at[b.n - n_data + PLACE * cases[i].n_each + k] = (unsigned char)(cases[i].bits >> 8 * k);
        CHECK_OK(em_st_open_bytes(&st, b.at, b.n, "m", &err));
        status = em_st_read(st, em_st_get(st, 0), x, &err);
        CHECK(status == (cases[i].is_bad ? EM_EFORMAT : EM_OK), "%s %x: %s", cases[i].dtype, cases[i].bits, err.msg);
        CHECK(!cases[i].is_bad || (strstr(err.msg, "tensor w") && strstr(err.msg, "37001")), "%s", err.msg);
        em_st_close(st);
        free(b.at);
    }
}

static void rule_19_thresholds_and_trained_classes_keep_to_the_labels(void **state)
{
    em_config cfg;
    em_card card = { 0 };
    em_err err;
    char *labels[3] = { (char *)"Dog", (char *)"Cat", NULL }, *text;
    int trained[3] = { 0, 1, 2 };
    (void)state;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    cfg.n_classes = 2;
    card.labels = labels;
    card.trained = trained;
    for (card.n_trained = 2; card.n_trained <= 3; card.n_trained++) {
        em_card read;

        text = em_config_write(&cfg, &card);
        CHECK(em_config_parse(&cfg, &read, text, "m", &err) == (card.n_trained == 2 ? EM_OK : EM_EFORMAT), "%d: %s", card.n_trained, err.msg);
        CHECK(cfg.n_classes == 2, "the labels say how many classes there are: %d", cfg.n_classes);
        em_card_deinit(&read);
        free(text);
    }
}

static void rule_20_the_hash_is_of_the_file_and_messages_are_clean(void **state)
{
    char hash[EM_SHA256_CHARS];
    const char *path = in_folder("hash");
    em_st *st;
    em_err err;
    (void)state;

    put_file(path, "\2\0\0\0\0\0\0\0{}", 10);
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK_OK(em_st_hash(st, hash, &err));
    CHECK(!strcmp(hash, "411a485216e432ece6b9af94fa32154cf79a2a56d4f81266baa50063f45092bd"), "%s", hash);
    em_st_close(st);
    CHECK(bytes_try("{\"\\u001b[2J\\u0007\":{\"dtype\":\"\\u001b[0mF32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, &err) == EM_EUNSUPPORTED,
          "%s", err.msg);
    for (const char *c = err.msg; *c; c++)
        CHECK((unsigned char)*c >= 0x20 && *c != 0x7f, "byte %d of the message", (unsigned char)*c);
}

static void rule_21_every_prefix_and_every_broken_byte_returns(void **state)
{
    static const char header[] = "{\"__metadata__\":{\"k\":\"\\u00e9\\\"\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}} ";
    bytes b = bytes_raw(header, strlen(header), 8);
    em_st *st;
    em_err err;
    (void)state;

    for (size_t n = 0; n < b.n; n++) {
        unsigned char *prefix = malloc(n + !n);                 /* its own block, so that a sanitizer sees the end */

        memcpy(prefix, b.at, n);
        CHECK(em_st_open_bytes(&st, prefix, n, "m", &err) != EM_OK && !st, "%zu bytes", n);
        free(prefix);
    }
    for (size_t i = 0; i < b.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            float x[2];

            b.at[i] ^= (unsigned char)(1 << bit);
            if (em_st_open_bytes(&st, b.at, b.n, "m", &err) == EM_OK && em_st_count(st) == 1 && em_st_get(st, 0)->n <= 2)
                em_st_read(st, em_st_get(st, 0), x, &err);
            em_st_close(st);
            b.at[i] ^= (unsigned char)(1 << bit);
        }
    CHECK_OK(em_st_open_bytes(&st, b.at, b.n, "m", &err));
    CHECK(!strcmp(em_st_metadata(st, "k"), "\xc3\xa9\"") && !em_st_metadata(st, "j") && !em_st_find(st, "b") && !em_st_get(st, 1), "whole again");
    em_st_close(st);
    free(b.at);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "fifo", "short", "cut", "mapped", "hash" };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(names); i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_01_only_regular_files_of_a_sane_size),
        cmocka_unit_test(rule_02_the_header_fits_into_the_file),
        cmocka_unit_test(rule_03_a_short_read_is_an_error),
        cmocka_unit_test(rule_15_numbers_at_odd_addresses_are_read),
        cmocka_unit_test(rule_16_a_file_cut_while_open_is_an_error_not_a_signal),
        cmocka_unit_test(rule_17_sizes_come_from_checked_ranges),
        cmocka_unit_test(rule_18_nan_and_infinity_are_refused_with_their_place),
        cmocka_unit_test(rule_19_thresholds_and_trained_classes_keep_to_the_labels),
        cmocka_unit_test(rule_20_the_hash_is_of_the_file_and_messages_are_clean),
        cmocka_unit_test(rule_21_every_prefix_and_every_broken_byte_returns),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
