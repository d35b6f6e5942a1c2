/* mqtt_talk.c - what is said over one connection to a broker, and what it answers: see mqtt_talk.h.
 *
 * Every connection has a handle of libmosquitto's of its own, driven from here by poll: nothing of it is left when it ends, and
 * the library's queue, which has no limit, never holds more than what is in flight. */
#include "sinks/mqtt_talk.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    KEEPALIVE_S = 10,               /* a broker that is silent for twice as long is gone */
    ANSWER_S = 10,                  /* from the first packet to the broker's yes or no   */
    POLL_MS = 100,
    QOS = 1,
    OLD_REFUSED_PROTOCOL = 1, OLD_BAD_LOGIN = 4, OLD_NOT_AUTHORISED = 5,    /* answers of MQTT 3.1.1, which the library has no names for */
};

/* ---- what the broker says ---- */

static void set_why(em_mqtt_talk *t, const char *why)
{
    snprintf(t->why, sizeof t->why, "%s", why);
}

static void on_connect(struct mosquitto *handle, void *ctx, int answer)
{
    em_mqtt_talk *t = ctx;

    (void)handle;
    t->is_up = answer == 0;
    t->is_refused = answer != 0;
    t->is_too_new = !t->is_old && (answer == OLD_REFUSED_PROTOCOL || answer == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION);
    if (answer == OLD_BAD_LOGIN || answer == OLD_NOT_AUTHORISED || answer == MQTT_RC_BAD_USERNAME_OR_PASSWORD || answer == MQTT_RC_NOT_AUTHORIZED)
        set_why(t, "it does not take this user name and password");
    else if (answer != 0)
        set_why(t, answer < MQTT_RC_UNSPECIFIED ? mosquitto_connack_string(answer) : mosquitto_reason_string(answer));
}

static void on_publish(struct mosquitto *handle, void *ctx, int mid)
{
    em_mqtt_talk *t = ctx;

    (void)handle;
    for (int i = 0; i < EM_MQTT_FLIGHT; i++)
        if (t->flight[i].is_used && t->flight[i].mid == mid)
            t->flight[i].is_used = false;
}

/* Whether topic is what the '+' of cfg.command_topic stands for; that part of it into level. */
static bool is_command(const em_mqtt_talk *t, const char *topic, char *level, size_t room)
{
    const char *wanted = t->cfg->command_topic, *plus = wanted ? strchr(wanted, '+') : NULL;
    const size_t n_head = plus ? (size_t)(plus - wanted) : 0, n = strlen(topic), n_tail = plus ? strlen(plus + 1) : 0;

    if (!plus || n <= n_head + n_tail || n - n_head - n_tail >= room || strncmp(topic, wanted, n_head) != 0 ||
        strcmp(topic + n - n_tail, plus + 1) != 0)
        return false;
    snprintf(level, room, "%.*s", (int)(n - n_head - n_tail), topic + n_head);
    return true;
}

static void on_message(struct mosquitto *handle, void *ctx, const struct mosquitto_message *m)
{
    em_mqtt_talk *t = ctx;
    char level[256];

    (void)handle;
    if (strlen(m->topic) + (size_t)m->payloadlen > EM_MQTT_LONGEST) {
        t->is_flooded = true;
        snprintf(t->why, sizeof t->why, "it sent a message of %d bytes, more than the %d that are taken", m->payloadlen, EM_MQTT_LONGEST);
    } else if (!m->retain && is_command(t, m->topic, level, sizeof level))
        t->cfg->command(t->cfg->command_ctx, level, m->payload, (size_t)m->payloadlen);
    else if (t->cfg->birth_topic && strcmp(m->topic, t->cfg->birth_topic) == 0 && m->payloadlen == 6 && memcmp(m->payload, "online", 6) == 0)
        em_mqtt_box_rediscover(t->box);
}

/* OpenSSL's reasons come this way only: "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed". */
static void on_log(struct mosquitto *handle, void *ctx, int level, const char *line)
{
    const char *reason = strstr(line, "::");
    em_mqtt_talk *t = ctx;

    (void)handle;
    if (level == MOSQ_LOG_ERR)
        snprintf(t->why, sizeof t->why, "%s%s", reason ? "TLS: " : "", reason ? reason + 2 : line);
}

/* ---- one connection ---- */

