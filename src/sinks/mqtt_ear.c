/* mqtt_ear.c - see mqtt_ear.h. */
#include "sinks/mqtt_ear.h"

#include "base/clock.h"
#include "base/text.h"
#include "sinks/discovery.h"
#include "sinks/line.h"
#include "sinks/sound_json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double quietest_dbfs = -120;       /* digital silence: an entity of numbers cannot show null */

struct em_mqtt_ear {
    em_mqtt_node *node;
    char  *name, topic[EM_MQTT_NAME];
    em_mqtt_topic *status, *event, *last, *level, *any, *listening;
    em_mqtt_topic **sounds;         /* [classes + groups], NULL: no topic           */
    int   *n_on;                    /* [classes + groups] events under way          */
    int    n_any;
    bool   has_ended, is_disabled;
};

static int n_sounds(const em_mqtt_node *node)
{
    return node->classes->n + node->n_groups;
}

static em_status no_memory(em_err *err)
{
    return em_fail(err, EM_ENOMEM, "no memory for what a broker is told");
}

/* ---- names ---- */

char *em_mqtt_name(char out[EM_MQTT_NAME], const char *s, const char *fallback)
{
    em_text_level(out, EM_MQTT_NAME - 8, s);                    /* room for a number behind it */
    if (!*out)
        snprintf(out, EM_MQTT_NAME, "%s", fallback);
    return out;
}

/* sound/any is taken; a slug has no '-', so that numbers are like no slug. */
static void name_object(em_mqtt_node *node, int i, int from, const char *level, const char *label)
{
    char slug[EM_MQTT_NAME - 16], *object = node->objects[i];

    em_slug(slug, sizeof slug, label);
    snprintf(object, EM_MQTT_NAME, "%s/%s", level, slug);
    for (int other = from; other < i && *slug; other++)
        if (strcmp(node->objects[other], object) == 0)
            *slug = '\0';
    if (!*slug || strcmp(object, "sound/any") == 0)
        snprintf(object, EM_MQTT_NAME, "%s/%s-%d", level, from == 0 ? "class" : "group", i - from);
}

em_status em_mqtt_node_objects(em_mqtt_node *node, const bool *is_shown, em_err *err)
{
    const int n = node->classes->n;

    node->objects = calloc((size_t)n_sounds(node) + 1, sizeof *node->objects);
    if (!node->objects)
        return no_memory(err);
    for (int c = 0; c < n; c++)
        if (!is_shown || is_shown[c])
            name_object(node, c, 0, "sound", node->classes->labels[c]);
    for (int g = 0; g < node->n_groups; g++)
        name_object(node, n + g, n, "group", node->groups[g]);
    return EM_OK;
}

/* ---- topics ---- */

static em_mqtt_topic *add(em_mqtt_ear *ear, em_mqtt_kind kind, const char *below)
{
    char name[4 * EM_MQTT_NAME];

    snprintf(name, sizeof name, "%s/%s/%s", ear->node->base, ear->topic, below);
    return em_mqtt_box_add(ear->node->box, kind, name);
}

static bool add_all(em_mqtt_ear *ear)
{
    const int n = n_sounds(ear->node);

    ear->status = add(ear, EM_MQTT_STATE, "status");
    ear->event = add(ear, EM_MQTT_EVENT, "event");
    ear->last = add(ear, EM_MQTT_STATE, "last");
    ear->level = add(ear, EM_MQTT_LEVEL, "level");
    ear->any = add(ear, EM_MQTT_STATE, "sound/any");
    if (ear->node->has_commands && !(ear->listening = add(ear, EM_MQTT_STATE, "listening/state")))
        return false;
    for (int i = 0; i < n; i++)
        if (*ear->node->objects[i] && !(ear->sounds[i] = add(ear, EM_MQTT_STATE, ear->node->objects[i])))
            return false;
    return ear->status && ear->event && ear->last && ear->level && ear->any;
}

static em_status put_text(const em_mqtt_ear *ear, em_mqtt_topic *topic, const char *text, em_err *err)
{
    return em_mqtt_box_put(ear->node->box, topic, text, strlen(text), err);
}

static em_status put_json(const em_mqtt_ear *ear, em_mqtt_topic *topic, em_err *err)
{
    const em_json *j = &ear->node->json;

    return j->has_failed ? no_memory(err) : em_mqtt_box_put(ear->node->box, topic, j->text, j->n, err);
}

/* ---- discovery ---- */

/* "Bark" is "Sound bark". */
static void name_entity(char out[EM_ESCAPED_BYTES], const char *label)
{
    em_line name = { out, 0, EM_ESCAPED_BYTES };

    em_line_put(&name, "Sound ");
    em_line_put_label(&name, label, NULL);
    out[6] = (char)tolower((unsigned char)out[6]);
}

typedef em_status entity_visit(em_mqtt_ear *ear, const em_discovery *d, const em_entity *e, em_err *err);

