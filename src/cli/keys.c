/* keys.c - the terminal's mode, and the thread that reads it: see keys.h. What signal handlers need is static. */
#include "cli/keys.h"

#include "base/clock.h"
#include "cli/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { TICK_MS = 100, ESCAPE = 0x1b };

struct em_keys {
    em_control *control;
    pthread_t   thread;
    atomic_bool is_ending;
    enum { BETWEEN, BEHIND_ESCAPE, IN_SEQUENCE, AT_LAST } place;    /* in what one key sends */
};

/* Signals that end a program which does not handle them. */
static const int fatal[] = {
    SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGSYS,
};
static struct sigaction fatal_before[EM_COUNT(fatal)], stop_before, go_before;

static struct termios usual;        /* the terminal as it was                     */
static atomic_bool is_taken;        /* it is not now                              */

/* ---- the terminal's mode; in signal handlers, too ---- */

/* In the background to set it would stop us, and it belongs to somebody else. */
static bool is_foreground(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void give_back(void)
{
    if (atomic_exchange(&is_taken, false) && is_foreground())
        tcsetattr(STDIN_FILENO, TCSANOW, &usual);
}

static void take(void)
{
    struct termios mode = usual;

    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0)
        atomic_store(&is_taken, true);
}

/* ---- signals ---- */

static void die(int number)
{
    give_back();
    signal(number, SIG_DFL);
    raise(number);                  /* once this handler is left */
}

static void stop(int number)
{
    const int saved = errno;
    struct sigaction usual_stop = { .sa_handler = SIG_DFL }, ours;
    sigset_t just_this, before;

    give_back();
    sigemptyset(&just_this);
    sigaddset(&just_this, number);
    sigaction(number, &usual_stop, &ours);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &just_this, &before);      /* here it stops, and goes on with SIGCONT */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigaction(number, &ours, NULL);
    errno = saved;
}

/* Whoever had the terminal meanwhile has left it in a mode of its own: the thread takes it anew. */
static void go_on(int number)
{
    (void)number;
    atomic_store(&is_taken, false);
}

/* Who handles a signal already keeps it. */
static void handle(int number, void (*handler)(int), struct sigaction *before)
{
    struct sigaction ours = { .sa_handler = handler, .sa_flags = SA_RESTART };

    sigemptyset(&ours.sa_mask);
    if (sigaction(number, NULL, before) == 0 && !(before->sa_flags & SA_SIGINFO) && before->sa_handler == SIG_DFL)
        sigaction(number, &ours, NULL);
}

static void catch_signals(void)
{
    for (size_t i = 0; i < EM_COUNT(fatal); i++)
        handle(fatal[i], die, &fatal_before[i]);
    handle(SIGTSTP, stop, &stop_before);
    handle(SIGCONT, go_on, &go_before);
    em_signals_before_death(give_back);
}

static void release_signals(void)
{
    for (size_t i = 0; i < EM_COUNT(fatal); i++)
        sigaction(fatal[i], &fatal_before[i], NULL);
    sigaction(SIGTSTP, &stop_before, NULL);
    sigaction(SIGCONT, &go_before, NULL);
    em_signals_before_death(NULL);
}

/* ---- the thread ---- */

static void press(em_control *control, char key)
{
    static const struct { const char *keys; em_control_type type; } commands[] = {
        { " pP", EM_CONTROL_LISTEN }, { "mM", EM_CONTROL_MARK }, { "qQ", EM_CONTROL_QUIT },
    };
    em_control_command c = { .sw = EM_SWITCH_OTHER };

    for (size_t i = 0; key && i < EM_COUNT(commands); i++)
        if (strchr(commands[i].keys, key)) {
            c.type = commands[i].type;
            em_control_put(control, &c);
        }
}

/* Keys that send several bytes mean nothing: "ESC [ 1 ; 5 A", "ESC O p", "ESC m" (Alt). False: this byte is a key of its own. */
static bool skip(em_keys *k, char byte)
{
    const bool is_last = byte >= '@' && byte <= '~';

    if (k->place == BETWEEN && byte != ESCAPE)
        return false;
    if (byte == ESCAPE)
        k->place = BEHIND_ESCAPE;
    else if (k->place == BEHIND_ESCAPE)
        k->place = byte == '[' ? IN_SEQUENCE : byte == 'O' ? AT_LAST : BETWEEN;
    else if (k->place == AT_LAST || is_last)
        k->place = BETWEEN;
    return true;
}

static void read_keys(em_keys *k)
{
    char keys[64];
    const ssize_t n = read(STDIN_FILENO, keys, sizeof keys);

    for (ssize_t i = 0; i < n; i++)
        if (!skip(k, keys[i]))
            press(k->control, keys[i]);
    if (n == 0)
        em_sleep_ms(TICK_MS);       /* the terminal is gone, which a signal tells */
}

static void *run(void *ctx)
{
    em_keys *k = ctx;

    while (!atomic_load(&k->is_ending)) {
        const bool is_ours = is_foreground();
        struct pollfd p = { .fd = is_ours ? STDIN_FILENO : -1, .events = POLLIN };

        if (is_ours && !atomic_load(&is_taken))
            take();
        if (poll(&p, 1, TICK_MS) > 0 && is_foreground())
            read_keys(k);
    }
    return NULL;
}

/* ---- life ---- */

bool em_keys_are_there(void)
{
    struct termios mode;

    return isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &mode) == 0;
}

em_status em_keys_open(em_keys **out, em_control *control, em_err *err)
{
    em_keys *k = calloc(1, sizeof *k);

    *out = NULL;
    if (!k)
        return em_fail(err, EM_ENOMEM, "no memory for the keys");
    k->control = control;
    tcgetattr(STDIN_FILENO, &usual);
    catch_signals();
    if (pthread_create(&k->thread, NULL, run, k) != 0) {
        release_signals();
        free(k);
        return em_fail(err, EM_ENOMEM, "no thread for the keys");
    }
    *out = k;
    return EM_OK;
}

void em_keys_close(em_keys *k)
{
    if (!k)
        return;
    atomic_store(&k->is_ending, true);
    pthread_join(k->thread, NULL);
    give_back();
    release_signals();
    free(k);
}
