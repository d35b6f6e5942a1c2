/* sink_mqtt.c - events to an MQTT broker, and what Home Assistant needs to know of them: topics in mqtt_ear.h.
 *
 *   PREFIX/NODE/status     online, offline: retained, and offline by the broker itself when we are gone without a word
 *
 *   PREFIX/NODE/SOURCE/listening/set   ON, OFF: commands, where the run takes any
 *
 * A record is put into a box and that is all: whatever the broker does, no hop waits for it (mqtt_box.h, mqtt_link.h). */
#include "sinks/mqtt_ear.h"
#include "sinks/mqtt_link.h"
#include "sinks/mqtt_settings.h"
#include "sinks/row.h"

#include "base/lane.h"
#include "base/log.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_EARS = 64 };

static const double flush_s = 2;    /* what an end may take                      */

typedef struct mqtt {
    em_sink base;
    em_mqtt_node node;
    em_mqtt_box  *box;              /* the link's, once there is one             */
    em_mqtt_link *link;
    em_mqtt_topic *status;
    char    *version;
    em_mqtt_ear *ears[MOST_EARS];
    int      n_ears;
    pthread_mutex_t lock;           /* of ears and n_ears, which the link looks at */
    unsigned long long n_ignored;   /* commands; the link's                      */
    bool     has_told_many;
} mqtt;

/* ---- settings ---- */

static em_discovery_mode discovery_mode(const char *name)
{
    static const char *const modes[] = {
        [EM_DISCOVERY_NO] = "no", [EM_DISCOVERY_DEVICE] = "device", [EM_DISCOVERY_SINGLE] = "single", [EM_DISCOVERY_REMOVE] = "remove",
    };

    for (size_t i = 0; i < EM_COUNT(modes); i++)
        if (strcmp(modes[i], name) == 0)
            return (em_discovery_mode)i;
    return EM_DISCOVERY_NO;
}

static em_status name_node(mqtt *m, const em_mqtt_url *url, em_err *err)
{
    const em_sink_mqtt_cfg *cfg = m->base.cfg.mqtt;
    em_mqtt_node *node = &m->node;
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    em_mqtt_name(node->name, cfg->node ? cfg->node : host, "earmark");
    snprintf(node->base, sizeof node->base, "%s/%s", url->prefix, node->name);
    node->box = m->box;
    node->classes = m->base.cfg.classes;
    node->groups = cfg->groups;
    node->n_groups = cfg->n_groups;
    node->is_watched = cfg->is_watched;
    node->has_commands = m->base.cfg.control != NULL;
    node->discovery = discovery_mode(cfg->discovery);
    node->discovery_prefix = cfg->discovery_prefix;
    node->version = "";
    node->clip_dir = m->base.cfg.clip ? m->base.cfg.clip->dir : NULL;
    return em_mqtt_node_objects(node, m->base.cfg.is_shown, err);
}

/* ---- commands, in the link's thread ---- */

static void ignore(mqtt *m, const char *level)
{
    if (m->n_ignored++ == 0)
        em_log(EM_LOG_WARNING, "--mqtt: %s/%.100s/listening/set: what came is neither ON nor OFF, or of no source of this run; it is ignored, "
               "and so is what else is no command", m->node.base, level);
}

/* The source whose topics have this level. */
static bool name_of(mqtt *m, char *out, size_t room, const char *level)
{
    bool is_known = false;

    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->n_ears && !is_known; i++)
        if ((is_known = strcmp(em_mqtt_ear_topic(m->ears[i]), level) == 0))
            snprintf(out, room, "%s", em_mqtt_ear_name(m->ears[i]));
    pthread_mutex_unlock(&m->lock);
    return is_known;
}

