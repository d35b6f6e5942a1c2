/* signals.c - the flag that ends a run, and what a second signal does: see signals.h. */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static const int64_t PATIENCE_MS = 3000;    /* more than a clean end takes */

static atomic_bool is_asked;
static atomic_int  asked_by;        /* the first signal */
static _Atomic int64_t asked_ms;
static _Atomic(em_control *) reload;        /* who is told of SIGHUP      */
static _Atomic(void (*)(void)) before_death;
static bool had_terminal, outlives_terminal;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);     /* allowed in a handler */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void ask(int number)
{
    int none = 0;

    if (atomic_compare_exchange_strong(&asked_by, &none, number)) {
        atomic_store(&asked_ms, now_ms());
        atomic_store(&is_asked, true);
    } else if (atomic_load(&asked_ms) > 0 && now_ms() - atomic_load(&asked_ms) >= PATIENCE_MS) {
        void (*last)(void) = atomic_load(&before_death);

        if (last)
            last();
        _exit(128 + number);
    }
}

/* A controlling terminal that is hung up is none any more. */
static bool has_terminal(void)
{
    const int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* SIGHUP: of a terminal that is gone, or of somebody who wants the configuration to be read again. */
static void hang_up(int number)
{
    static const em_control_command again = { .type = EM_CONTROL_RELOAD };
    const int saved = errno;
    em_control *to = atomic_load(&reload);

    if (to && (!had_terminal || has_terminal()))
        em_control_put(to, &again);
    else if (!outlives_terminal)
        ask(number);
    errno = saved;
}

const atomic_bool *em_signals_catch(void)
{
    struct sigaction action = { .sa_handler = ask, .sa_flags = SA_RESTART }, hangup;

    had_terminal = has_terminal();

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A terminal that closes ends us as cleanly, unless we were started to outlive it (nohup). */
    outlives_terminal = sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
    action.sa_handler = hang_up;
    sigaction(SIGHUP, &action, NULL);
    return &is_asked;
}

void em_signals_outlive_terminal(void)
{
    outlives_terminal = true;
}

void em_signals_reload(em_control *control)
{
    atomic_store(&reload, control);
}

void em_signals_ask_end(void)
{
    int none = 0;

    if (atomic_compare_exchange_strong(&asked_by, &none, SIGTERM)) {
        atomic_store(&asked_ms, now_ms());
        atomic_store(&is_asked, true);
    }
}

void em_signals_before_death(void (*last)(void))
{
    atomic_store(&before_death, last);
}

int em_signals_die(void)
{
    const int asked = atomic_load(&asked_by), number = asked ? asked : SIGINT;     /* of several ranks another may have been asked */
    sigset_t set;

    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    return 128 + number;
}

void em_signals_ignore(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}
