/* mqtt_link.c - the thread that talks to a broker: see mqtt_link.h.
 *
 * Every connection has a handle of libmosquitto's of its own, driven from here by poll: nothing of it is left when it ends, and
 * the library's queue, which has no limit, never holds more than what is in flight. */
#include "sinks/mqtt_link.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"

#include <errno.h>
#include <math.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    KEEPALIVE_S = 10,               /* a broker that is silent for twice as long is gone */
    ANSWER_S = 10,                  /* from the first packet to the broker's yes or no   */
    POLL_MS = 100,
    LONGEST_WAIT_S = 60,
    QOS = 1,
};

typedef struct flying { em_mqtt_message message; int mid; bool is_used; } flying;

struct em_mqtt_link {
    em_mqtt_link_cfg cfg;
    em_mqtt_box *box;
    pthread_t   thread;
    atomic_bool is_ending;
    atomic_ullong end_ns;           /* when to give up, once it is ending                 */
    struct mosquitto *handle;       /* of this connection                                 */
    bool        is_up, is_refused, is_leaving;
    uint64_t    opened_ns;
    flying      flight[EM_MQTT_FLIGHT];
    int         n_flying;
    bool        was_ever_up, has_told;      /* has_told: that there is no connection      */
    bool        has_told_dropped;
    char        why[160];
    em_rng      rng;
};

/* ---- what the broker says ---- */

static void set_why(em_mqtt_link *l, const char *why)
{
    snprintf(l->why, sizeof l->why, "%s", why);
}

static void on_connect(struct mosquitto *handle, void *ctx, int answer)
{
    em_mqtt_link *l = ctx;

    (void)handle;
    l->is_up = answer == 0;
    l->is_refused = answer != 0;
    if (answer == 4 || answer == 5)
        set_why(l, "it does not take this user name and password");
    else if (answer != 0)
        set_why(l, mosquitto_connack_string(answer));
}

static void on_publish(struct mosquitto *handle, void *ctx, int mid)
{
    em_mqtt_link *l = ctx;

    (void)handle;
    for (int i = 0; i < EM_MQTT_FLIGHT; i++)
        if (l->flight[i].is_used && l->flight[i].mid == mid)
            l->flight[i].is_used = false;
}

/* Whether topic is what the '+' of cfg.command_topic stands for; that part of it into level. */
static bool is_command(const em_mqtt_link *l, const char *topic, char *level, size_t room)
{
    const char *wanted = l->cfg.command_topic, *plus = wanted ? strchr(wanted, '+') : NULL;
    const size_t n_head = plus ? (size_t)(plus - wanted) : 0, n = strlen(topic), n_tail = plus ? strlen(plus + 1) : 0;

    if (!plus || n <= n_head + n_tail || n - n_head - n_tail >= room || strncmp(topic, wanted, n_head) != 0 ||
        strcmp(topic + n - n_tail, plus + 1) != 0)
        return false;
    snprintf(level, room, "%.*s", (int)(n - n_head - n_tail), topic + n_head);
    return true;
}

static void on_message(struct mosquitto *handle, void *ctx, const struct mosquitto_message *m)
{
    em_mqtt_link *l = ctx;
    char level[256];

    (void)handle;
    if (!m->retain && is_command(l, m->topic, level, sizeof level))
        l->cfg.command(l->cfg.command_ctx, level, m->payload, (size_t)m->payloadlen);
    else if (l->cfg.birth_topic && strcmp(m->topic, l->cfg.birth_topic) == 0 && m->payloadlen == 6 && memcmp(m->payload, "online", 6) == 0)
        em_mqtt_box_rediscover(l->box);
}

/* OpenSSL's reasons come this way only: "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed". */
static void on_log(struct mosquitto *handle, void *ctx, int level, const char *line)
{
    const char *reason = strstr(line, "::");
    em_mqtt_link *l = ctx;

    (void)handle;
    if (level == MOSQ_LOG_ERR)
        snprintf(l->why, sizeof l->why, "%s%s", reason ? "TLS: " : "", reason ? reason + 2 : line);
}

/* ---- one connection ---- */