static void take_command(void *ctx, const char *level, const char *bytes, size_t n)
{
    mqtt *m = ctx;
    const bool is_on = n == 2 && memcmp(bytes, "ON", 2) == 0, is_off = n == 3 && memcmp(bytes, "OFF", 3) == 0;
    em_control_command c = { .type = EM_CONTROL_LISTEN, .sw = is_on ? EM_SWITCH_ON : EM_SWITCH_OFF };

    if ((!is_on && !is_off) || !name_of(m, c.source, sizeof c.source, level))
        ignore(m, level);
    else
        em_control_put(m->base.cfg.control, &c);
}

/* ---- life ---- */

static em_status connect_broker(mqtt *m, const em_mqtt_url *url, em_err *err)
{
    const em_sink_mqtt_cfg *cfg = m->base.cfg.mqtt;
    char id[EM_MQTT_NAME + 32], will[sizeof m->node.base + 8], birth[160], commands[sizeof m->node.base + 20];
    em_mqtt_link_cfg link = { .url = *url, .ca = cfg->ca, .cert = cfg->cert, .key = cfg->key, .client_id = id, .will_topic = will };
    em_mqtt_box *box = m->box;
    em_status status;

    snprintf(id, sizeof id, "earmark-%s-%d", m->node.name, (int)getpid());
    snprintf(will, sizeof will, "%s/status", m->node.base);
    snprintf(birth, sizeof birth, "%.150s/status", cfg->discovery_prefix);
    if (m->node.discovery != EM_DISCOVERY_NO)
        link.birth_topic = birth;
    snprintf(commands, sizeof commands, "%s/+/listening/set", m->node.base);
    if (m->node.has_commands)
        link.command_topic = commands;
    link.command = take_command;
    link.command_ctx = m;
    if (!(m->status = em_mqtt_box_add(box, EM_MQTT_STATE, will)))
        return em_fail(err, EM_ENOMEM, "no memory to talk to a broker");
    if ((status = em_mqtt_box_put(box, m->status, "online", 6, err)))
        return status;
    m->box = NULL;
    return em_mqtt_link_open(&m->link, &link, box, err);
}

static em_status mqtt_init(em_sink *s, em_err *err)
{
    mqtt *m = (mqtt *)s;
    em_mqtt_url url;
    em_status status;

    pthread_mutex_init(&m->lock, NULL);
    if ((status = em_mqtt_settings(&url, s->cfg.mqtt, err)) || (status = em_mqtt_box_new(&m->box, err)) || (status = name_node(m, &url, err)))
        return status;
    return connect_broker(m, &url, err);
}

/* All is off and nobody there before the broker is left. */
static em_status mqtt_end(em_sink *s, em_err *err)
{
    mqtt *m = (mqtt *)s;
    em_mqtt_link *link = m->link;
    em_status status = EM_OK, closed;

    for (int i = 0; i < m->n_ears && !status; i++)
        status = em_mqtt_ear_end(m->ears[i], err);
    if (!status)
        status = em_mqtt_box_put(m->node.box, m->status, "offline", 7, err);
    m->link = NULL;
    closed = em_mqtt_link_close(link, flush_s, status ? NULL : err);
    return status ? status : closed;
}

static void mqtt_deinit(em_sink *s)
{
    mqtt *m = (mqtt *)s;

    em_mqtt_link_close(m->link, 0, NULL);
    em_mqtt_box_free(m->box);
    for (int i = 0; i < m->n_ears; i++)
        em_mqtt_ear_free(m->ears[i]);
    em_json_deinit(&m->node.json);
    free(m->node.objects);
    free(m->version);
    pthread_mutex_destroy(&m->lock);
}

/* ---- records ---- */

static bool is_taken(const mqtt *m, const char *topic)
{
    for (int i = 0; i < m->n_ears; i++)
        if (strcmp(em_mqtt_ear_topic(m->ears[i]), topic) == 0)
            return true;
    return false;
}

