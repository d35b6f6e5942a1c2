/* Where records go: files that get their name at the end, links, open descriptors, and outputs that fail. */
#include "check.h"

#include "sinks/out.h"
#include "sinks/out_path.h"
#include "sinks/sink.h"

#include "made.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_file_gets_its_name_at_the_end(void **state)
{
    em_sink_cfg cfg = usual("text", in_folder("late.txt"));
    em_event e = hop(1);
    struct stat st;
    em_sink *s;
    em_err err;
    (void)state;

    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK(stat(in_folder("late.txt"), &st) != 0 && stat(in_folder("late.txt.part"), &st) == 0 && st.st_size > 0, "only .part, flushed");
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    CHECK(stat(in_folder("late.txt"), &st) == 0 && stat(in_folder("late.txt.part"), &st) != 0, "only the name");
}

/* A link stays a link, whether the file behind it is there or not, and through links of links. */
static void a_link_stays_and_its_file_is_replaced(void **state)
{
    static const struct { const char *link, *to, *file; } cases[] = {
        { "link1", "there.txt", "there.txt" },  { "link2", "new.txt", "new.txt" },
        { "link3", "link1", "there.txt" },      { "link4", "sub/far.txt", "sub/far.txt" },
    };
    em_event e = hop(1);
    (void)state;

    CHECK(mkdir(in_folder("sub"), 0777) == 0, "a folder");
    written(&(em_sink_cfg){ .format = "jsonl", .path = in_folder("there.txt"), .classes = &classes }, &e, 1);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_sink_cfg cfg = usual("text", in_folder(cases[i].link));
        char to[64] = "";

        CHECK(symlink(cases[i].to, cfg.path) == 0, "%s", cases[i].link);
        CHECK(strstr(written(&cfg, &e, 1), "0:01.0"), "%s", cases[i].link);
        CHECK(readlink(cfg.path, to, sizeof to - 1) > 0 && strcmp(to, cases[i].to) == 0, "%s is still a link", cases[i].link);
        CHECK(strstr(read_whole(in_folder(cases[i].file)), "0:01.0"), "%s", cases[i].file);
    }
    CHECK(symlink("round", in_folder("round")) == 0, "a link to itself");
    em_sink_cfg cfg = usual("text", in_folder("round"));
    em_sink *s;
    em_err err;
    CHECK(em_sink_open(&s, &cfg, &err) == EM_EIO && strstr(err.msg, "round"), "a link to itself");
    CHECK(fcntl(STDOUT_FILENO, F_GETFD) >= 0, "standard output is open still");
}

static void an_open_descriptor_is_written_as_it_is(void **state)
{
    static const struct { const char *path; int fd; } cases[] = {
        { "-", 1 }, { "/dev/stdout", 1 }, { "/dev/stderr", 2 }, { "/dev/fd/7", 7 }, { "/proc/self/fd/12", 12 },
        { "/dev/fd/", -1 }, { "/dev/fd/1x", -1 }, { "/dev/fd/../x", -1 }, { "/dev/fd/12345678901", -1 }, { "/dev/null", -1 }, { "", -1 },
    };
    const char *path = in_folder("open.txt");
    char name[32];
    em_event e = hop(1);
    em_sink_cfg cfg;
    em_sink *s;
    em_err err;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(em_out_descriptor(cases[i].path) == cases[i].fd, "%s: %d", cases[i].path, em_out_descriptor(cases[i].path));
    CHECK(fd >= 0 && write(fd, "before\n", 7) == 7, "a file");
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    CHECK(symlink(name, in_folder("descriptor")) == 0, "a link to it");
    cfg = usual("text", name);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(em_sink_open(&s, &cfg, &err));
        CHECK_OK(em_sink_put(s, &e, &err));
        CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
        cfg.path = in_folder("descriptor");
    }
    CHECK(fcntl(fd, F_GETFD) >= 0, "it is still open");
    close(fd);
    CHECK(strncmp(read_whole(path), "before\n0:01.0", 13) == 0, "appended: %s", read_whole(path));
    cfg.path = "/dev/fd/999999";
    CHECK(em_sink_open(&s, &cfg, &err) == EM_EIO && strstr(err.msg, cfg.path), "not open: %s", err.msg);
}

