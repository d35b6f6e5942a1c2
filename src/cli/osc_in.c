/* osc_in.c - datagrams to commands: see osc_in.h. */
#include "cli/osc_in.h"

#include "base/log.h"
#include "cli/osc_message.h"
#include "model/labels.h"
#include "sinks/web/address.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 100, MOST_BYTES = 4096 };

struct em_osc_in {
    int         fd;
    const em_known *known;
    em_control *control;
    pthread_t   thread;
    bool        has_thread;
    atomic_bool is_ending;
    char        from[EM_WEB_ADDRESS_CHARS];     /* whose datagram is looked at */
    unsigned long long n_ignored;
};

/* ---- one message ---- */

static void ignore(em_osc_in *in, const char *what, const char *why)
{
    if (in->n_ignored++ == 0)
        em_log(EM_LOG_WARNING, "--osc-port: from %s: %.80s: %.140s; it is ignored, and so is what else is no command", in->from, what, why);
}

static bool is_number(const em_osc_message *m, int i)
{
    return i < m->n_args && m->args[i].is_number && m->args[i].number == m->args[i].number;
}

static bool is_text(const em_osc_message *m, int i)
{
    return i < m->n_args && !m->args[i].is_number;
}

/* A button that is let go: it was pressed before. */
static bool is_release(const em_osc_message *m)
{
    return m->n_args == 1 && is_number(m, 0) && m->args[0].number == 0;
}

/* Each fills *c and returns why it cannot, NULL: it can. */
typedef const char *command_make(const em_osc_in *in, const em_osc_message *m, em_control_command *c);

static const char *make_plain(const em_osc_in *in, const em_osc_message *m, em_control_command *c)
{
    (void)in;
    (void)c;
    return m->n_args == 0 || (m->n_args == 1 && is_number(m, 0)) ? NULL : "it has no arguments";
}

static const char *make_pause(const em_osc_in *in, const em_osc_message *m, em_control_command *c)
{
    (void)in;
    if (m->n_args != 1 || !is_number(m, 0))
        return "its argument is one number";
    c->sw = m->args[0].number != 0 ? EM_SWITCH_OFF : EM_SWITCH_ON;
    return NULL;
}

static const char *make_mark(const em_osc_in *in, const em_osc_message *m, em_control_command *c)
{
    if (m->n_args != 1 || !is_text(m, 0))
        return make_plain(in, m, c) ? "its argument is one text" : NULL;
    snprintf(c->text, sizeof c->text, "%s", m->args[0].text);
    return NULL;
}

/* A name that is no class may be a group's: the engine knows those of now. */
static const char *make_threshold(const em_osc_in *in, const em_osc_message *m, em_control_command *c)
{
    const em_classes *classes = &in->known->classes;

    if (m->n_args != 2 || !is_text(m, 0) || !is_number(m, 1))
        return "its arguments are a class and a number";
    if (!(m->args[1].number >= 0.001 && m->args[1].number <= 1))
        return "a threshold is 0.001 to 1";
    if (strlen(m->args[0].text) >= sizeof c->text)
        return "there is no such class";
    c->threshold = (float)m->args[1].number;
    c->i_class = em_labels_find(classes->labels, classes->mids, classes->n, m->args[0].text);
    snprintf(c->text, sizeof c->text, "%s", m->args[0].text);
    return NULL;
}

static void obey(void *ctx, const em_osc_message *m)
{
    static const struct { const char *address; em_control_type type; command_make *make; } commands[] = {
        { "/earmark/pause", EM_CONTROL_LISTEN, make_pause }, { "/earmark/mark", EM_CONTROL_MARK, make_mark },
        { "/earmark/clip", EM_CONTROL_CLIP, make_plain },    { "/earmark/threshold", EM_CONTROL_THRESHOLD, make_threshold },
        { "/earmark/stop", EM_CONTROL_QUIT, make_plain },
    };
    em_osc_in *in = ctx;

    for (size_t i = 0; i < EM_COUNT(commands); i++) {
        em_control_command c = { .type = commands[i].type };
        const char *why;

        if (strcmp(m->address, commands[i].address) != 0)
            continue;
        if ((why = commands[i].make(in, m, &c)))
            ignore(in, commands[i].address, why);
        else if (c.type == EM_CONTROL_LISTEN || !is_release(m))
            em_control_put(in->control, &c);
        return;
    }
    ignore(in, m->address, "there is no such command");
}

/* ---- the thread ---- */

static void receive(em_osc_in *in)
{
    unsigned char bytes[MOST_BYTES];
    struct sockaddr_storage from;
    socklen_t n_from = sizeof from;
    const ssize_t n = recvfrom(in->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &n_from);

    if (n < 0)
        return;
    em_web_address_text(in->from, (const struct sockaddr *)&from, true);
    if ((size_t)n > sizeof bytes)
        ignore(in, "a datagram", "it is too long");
    else if (!em_osc_parse(bytes, (size_t)n, obey, in))
        ignore(in, "a datagram", "it is not OSC");
}

static void *run(void *ctx)
{
    em_osc_in *in = ctx;

    while (!atomic_load(&in->is_ending)) {
        struct pollfd p = { .fd = in->fd, .events = POLLIN };

        if (poll(&p, 1, TICK_MS) > 0)
            receive(in);
    }
    return NULL;
}

/* ---- life ---- */

/* Nothing is shared: who has the port gets its datagrams. */
em_status em_osc_in_bind(int *fd, const char *address, em_err *err)
{
    em_web_address a;

    *fd = -1;
    if (!em_web_address_parse(&a, address))
        return em_fail(err, EM_EINVAL, "--osc-port: not [ADDR:]PORT");
    *fd = socket(a.at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && bind(*fd, (struct sockaddr *)&a.at, a.n) == 0)
        return EM_OK;
    em_fail(err, EM_EIO, "--osc-port: %.60s: cannot be listened to: %s", address, strerror(errno));
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return EM_EIO;
}

static void tell_port(em_osc_in *in)
{
    struct sockaddr_storage at = { 0 };
    socklen_t n = sizeof at;

    getsockname(in->fd, (struct sockaddr *)&at, &n);
    em_log(EM_LOG_DEBUG, "OSC commands at %s", em_web_address_text(in->from, (struct sockaddr *)&at, true));
}

em_status em_osc_in_open(em_osc_in **out, const char *address, const em_known *known, em_control *control, em_err *err)
{
    em_osc_in *in = calloc(1, sizeof *in);
    em_status status;

    *out = NULL;
    if (!in)
        return em_fail(err, EM_ENOMEM, "no memory for OSC");
    in->known = known;
    in->control = control;
    status = em_osc_in_bind(&in->fd, address, err);
    if (!status)
        tell_port(in);
    if (!status && !(in->has_thread = pthread_create(&in->thread, NULL, run, in) == 0))
        status = em_fail(err, EM_ENOMEM, "no thread for OSC");
    if (status) {
        em_osc_in_close(in);
        return status;
    }
    *out = in;
    return EM_OK;
}

void em_osc_in_close(em_osc_in *in)
{
    if (!in)
        return;
    atomic_store(&in->is_ending, true);
    if (in->has_thread)
        pthread_join(in->thread, NULL);
    if (in->fd >= 0)
        close(in->fd);
    if (in->n_ignored > 0)
        em_log(EM_LOG_WARNING, "--osc-port: %llu messages were no commands", in->n_ignored);
    free(in);
}
