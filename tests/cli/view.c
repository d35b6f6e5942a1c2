/* The live view on a terminal of its own: it redraws in place, follows the terminal's size, ends clean on Ctrl-C,
 * messages do not tear it, and keys give commands without leaving the terminal in their mode. Run as: test_cli_view PROGRAM SOUND. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 20000 };

static const char *program, *sound;
static char seen[1 << 20];
static size_t n_seen;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int count(const char *needle)
{
    int n = 0;

    seen[n_seen] = '\0';
    for (const char *p = seen; (p = strstr(p, needle)); p++)
        n++;
    return n;
}

/* Reads until `needle` was seen n times; false: the end or the limit came before. */
static bool wait_for(int fd, const char *needle, int n)
{
    int64_t end = now_ms() + LIMIT_MS;

    while (count(needle) < n) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t got;

        if (now_ms() > end || poll(&p, 1, 1000) < 0)
            return false;
        if (!(p.revents & (POLLIN | POLLHUP)))
            continue;
        got = read(fd, seen + n_seen, sizeof seen - 1 - n_seen);
        if (got <= 0)
            return count(needle) >= n;
        n_seen += (size_t)got;
    }
    return true;
}

static pid_t start(int *fd, int columns, const char *const *args)          /* args[0]: what is run */
{
    struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)columns };
    pid_t pid = forkpty(fd, NULL, NULL, &size);

    n_seen = 0;
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("XDG_CONFIG_HOME", "/dev/null", 1);
        unsetenv("NO_COLOR");
        execv(args[0], (char *const *)(uintptr_t)args);
        _exit(127);
    }
    return pid;
}

static int end_of(pid_t pid, int fd)
{
    int status = -1;

    for (int64_t end = now_ms() + LIMIT_MS; now_ms() < end && waitpid(pid, &status, WNOHANG) != pid;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, 20) > 0 && n_seen < sizeof seen - 1) {
            ssize_t got = read(fd, seen + n_seen, sizeof seen - 1 - n_seen);

            n_seen += got > 0 ? (size_t)got : 0;
        }
        status = -1;
    }
    if (status == -1) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void it_redraws_in_place_and_ends_clean(void **state)
{
    int fd;
    const char *args[] = { program, "--realtime", "--step", "0.2", sound, NULL }, *tail;
    pid_t pid = start(&fd, 80, args);
    (void)state;

    /* Head, five bars, three events, status: ten lines up. */
    CHECK(wait_for(fd, "\x1b[10F", 3), "it redraws over itself: %zu bytes", n_seen);
    CHECK(count("dBFS") >= 3 && wait_for(fd, "█", 1), "level and bars");
    kill(pid, SIGTERM);
    CHECK(end_of(pid, fd) == 0, "exit code 0");
    CHECK(count("\x1b[?25l") == 0, "the cursor was never hidden");
    seen[n_seen] = '\0';
    tail = strrchr(seen, '\x1b');
    CHECK(tail && strncmp(tail, "\x1b[J", 3) == 0, "the last thing is the end of a drawing: %.20s", tail ? tail + 1 : "");
}

/* Sequences that colour, which end in 'm'; an unfinished one is none. */
static int n_colors(void)
{
    int n = 0;

    seen[n_seen] = '\0';
    for (const char *p = seen; (p = strstr(p, "\x1b[")); p++)
        n += p[2 + strspn(p + 2, "0123456789;")] == 'm';
    return n;
}