static void what_is_not_whole_does_not_replace_a_result(void **state)
{
    static const struct { em_sink_end end; const char *want; bool has_part; } cases[] = {
        { EM_SINK_CUT, "old\n", true }, { EM_SINK_EMPTY, "old\n", false }, { EM_SINK_WHOLE, "0:01.0", false },
    };
    em_sink_cfg cfg = usual("text", in_folder("kept.txt"));
    em_event e = hop(1);
    struct stat st;
    em_sink *s;
    em_err err;
    int fd = open(in_folder("kept.txt"), O_WRONLY | O_CREAT, 0666);
    (void)state;

    CHECK(fd >= 0 && write(fd, "old\n", 4) == 4 && close(fd) == 0, "an old result");
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK_OK(em_sink_open(&s, &cfg, &err));
        CHECK_OK(em_sink_put(s, &e, &err));
        CHECK_OK(em_sink_close(s, cases[i].end, &err));
        CHECK(strncmp(read_whole(cfg.path), cases[i].want, strlen(cases[i].want)) == 0, "case %zu: %s", i, read_whole(cfg.path));
        CHECK((stat(in_folder("kept.txt.part"), &st) == 0) == cases[i].has_part, "case %zu: PATH.part", i);
    }
}

static void outputs_that_cannot_be_name_themselves(void **state)
{
    static const char *const paths[] = { "/dev/null/x.txt", "/", "/dev/full" };
    em_event e = hop(1);
    (void)state;

    for (size_t i = 0; i < EM_COUNT(paths); i++) {
        em_sink_cfg cfg = usual("text", paths[i]);
        em_err err = { 0 };
        em_sink *s;
        em_status status = em_sink_open(&s, &cfg, &err);

        if (!status)
            status = em_sink_put(s, &e, &err);
        CHECK(status == EM_EIO && strstr(err.msg, paths[i]), "%s: %d %s", paths[i], status, err.msg);
        em_sink_close(s, EM_SINK_WHOLE, NULL);
    }
}

/* A disk that fills up in the middle of a record: whole records stay, the next one is tried, the old file is kept. */
static int n_entries(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;

    while (d && readdir(d))
        n++;
    closedir(d);
    return n;
}

/* What opening says, without it: by the same words, and nothing is made or emptied. */
static void a_check_answers_as_opening_would(void **state)
{
    static const struct { const char *path; bool is_appended, is_there; } cases[] = {
        { "checked.txt", false, true },   { "checked.txt", true, true },   { "new-checked.txt", false, true }, { "new-checked.txt", true, true },
        { "checked", false, false },      { "checked", true, false },      { "none/x.txt", false, false },     { "none/x.txt", true, false },
        { "blocked.txt", false, false },  { "far", false, false },         { "loop", false, false },           { "/dev/null", false, true },
        { "/dev/fd/999999", false, false }, { "/dev/stdout", true, true }, { "/dev/null/x", true, false },
    };
    const int fd = open(in_folder("checked.txt"), O_WRONLY | O_CREAT, 0666);
    (void)state;

    CHECK(fd >= 0 && write(fd, "old\n", 4) == 4 && close(fd) == 0, "a file");
    CHECK(mkdir(in_folder("checked"), 0777) == 0 && mkdir(in_folder("blocked.txt.part"), 0777) == 0, "folders");
    CHECK(symlink("none/far.txt", in_folder("far")) == 0 && symlink("loop", in_folder("loop")) == 0, "links");
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *path = *cases[i].path == '/' ? cases[i].path : in_folder(cases[i].path);
        em_sink_cfg cfg = usual("text", path);
        const int before = n_entries(in_folder("."));
        em_err checked = { 0 }, err = { 0 };
        const em_status status = em_out_check(path, cases[i].is_appended, &checked);
        em_sink *s;

        CHECK(n_entries(in_folder(".")) == before && strcmp(read_whole(in_folder("checked.txt")), "old\n") == 0, "%s: nothing is touched", path);
        CHECK((status == EM_OK) == cases[i].is_there, "%s: %s", path, checked.msg);
        cfg.is_appended = cases[i].is_appended;
        CHECK(em_sink_open(&s, &cfg, &err) == status && strcmp(checked.msg, err.msg) == 0, "%s: '%s', opening '%s'", path, checked.msg,
              err.msg);
        if (!status)
            CHECK_OK(em_sink_close(s, EM_SINK_EMPTY, &err));
    }
}

static void a_full_disk_leaves_whole_records(void **state)
{
    em_sink_cfg cfg = usual("text", in_folder("full.txt"));
    struct rlimit old, tight;
    em_event e = hop(1);
    em_err err = { 0 };
    size_t n_line;
    em_sink *s;
    char *text;
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    n_line = strlen(written(&cfg, &e, 1));
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 2 * n_line + n_line / 2;
    setrlimit(RLIMIT_FSIZE, &tight);
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK(em_sink_put(s, &e, &err) == EM_EIO && strstr(err.msg, "full.txt"), "%s", err.msg);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK(strlen(read_whole(in_folder("full.txt.part"))) == 2 * n_line, "no half line");
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    text = read_whole(in_folder("full.txt.part"));
    CHECK(strlen(text) == 3 * n_line && memcmp(text, text + 2 * n_line, n_line) == 0, "three whole lines: %s", text);
    CHECK(strlen(read_whole(in_folder("full.txt"))) == n_line, "the old file is untouched");
}