static em_status visit_sound(em_mqtt_ear *ear, const em_discovery *d, entity_visit *visit, int i, em_err *err)
{
    const em_mqtt_node *node = ear->node;
    const bool is_class = i < node->classes->n;
    char object[EM_MQTT_NAME], name[EM_ESCAPED_BYTES];
    const em_entity e = { EM_ENTITY_SOUND, object, name, node->objects[i] };

    if (is_class && !(node->is_watched && node->is_watched[i] && *node->objects[i]))
        return EM_OK;
    snprintf(object, sizeof object, "%s", node->objects[i]);
    *strchr(object, '/') = '_';
    name_entity(name, is_class ? node->classes->labels[i] : node->groups[i - node->classes->n]);
    return visit(ear, d, &e, err);
}

static em_status visit_all(em_mqtt_ear *ear, const em_discovery *d, entity_visit *visit, em_err *err)
{
    static const em_entity usual[] = {
        { EM_ENTITY_SOUND, "sound_any", "Sound", "sound/any" }, { EM_ENTITY_EVENT, "event", "Sound event", "event" },
        { EM_ENTITY_LAST, "last", "Last sound", "last" },       { EM_ENTITY_LEVEL, "level", "Level", "level" },
    };
    static const em_entity listen = { EM_ENTITY_LISTEN, "listen", "Listening", "listening/state" };
    em_status status = ear->listening ? visit(ear, d, &listen, err) : EM_OK;

    for (size_t i = 0; i < EM_COUNT(usual) && !status; i++)
        status = visit(ear, d, &usual[i], err);
    for (int i = 0; i < n_sounds(ear->node) && !status; i++)
        status = visit_sound(ear, d, visit, i, err);
    return status;
}

static em_status add_to_device(em_mqtt_ear *ear, const em_discovery *d, const em_entity *e, em_err *err)
{
    (void)err;
    em_discovery_add(&ear->node->json, d, e);
    return EM_OK;
}

static em_status tell_single(em_mqtt_ear *ear, const em_discovery *d, const em_entity *e, em_err *err)
{
    char name[4 * EM_MQTT_NAME];
    em_mqtt_topic *topic;

    snprintf(name, sizeof name, "%.100s/%s/earmark_%s_%s/%s/config", ear->node->discovery_prefix, em_entity_platform(e), d->node, d->source,
             e->object);
    if (!(topic = em_mqtt_box_add(ear->node->box, EM_MQTT_DISCOVERY, name)))
        return no_memory(err);
    if (ear->node->discovery == EM_DISCOVERY_REMOVE)
        return put_text(ear, topic, "", err);
    em_discovery_single(&ear->node->json, d, e);
    return put_json(ear, topic, err);
}

static em_status tell_device(em_mqtt_ear *ear, const em_discovery *d, em_err *err)
{
    char name[4 * EM_MQTT_NAME];
    em_mqtt_topic *topic;
    em_status status;

    snprintf(name, sizeof name, "%.100s/device/earmark_%s_%s/config", ear->node->discovery_prefix, d->node, d->source);
    if (!(topic = em_mqtt_box_add(ear->node->box, EM_MQTT_DISCOVERY, name)))
        return no_memory(err);
    if (ear->node->discovery == EM_DISCOVERY_REMOVE)
        return put_text(ear, topic, "", err);
    em_discovery_begin(&ear->node->json, d);
    status = visit_all(ear, d, add_to_device, err);
    em_discovery_end(&ear->node->json);
    return status ? status : put_json(ear, topic, err);
}

/* An empty message takes away what was told of an entity, in either form. */
static em_status discover(em_mqtt_ear *ear, em_err *err)
{
    const em_mqtt_node *node = ear->node;
    const em_discovery d = { node->name, ear->topic, ear->name, node->base, node->version };
    em_status status = EM_OK;

    if (node->discovery == EM_DISCOVERY_DEVICE || node->discovery == EM_DISCOVERY_REMOVE)
        status = tell_device(ear, &d, err);
    if (!status && (node->discovery == EM_DISCOVERY_SINGLE || node->discovery == EM_DISCOVERY_REMOVE))
        status = visit_all(ear, &d, tell_single, err);
    return status;
}

/* ---- life ---- */

em_status em_mqtt_ear_new(em_mqtt_ear **out, em_mqtt_node *node, const char *name, const char *topic, em_err *err)
{
    const size_t n = (size_t)n_sounds(node) + 1;
    em_mqtt_ear *ear = calloc(1, sizeof *ear);
    em_status status = EM_ENOMEM;

    *out = NULL;
    if (!ear)
        return no_memory(err);
    ear->node = node;
    ear->name = strdup(name);
    snprintf(ear->topic, sizeof ear->topic, "%s", topic);
    ear->sounds = calloc(n, sizeof(em_mqtt_topic *));
    ear->n_on = calloc(n, sizeof *ear->n_on);
    if (!ear->name || !ear->sounds || !ear->n_on || !add_all(ear))
        no_memory(err);
    else if (!(status = discover(ear, err)) && !(status = em_mqtt_ear_listening(ear, true, err)))
        status = em_mqtt_ear_hush(ear, err);
    if (status) {
        em_mqtt_ear_free(ear);
        return status;
    }
    *out = ear;
    return EM_OK;
}

