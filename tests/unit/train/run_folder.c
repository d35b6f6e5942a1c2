/* The folder of a run: one run at a time, no half-written files, and a log that a resumed run continues as if nothing had been. */
#include "check.h"

#include "states.h"
#include "train/run_folder.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char above[32], dir[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(above, "/tmp/earmark-run-XXXXXX");
    if (!mkdtemp(above))
        return -1;
    snprintf(dir, sizeof dir, "%s/out", above);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(dir);
    folder_remove(above);
    return 0;
}

static void check_log(const char *want, const char *what)
{
    size_t n;
    unsigned char *bytes = file_read(dir, "log.jsonl", &n);

    CHECK(bytes && n == strlen(want) && !memcmp(bytes, want, n), "%s: \"%.*s\"", what, (int)n, (char *)bytes);
    free(bytes);
}

static void the_folder_is_made_and_names_its_files(void **state)
{
    char deep[96], path[96];
    em_run *run;
    em_err err;
    (void)state;

    CHECK_OK(em_run_open(&run, dir, &err));
    snprintf(path, sizeof path, "%s/best.safetensors", dir);
    CHECK(!strcmp(em_run_best(run), path) && !strcmp(em_run_dir(run), dir), "%s", em_run_best(run));
    snprintf(path, sizeof path, "%s/last.safetensors", dir);
    CHECK(!strcmp(em_run_last(run), path), "%s", em_run_last(run));
    em_run_close(run);
    CHECK_OK(em_run_open(&run, dir, &err));
    em_run_close(run);
    snprintf(deep, sizeof deep, "%s/no/out", above);
    CHECK(em_run_open(&run, deep, &err) == EM_EIO && !run && strstr(err.msg, deep), "%s", err.msg);
    file_write(above, "file", "x", 1);
    snprintf(deep, sizeof deep, "%s/file", above);
    CHECK(em_run_open(&run, deep, &err) == EM_EIO && strstr(err.msg, "not a folder"), "%s", err.msg);
}

static void two_runs_never_use_one_folder(void **state)
{
    em_run *run, *second;
    em_err err;
    int ends[2], status;
    char c;
    pid_t child;
    (void)state;

    CHECK_OK(em_run_open(&run, dir, &err));
    CHECK(em_run_open(&second, dir, &err) == EM_EINVAL && !second && strstr(err.msg, "another run uses this folder"), "%s", err.msg);
    em_run_close(run);
    CHECK(pipe(ends) == 0, "pipe");
    child = fork();
    if (child == 0) {
        if (em_run_open(&run, dir, NULL) == EM_OK && write(ends[1], "x", 1) == 1)
            sleep(60);
        _exit(1);
    }
    close(ends[1]);
    CHECK(read(ends[0], &c, 1) == 1, "the child has the folder");
    CHECK(em_run_open(&second, dir, &err) == EM_EINVAL, "of another process");
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    close(ends[0]);
    CHECK_OK(em_run_open(&second, dir, &err));          /* a killed run holds nothing */
    em_run_close(second);
}

static void parts_that_a_killed_run_left_are_removed(void **state)
{
    em_run *run;
    em_err err;
    (void)state;

    CHECK(mkdir(dir, 0777) == 0, "mkdir");
    file_write(dir, "state-7.safetensors.4711.tmp", "x", 1);
    file_write(dir, "best.safetensors.1.tmp", "x", 1);
    file_write(dir, "mine.tmp", "x", 1);
    file_write(dir, "state-7.safetensors", "x", 1);
    CHECK_OK(em_run_open(&run, dir, &err));
    CHECK(file_count(dir, ".tmp") == 1 && file_count(dir, "mine.tmp") == 1 && file_count(dir, "state-7.safetensors") == 1, "%d", file_count(dir, ""));
    em_run_close(run);
}