static void limit_file(const char *path, size_t more)
{
    struct rlimit r;
    struct stat st;

    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = more ? (stat(path, &st) == 0 ? (size_t)st.st_size : 0) + more : r.rlim_max;
    setrlimit(RLIMIT_FSIZE, &r);
}

/* A log that others fill too, opened with >> or with >: on a full disk nothing that was there is cut away, and half
 * a record is a line of its own. */
static void a_full_disk_never_cuts_what_was_there(void **state)
{
    static const struct { int flags; const char *why; } cases[] = { { O_APPEND, "opened with >>" }, { 0, "opened with >" } };
    static const char before[] = "before 1\nbefore 2\n", others[] = "of another program\n";
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *path = in_folder("log.txt");
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | cases[i].flags, 0666);
        em_out o = { .fd = fd, .is_regular = true };
        em_err err = { 0 };
        char *text;

        CHECK(fd >= 0 && write(fd, before, strlen(before)) > 0, "a log");
        if (cases[i].flags == O_APPEND)
            CHECK(lseek(fd, 0, SEEK_SET) == 0, "as a shell leaves it");
        limit_file(path, 5);
        CHECK(em_out_write(&o, "a whole record\n", 15, &err) == EM_EIO, "%s: no room", cases[i].why);
        limit_file(path, 0);
        if (cases[i].flags == O_APPEND)
            CHECK(write(fd, others, strlen(others)) > 0, "another program");
        CHECK_OK(em_out_write(&o, "the next\n", 9, &err));
        CHECK_OK(em_out_close(&o, EM_SINK_WHOLE, &err));
        close(fd);
        text = read_whole(path);
        CHECK(strncmp(text, before, strlen(before)) == 0, "%s: what was there: %s", cases[i].why, text);
        CHECK(strstr(text, "\nthe next\n"), "%s: a line of its own: %s", cases[i].why, text);
        if (cases[i].flags == O_APPEND)
            CHECK(strstr(text, others), "%s: what others wrote: %s", cases[i].why, text);
    }
}

/* With nothing written after it, the end gives the torn record its newline. */
static void a_torn_end_is_a_line(void **state)
{
    const char *path = in_folder("torn.txt");
    em_out o = { .fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0666), .is_regular = true };
    int fd = o.fd;
    em_err err = { 0 };
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    limit_file(path, 5);
    CHECK(em_out_write(&o, "a whole record\n", 15, &err) == EM_EIO, "no room");
    limit_file(path, 0);
    CHECK_OK(em_out_close(&o, EM_SINK_WHOLE, &err));
    close(fd);
    CHECK(strcmp(read_whole(path), "a who\n") == 0, "%s", read_whole(path));
}

static void a_closed_pipe_is_no_failure_and_a_stopped_reader_is_left(void **state)
{
    atomic_bool give_up = false;
    em_err err;
    em_out o;
    int fds[2];
    static char block[65536];
    (void)state;

    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe(fds) == 0, "a pipe");
    o = (em_out){ .fd = fds[1], .give_up = &give_up };
    CHECK_OK(em_out_write(&o, block, sizeof block, &err));      /* fills the pipe */
    atomic_store(&give_up, true);
    CHECK(em_out_write(&o, block, 100, &err) == EM_ECANCELED, "nobody takes it");
    atomic_store(&give_up, false);
    atomic_store(&o.is_ending, true);
    CHECK(em_out_write(&o, block, 100, &err) == EM_ECANCELED, "nobody takes it at the end");
    close(fds[0]);
    CHECK(em_out_write(&o, block, 100, &err) == EM_ECANCELED, "nobody is there");
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gets_its_name_at_the_end),
        cmocka_unit_test(a_link_stays_and_its_file_is_replaced),
        cmocka_unit_test(an_open_descriptor_is_written_as_it_is),
        cmocka_unit_test(what_is_not_whole_does_not_replace_a_result),
        cmocka_unit_test(outputs_that_cannot_be_name_themselves),
        cmocka_unit_test(a_check_answers_as_opening_would),
        cmocka_unit_test(a_full_disk_leaves_whole_records),
        cmocka_unit_test(a_full_disk_never_cuts_what_was_there),
        cmocka_unit_test(a_torn_end_is_a_line),
        cmocka_unit_test(a_closed_pipe_is_no_failure_and_a_stopped_reader_is_left),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
