/* nsm_link.c - see nsm_link.h; new-session-manager's API, version 1.1.
 *
 *   we    /nsm/server/announce   name, capabilities, argv[0], major, minor, pid
 *   it    /reply or /error       to that
 *   it    /nsm/client/open       path, display name, client id        answered when the sound is open
 *   it    /nsm/client/save       answered when it is done
 *   we    /nsm/client/progress   share
 *
 * All goes through one socket: a manager knows its clients by their addresses. What is no part of this is not answered, nor is what comes from
 * another port than the manager's: anybody on this network can send datagrams. */
#include "cli/nsm_link.h"

#include "base/log.h"
#include "base/text.h"

#include <lo/lo.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ANNOUNCE_S = 5, OPEN_S = 15, API_MAJOR = 1, API_MINOR = 1 };
enum { ERR_GENERAL = -1, ERR_NOT_NOW = -8, ERR_BAD_PROJECT = -9 };

static const char capabilities[] = ":progress:message:";

typedef enum state { ANNOUNCED, WELCOME, REFUSED, TOLD, ANSWERED } state;

struct em_nsm_link {
    em_nsm_link_cfg  cfg;
    lo_server_thread thread;
    lo_address       manager;
    pthread_mutex_t  lock;
    pthread_cond_t   changed;       /* the state */
    state            state;
    em_nsm_project   project;
    char             why[160];      /* REFUSED */
};

/* Outside of liblo's thread as well as in it. */
static void say(em_nsm_link *l, const char *path, lo_message m)
{
    if (m)
        lo_send_message_from(l->manager, lo_server_thread_get_server(l->thread), path, m);
    lo_message_free(m);
}

static void say_yes(em_nsm_link *l, const char *to)
{
    lo_message m = lo_message_new();

    if (m) {
        lo_message_add_string(m, to);
        lo_message_add_string(m, "OK");
    }
    say(l, "/reply", m);
}

static void say_no(em_nsm_link *l, const char *to, int code, const char *why)
{
    lo_message m = lo_message_new();

    if (m) {
        lo_message_add_string(m, to);
        lo_message_add_int32(m, code);
        lo_message_add_string(m, why);
    }
    say(l, "/error", m);
}