static int set_up(em_mqtt_link *l)
{
    const em_mqtt_url *u = &l->cfg.url;
    struct mosquitto *h = l->handle;
    int rc = l->cfg.will_topic ? mosquitto_will_set(h, l->cfg.will_topic, 7, "offline", QOS, true) : 0;

    mosquitto_connect_callback_set(h, on_connect);
    mosquitto_publish_callback_set(h, on_publish);
    mosquitto_message_callback_set(h, on_message);
    mosquitto_log_callback_set(h, on_log);
    mosquitto_int_option(h, MOSQ_OPT_TCP_NODELAY, 1);
    if (!rc && *u->user)
        rc = mosquitto_username_pw_set(h, u->user, *u->password ? u->password : NULL);
    if (!rc && u->is_tls && !l->cfg.ca)
        rc = mosquitto_int_option(h, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    if (!rc && u->is_tls)
        rc = mosquitto_tls_set(h, l->cfg.ca, l->cfg.ca ? NULL : "/etc/ssl/certs", l->cfg.cert, l->cfg.key, NULL);
    return rc ? rc : mosquitto_connect_async(h, u->host, u->port, KEEPALIVE_S);
}

static int publish(em_mqtt_link *l, flying *f)
{
    const em_mqtt_kind kind = em_mqtt_topic_kind(f->message.topic);

    return mosquitto_publish(l->handle, &f->mid, em_mqtt_topic_name(f->message.topic), (int)f->message.n, f->message.bytes, QOS,
                             kind == EM_MQTT_STATE || kind == EM_MQTT_DISCOVERY);
}

/* The broker's yes: all states are due, and what an earlier connection left behind is sent first. */
static int begin(em_mqtt_link *l)
{
    int rc = l->cfg.birth_topic ? mosquitto_subscribe(l->handle, NULL, l->cfg.birth_topic, QOS) : 0;

    if (!rc && l->cfg.command_topic)
        rc = mosquitto_subscribe(l->handle, NULL, l->cfg.command_topic, QOS);

    if (l->has_told)
        em_log(EM_LOG_WARNING, "%s: connected", l->cfg.url.shown);
    else
        em_log(EM_LOG_DEBUG, "%s: connected", l->cfg.url.shown);
    l->was_ever_up = true;
    l->has_told = false;
    for (int i = 0; i < EM_MQTT_FLIGHT && !rc; i++) {
        flying *f = &l->flight[i];

        f->is_used = f->is_used && em_mqtt_topic_kind(f->message.topic) == EM_MQTT_EVENT;
        if (f->is_used)
            rc = publish(l, f);
    }
    em_mqtt_box_renew(l->box);
    return rc;
}

/* Fills what is free of the flight. */
static int send_more(em_mqtt_link *l)
{
    int rc = 0;

    l->n_flying = 0;
    for (int i = 0; i < EM_MQTT_FLIGHT && !rc; i++) {
        flying *f = &l->flight[i];

        if (!f->is_used && (f->is_used = em_mqtt_box_take(l->box, &f->message)))
            rc = publish(l, f);
        l->n_flying += f->is_used;
    }
    return rc;
}

static bool is_late(const em_mqtt_link *l)
{
    return atomic_load(&l->is_ending) && em_now_ns() >= atomic_load(&l->end_ns);
}

static void tell_dropped(em_mqtt_link *l)
{
    if (l->has_told_dropped || em_mqtt_box_dropped(l->box) == 0)
        return;
    em_log(EM_LOG_WARNING, "%s: too many messages wait for the broker, the oldest are dropped", l->cfg.url.shown);
    l->has_told_dropped = true;
}

static int talk(em_mqtt_link *l)
{
    const bool has_room = l->is_up && l->n_flying < EM_MQTT_FLIGHT;
    struct pollfd p[] = {
        { .fd = mosquitto_socket(l->handle), .events = (short)(POLLIN | (mosquitto_want_write(l->handle) ? POLLOUT : 0)) },
        { .fd = has_room ? em_mqtt_box_fd(l->box) : -1, .events = POLLIN },
    };
    int rc = 0;

    if (p[0].fd < 0)
        return MOSQ_ERR_NO_CONN;
    if (poll(p, EM_COUNT(p), POLL_MS) < 0 && errno != EINTR)
        return MOSQ_ERR_ERRNO;
    if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
        rc = mosquitto_loop_read(l->handle, 1);
    if (!rc && p[0].revents & (POLLOUT | POLLHUP | POLLERR))
        rc = mosquitto_loop_write(l->handle, 1);
    return rc ? rc : mosquitto_loop_misc(l->handle);
}

/* Until the connection ends. 0: by our own wish, all is sent. */
static int converse(em_mqtt_link *l)
{
    bool has_begun = false;
    int rc = 0;

    while (!rc && !l->is_refused && !is_late(l)) {
        tell_dropped(l);
        if ((rc = talk(l)) && l->is_leaving)
            return 0;
        if (!rc && l->is_up && !has_begun) {
            has_begun = true;
            rc = begin(l);
        }
        if (!rc && has_begun && !l->is_leaving && !(rc = send_more(l)) && l->n_flying == 0 && atomic_load(&l->is_ending)) {
            l->is_leaving = true;
            rc = mosquitto_disconnect(l->handle);
        }
        if (!has_begun && em_now_ns() - l->opened_ns > ANSWER_S * 1000000000ull)
            break;
    }
    if (!rc && !l->is_refused)
        set_why(l, "it does not answer");
    return rc ? rc : MOSQ_ERR_CONN_LOST;
}

static void explain(em_mqtt_link *l, int rc, int error)
{
    if (*l->why)
        return;
    if (rc == MOSQ_ERR_ERRNO)
        set_why(l, strerror(error));
    else if (rc == MOSQ_ERR_EAI)
        set_why(l, "there is no such host");
    else if (rc == MOSQ_ERR_PROTOCOL)
        set_why(l, "what answers there is no MQTT broker");
    else if (rc == MOSQ_ERR_KEEPALIVE)
        set_why(l, "it does not answer any more");
    else
        set_why(l, rc == MOSQ_ERR_CONN_LOST ? "the connection is lost" : mosquitto_strerror(rc));
}

/* True: all is told, and the broker knows that we leave. */
static bool hold_connection(em_mqtt_link *l)
{
    int rc, error;

    l->is_up = l->is_refused = l->is_leaving = false;
    l->n_flying = 0;
    l->why[0] = '\0';
    l->opened_ns = em_now_ns();
    errno = 0;
    if (!(l->handle = mosquitto_new(l->cfg.client_id, true, l)))
        rc = MOSQ_ERR_NOMEM;
    else if (!(rc = set_up(l)))
        rc = converse(l);
    error = errno;
    em_mqtt_box_leave(l->box);
    mosquitto_destroy(l->handle);
    l->handle = NULL;
    if (rc)
        explain(l, rc, error);
    return rc == 0;
}

/* ---- the thread ---- */

static void tell_trouble(em_mqtt_link *l)
{
    em_log(l->has_told ? EM_LOG_DEBUG : EM_LOG_WARNING, "%s: %s; trying again", l->cfg.url.shown, l->why);
    l->has_told = true;
}

/* The next wish to end cuts it short. */
static void wait_between(em_mqtt_link *l, double seconds)
{
    const uint64_t until = em_now_ns() + (uint64_t)(seconds * 1e9);

    while (!atomic_load(&l->is_ending) && em_now_ns() < until) {
        tell_dropped(l);
        em_sleep_ms(POLL_MS);
    }
}

static void *run(void *ctx)
{
    em_mqtt_link *l = ctx;
    double wait_s = 1;

    while (!hold_connection(l)) {
        const bool was_last = atomic_load(&l->is_ending);

        if (l->is_up)
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
    for (int i = 0; i < EM_MQTT_FLIGHT; i++)
        em_mqtt_message_deinit(&l->flight[i].message);
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
    size_t n_left = em_mqtt_box_waiting(l->box);
    const uint64_t n_dropped = em_mqtt_box_dropped(l->box);

    for (int i = 0; i < EM_MQTT_FLIGHT; i++)
        n_left += l->flight[i].is_used;
    if (n_dropped > 0)
        em_log(EM_LOG_WARNING, "%s: %llu messages were dropped: the broker was too slow or not there", l->cfg.url.shown,
               (unsigned long long)n_dropped);
    if (!l->was_ever_up)
        return em_fail(err, EM_EIO, "%s: %s", l->cfg.url.shown, *l->why ? l->why : "it does not answer");
    if (n_left > 0)
        return em_fail(err, EM_EIO, "%s: %zu messages did not get there: %s", l->cfg.url.shown, n_left, *l->why ? l->why : "it does not answer");
    return EM_OK;
}

em_status em_mqtt_link_close(em_mqtt_link *l, double flush_s, em_err *err)
{
    struct timespec until;
    em_status status;

    if (!l)
        return EM_OK;
    atomic_store(&l->end_ns, em_now_ns() + (uint64_t)(flush_s * 1e9));
    atomic_store(&l->is_ending, true);
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
