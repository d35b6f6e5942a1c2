/* 16-bit floats, all of them; and the writer: what it writes is read back, and a failure leaves the old file. */
#include "check.h"

#include "base/half.h"
#include "model/safetensors.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/earmark-write-XXXXXX";
static char path[128];

static void every_f16_is_exact(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1 << 16; bits++) {
        int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
        double sign = bits >> 15 ? -1 : 1, want;
        float x = em_float_of_f16((uint16_t)bits);

        if (exponent == 31 && fraction) {
            CHECK(isnan(x), "%04x", bits);
            continue;
        }
        want = exponent == 31 ? INFINITY : exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        CHECK((double)x == sign * want && !signbit(x) == (bits >> 15 == 0), "%04x: %g, not %g", bits, (double)x, sign * want);
    }
}

static void every_bf16_is_exact(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1 << 16; bits++) {
        int exponent = (int)(bits >> 7 & 255), fraction = (int)(bits & 127);
        double sign = bits >> 15 ? -1 : 1, want;
        float x = em_float_of_bf16((uint16_t)bits);

        if (exponent == 255 && fraction) {
            CHECK(isnan(x), "%04x", bits);
            continue;
        }
        want = exponent == 255 ? INFINITY : exponent ? ldexp(128 + fraction, exponent - 134) : ldexp(fraction, -133);
        CHECK((double)x == sign * want && !signbit(x) == (bits >> 15 == 0), "%04x: %g, not %g", bits, (double)x, sign * want);
    }
}

/* Every number, every middle between two, and the floats just beside it. */
static void floats_go_to_the_nearest_f16(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x7c00; bits++) {
        const unsigned next = bits + 1, even = bits % 2 ? next : bits;
        const float x = em_float_of_f16((uint16_t)bits), above = next == 0x7c00 ? 65536 : em_float_of_f16((uint16_t)next);
        const float middle = (x + above) / 2;

        CHECK(em_f16_of_float(x) == bits && em_f16_of_float(-x) == (bits | 0x8000), "%04x itself", bits);
        CHECK(em_f16_of_float(middle) == even && em_f16_of_float(-middle) == (even | 0x8000), "%04x and the next", bits);
        CHECK(em_f16_of_float(nextafterf(middle, 0)) == bits, "%04x: below the middle", bits);
        CHECK(em_f16_of_float(nextafterf(middle, INFINITY)) == next, "%04x: above the middle", bits);
    }
    CHECK(em_f16_of_float(INFINITY) == 0x7c00 && em_f16_of_float(3e38f) == 0x7c00 && em_f16_of_float(-65536) == 0xfc00, "infinity");
    CHECK(em_f16_of_float(1e-30f) == 0 && em_f16_of_float(-1e-45f) == 0x8000, "nothing");
    CHECK((em_f16_of_float(NAN) & 0x7fff) > 0x7c00, "NaN");
}

enum { N = 20000 };

static float values[N];
static const int64_t shape_a[] = { N / 4, 4 }, shape_b[] = { 3 };
static const char *const keys[] = { "earmark", "odd \"key\"" }, *const texts[] = { "{\"a\":\"\xc3\xa9\n\"}", "" };

static em_status write_two(float first, em_err *err)
{
    const em_st_out tensors[] = { { "z.weight", 2, shape_a, values, EM_F32 }, { "caf\xc3\xa9 \"b\"", 1, shape_b, values + 1, EM_F32 },
                                  { "scalar", 0, NULL, values, EM_F32 } };

    for (int i = 0; i < N; i++)
        values[i] = first + (float)i;
    return em_st_write(path, tensors, 3, keys, texts, 2, err);
}

static void check_two(float first)
{
    static float x[N];
    em_st *st;
    em_err err;

    CHECK_OK(em_st_open(&st, path, &err));
    CHECK(em_st_count(st) == 3 && !strcmp(em_st_get(st, 0)->name, "z.weight") && !strcmp(em_st_get(st, 2)->name, "scalar"), "order");
    CHECK(!strcmp(em_st_metadata(st, keys[0]), texts[0]) && !strcmp(em_st_metadata(st, keys[1]), ""), "metadata");
    CHECK_OK(em_st_read(st, em_st_find(st, "z.weight"), x, &err));
    CHECK(x[0] == first && x[N - 1] == first + N - 1, "z.weight");
    CHECK_OK(em_st_read(st, em_st_find(st, "caf\xc3\xa9 \"b\""), x, &err));
    CHECK(x[0] == first + 1 && em_st_find(st, "caf\xc3\xa9 \"b\"")->shape[0] == 3, "b");
    CHECK(em_st_find(st, "scalar")->rank == 0 && em_st_find(st, "scalar")->n == 1, "scalar");
    em_st_close(st);
}

