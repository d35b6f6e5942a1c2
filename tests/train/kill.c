/* A process that saves all the time is killed at 200 random moments: what it acknowledged is there, and nothing is torn. */
#include "check.h"

#include "base/clock.h"
#include "base/rng.h"
#include "unit/train/states.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 1 << 16, KILLS = 200, LIMIT_MS = 20000 };

static char dir[] = "/tmp/earmark-kill-XXXXXX";
static em_saved_place place = { dir, "state", 2 };

static int n_torn;

static void torn(void *ctx, const char *sentence)
{
    (void)ctx;
    print_error("%s\n", sentence);
    n_torn++;
}

/* In the child: goes on from what is there, and says each step once it is saved. */
static void save_for_ever(int acknowledge)
{
    em_saved *s;
    int64_t step;

    if (em_saved_load(&s, &place, NULL, NULL, NULL) != EM_OK)
        _exit(1);
    step = s ? em_saved_tell(s)->step : 0;
    em_saved_close(s);
    while (state_write(&place, ++step, N, NULL) == EM_OK)
        if (write(acknowledge, &step, sizeof step) != sizeof step)
            break;
    _exit(1);
}

/* Waits for the first word of the child, so that every kill meets a process at work. */
static int64_t first_acknowledged(int from)
{
    struct pollfd p = { from, POLLIN, 0 };
    int64_t step = -1;

    CHECK(poll(&p, 1, LIMIT_MS) == 1 && read(from, &step, sizeof step) == sizeof step, "the child saves nothing");
    return step;
}

/* The last step that one child acknowledged before it was killed `after_ms` after its first. */
static int64_t run_and_kill(double after_ms)
{
    int64_t step, last;
    int ends[2], status;
    pid_t child;

    CHECK(pipe(ends) == 0, "pipe");
    child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0)
        save_for_ever(ends[1]);
    close(ends[1]);
    last = first_acknowledged(ends[0]);
    em_sleep_ms(after_ms);
    kill(child, SIGKILL);
    while (read(ends[0], &step, sizeof step) == sizeof step)
        last = step;
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "the child ended by itself");
    return last;
}

static void nothing_acknowledged_is_lost_and_nothing_torn_is_there(void **state)
{
    em_rng rng = { 20 };
    int n_left = 0;
    (void)state;

    for (int k = 0; k < KILLS; k++) {
        int64_t acknowledged = run_and_kill(12 * em_rng_uniform(&rng));
        em_saved *s;
        em_err err;

        CHECK_OK(em_saved_load(&s, &place, torn, NULL, &err));
        CHECK(s && em_saved_tell(s)->step >= acknowledged, "kill %d: step %lld is lost", k, (long long)acknowledged);
        CHECK(!state_fault(s, N), "kill %d: %s", k, state_fault(s, N));
        em_saved_close(s);
        n_left += file_count(dir, ".tmp");
    }
    CHECK(n_torn == 0, "%d torn files under a name of a state", n_torn);
    CHECK(n_left > 0, "no kill met a file half written: the test shows nothing");
    print_message("%d kills, %d of them left a part behind\n", KILLS, file_count(dir, ".tmp"));
}

static int make_folder(void **state)
{
    (void)state;
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_acknowledged_is_lost_and_nothing_torn_is_there) };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
