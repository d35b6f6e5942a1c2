/* Saved states: what is saved is what is loaded, nothing damaged is ever taken, and the last so many stay. */
#include "check.h"

#include "base/rng.h"
#include "states.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 100 };

static char dir[32];
static em_saved_place place;

static int n_damaged;
static char damage[300];

static void damaged(void *ctx, const char *sentence)
{
    (void)ctx;
    n_damaged++;
    snprintf(damage, sizeof damage, "%s", sentence);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/earmark-saved-XXXXXX");
    place = (em_saved_place){ dir, "state", 3 };
    n_damaged = 0;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(dir);
    return 0;
}

/* The newest whole state is that of `step` (-1: there is none) and all of it is right. */
static void check_newest(int64_t step, const char *what)
{
    em_saved *s;
    em_err err;

    CHECK_OK(em_saved_load(&s, &place, damaged, NULL, &err));
    CHECK((s ? em_saved_tell(s)->step : -1) == step, "%s: step %lld, not %lld", what, s ? (long long)em_saved_tell(s)->step : -1, (long long)step);
    CHECK(!s || !state_fault(s, N), "%s: %s", what, state_fault(s, N));
    em_saved_close(s);
}

static void what_is_saved_is_loaded(void **state)
{
    em_saved *s;
    em_err err;
    float x[N];
    (void)state;

    CHECK_OK(state_write(&place, 200, N, &err));
    CHECK_OK(em_saved_load(&s, &place, damaged, NULL, &err));
    CHECK(s && !state_fault(s, N) && em_saved_tell(s)->is_finished && n_damaged == 0, "step 200");
    CHECK(strstr(em_saved_path(s), "/state-200.safetensors"), "%s", em_saved_path(s));
    CHECK(em_saved_size(s, "moments") == N / 2 && em_saved_size(s, "average") == 0, "sizes");
    CHECK(em_saved_read(s, "average", x, N, &err) == EM_ESHAPE && strstr(err.msg, "average"), "%s", err.msg);
    CHECK(em_saved_read(s, "weights", x, N - 1, &err) == EM_ESHAPE && strstr(err.msg, "100 numbers, not 99"), "%s", err.msg);
    em_saved_close(s);
}

static void nothing_saved_starts_afresh(void **state)
{
    const em_saved_place none = { "/tmp/earmark-there-is-no-such-folder", "state", 1 };
    em_saved *s;
    em_err err;
    (void)state;

    check_newest(-1, "an empty folder");
    CHECK_OK(em_saved_load(&s, &none, damaged, NULL, &err));
    CHECK(!s && n_damaged == 0, "no folder");
}

static void the_same_state_gives_the_same_bytes(void **state)
{
    unsigned char *first, *again;
    size_t n_first, n_again;
    em_err err;
    (void)state;

    CHECK_OK(state_write(&place, 5, N, &err));
    first = file_read(dir, "state-5.safetensors", &n_first);
    place.kind = "other";
    CHECK_OK(state_write(&place, 5, N, &err));
    again = file_read(dir, "other-5.safetensors", &n_again);
    CHECK(first && again && n_first == n_again && !memcmp(first, again, n_first), "%zu and %zu bytes", n_first, n_again);
    free(first);
    free(again);
}

static void the_last_ones_stay(void **state)
{
    static const int64_t steps[] = { 9, 10, 11, 100, 1000, 99999 };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        CHECK_OK(state_write(&place, steps[i], N, &err));
        CHECK(file_count(dir, "") == (i < 3 ? (int)i + 1 : 3), "%d files after %lld", file_count(dir, ""), (long long)steps[i]);
        check_newest(steps[i], "numbers, not letters, are in order");
    }
    CHECK(file_count(dir, "state-100.") == 1 && file_count(dir, "state-11.") == 0, "which");
}

/* After a fall-back the run goes its way again; what it once was must not come back. */
static void later_steps_are_of_the_past(void **state)
{
    em_err err;
    (void)state;

    for (int64_t step = 10; step <= 30; step += 10)
        CHECK_OK(state_write(&place, step, N, &err));
    CHECK_OK(state_write(&place, 15, N, &err));
    check_newest(15, "written last");
    CHECK(file_count(dir, "") == 2, "10 and 15 of %d", file_count(dir, ""));
}

static void kinds_do_not_meet(void **state)
{
    static const char *const strangers[] = { "state-7.safetensors.99.tmp", "state-007.safetensors", "state-+7.safetensors", "state- 7.safetensors",
                                             "state-.safetensors", "state--1.safetensors", "state-99999999999999999999.safetensors",
                                             "state-7x.safetensors", "states-7.safetensors", "state-7.safetensors.damaged", "best.safetensors" };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(strangers); i++)
        file_write(dir, strangers[i], "x", 1);
    check_newest(-1, "strangers");
    place.keep = 1;
    CHECK_OK(state_write(&place, 3, N, &err));
    place.kind = "weights";
    CHECK_OK(state_write(&place, 8, N, &err));
    CHECK_OK(state_write(&place, 9, N, &err));
    place.kind = "state";
    check_newest(3, "of its own kind");
    CHECK(n_damaged == 0 && file_count(dir, "") == (int)EM_COUNT(strangers) + 2, "strangers are left alone");
}