static void set_state(em_nsm_link *l, state s)
{
    pthread_mutex_lock(&l->lock);
    l->state = s;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static state state_of(em_nsm_link *l)
{
    state s;

    pthread_mutex_lock(&l->lock);
    s = l->state;
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* ---- liblo's thread ---- */

static bool is_manager(const em_nsm_link *l, lo_message message)
{
    lo_address from = lo_message_get_source(message);
    const char *port = from ? lo_address_get_port(from) : NULL;

    return port && strcmp(port, lo_address_get_port(l->manager)) == 0;
}

#define HANDLER(name) static int name(const char *path, const char *types, lo_arg **argv, int argc, lo_message message, void *ctx)
#define UNUSED_HANDLER_ARGUMENTS (void)path, (void)types, (void)argc

HANDLER(on_reply)
{
    em_nsm_link *l = ctx;

    UNUSED_HANDLER_ARGUMENTS;
    if (is_manager(l, message) && strcmp(&argv[0]->s, "/nsm/server/announce") == 0 && state_of(l) == ANNOUNCED)
        set_state(l, WELCOME);
    return 0;
}

HANDLER(on_error)
{
    em_nsm_link *l = ctx;

    UNUSED_HANDLER_ARGUMENTS;
    if (!is_manager(l, message) || strcmp(&argv[0]->s, "/nsm/server/announce") != 0 || state_of(l) != ANNOUNCED)
        return 0;
    em_text_clean(l->why, sizeof l->why, &argv[2]->s);
    set_state(l, REFUSED);
    return 0;
}

/* Once: what is open stays open until the end. */
HANDLER(on_open)
{
    em_nsm_link *l = ctx;
    const char *project = &argv[0]->s, *id = &argv[2]->s;

    UNUSED_HANDLER_ARGUMENTS;
    if (!is_manager(l, message))
        return 0;
    if (state_of(l) >= TOLD)
        say_no(l, "/nsm/client/open", ERR_NOT_NOW, "a session is open already");
    else if (*project != '/' || strlen(project) >= EM_NSM_PATH || !*id || strlen(id) >= EM_NSM_ID || strchr(id, ':'))
        say_no(l, "/nsm/client/open", ERR_BAD_PROJECT, "wants an absolute path, and a client id of 1 to 63 characters without ':'");
    else {
        snprintf(l->project.path, sizeof l->project.path, "%s", project);
        snprintf(l->project.client_id, sizeof l->project.client_id, "%s", id);
        set_state(l, TOLD);
    }
    return 0;
}

HANDLER(on_save)
{
    em_nsm_link *l = ctx;
    em_err why = { 0 };

    UNUSED_HANDLER_ARGUMENTS;
    (void)argv;
    if (!is_manager(l, message))
        return 0;
    if (state_of(l) != ANSWERED)
        say_no(l, "/nsm/client/save", ERR_NOT_NOW, "nothing is open yet");
    else if (l->cfg.save(l->cfg.ctx, &why))
        say_no(l, "/nsm/client/save", ERR_GENERAL, why.msg);
    else
        say_yes(l, "/nsm/client/save");
    return 0;
}

static void on_trouble(int number, const char *text, const char *where)
{
    em_log(EM_LOG_DEBUG, "NSM: %s (%d) %s", text ? text : "", number, where ? where : "");
}

/* ---- ours ---- */

/* True: the state is no longer `s`. */
static bool wait_beyond(em_nsm_link *l, state s, int seconds)
{
    struct timespec until;
    bool is_late = false, is_beyond;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&l->lock);
    while (l->state == s && !is_late)
        is_late = pthread_cond_timedwait(&l->changed, &l->lock, &until) != 0;
    is_beyond = l->state != s;
    pthread_mutex_unlock(&l->lock);
    return is_beyond;
}

static void announce(em_nsm_link *l)
{
    lo_message m = lo_message_new();

    if (m) {
        lo_message_add_string(m, "earmark");
        lo_message_add_string(m, capabilities);
        lo_message_add_string(m, l->cfg.program);
        lo_message_add_int32(m, API_MAJOR);
        lo_message_add_int32(m, API_MINOR);
        lo_message_add_int32(m, (int32_t)getpid());
    }
    say(l, "/nsm/server/announce", m);
}

static em_status listen_to_manager(em_nsm_link *l, em_err *err)
{
    l->manager = lo_address_new_from_url(l->cfg.url);
    if (!l->manager || lo_address_get_protocol(l->manager) != LO_UDP)
        return em_fail(err, EM_EIO, "NSM_URL: %.80s is not osc.udp://HOST:PORT/", l->cfg.url);
    if (!(l->thread = lo_server_thread_new_with_proto(NULL, LO_UDP, on_trouble)))
        return em_fail(err, EM_EIO, "NSM_URL: no socket for the session manager");
    if (!lo_server_thread_add_method(l->thread, "/reply", "ssss", on_reply, l) ||
        !lo_server_thread_add_method(l->thread, "/error", "sis", on_error, l) ||
        !lo_server_thread_add_method(l->thread, "/nsm/client/open", "sss", on_open, l) ||
        !lo_server_thread_add_method(l->thread, "/nsm/client/save", "", on_save, l) || lo_server_thread_start(l->thread) != 0)
        return em_fail(err, EM_ENOMEM, "NSM_URL: no memory to talk with the session manager");
    return EM_OK;
}

static em_status be_told(em_nsm_link *l, em_err *err)
{
    announce(l);
    if (!wait_beyond(l, ANNOUNCED, ANNOUNCE_S))
        return em_fail(err, EM_EIO, "NSM_URL: no session manager answers at %.80s", l->cfg.url);
    if (state_of(l) == REFUSED)
        return em_fail(err, EM_EIO, "NSM_URL: the session manager at %.60s does not want us: %.120s", l->cfg.url, l->why);
    if (!wait_beyond(l, WELCOME, OPEN_S))
        return em_fail(err, EM_EIO, "NSM_URL: the session manager at %.80s opens nothing", l->cfg.url);
    return EM_OK;
}

static void nsm_leave(em_nsm_link *l)
{
    if (!l)
        return;
    if (l->thread)
        lo_server_thread_free(l->thread);
    if (l->manager)
        lo_address_free(l->manager);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static em_status nsm_join(em_nsm_link **out, em_nsm_project *project, const em_nsm_link_cfg *cfg, em_err *err)
{
    em_nsm_link *l = calloc(1, sizeof *l);
    pthread_condattr_t attr;
    em_status status;

    *out = NULL;
    if (!l)
        return em_fail(err, EM_ENOMEM, "no memory for a session");
    l->cfg = *cfg;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, &attr);
    pthread_condattr_destroy(&attr);
    if ((status = listen_to_manager(l, err)) || (status = be_told(l, err))) {
        nsm_leave(l);
        return status;
    }
    *project = l->project;
    *out = l;
    return EM_OK;
}

static void nsm_answer(em_nsm_link *l, const char *why_not)
{
    if (state_of(l) != TOLD)
        return;
    set_state(l, ANSWERED);
    if (why_not)
        say_no(l, "/nsm/client/open", ERR_GENERAL, why_not);
    else
        say_yes(l, "/nsm/client/open");
}

static void nsm_progress(em_nsm_link *l, float share)
{
    lo_message m = lo_message_new();

    if (m)
        lo_message_add_float(m, share);
    say(l, "/nsm/client/progress", m);
}

const em_nsm_ops em_nsm_liblo = { nsm_join, nsm_answer, nsm_progress, nsm_leave };