static int files_in_folder(void)
{
    DIR *dir = opendir(folder);
    int n = -2;                                         /* . and .. */

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void what_is_written_is_read_back(void **state)
{
    unsigned char start[16];
    em_err err;
    FILE *f;
    (void)state;

    CHECK_OK(write_two(5, &err));
    check_two(5);
    CHECK_OK(write_two(6, &err));                       /* over the old one */
    check_two(6);
    CHECK(files_in_folder() == 1, "no temporary file is left");
    f = fopen(path, "rb");
    CHECK(f && fread(start, 1, sizeof start, f) == sizeof start && fclose(f) == 0, "open");
    CHECK(start[8] == '{' && start[0] % 8 == 0, "begins with '{', padded to 8");
}

static void a_part_of_a_tensor_is_read(void **state)
{
    static float x[N];
    const em_st_tensor *t;
    em_st *st;
    em_err err;
    (void)state;

    CHECK_OK(write_two(5, &err));
    CHECK_OK(em_st_open(&st, path, &err));
    t = em_st_find(st, "z.weight");
    CHECK_OK(em_st_read_part(st, t, 7, N - 7, x, &err));
    CHECK(x[0] == 12 && x[N - 8] == N + 4 && x[N - 7] == 0, "all but 7");
    CHECK_OK(em_st_read_part(st, t, N - 1, 1, x, &err));
    CHECK(x[0] == N + 4 && x[1] == 13, "the last");
    CHECK_OK(em_st_read_part(st, t, N, 0, x, &err));
    em_st_close(st);
}

/* Among them the spaces at the header's end, which JSON would not miss. */
static void a_sealed_file_notices_every_changed_byte(void **state)
{
    const em_st_out tensor = { "m", 1, shape_b, values, EM_F32 };
    static unsigned char bytes[2048];
    size_t n = 0;
    em_st *st;
    em_err err;
    FILE *f;
    (void)state;

    CHECK_OK(em_st_write_sealed(path, &tensor, 1, keys, texts, 2, &err));
    f = fopen(path, "rb");
    CHECK(f && (n = fread(bytes, 1, sizeof bytes, f)) > 100 && n < sizeof bytes && fclose(f) == 0, "open");
    CHECK_OK(em_st_open_bytes(&st, bytes, n, "m", &err));
    CHECK_OK(em_st_check_seal(st, &err));
    CHECK(!strcmp(em_st_metadata(st, keys[0]), texts[0]) && strlen(em_st_metadata(st, "sha256")) == 64, "metadata");
    em_st_close(st);
    for (size_t i = 0; i < n; i++)
        for (int change = 1; change < 256; change += 2) {
            bytes[i] ^= (unsigned char)change;
            if (em_st_open_bytes(&st, bytes, n, "m", &err) == EM_OK)
                CHECK(em_st_check_seal(st, &err) == EM_EFORMAT && strstr(err.msg, "SHA-256"), "byte %zu ^ %d: %s", i, change, err.msg);
            em_st_close(st);
            bytes[i] ^= (unsigned char)change;
        }
}

static void a_file_without_a_seal_does_not_pass_for_sealed(void **state)
{
    em_st *st;
    em_err err;
    (void)state;

    CHECK_OK(write_two(5, &err));
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK(em_st_check_seal(st, &err) == EM_EFORMAT && strstr(err.msg, "does not begin"), "%s", err.msg);
    em_st_close(st);
    CHECK_OK(em_st_write(path, NULL, 0, NULL, NULL, 0, &err));
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK(em_st_check_seal(st, &err) == EM_EFORMAT && strstr(err.msg, "too short"), "%s", err.msg);
    em_st_close(st);
}

/* N is more than one chunk of the writer, and an odd number of halves puts the floats after them at an odd place. */
static void f16_and_f32_stand_in_one_file(void **state)
{
    static const int64_t halves[] = { N - 1 }, all[] = { N };
    static float x[N], y[N];
    const em_st_out tensors[] = { { "half", 1, halves, x, EM_F16 }, { "float", 1, all, x, EM_F32 } };
    struct stat info;
    em_st *st;
    em_err err;
    (void)state;

    for (int i = 0; i < N; i++)
        x[i] = sinf((float)i) * expf((float)(i % 20 - 10));
    CHECK_OK(em_st_write(path, tensors, 2, NULL, NULL, 0, &err));
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK(em_st_get(st, 0)->dtype == EM_F16 && em_st_get(st, 0)->end == 2 * (N - 1) && em_st_get(st, 1)->dtype == EM_F32, "types");
    CHECK_OK(em_st_read(st, em_st_get(st, 0), y, &err));
    for (int i = 0; i < N - 1; i++)
        CHECK(y[i] == em_float_of_f16(em_f16_of_float(x[i])) && fabsf(y[i] - x[i]) <= 0x1p-11f * fabsf(x[i]) + 0x1p-25f, "half %d", i);
    CHECK_OK(em_st_read(st, em_st_get(st, 1), y, &err));
    CHECK(memcmp(x, y, sizeof x) == 0, "float");
    em_st_close(st);
    CHECK(stat(path, &info) == 0 && info.st_size < 6 * N + 1000, "%ld bytes", (long)info.st_size);
}

static void what_f16_cannot_hold_is_refused(void **state)
{
    static const float fits[] = { 0, 65519, -65504 }, large[] = { 0, 1, -65520 };
    const em_st_out good = { "w", 1, shape_b, fits, EM_F16 }, bad = { "w", 1, shape_b, large, EM_F16 };
    em_err err;
    (void)state;

    CHECK_OK(em_st_write(path, &good, 1, NULL, NULL, 0, &err));
    CHECK(em_st_write(path, &bad, 1, NULL, NULL, 0, &err) == EM_EINVAL && strstr(err.msg, "element 2") && strstr(err.msg, "65504"),
          "%s", err.msg);
}

static void a_file_without_tensors_or_metadata_is_legal(void **state)
{
    em_st *st;
    em_err err;
    (void)state;

    CHECK_OK(em_st_write(path, NULL, 0, NULL, NULL, 0, &err));
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK(em_st_count(st) == 0 && !em_st_find(st, "a") && !em_st_metadata(st, "earmark") && !strcmp(em_st_path(st), path), "empty");
    em_st_close(st);
}

/* A limit on file size stands in for a full disk: the write fails in the middle of the data. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    struct rlimit before, small;
    em_status status;
    em_err err;
    (void)state;

    CHECK_OK(write_two(7, &err));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ 40000, before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &small);
    status = write_two(8, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(status == EM_EIO && strstr(err.msg, path), "%s", err.msg);
    check_two(7);
    CHECK(files_in_folder() == 1, "no temporary file is left");
}

static void what_could_not_be_read_is_not_written(void **state)
{
    static const float bad[] = { 1, NAN, 3 };
    static const int64_t negative[] = { -1 }, huge[] = { INT64_MAX, 8 };
    const em_st_out nan = { "w", 1, shape_b, bad, EM_F32 }, no_name = { "", 1, shape_b, values, EM_F32 },
                    minus = { "w", 1, negative, values, EM_F32 }, large = { "w", 2, huge, values, EM_F32 },
                    rank = { "w", 9, shape_b, values, EM_F32 }, bytes = { "w", 1, shape_b, values, EM_U8 };
    static char long_text[(64 << 10) + 1];
    const char *key = "k", *text = long_text;
    em_err err;
    (void)state;

    CHECK_OK(write_two(9, &err));
    CHECK(em_st_write(path, &nan, 1, NULL, NULL, 0, &err) == EM_EINVAL && strstr(err.msg, "element 1"), "%s", err.msg);
    CHECK(em_st_write(path, &no_name, 1, NULL, NULL, 0, &err) == EM_EINVAL, "no name");
    CHECK(em_st_write(path, &minus, 1, NULL, NULL, 0, &err) == EM_EINVAL, "negative");
    CHECK(em_st_write(path, &large, 1, NULL, NULL, 0, &err) == EM_EINVAL, "huge");
    CHECK(em_st_write(path, &rank, 1, NULL, NULL, 0, &err) == EM_EINVAL, "rank 9");
    CHECK(em_st_write(path, &bytes, 1, NULL, NULL, 0, &err) == EM_EINVAL && strstr(err.msg, "U8"), "%s", err.msg);
    memset(long_text, 'x', sizeof long_text - 1);
    CHECK(em_st_write(path, NULL, 0, &key, &text, 1, &err) == EM_EINVAL && strstr(err.msg, "metadata"), "%s", err.msg);
    check_two(9);
}

static void only_regular_files_are_replaced(void **state)
{
    struct stat info;
    char fifo[160];
    em_err err;
    (void)state;

    /* Not /dev/null itself: a broken writer run by root would take it away. */
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    CHECK(mkfifo(fifo, 0600) == 0, "mkfifo");
    CHECK(em_st_write(fifo, NULL, 0, NULL, NULL, 0, &err) == EM_EIO && strstr(err.msg, fifo), "%s", err.msg);
    CHECK(stat(fifo, &info) == 0 && S_ISFIFO(info.st_mode), "the FIFO is still there");
    unlink(fifo);
    CHECK(em_st_write(folder, NULL, 0, NULL, NULL, 0, &err) == EM_EIO, "a folder");
    CHECK(em_st_write("/nowhere-at-all/m.safetensors", NULL, 0, NULL, NULL, 0, &err) == EM_EIO && strstr(err.msg, "nowhere"), "%s", err.msg);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/m.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16_is_exact),
        cmocka_unit_test(every_bf16_is_exact),
        cmocka_unit_test(floats_go_to_the_nearest_f16),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(f16_and_f32_stand_in_one_file),
        cmocka_unit_test(what_f16_cannot_hold_is_refused),
        cmocka_unit_test(a_part_of_a_tensor_is_read),
        cmocka_unit_test(a_sealed_file_notices_every_changed_byte),
        cmocka_unit_test(a_file_without_a_seal_does_not_pass_for_sealed),
        cmocka_unit_test(a_file_without_tensors_or_metadata_is_legal),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(only_regular_files_are_replaced),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