void em_mqtt_ear_free(em_mqtt_ear *ear)
{
    if (!ear)
        return;
    free(ear->name);
    free(ear->sounds);
    free(ear->n_on);
    free(ear);
}

const char *em_mqtt_ear_name(const em_mqtt_ear *ear) { return ear->name; }
const char *em_mqtt_ear_topic(const em_mqtt_ear *ear) { return ear->topic; }

/* ---- what it hears ---- */

static int find_sound(const em_mqtt_node *node, const em_event *e)
{
    if (e->u.sound.i_class >= 0)
        return e->u.sound.i_class;
    for (int g = 0; g < node->n_groups; g++)
        if (strcmp(node->groups[g], e->u.sound.label) == 0)
            return node->classes->n + g;
    return -1;
}

static em_status tell_switch(em_mqtt_ear *ear, em_mqtt_topic *topic, int n_on, em_err *err)
{
    return topic ? put_text(ear, topic, n_on > 0 ? "ON" : "OFF", err) : EM_OK;
}

/* An end whose beginning was not told, as after a LOST record, switches nothing. */
static em_status turn(em_mqtt_ear *ear, int i, bool is_on, em_err *err)
{
    em_status status;

    if (i < 0 || (!is_on && ear->n_on[i] == 0))
        return EM_OK;
    ear->n_on[i] += is_on ? 1 : -1;
    ear->n_any += is_on ? 1 : -1;
    status = tell_switch(ear, ear->sounds[i], ear->n_on[i], err);
    return status ? status : tell_switch(ear, ear->any, ear->n_any, err);
}

static em_status tell_last(em_mqtt_ear *ear, const em_event *e, em_err *err)
{
    em_json *j = &ear->node->json;

    em_json_reset(j);
    em_json_begin(j, NULL, '{');
    em_json_string(j, "label", e->u.sound.label);
    em_json_fixed(j, "score", (double)e->u.sound.score, 3);
    if (e->utc_ms >= 0)
        em_utc_json(j, e);
    else
        em_json_null(j, "utc");
    em_json_string(j, "id", e->u.sound.id);
    em_json_end(j, '}');
    return put_json(ear, ear->last, err);
}

em_status em_mqtt_ear_sound(em_mqtt_ear *ear, const em_event *e, em_err *err)
{
    static const char *const types[] = { [EM_EVENT_ONSET] = "onset", [EM_EVENT_OFFSET] = "offset", [EM_EVENT_RETRACT] = "retract" };
    em_json *j = &ear->node->json;
    em_status status;

    em_sound_json(j, e, ear->node->classes, ear->node->clip_dir);
    em_json_string(j, "event_type", types[e->type]);
    em_json_end(j, '}');
    if ((status = put_json(ear, ear->event, err)) ||
        (status = turn(ear, find_sound(ear->node, e), e->type == EM_EVENT_ONSET, err)))
        return status;
    return e->type == EM_EVENT_ONSET ? tell_last(ear, e, err) : EM_OK;
}

em_status em_mqtt_ear_hop(em_mqtt_ear *ear, em_err *err)
{
    const em_status status = ear->has_ended ? em_mqtt_ear_status(ear, true, err) : EM_OK;

    ear->has_ended = false;
    return status;
}

em_status em_mqtt_ear_level(em_mqtt_ear *ear, const em_event *e, em_err *err)
{
    em_json *j = &ear->node->json;

    em_json_reset(j);
    em_json_begin(j, NULL, '{');
    em_level_json(j, fmax((double)e->u.level.dbfs, quietest_dbfs), (double)e->u.level.lufs);
    em_json_end(j, '}');
    return put_json(ear, ear->level, err);
}

em_status em_mqtt_ear_status(em_mqtt_ear *ear, bool is_online, em_err *err)
{
    return put_text(ear, ear->status, !is_online ? "offline" : ear->is_disabled ? "disabled" : "online", err);
}

em_status em_mqtt_ear_listening(em_mqtt_ear *ear, bool is_on, em_err *err)
{
    const em_status status = ear->listening ? put_text(ear, ear->listening, is_on ? "ON" : "OFF", err) : EM_OK;

    ear->is_disabled = !is_on;
    return status ? status : em_mqtt_ear_status(ear, true, err);
}

em_status em_mqtt_ear_hush(em_mqtt_ear *ear, em_err *err)
{
    em_status status = tell_switch(ear, ear->any, 0, err);

    for (int i = 0; i < n_sounds(ear->node) && !status; i++) {
        ear->n_on[i] = 0;
        status = tell_switch(ear, ear->sounds[i], 0, err);
    }
    ear->n_any = 0;
    return status;
}

em_status em_mqtt_ear_end(em_mqtt_ear *ear, em_err *err)
{
    const em_status status = em_mqtt_ear_hush(ear, err);

    ear->has_ended = true;
    return status ? status : em_mqtt_ear_status(ear, false, err);
}