static void a_resumed_run_has_the_log_of_a_straight_one(void **state)
{
    static const char straight[] = "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n";
    uint64_t saved, n;
    em_run *run;
    em_err err;
    (void)state;

    CHECK_OK(em_run_open(&run, dir, &err));
    CHECK_OK(em_run_log_open(run, 0, &err));
    CHECK_OK(em_run_log(run, "{\"step\":1}", &err));
    CHECK_OK(em_run_log_sync(run, &saved, &err));
    CHECK_OK(em_run_log(run, "{\"step\":2}", &err));
    em_run_close(run);                                  /* killed here */

    CHECK_OK(em_run_open(&run, dir, &err));
    CHECK_OK(em_run_log_open(run, saved, &err));
    check_log("{\"step\":1}\n", "what the state has");
    CHECK_OK(em_run_log(run, "{\"step\":2}", &err));
    CHECK_OK(em_run_log(run, "{\"step\":3}", &err));
    check_log(straight, "as if nothing had been");
    CHECK_OK(em_run_log_sync(run, &n, &err));
    CHECK(n == strlen(straight), "%llu bytes", (unsigned long long)n);
    CHECK_OK(em_run_log_open(run, 0, &err));
    check_log("", "afresh");
    em_run_close(run);
}

static void torn_and_missing_lines_leave_whole_ones(void **state)
{
    static const struct { const char *there; uint64_t n; const char *want; } cases[] = {
        { "a\nbc", 4, "a\n" }, { "a\nbc", 99, "a\n" }, { "a\nbc\n", 4, "a\n" }, { "abc", 3, "" }, { "a\n", 99, "a\n" }, { "a\nb\n", 2, "a\n" },
    };
    em_run *run;
    em_err err;
    uint64_t n;
    (void)state;

    CHECK_OK(em_run_open(&run, dir, &err));
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        file_write(dir, "log.jsonl", cases[i].there, strlen(cases[i].there));
        CHECK_OK(em_run_log_open(run, cases[i].n, &err));
        check_log(cases[i].want, cases[i].there);
        CHECK_OK(em_run_log_sync(run, &n, &err));
        CHECK(n == strlen(cases[i].want), "case %zu: %llu", i, (unsigned long long)n);
    }
    em_run_close(run);
}

static void a_full_disk_leaves_whole_lines(void **state)
{
    struct rlimit before, small;
    em_status status;
    em_run *run;
    em_err err;
    (void)state;

    CHECK_OK(em_run_open(&run, dir, &err));
    CHECK_OK(em_run_log_open(run, 0, &err));
    CHECK_OK(em_run_log(run, "first", &err));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    for (rlim_t room = 6; room < 6 + 7; room++) {
        small = (struct rlimit){ room, before.rlim_max };
        setrlimit(RLIMIT_FSIZE, &small);
        status = em_run_log(run, "second", &err);
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK(status == EM_EIO && strstr(err.msg, "log.jsonl"), "room for %d: %s", (int)room, err.msg);
        check_log("first\n", "half a line");
    }
    CHECK_OK(em_run_log(run, "third", &err));
    check_log("first\nthird\n", "with room again");
    em_run_close(run);
}

static void a_log_that_is_no_file_is_refused(void **state)
{
    char path[96];
    em_run *run;
    em_err err;
    (void)state;

    CHECK_OK(em_run_open(&run, dir, &err));
    snprintf(path, sizeof path, "%s/log.jsonl", dir);
    CHECK(mkfifo(path, 0600) == 0, "mkfifo");
    CHECK(em_run_log_open(run, 0, &err) == EM_EIO && strstr(err.msg, "not a regular file"), "%s", err.msg);
    em_run_close(run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_folder_is_made_and_names_its_files),
        TEST(two_runs_never_use_one_folder),
        TEST(parts_that_a_killed_run_left_are_removed),
        TEST(a_resumed_run_has_the_log_of_a_straight_one),
        TEST(torn_and_missing_lines_leave_whole_ones),
        TEST(a_full_disk_leaves_whole_lines),
        TEST(a_log_that_is_no_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