static void a_damaged_state_is_told_set_aside_and_stepped_over(void **state)
{
    unsigned char *bytes;
    size_t n;
    em_err err;
    (void)state;

    CHECK_OK(state_write(&place, 1, N, &err));
    CHECK_OK(state_write(&place, 2, N, &err));
    CHECK_OK(state_write(&place, 3, N, &err));
    bytes = file_read(dir, "state-3.safetensors", &n);
    file_write(dir, "state-3.safetensors", bytes, n - 1);
    file_write(dir, "state-2.safetensors", bytes, n);           /* whole, and not what it is called */
    check_newest(1, "torn and misnamed");
    CHECK(n_damaged == 2 && strstr(damage, "state-2.safetensors: holds the state of step 3"), "%s", damage);
    CHECK(file_count(dir, "state-3.safetensors.damaged") == 1 && file_count(dir, ".damaged") == 2, "set aside");
    check_newest(1, "again");
    CHECK(n_damaged == 2, "told once");
    file_write(dir, "state-1.safetensors", "", 0);
    check_newest(-1, "none is whole");
    CHECK(n_damaged == 3, "told");
    free(bytes);
}

/* Nobody can say what is in there: starting afresh would end in overwriting it. */
static void a_state_that_cannot_be_read_is_no_fresh_start(void **state)
{
    char path[80];
    em_saved *s;
    em_err err;
    (void)state;

    snprintf(path, sizeof path, "%s/state-4.safetensors", dir);
    CHECK(mkdir(path, 0700) == 0, "mkdir");
    CHECK(em_saved_load(&s, &place, damaged, NULL, &err) == EM_EIO && !s && strstr(err.msg, path), "%s", err.msg);
    CHECK_OK(state_write(&place, 3, N, &err));
    CHECK(rmdir(path) == 0, "left alone");
    check_newest(3, "beside it");
}

/* Torn files are not counted among those that stay. */
static void the_last_ones_are_whole_ones(void **state)
{
    em_err err;
    (void)state;

    place.keep = 2;
    CHECK_OK(state_write(&place, 1, N, &err));
    CHECK_OK(state_write(&place, 2, N, &err));
    file_write(dir, "state-2.safetensors", "torn", 4);
    CHECK_OK(state_write(&place, 3, N, &err));
    CHECK(file_count(dir, "state-1.") == 1, "1 stays beside 3");
    CHECK_OK(state_write(&place, 4, N, &err));
    CHECK(file_count(dir, "") == 2, "3 and 4");
}

static void every_flipped_byte_falls_back(void **state)
{
    enum { RANDOM = 2000 };
    em_rng rng = { 4 };
    unsigned char *bytes;
    size_t n, n_header;
    em_err err;
    (void)state;

    CHECK_OK(state_write(&place, 1, N, &err));
    CHECK_OK(state_write(&place, 2, N, &err));
    bytes = file_read(dir, "state-2.safetensors", &n);
    n_header = 8 + bytes[0] + ((size_t)bytes[1] << 8);
    for (size_t i = 0; i < n_header + RANDOM; i++) {
        size_t at = i < n_header ? i : (size_t)(em_rng_u64(&rng) % n);
        unsigned char old = bytes[at];

        bytes[at] ^= (unsigned char)(1 + em_rng_u64(&rng) % 255);
        file_write(dir, "state-2.safetensors", bytes, n);
        n_damaged = 0;
        check_newest(1, "a flipped byte");
        CHECK(n_damaged == 1 && strstr(damage, "state-2.safetensors"), "byte %zu: %s", at, damage);
        bytes[at] = old;
    }
    file_write(dir, "state-2.safetensors", bytes, n);
    check_newest(2, "whole again");
    free(bytes);
}

/* A limit on file size stands in for a full disk, in the header, the data and the last byte. */
static void a_full_disk_leaves_the_last_good_one(void **state)
{
    struct rlimit before, small;
    unsigned char *bytes;
    size_t n;
    em_err err;
    (void)state;

    CHECK_OK(state_write(&place, 1, N, &err));
    bytes = file_read(dir, "state-1.safetensors", &n);
    free(bytes);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    for (size_t room = n % 97 ? n % 97 - 1 : 96; room < n; room += 97) {        /* the last is n - 1 */
        em_status status;

        small = (struct rlimit){ room, before.rlim_max };
        setrlimit(RLIMIT_FSIZE, &small);
        status = state_write(&place, 2, N, &err);
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK(status == EM_EIO && strstr(err.msg, "state-2"), "%zu bytes: %s", room, err.msg);
        CHECK(file_count(dir, "") == 1, "%zu bytes: nothing is left behind", room);
        check_newest(1, "after a full disk");
    }
    CHECK_OK(state_write(&place, 2, N, &err));
    check_newest(2, "with room again");
}