/* NO_COLOR that is empty asks for nothing (no-color.org), and who asks for colour on the command line gets it. */
static void no_color_is_obeyed(void **state)
{
    static const struct { const char *variable, *color; bool is_colored; } cases[] = {
        { "NO_COLOR=1", "auto", false }, { "NO_COLOR=", "auto", true }, { "NO_COLOR=1", "always", true }, { "EM=1", "never", false },
        { "TERM=xterm", "auto", true },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *args[] = { "/usr/bin/env", cases[i].variable, program, "--color", cases[i].color, "--realtime", "--step", "0.2", sound, NULL };
        int fd;
        pid_t pid = start(&fd, 80, args);

        CHECK(wait_for(fd, "\x1b[10F", 3) && count("█") > 0, "%s: it draws bars, and redraws: %.200s", cases[i].variable, seen);
        CHECK((n_colors() > 0) == cases[i].is_colored, "%s --color %s: %d colours", cases[i].variable, cases[i].color, n_colors());
        kill(pid, SIGTERM);
        CHECK(end_of(pid, fd) == 0, "exit code 0");
        CHECK((n_colors() > 0) == cases[i].is_colored, "%s --color %s: %d colours at the end", cases[i].variable, cases[i].color, n_colors());
    }
}

static void it_follows_the_size(void **state)
{
    int fd;
    const char *args[] = { program, "--realtime", "--step", "0.2", sound, NULL };
    pid_t pid = start(&fd, 100, args);
    struct winsize narrow = { .ws_row = 10, .ws_col = 30 };
    const char *p;
    (void)state;

    CHECK(wait_for(fd, "\x1b[10F", 2), "it draws");
    CHECK(count("\x1b[2J") == 0, "nothing is wiped while the size stays");
    CHECK(ioctl(fd, TIOCSWINSZ, &narrow) == 0, "a smaller terminal");
    CHECK(wait_for(fd, "\x1b[2J", 1), "it draws anew");
    n_seen = 0;
    CHECK(wait_for(fd, "\x1b[9F", 2), "and goes on in place, with two events in ten rows");
    CHECK(write(fd, "\x03", 1) == 1, "Ctrl-C");
    CHECK(end_of(pid, fd) == 0, "exit code 0");
    /* Between two line ends stand at most 29 columns; what the view held back comes after it. */
    *strstr(seen, "earmark: ") = '\0';
    for (p = strchr(seen, '\n'); p && strchr(p + 1, '\n'); p = strchr(p + 1, '\n')) {
        int columns = 0;

        for (const char *c = p + 1; *c != '\n'; c++) {
            if (*c == '\x1b')
                c += strcspn(c, "KJFHm");
            else if (c[0] == '^' && c[1] == 'C')                /* the terminal's echo, wherever a drawing begins */
                c++;
            else if (((unsigned char)*c & 0xc0) != 0x80 && *c != '\r')
                columns++;
        }
        CHECK(columns < 30, "%d columns on a terminal of 30", columns);
    }
}

/* Whether the terminal takes lines and echoes, as shells want it. */
static bool is_usual(int fd)
{
    struct termios mode;

    CHECK(tcgetattr(fd, &mode) == 0, "the terminal's mode");
    return (mode.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
}

static bool becomes(int fd, bool wants_usual)
{
    for (int64_t end = now_ms() + LIMIT_MS; now_ms() < end && is_usual(fd) != wants_usual;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, 20) > 0 && n_seen < sizeof seen - 1) {
            ssize_t got = read(fd, seen + n_seen, sizeof seen - 1 - n_seen);

            n_seen += got > 0 ? (size_t)got : 0;
        }
    }
    return is_usual(fd) == wants_usual;
}

/* Whether one of the next drawings, which are whole once another one has begun, lacks `needle`. */
static bool is_drawn_without(int fd, const char *needle)
{
    for (int n = 2; n < 60 && wait_for(fd, "\x1b[10F", n); n++) {
        const char *last = NULL, *before = NULL;

        for (const char *p = seen; (p = strstr(p, "\x1b[10F")); p++) {
            before = last;
            last = p;
        }
        if (before && !memmem(before, (size_t)(last - before), needle, strlen(needle)))
            return true;
    }
    return false;
}

