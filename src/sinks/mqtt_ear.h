/* mqtt_ear.h - one source as a broker is told of it: its topics, which of its sounds are on, its level.
 *
 *   BASE/SOURCE/status           online, offline, disabled: it does not listen (retained, as are the next five)
 *   BASE/SOURCE/listening/state  ON, OFF; BASE/SOURCE/listening/set takes them; where commands are taken
 *   BASE/SOURCE/sound/SLUG       ON, OFF: a class that is listed; sound/any: any event at all
 *   BASE/SOURCE/group/SLUG       ON, OFF
 *   BASE/SOURCE/last             {"label","score","utc","id"} of the newest onset
 *   BASE/SOURCE/event            the object of jsonl, and "event_type": onset, offset, retract
 *   BASE/SOURCE/level            {"dbfs","lufs","laeq"} every 10 s of sound
 *
 * One thread at a time; nothing waits. */
#ifndef EM_SINKS_MQTT_EAR_H
#define EM_SINKS_MQTT_EAR_H

#include "base/event.h"
#include "base/json.h"
#include "sinks/mqtt_box.h"

enum { EM_MQTT_NAME = 200 };        /* bytes of a node's or source's name in topics */

typedef enum em_discovery_mode { EM_DISCOVERY_NO, EM_DISCOVERY_DEVICE, EM_DISCOVERY_SINGLE, EM_DISCOVERY_REMOVE } em_discovery_mode;

typedef struct em_mqtt_node {       /* what all sources have in common */
    em_mqtt_box *box;
    char   base[2 * EM_MQTT_NAME + 64];     /* "earmark/pi"                                          */
    char   name[EM_MQTT_NAME];              /* "pi"                                                  */
    const em_classes *classes;
    const char *const *groups;              /* [n_groups] names                                      */
    int    n_groups;
    char (*objects)[EM_MQTT_NAME];          /* [classes->n + n_groups] "sound/bark", "group/alarm"; "": no topic */
    const bool *is_watched;                 /* [classes->n] those are entities, NULL: none           */
    bool   has_commands;                    /* they are taken                                        */
    em_discovery_mode discovery;
    const char *discovery_prefix, *version;
    const char *clip_dir;                   /* that clips of events are in; NULL: there are none    */
    em_json json;                           /* scratch                                               */
} em_mqtt_node;

/* [a-zA-Z0-9_-], each run of others one '_'; `fallback` where nothing is left. */
char *em_mqtt_name(char out[EM_MQTT_NAME], const char *s, const char *fallback);

/* Names what topics call each class and group: by its slug or, where that is empty or another's, by its number ("class-7"). is_shown NULL:
 * all classes. EM_ENOMEM. The caller frees node->objects. */
em_status em_mqtt_node_objects(em_mqtt_node *node, const bool *is_shown, em_err *err);

typedef struct em_mqtt_ear em_mqtt_ear;

/* A source that is online, all its sounds off, told with its discovery. `topic` is what topics call it, no other source's.
 * EM_ENOMEM. node is borrowed. */
em_status em_mqtt_ear_new(em_mqtt_ear **out, em_mqtt_node *node, const char *name, const char *topic, em_err *err);
void      em_mqtt_ear_free(em_mqtt_ear *ear);

const char *em_mqtt_ear_name(const em_mqtt_ear *ear);
const char *em_mqtt_ear_topic(const em_mqtt_ear *ear);

/* Each returns what em_mqtt_box_put does. */
em_status em_mqtt_ear_sound(em_mqtt_ear *ear, const em_event *e, em_err *err);      /* ONSET, OFFSET, RETRACT */
em_status em_mqtt_ear_hop(em_mqtt_ear *ear, em_err *err);                           /* SCORES                 */
em_status em_mqtt_ear_level(em_mqtt_ear *ear, const em_event *e, em_err *err);      /* LEVEL                  */
em_status em_mqtt_ear_status(em_mqtt_ear *ear, bool is_online, em_err *err);
em_status em_mqtt_ear_listening(em_mqtt_ear *ear, bool is_on, em_err *err);
em_status em_mqtt_ear_hush(em_mqtt_ear *ear, em_err *err);                          /* all sounds are off     */

/* Hushed and offline; a SCORES event begins it anew, from time 0. */
em_status em_mqtt_ear_end(em_mqtt_ear *ear, em_err *err);

#endif
