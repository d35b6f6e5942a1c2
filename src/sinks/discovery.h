/* discovery.h - what Home Assistant and openHAB are told of a source: one device, one entity for each thing that it says.
 *
 * A device's message holds all of its entities (Home Assistant since 2024.11); single messages, one an entity, are for older hubs.
 * Plain functions that write JSON. */
#ifndef EM_SINKS_DISCOVERY_H
#define EM_SINKS_DISCOVERY_H

#include "base/json.h"

typedef struct em_discovery {
    const char *node, *source;      /* as topics name them                                        */
    const char *name;               /* the source's own name                                      */
    const char *base;               /* of the node's topics: "earmark/pi"                         */
    const char *version;            /* ours                                                       */
} em_discovery;

typedef enum em_entity_kind { EM_ENTITY_SOUND, EM_ENTITY_EVENT, EM_ENTITY_LAST, EM_ENTITY_LEVEL, EM_ENTITY_LISTEN } em_entity_kind;

typedef struct em_entity {
    em_entity_kind kind;
    const char *object;             /* [a-zA-Z0-9_-]: "sound_bark"; no two of a source are alike   */
    const char *name;               /* for people: "Sound bark"                                   */
    const char *topic;              /* below the source's: "sound/bark"                           */
} em_entity;

/* "binary_sensor", "event", "sensor" or "switch". */
const char *em_entity_platform(const em_entity *e);

/* A whole message about one entity. */
void em_discovery_single(em_json *j, const em_discovery *d, const em_entity *e);

/* A message about the device: begin, its entities, end. */
void em_discovery_begin(em_json *j, const em_discovery *d);
void em_discovery_add(em_json *j, const em_discovery *d, const em_entity *e);
void em_discovery_end(em_json *j);

#endif
