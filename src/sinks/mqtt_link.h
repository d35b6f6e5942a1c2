/* mqtt_link.h - a thread of its own that keeps a connection to a broker (MQTT 5, or 3.1.1, by libmosquitto) and empties a box into it.
 *
 * Everything is sent with QoS 1, at most EM_MQTT_FLIGHT messages at a time; what a broker did not confirm before it went is
 * sent to it again, unless it is a state, whose value goes to every broker anew. A broker that is not there, says no or
 * does not answer is tried again after 1 s, then 2, 4 … 60 s, each by a random share longer; the first reason is told, and that it is back.
 *
 * A broker of MQTT 5 is asked for no message longer than EM_MQTT_LONGEST. What one of 3.1.1, or one that does not care, sends beyond it is
 * dropped, and the connection with it, as if the broker had gone; that is told once. */
#ifndef EM_SINKS_MQTT_LINK_H
#define EM_SINKS_MQTT_LINK_H

#include "sinks/mqtt_box.h"
#include "sinks/mqtt_url.h"

enum {
    EM_MQTT_FLIGHT = 20,            /* what mosquitto allows by default          */
    EM_MQTT_LONGEST = 65536,        /* bytes of a message to us, topic included */
};

/* A command from the broker: what stands where the '+' of command_topic is, and the message, n bytes of anything. In the link's thread. */
typedef void em_mqtt_command(void *ctx, const char *level, const char *bytes, size_t n);

typedef struct em_mqtt_link_cfg {   /* copied, but for the box                                                            */
    em_mqtt_url url;
    const char *ca, *cert, *key;    /* PEM files; ca NULL: those of the system; cert, key NULL: none                      */
    const char *client_id;
    const char *will_topic;         /* the broker puts "offline" there, retained, when we are gone without a word; NULL: no  */
    const char *birth_topic;        /* "online" there asks for all EM_MQTT_DISCOVERY anew; NULL: nobody does               */
    const char *command_topic;      /* "BASE/+/listening/set", NULL: no commands are taken; retained messages are none    */
    em_mqtt_command *command;
    void       *command_ctx;
} em_mqtt_link_cfg;

typedef struct em_mqtt_link em_mqtt_link;

/* The box belongs to the link from here on, also after an error. Returns at once, whatever the broker does. EM_ENOMEM.
 * The caller ends *out with em_mqtt_link_close. */
em_status em_mqtt_link_open(em_mqtt_link **out, const em_mqtt_link_cfg *cfg, em_mqtt_box *box, em_err *err);

/* Nothing is put any more: sends what waits, for flush_s seconds at most, and a second more until a look-up of the broker's name
 * is left to itself. EM_EIO: there was never a connection (why), or so many messages are left. */
em_status em_mqtt_link_close(em_mqtt_link *link, double flush_s, em_err *err);

#endif
