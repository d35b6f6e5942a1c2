/* Every call that the saving of a state makes to the system fails in its turn, once; and the calls come in the one order that
 * a power cut cannot harm. The linker leads them here (--wrap). */
#include "check.h"

#include "states.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 3000, ALL = 1 << 30 };

static char dir[32];
static em_saved_place place;

/* The fault: call number `at` of those counted fails with `error`. error 0: a write puts one byte only. */
static int n_calls, fail_at = ALL, fail_error;
static char order[4096];            /* a letter a call: o w s S r c, S the sync of a folder */

static bool fails(char letter)
{
    size_t n = strlen(order);

    if (n + 1 < sizeof order)
        order[n] = letter, order[n + 1] = '\0';
    if (n_calls++ != fail_at || fail_error == 0)
        return false;
    errno = fail_error;
    return true;
}

int     __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int     __real_fsync(int fd);
int     __real_close(int fd);
int     __real_rename(const char *from, const char *to);
int     __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int     __wrap_fsync(int fd);
int     __wrap_close(int fd);
int     __wrap_rename(const char *from, const char *to);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails('o') ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    bool is_short = n_calls == fail_at && fail_error == 0;

    return fails('w') ? -1 : __real_write(fd, bytes, is_short ? 1 : n);
}

int __wrap_fsync(int fd)
{
    struct stat info;

    return fails(fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? 'S' : 's') ? -1 : __real_fsync(fd);
}

int __wrap_close(int fd)
{
    int result = __real_close(fd);

    return fails('c') ? -1 : result;
}

int __wrap_rename(const char *from, const char *to)
{
    return fails('r') ? -1 : __real_rename(from, to);
}

static em_status write_with_fault(int64_t step, int at, int error, em_err *err)
{
    em_status status;

    n_calls = 0;
    order[0] = '\0';
    fail_at = at;
    fail_error = error;
    status = state_write(&place, step, N, err);
    fail_at = ALL;
    return status;
}

static int64_t newest(void)
{
    em_saved *s;
    int64_t step;
    em_err err;

    CHECK_OK(em_saved_load(&s, &place, NULL, NULL, &err));
    CHECK(s && !state_fault(s, N), "%s", s ? state_fault(s, N) : "none");
    step = em_saved_tell(s)->step;
    em_saved_close(s);
    return step;
}

static void synced_then_renamed_then_the_folder_synced(void **state)
{
    const char *renamed;
    em_err err;
    (void)state;

    CHECK_OK(write_with_fault(1, ALL, 0, &err));
    renamed = strchr(order, 'r');
    CHECK(order[0] == 'o' && renamed && !strncmp(renamed - 2, "scroSc", 6), "%s", order);
    CHECK(!strchr(renamed, 'w'), "%s", order);
}

static void any_call_may_fail_and_the_last_good_one_stays(void **state)
{
    static const int errors[] = { ENOSPC, EIO, EDQUOT };
    (void)state;

    for (size_t e = 0; e < EM_COUNT(errors); e++) {
        em_status status = EM_EIO;
        int at;

        for (at = 0; at < 100; at++) {
            int64_t before = newest();
            bool is_new;
            em_err err;

            status = write_with_fault(before + 1, at, errors[e], &err);
            if (n_calls <= at)
                break;                                  /* the fault was not reached: all have had their turn */
            is_new = newest() == before + 1;
            CHECK(is_new || status == EM_EIO, "%s at call %d: acknowledged, and lost", strerror(errors[e]), at);
            CHECK(status == EM_OK || strstr(err.msg, dir), "call %d: %s", at, err.msg);
            CHECK(file_count(dir, ".tmp") == 0, "call %d leaves a part", at);
            CHECK_OK(state_write(&place, before + 2, N, &err));
            CHECK(newest() == before + 2 && file_count(dir, "") == 2, "call %d: %d files", at, file_count(dir, ""));
        }
        CHECK(at > 8 && at < 100 && status == EM_OK, "%d calls", at);
    }
}

/* Neither a signal nor a short write is a failure, and no byte is lost or doubled. */
static void signals_and_short_writes_are_no_failures(void **state)
{
    (void)state;

    for (int error = 0; error <= EINTR; error += EINTR) {
        char usual[sizeof order];
        em_err err;

        CHECK_OK(write_with_fault(newest() + 1, ALL, 0, &err));
        memcpy(usual, order, sizeof usual);
        for (int at = 0; usual[at]; at++) {
            int64_t step = newest() + 1;

            if (error == EINTR && strchr("or", usual[at]))      /* a disk does not answer these with it */
                continue;
            CHECK_OK(write_with_fault(step, at, error, &err));
            CHECK(newest() == step, "call %d of %s", at, usual);
        }
    }
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/earmark-faults-XXXXXX");
    place = (em_saved_place){ dir, "state", 2 };
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synced_then_renamed_then_the_folder_synced),
        cmocka_unit_test(any_call_may_fail_and_the_last_good_one_stays),
        cmocka_unit_test(signals_and_short_writes_are_no_failures),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