static void what_must_not_be_saved_is_refused(void **state)
{
    const float bad[] = { 1, NAN }, infinite[] = { INFINITY };
    const em_saved_block nan = { "weights", bad, 2 }, inf = { "average", infinite, 1 };
    em_saved_block many[65];
    em_saved_place capital = { dir, "State", 3 }, path = { dir, "a/b", 3 }, none = { dir, "state", 0 };
    em_err err;
    (void)state;

    CHECK_OK(state_write(&place, 1, N, &err));
    CHECK(em_saved_write(&place, &(em_saved_facts){ 2, false, 0, "{}" }, &nan, 1, &err) == EM_EINVAL && strstr(err.msg, "weights"), "%s", err.msg);
    CHECK(em_saved_write(&place, &(em_saved_facts){ 2, false, 0, "{}" }, &inf, 1, &err) == EM_EINVAL, "infinity");
    CHECK(em_saved_write(&place, &(em_saved_facts){ 2, false, 0, "\xff" }, &nan, 0, &err) == EM_EINVAL && strstr(err.msg, "UTF-8"), "%s", err.msg);
    CHECK(em_saved_write(&place, &(em_saved_facts){ -1, false, 0, "{}" }, &nan, 0, &err) == EM_EINVAL, "step -1");
    for (size_t i = 0; i < EM_COUNT(many); i++)
        many[i] = (em_saved_block){ "w", bad, 1 };
    CHECK(em_saved_write(&place, &(em_saved_facts){ 2, false, 0, "{}" }, many, 65, &err) == EM_EINVAL, "65 blocks");
    CHECK(state_write(&capital, 2, N, &err) == EM_EINVAL && state_write(&path, 2, N, &err) == EM_EINVAL &&
          state_write(&none, 2, N, &err) == EM_EINVAL,
          "places");
    check_newest(1, "untouched");
}

static void the_mean_is_over_the_last_whole_ones(void **state)
{
    enum { MANY = 40000 };
    static float x[3][MANY], mean[MANY];
    int n_used;
    em_err err;
    (void)state;

    place.keep = 5;
    CHECK(em_saved_mean(mean, MANY, &n_used, &place, "weights", 2, damaged, NULL, &err) == EM_EINVAL && n_used == 0, "none yet");
    for (int s = 0; s < 3; s++) {
        const em_saved_block block = { "weights", x[s], MANY };

        for (size_t i = 0; i < MANY; i++)
            x[s][i] = (float)i / 3 + (float)s * 1e-3f;
        CHECK_OK(em_saved_write(&place, &(em_saved_facts){ s + 1, false, 0, "" }, &block, 1, &err));
    }
    CHECK_OK(em_saved_mean(mean, MANY, &n_used, &place, "weights", 2, damaged, NULL, &err));
    for (size_t i = 0; i < MANY; i++)
        CHECK(mean[i] == (float)(((double)x[2][i] + (double)x[1][i]) / 2), "element %zu of two", i);
    CHECK(n_used == 2, "%d", n_used);
    CHECK_OK(em_saved_mean(mean, MANY, &n_used, &place, "weights", 3, damaged, NULL, &err));
    for (size_t i = 0; i < MANY; i++)
        CHECK(mean[i] == (float)(((double)x[2][i] + (double)x[1][i] + (double)x[0][i]) / 3), "element %zu of three", i);
    file_write(dir, "state-2.safetensors", "torn", 4);
    CHECK_OK(em_saved_mean(mean, MANY, &n_used, &place, "weights", 9, damaged, NULL, &err));
    CHECK(n_used == 2 && n_damaged == 1, "%d used, %d damaged", n_used, n_damaged);
    for (size_t i = 0; i < MANY; i++)
        CHECK(mean[i] == (float)(((double)x[2][i] + (double)x[0][i]) / 2), "element %zu of the first and the third", i);
    CHECK(em_saved_mean(mean, MANY - 1, &n_used, &place, "weights", 2, damaged, NULL, &err) == EM_ESHAPE, "length");
    CHECK(em_saved_mean(mean, MANY, &n_used, &place, "average", 2, damaged, NULL, &err) == EM_ESHAPE, "name");
    CHECK(em_saved_mean(mean, MANY, &n_used, &place, "weights", 0, damaged, NULL, &err) == EM_EINVAL, "of none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_saved_is_loaded),
        TEST(nothing_saved_starts_afresh),
        TEST(the_same_state_gives_the_same_bytes),
        TEST(the_last_ones_stay),
        TEST(later_steps_are_of_the_past),
        TEST(kinds_do_not_meet),
        TEST(a_damaged_state_is_told_set_aside_and_stepped_over),
        TEST(a_state_that_cannot_be_read_is_no_fresh_start),
        TEST(the_last_ones_are_whole_ones),
        TEST(every_flipped_byte_falls_back),
        TEST(a_full_disk_leaves_the_last_good_one),
        TEST(what_must_not_be_saved_is_refused),
        TEST(the_mean_is_over_the_last_whole_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
