/* mqtt_box.h - what a broker is to be told, between the thread that hears and the one that talks to it.
 *
 * A topic is a state, which has a value: it is told when it changes, and to a broker that has just come, however often it
 * changed in between. Or it has messages, which are kept in their order, up to EM_MQTT_MESSAGES: behind a broker that is slow, hung or not
 * there the oldest gives way, a message counted as dropped, a change of a state told by the value that it has later on. So
 * memory is bounded, and nothing here waits.
 *
 * One thread adds and puts, one takes and renews; all of it may happen at any time. */
#ifndef EM_SINKS_MQTT_BOX_H
#define EM_SINKS_MQTT_BOX_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EM_MQTT_MESSAGES = 512 };

typedef enum em_mqtt_kind {
    EM_MQTT_STATE,                  /* retained by the broker                                                   */
    EM_MQTT_DISCOVERY,              /* the same, and told anew when Home Assistant starts                       */
    EM_MQTT_EVENT,                  /* messages                                                                 */
    EM_MQTT_LEVEL,                  /* messages that are worth nothing later: without a broker they are left    */
} em_mqtt_kind;

typedef struct em_mqtt_box em_mqtt_box;
typedef struct em_mqtt_topic em_mqtt_topic;

typedef struct em_mqtt_message {    /* zeroed: empty; its memory is used again, and freed with em_mqtt_message_deinit */
    const em_mqtt_topic *topic;
    char  *bytes;                   /* [n]                                                                      */
    size_t n, room;
} em_mqtt_message;

void em_mqtt_message_deinit(em_mqtt_message *m);

/* EM_ENOMEM, EM_EIO: no descriptors. The caller ends it with em_mqtt_box_free. */
em_status em_mqtt_box_new(em_mqtt_box **out, em_err *err);
void      em_mqtt_box_free(em_mqtt_box *box);

/* A topic of the box's, which copies its name; a state has no value yet. NULL: no memory. */
em_mqtt_topic *em_mqtt_box_add(em_mqtt_box *box, em_mqtt_kind kind, const char *name);

const char  *em_mqtt_topic_name(const em_mqtt_topic *topic);
em_mqtt_kind em_mqtt_topic_kind(const em_mqtt_topic *topic);

/* Copies n bytes; a state that has this value already is not told again. EM_ENOMEM. */
em_status em_mqtt_box_put(em_mqtt_box *box, em_mqtt_topic *topic, const char *bytes, size_t n, em_err *err);

/* The next message; false: there is none. No memory for it: it is counted as dropped. */
bool em_mqtt_box_take(em_mqtt_box *box, em_mqtt_message *m);

/* A broker has come that knows nothing: all states again. No broker any more. */
void em_mqtt_box_renew(em_mqtt_box *box);
void em_mqtt_box_leave(em_mqtt_box *box);

/* Every EM_MQTT_DISCOVERY again. */
void em_mqtt_box_rediscover(em_mqtt_box *box);

/* Messages dropped so far, and how many wait, states among them. */
uint64_t em_mqtt_box_dropped(em_mqtt_box *box);
size_t   em_mqtt_box_waiting(em_mqtt_box *box);

/* Readable after every put, until em_mqtt_box_take has nothing more. */
int  em_mqtt_box_fd(const em_mqtt_box *box);
void em_mqtt_box_wake(em_mqtt_box *box);

#endif