/* MQTT 5, for its word on how long a message to us may be: the broker keeps longer ones to itself. The library takes properties with
 * the connect that blocks alone; without a host that call keeps them, refuses, and leaves them to the one that does not block. */
static int ask_for_short(struct mosquitto *h)
{
    mosquitto_property *wish = NULL;
    int rc = mosquitto_int_option(h, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);

    if (!rc && !(rc = mosquitto_property_add_int32(&wish, MQTT_PROP_MAXIMUM_PACKET_SIZE, EM_MQTT_LONGEST)) &&
        (rc = mosquitto_connect_bind_v5(h, NULL, 0, KEEPALIVE_S, NULL, wish)) == MOSQ_ERR_INVAL)
        rc = 0;
    mosquitto_property_free_all(&wish);
    return rc;
}

static int set_up(em_mqtt_talk *t)
{
    const em_mqtt_url *u = &t->cfg->url;
    struct mosquitto *h = t->handle;
    int rc = t->cfg->will_topic ? mosquitto_will_set(h, t->cfg->will_topic, 7, "offline", QOS, true) : 0;

    mosquitto_connect_callback_set(h, on_connect);
    mosquitto_publish_callback_set(h, on_publish);
    mosquitto_message_callback_set(h, on_message);
    mosquitto_log_callback_set(h, on_log);
    mosquitto_int_option(h, MOSQ_OPT_TCP_NODELAY, 1);
    if (!rc && *u->user)
        rc = mosquitto_username_pw_set(h, u->user, *u->password ? u->password : NULL);
    if (!rc && u->is_tls && !t->cfg->ca)
        rc = mosquitto_int_option(h, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    if (!rc && u->is_tls)
        rc = mosquitto_tls_set(h, t->cfg->ca, t->cfg->ca ? NULL : "/etc/ssl/certs", t->cfg->cert, t->cfg->key, NULL);
    if (!rc && !t->is_old)
        rc = ask_for_short(h);
    return rc ? rc : mosquitto_connect_async(h, u->host, u->port, KEEPALIVE_S);
}

static int publish(em_mqtt_talk *t, em_mqtt_flying *f)
{
    const em_mqtt_kind kind = em_mqtt_topic_kind(f->message.topic);

    return mosquitto_publish(t->handle, &f->mid, em_mqtt_topic_name(f->message.topic), (int)f->message.n, f->message.bytes, QOS,
                             kind == EM_MQTT_STATE || kind == EM_MQTT_DISCOVERY);
}

/* The broker's yes: all states are due, and what an earlier connection left behind is sent first. */
static int begin(em_mqtt_talk *t)
{
    int rc = t->cfg->birth_topic ? mosquitto_subscribe(t->handle, NULL, t->cfg->birth_topic, QOS) : 0;

    if (!rc && t->cfg->command_topic)
        rc = mosquitto_subscribe(t->handle, NULL, t->cfg->command_topic, QOS);

    if (t->has_told)
        em_log(EM_LOG_WARNING, "%s: connected", t->cfg->url.shown);
    else
        em_log(EM_LOG_DEBUG, "%s: connected", t->cfg->url.shown);
    t->was_ever_up = true;
    t->has_told = false;
    for (int i = 0; i < EM_MQTT_FLIGHT && !rc; i++) {
        em_mqtt_flying *f = &t->flight[i];

        f->is_used = f->is_used && em_mqtt_topic_kind(f->message.topic) == EM_MQTT_EVENT;
        if (f->is_used)
            rc = publish(t, f);
    }
    em_mqtt_box_renew(t->box);
    return rc;
}

/* Fills what is free of the flight. */
static int send_more(em_mqtt_talk *t)
{
    int rc = 0;

    t->n_flying = 0;
    for (int i = 0; i < EM_MQTT_FLIGHT && !rc; i++) {
        em_mqtt_flying *f = &t->flight[i];

        if (!f->is_used && (f->is_used = em_mqtt_box_take(t->box, &f->message)))
            rc = publish(t, f);
        t->n_flying += f->is_used;
    }
    return rc;
}

static bool is_late(const em_mqtt_talk *t)
{
    return atomic_load(&t->is_ending) && em_now_ns() >= atomic_load(&t->end_ns);
}

void em_mqtt_talk_tell_dropped(em_mqtt_talk *t)
{
    if (t->has_told_dropped || em_mqtt_box_dropped(t->box) == 0)
        return;
    em_log(EM_LOG_WARNING, "%s: too many messages wait for the broker, the oldest are dropped", t->cfg->url.shown);
    t->has_told_dropped = true;
}

static int exchange(em_mqtt_talk *t)
{
    const bool has_room = t->is_up && t->n_flying < EM_MQTT_FLIGHT;
    struct pollfd p[] = {
        { .fd = mosquitto_socket(t->handle), .events = (short)(POLLIN | (mosquitto_want_write(t->handle) ? POLLOUT : 0)) },
        { .fd = has_room ? em_mqtt_box_fd(t->box) : -1, .events = POLLIN },
    };
    int rc = 0;

    if (p[0].fd < 0)
        return MOSQ_ERR_NO_CONN;
    if (poll(p, EM_COUNT(p), POLL_MS) < 0 && errno != EINTR)
        return MOSQ_ERR_ERRNO;
    if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
        rc = mosquitto_loop_read(t->handle, 1);
    if (!rc && p[0].revents & (POLLOUT | POLLHUP | POLLERR))
        rc = mosquitto_loop_write(t->handle, 1);
    return rc ? rc : mosquitto_loop_misc(t->handle);
}

/* Until the connection ends. 0: by our own wish, all is sent. */
static int converse(em_mqtt_talk *t)
{
    bool has_begun = false;
    int rc = 0;

    while (!rc && !t->is_refused && !t->is_flooded && !is_late(t)) {
        em_mqtt_talk_tell_dropped(t);
        if ((rc = exchange(t)) && t->is_leaving)
            return 0;
        if (!rc && t->is_up && !has_begun) {
            has_begun = true;
            rc = begin(t);
        }
        if (!rc && has_begun && !t->is_leaving && !(rc = send_more(t)) && t->n_flying == 0 && atomic_load(&t->is_ending)) {
            t->is_leaving = true;
            rc = mosquitto_disconnect(t->handle);
        }
        if (!has_begun && em_now_ns() - t->opened_ns > ANSWER_S * 1000000000ull)
            break;
    }
    if (!rc && !t->is_refused && !t->is_flooded)
        set_why(t, "it does not answer");
    return rc ? rc : MOSQ_ERR_CONN_LOST;
}

static void explain(em_mqtt_talk *t, int rc, int error)
{
    if (*t->why)
        return;
    if (rc == MOSQ_ERR_ERRNO)
        set_why(t, strerror(error));
    else if (rc == MOSQ_ERR_EAI)
        set_why(t, "there is no such host");
    else if (rc == MOSQ_ERR_PROTOCOL)
        set_why(t, "what answers there is no MQTT broker");
    else if (rc == MOSQ_ERR_KEEPALIVE)
        set_why(t, "it does not answer any more");
    else
        set_why(t, rc == MOSQ_ERR_CONN_LOST ? "the connection is lost" : mosquitto_strerror(rc));
}

static bool hold(em_mqtt_talk *t)
{
    int rc, error;

    t->is_up = t->is_refused = t->is_too_new = t->is_flooded = t->is_leaving = false;
    t->n_flying = 0;
    t->why[0] = '\0';
    t->opened_ns = em_now_ns();
    errno = 0;
    if (!(t->handle = mosquitto_new(t->cfg->client_id, true, t)))
        rc = MOSQ_ERR_NOMEM;
    else if (!(rc = set_up(t)))
        rc = converse(t);
    error = errno;
    em_mqtt_box_leave(t->box);
    mosquitto_destroy(t->handle);
    t->handle = NULL;
    if (rc)
        explain(t, rc, error);
    return rc == 0;
}

bool em_mqtt_talk_hold(em_mqtt_talk *t)
{
    if (hold(t))
        return true;
    if (!t->is_too_new)
        return false;
    t->is_old = true;
    return hold(t);
}

size_t em_mqtt_talk_left(const em_mqtt_talk *t)
{
    size_t n = em_mqtt_box_waiting(t->box);

    for (int i = 0; i < EM_MQTT_FLIGHT; i++)
        n += t->flight[i].is_used;
    return n;
}

void em_mqtt_talk_deinit(em_mqtt_talk *t)
{
    for (int i = 0; i < EM_MQTT_FLIGHT; i++)
        em_mqtt_message_deinit(&t->flight[i].message);
}
