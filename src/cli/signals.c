#include "cli/signals.h"

#include <signal.h>
#include <unistd.h>

static atomic_bool is_asked;

static void ask(int number)
{
    (void)number;
    if (atomic_exchange(&is_asked, true))
        _exit(0);
}

const atomic_bool *em_signals_catch(void)
{
    struct sigaction action = { .sa_handler = ask, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &is_asked;
}

void em_signals_ignore(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}
