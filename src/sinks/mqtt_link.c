/* mqtt_link.c - the thread that talks to a broker, again and again, and its life: see mqtt_link.h. */
#include "sinks/mqtt_link.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "sinks/mqtt_talk.h"

#include <math.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 100, LONGEST_WAIT_S = 60 };

struct em_mqtt_link {
    em_mqtt_link_cfg cfg;           /* its texts are ours */
    em_mqtt_box *box;
    em_mqtt_talk talk;
    pthread_t    thread;
    em_rng       rng;
    bool         has_told_flood;    /* that it sends what is too long */
};

/* ---- the thread ---- */

static void tell_trouble(em_mqtt_link *l)
{
    const bool is_known = l->talk.has_told || (l->talk.is_flooded && l->has_told_flood);

    em_log(is_known ? EM_LOG_DEBUG : EM_LOG_WARNING, "%s: %s; trying again", l->cfg.url.shown, l->talk.why);
    l->has_told_flood |= l->talk.is_flooded;
    l->talk.has_told |= !is_known;
}

/* The next wish to end cuts it short. */
static void wait_between(em_mqtt_link *l, double seconds)
{
    const uint64_t until = em_now_ns() + (uint64_t)(seconds * 1e9);

    while (!atomic_load(&l->talk.is_ending) && em_now_ns() < until) {
        em_mqtt_talk_tell_dropped(&l->talk);
        em_sleep_ms(POLL_MS);
    }
}

static void *run(void *ctx)
{
    em_mqtt_link *l = ctx;
    double wait_s = 1;

    while (!em_mqtt_talk_hold(&l->talk)) {
        const bool was_last = atomic_load(&l->talk.is_ending);

        if (l->talk.is_up && !l->talk.is_flooded)
            wait_s = 1;
        if (was_last)
            break;
        tell_trouble(l);
        wait_between(l, wait_s * (1 + em_rng_uniform(&l->rng) / 2));
        wait_s = fmin(2 * wait_s, LONGEST_WAIT_S);
    }
    return NULL;
}

/* ---- life ---- */

static void free_link(em_mqtt_link *l)
{
    em_mqtt_talk_deinit(&l->talk);
    em_mqtt_box_free(l->box);
    free((char *)(uintptr_t)l->cfg.ca);
    free((char *)(uintptr_t)l->cfg.cert);
    free((char *)(uintptr_t)l->cfg.key);
    free((char *)(uintptr_t)l->cfg.client_id);
    free((char *)(uintptr_t)l->cfg.will_topic);
    free((char *)(uintptr_t)l->cfg.birth_topic);
    free((char *)(uintptr_t)l->cfg.command_topic);
    free(l);
}

static bool copy(const char **text)
{
    return !*text || (*text = strdup(*text));
}

em_status em_mqtt_link_open(em_mqtt_link **out, const em_mqtt_link_cfg *cfg, em_mqtt_box *box, em_err *err)
{
    em_mqtt_link *l = calloc(1, sizeof *l);

    *out = NULL;
    if (!l) {
        em_mqtt_box_free(box);
        return em_fail(err, EM_ENOMEM, "no memory to talk to a broker");
    }
    l->box = box;
    l->talk.cfg = &l->cfg;
    l->talk.box = box;
    l->cfg.url = cfg->url;
    l->cfg.command = cfg->command;
    l->cfg.command_ctx = cfg->command_ctx;
    l->rng.state = em_now_ns() ^ (uint64_t)getpid() << 32;
#define COPY(field) (l->cfg.field = cfg->field, copy(&l->cfg.field))
    if (!(COPY(ca) & COPY(cert) & COPY(key) & COPY(client_id) & COPY(will_topic) & COPY(birth_topic) & COPY(command_topic)) ||
        mosquitto_lib_init() != MOSQ_ERR_SUCCESS || pthread_create(&l->thread, NULL, run, l) != 0) {
        free_link(l);
        return em_fail(err, EM_ENOMEM, "no memory to talk to a broker");
    }
#undef COPY
    *out = l;
    return EM_OK;
}

static em_status judge(em_mqtt_link *l, em_err *err)
{
    const size_t n_left = em_mqtt_talk_left(&l->talk);
    const uint64_t n_dropped = em_mqtt_box_dropped(l->box);

    if (n_dropped > 0)
        em_log(EM_LOG_WARNING, "%s: %llu messages were dropped: the broker was too slow or not there", l->cfg.url.shown,
               (unsigned long long)n_dropped);
    if (!l->talk.was_ever_up)
        return em_fail(err, EM_EIO, "%s: %s", l->cfg.url.shown, *l->talk.why ? l->talk.why : "it does not answer");
    if (n_left > 0)
        return em_fail(err, EM_EIO, "%s: %zu messages did not get there: %s", l->cfg.url.shown, n_left,
                       *l->talk.why ? l->talk.why : "it does not answer");
    return EM_OK;
}

em_status em_mqtt_link_close(em_mqtt_link *l, double flush_s, em_err *err)
{
    struct timespec until;
    em_status status;

    if (!l)
        return EM_OK;
    atomic_store(&l->talk.end_ns, em_now_ns() + (uint64_t)(flush_s * 1e9));
    atomic_store(&l->talk.is_ending, true);
    em_mqtt_box_wake(l->box);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)ceil(flush_s) + 1;
    /* The system's look-up of a name cannot be stopped: what the thread uses is left to it. */
    if (pthread_timedjoin_np(l->thread, NULL, &until) != 0) {
        pthread_detach(l->thread);
        return em_fail(err, EM_EIO, "%s: the look-up of its name does not end", l->cfg.url.shown);
    }
    status = judge(l, err);
    free_link(l);
    mosquitto_lib_cleanup();
    return status;
}