/* *out NULL: one too many. */
static em_status add_ear(mqtt *m, em_mqtt_ear **out, const char *source, em_err *err)
{
    char topic[EM_MQTT_NAME];
    em_status status;
    size_t n;

    *out = NULL;
    if (m->n_ears == MOST_EARS) {
        if (!m->has_told_many)
            em_log(EM_LOG_WARNING, "--mqtt: more than %d sources, the others are not told", MOST_EARS);
        m->has_told_many = true;
        return EM_OK;
    }
    em_mqtt_name(topic, source, "source");
    n = strlen(topic);
    for (int i = 2; is_taken(m, topic); i++)
        snprintf(topic + n, sizeof topic - n, "-%d", i);
    if ((status = em_mqtt_ear_new(out, &m->node, source, topic, err)))
        return status;
    pthread_mutex_lock(&m->lock);
    m->ears[m->n_ears++] = *out;
    pthread_mutex_unlock(&m->lock);
    return EM_OK;
}

static em_status find_ear(mqtt *m, em_mqtt_ear **out, const char *source, em_err *err)
{
    for (int i = 0; i < m->n_ears; i++)
        if (strcmp(em_mqtt_ear_name(m->ears[i]), source) == 0) {
            *out = m->ears[i];
            return EM_OK;
        }
    return add_ear(m, out, source, err);
}

static em_status put_source(mqtt *m, const em_event *e, em_err *err)
{
    em_mqtt_ear *ear;
    em_status status = EM_OK;

    if (m->base.cfg.channel >= 0 && !e->is_each)
        status = find_ear(m, &ear, e->source, err);
    for (int i = 0; i < m->n_ears && !status; i++) {
        if (!em_lane_is_of(em_mqtt_ear_name(m->ears[i]), e->source))
            continue;
        status = e->type == EM_EVENT_STOP ? em_mqtt_ear_end(m->ears[i], err)
                                          : em_mqtt_ear_status(m->ears[i], e->u.source_state.is_up, err);
    }
    return status;
}

/* Ends may be among what was lost: better off too early than on for ever. */
static em_status put_lost(mqtt *m, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < m->n_ears && !status; i++)
        status = em_mqtt_ear_hush(m->ears[i], err);
    return status;
}

static em_status put_start(mqtt *m, const em_event *e, em_err *err)
{
    free(m->version);
    if (!(m->version = strdup(e->u.start.version)))
        return em_fail(err, EM_ENOMEM, "no memory for what a broker is told");
    m->node.version = m->version;
    return EM_OK;
}

static em_status mqtt_put(em_sink *s, const em_event *e, em_err *err)
{
    mqtt *m = (mqtt *)s;
    em_mqtt_ear *ear;
    em_status status;

    switch (e->type) {
    case EM_EVENT_START:
        return put_start(m, e, err);
    case EM_EVENT_SOURCE:
    case EM_EVENT_STOP:
        return put_source(m, e, err);
    case EM_EVENT_LOST:
        return put_lost(m, err);
    case EM_EVENT_LISTENING:
        return (status = find_ear(m, &ear, e->source, err)) || !ear ? status : em_mqtt_ear_listening(ear, e->u.listening.is_on, err);
    case EM_EVENT_SCORES:
    case EM_EVENT_LEVEL:
    case EM_EVENT_ONSET:
    case EM_EVENT_OFFSET:
    case EM_EVENT_RETRACT:
        if ((status = find_ear(m, &ear, e->source, err)) || !ear)
            return status;
        return e->type == EM_EVENT_SCORES ? em_mqtt_ear_hop(ear, err) : e->type == EM_EVENT_LEVEL ? em_mqtt_ear_level(ear, e, err)
                                                                                                  : em_mqtt_ear_sound(ear, e, err);
    default:
        return EM_OK;
    }
}

const em_sink_row em_sink_mqtt = {
    .format = "mqtt", .n_bytes = sizeof(mqtt), .has_no_file = true,
    .init = mqtt_init, .put = mqtt_put, .end = mqtt_end, .deinit = mqtt_deinit,
};