static void keys_pause_mark_and_quit(void **state)
{
    char records[] = "/tmp/earmark-keys-XXXXXX";
    const int file = mkstemp(records);
    const char *args[] = { program, "--realtime", "--step", "0.2", "-f", "text", "-o", "-", "-f", "jsonl", "-o", records, sound, NULL };
    static char lines[1 << 16];
    int fd;
    pid_t pid = start(&fd, 80, args);
    ssize_t n;
    (void)state;

    CHECK(wait_for(fd, "space pause   m mark   q quit", 1), "the keys are told: %.300s", seen);
    CHECK(becomes(fd, false), "the terminal gives keys");
    CHECK(write(fd, "\x1b[A\x1bOpx", 7) == 7 && write(fd, "p", 1) == 1, "arrows mean nothing, p does");
    CHECK(wait_for(fd, "  paused", 1), "it is paused");
    CHECK(write(fd, "m", 1) == 1 && wait_for(fd, "mark at 0:", 1), "a mark");
    n_seen = 0;
    CHECK(write(fd, " ", 1) == 1 && is_drawn_without(fd, "  paused"), "it listens again");
    CHECK(write(fd, "q", 1) == 1 && end_of(pid, fd) == 0, "q ends it, exit code 0");
    n = pread(open(records, O_RDONLY | O_CLOEXEC), lines, sizeof lines - 1, 0);
    lines[n > 0 ? n : 0] = '\0';
    unlink(records);
    close(file);
    CHECK(strstr(lines, "\"type\":\"mark\"") && strstr(lines, "\"state\":\"off\"") && strstr(lines, "\"state\":\"on\"") && strstr(lines, "\"stop\""),
          "the records: %.400s", lines);
}

/* However the program ends, what is typed next is echoed. */
static void the_terminal_is_given_back(void **state)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGABRT };
    const char *args[] = { program, "--realtime", "--step", "0.2", sound, NULL };
    (void)state;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int fd, other = -1, status;
        pid_t pid = start(&fd, 80, args);
        char name[64];

        CHECK(ptsname_r(fd, name, sizeof name) == 0 && (other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0, "the terminal stays for us");
        CHECK(becomes(fd, false), "signal %d: keys", numbers[i]);
        kill(pid, numbers[i]);
        CHECK(becomes(fd, true), "signal %d: the terminal is as it was", numbers[i]);
        status = end_of(pid, fd);
        CHECK(status == (numbers[i] == SIGTERM || numbers[i] == SIGINT ? 0 : -1), "signal %d: %d", numbers[i], status);
        close(other);
    }
}

/* Who closes the terminal ends what runs on it, though SIGHUP means to read the configuration again otherwise. */
static void a_closed_terminal_ends_it(void **state)
{
    const char *args[] = { program, "--realtime", "--step", "0.2", sound, NULL };
    int fd, status;
    pid_t pid = start(&fd, 80, args), gone = 0;
    (void)state;

    CHECK(wait_for(fd, "\x1b[10F", 1), "it draws");
    kill(pid, SIGHUP);
    CHECK(wait_for(fd, "the configuration was read again", 1), "SIGHUP of somebody else: %.300s", seen);
    close(fd);
    for (int64_t end = now_ms() + LIMIT_MS; now_ms() < end && gone != pid; usleep(20000))
        gone = waitpid(pid, &status, WNOHANG);
    if (gone != pid)
        kill(pid, SIGKILL);
    CHECK(gone == pid && WIFEXITED(status), "it ends by itself");
}

/* A shell in between, which stops it and lets it go on. */
static void a_stopped_program_leaves_the_terminal_alone(void **state)
{
    const char *args[] = { program, "--realtime", "--step", "0.2", sound, NULL };
    int fd, status;
    pid_t pid = start(&fd, 80, args);
    (void)state;

    for (int i = 0; i < 2; i++) {
        CHECK(becomes(fd, false), "round %d: keys", i);
        CHECK(write(fd, "\x1a", 1) == 1, "Ctrl-Z");
        CHECK(becomes(fd, true), "round %d: the terminal is as it was", i);
        kill(pid, SIGCONT);
    }
    CHECK(becomes(fd, false), "keys again");
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "stopped");
    kill(pid, SIGCONT);
    n_seen = 0;
    CHECK(wait_for(fd, "\x1b[10F", 1) && write(fd, "q", 1) == 1 && end_of(pid, fd) == 0, "it goes on, and q ends it");
}

