/* discovery.c - see discovery.h. Keys and abbreviations are those of Home Assistant's MQTT discovery. */
#include "sinks/discovery.h"

#include "base/text.h"
#include "sinks/line.h"

#include <ctype.h>
#include <stdio.h>

enum { NAME_BYTES = 512 };

const char *em_entity_platform(const em_entity *e)
{
    static const char *const platforms[] = {
        [EM_ENTITY_SOUND] = "binary_sensor", [EM_ENTITY_EVENT] = "event", [EM_ENTITY_LAST] = "sensor", [EM_ENTITY_LEVEL] = "sensor",
        [EM_ENTITY_LISTEN] = "switch",
    };

    return platforms[e->kind];
}

/* "porch" is "Porch ear". */
static void put_device(em_json *j, const em_discovery *d)
{
    char id[NAME_BYTES], text[EM_ESCAPED_BYTES];
    em_line name = { text, 0, sizeof text };

    snprintf(id, sizeof id, "earmark_%s_%s", d->node, d->source);
    em_line_put_label(&name, d->name, NULL);
    em_line_put(&name, " ear");
    text[0] = (char)toupper((unsigned char)text[0]);
    em_json_begin(j, "dev", '{');
    em_json_begin(j, "ids", '[');
    em_json_string(j, NULL, id);
    em_json_end(j, ']');
    em_json_string(j, "name", text);
    em_json_string(j, "mf", "earmark");
    em_json_string(j, "mdl", "audio tagger");
    em_json_string(j, "sw", d->version);
    em_json_end(j, '}');
    em_json_begin(j, "o", '{');
    em_json_string(j, "name", "earmark");
    em_json_string(j, "sw", d->version);
    em_json_end(j, '}');
    snprintf(id, sizeof id, "%s/status", d->base);
    em_json_string(j, "avty_t", id);
}

/* Each topic is of one kind and one source: a template that picks its own out of many writes None for all others. */
static void put_kind(em_json *j, const em_entity *e, const char *topic, const char *command)
{
    static const char *const types[] = { "onset", "offset", "retract" };

    if (e->kind == EM_ENTITY_SOUND) {
        em_json_string(j, "device_class", "sound");
    } else if (e->kind == EM_ENTITY_EVENT) {
        em_json_begin(j, "event_types", '[');
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            em_json_string(j, NULL, types[i]);
        em_json_end(j, ']');
        em_json_string(j, "icon", "mdi:ear-hearing");
    } else if (e->kind == EM_ENTITY_LAST) {
        em_json_string(j, "value_template", "{{ value_json.label }}");
        em_json_string(j, "json_attributes_topic", topic);
    } else if (e->kind == EM_ENTITY_LISTEN) {
        em_json_string(j, "command_topic", command);
    } else {
        em_json_string(j, "device_class", "sound_pressure");
        em_json_string(j, "unit_of_measurement", "dB");
        em_json_string(j, "state_class", "measurement");
        em_json_string(j, "value_template", "{{ value_json.dbfs }}");
        em_json_int(j, "expire_after", 60);
    }
}

static void put_entity(em_json *j, const em_discovery *d, const em_entity *e)
{
    char text[2 * NAME_BYTES], command[2 * NAME_BYTES], slug[NAME_BYTES];

    snprintf(text, sizeof text, "earmark_%s_%s_%s", d->node, d->source, e->object);
    em_json_string(j, "unique_id", text);
    em_json_string(j, "name", e->name);
    snprintf(text, sizeof text, "%s_%s", d->source, e->object);
    em_slug(slug, sizeof slug, text);                   /* ids of entities are lower case */
    snprintf(text, sizeof text, "%s.%s", em_entity_platform(e), slug);
    em_json_string(j, "default_entity_id", text);
    snprintf(text, sizeof text, "%s/%s/%s", d->base, d->source, e->topic);
    em_json_string(j, "state_topic", text);
    snprintf(command, sizeof command, "%s/%s/listening/set", d->base, d->source);
    put_kind(j, e, text, command);
}

void em_discovery_single(em_json *j, const em_discovery *d, const em_entity *e)
{
    em_json_reset(j);
    em_json_begin(j, NULL, '{');
    put_device(j, d);
    put_entity(j, d, e);
    em_json_end(j, '}');
}

void em_discovery_begin(em_json *j, const em_discovery *d)
{
    em_json_reset(j);
    em_json_begin(j, NULL, '{');
    put_device(j, d);
    em_json_begin(j, "cmps", '{');
}

void em_discovery_add(em_json *j, const em_discovery *d, const em_entity *e)
{
    em_json_begin(j, e->object, '{');
    em_json_string(j, "p", em_entity_platform(e));
    put_entity(j, d, e);
    em_json_end(j, '}');
}

void em_discovery_end(em_json *j)
{
    em_json_end(j, '}');
    em_json_end(j, '}');
}