/* Standard input is sound, or no terminal: nothing is taken of it. */
static void sound_is_no_keys(void **state)
{
    static const char script[] = "\"$0\" --realtime --step 0.2 --duration 1 \"$1\" </dev/null; echo code $?";
    const char *args[] = { "/bin/sh", "-c", script, program, sound, NULL };
    int fd;
    pid_t pid = start(&fd, 80, args);
    (void)state;

    CHECK(wait_for(fd, "dBFS", 1) && is_usual(fd), "standard input is another: no keys");
    CHECK(wait_for(fd, "code 0", 1) && count("space pause") == 0, "and none are told: %.300s", seen);
    CHECK(end_of(pid, fd) == 0, "the shell");
}

static void channels_do_not_draw_over_each_other(void **state)
{
    int fd;
    const char *args[] = { program, "--realtime", "--step", "0.2", "--channel", "each", sound, NULL };
    pid_t pid = start(&fd, 80, args);
    (void)state;

    CHECK(wait_for(fd, "demo.flac:1  0:00.6", 1), "a line a channel and result: %.200s", seen);
    kill(pid, SIGTERM);
    CHECK(end_of(pid, fd) == 0, "exit code 0");
    CHECK(count("\x1b[10F") == 0 && count("\x1b[J") == 0, "nothing is redrawn");
    CHECK(count("demo.flac:1  0:00.2") == 1, "lines stay");
}

/* Results into a file: the terminal has one line of progress, which is gone at the end. */
static void files_show_progress_in_one_line(void **state)
{
    int fd;
    const char *args[] = { program, "-o", "/dev/null", sound, sound, NULL };
    pid_t pid = start(&fd, 80, args);
    (void)state;

    CHECK(wait_for(fd, "2/2", 1), "the second of two files: %.200s", seen);
    CHECK(end_of(pid, fd) == 0, "exit code 0");
    CHECK(count("1/2") > 0 && count(" %  ") > 0 && count("\n") == 0, "all in one line");
    CHECK(n_seen > 4 && strcmp(seen + n_seen - 4, "\r\x1b[K") == 0, "the line is taken away");
}

/* `earmark | cat` at a terminal hears the default microphone: there may be none here, but that is no wrong use. */
static void a_pipe_behind_it_does_not_ask_for_a_source(void **state)
{
    static const char script[] = "{ \"$0\" -f jsonl --duration 0.1; echo code $? >&2; } | cat";
    int fd;
    const char *args[] = { "/bin/sh", "-c", script, program, NULL };
    pid_t pid = start(&fd, 80, args);
    (void)state;

    CHECK(wait_for(fd, "code ", 1) && end_of(pid, fd) == 0, "it ends: %.300s", seen);
    CHECK(count("code 2") == 0 && count("nothing to listen to") == 0, "not a wrong use: %.300s", seen);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_redraws_in_place_and_ends_clean),
        cmocka_unit_test(no_color_is_obeyed),
        cmocka_unit_test(it_follows_the_size),
        cmocka_unit_test(keys_pause_mark_and_quit),
        cmocka_unit_test(the_terminal_is_given_back),
        cmocka_unit_test(a_closed_terminal_ends_it),
        cmocka_unit_test(a_stopped_program_leaves_the_terminal_alone),
        cmocka_unit_test(sound_is_no_keys),
        cmocka_unit_test(channels_do_not_draw_over_each_other),
        cmocka_unit_test(files_show_progress_in_one_line),
        cmocka_unit_test(a_pipe_behind_it_does_not_ask_for_a_source),
    };

    if (argc != 3)
        return 2;
    program = argv[1];
    sound = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
