/* mqtt_talk.h - one connection to a broker after the other, each from its first packet to its last: what the link's thread does.
 *
 * Belongs to that thread, but for is_ending and end_ns, which any thread may set. What is in flight when a connection ends
 * stays here for the next one. */
#ifndef EM_SINKS_MQTT_TALK_H
#define EM_SINKS_MQTT_TALK_H

#include "sinks/mqtt_link.h"

#include <stdatomic.h>

typedef struct em_mqtt_flying { em_mqtt_message message; int mid; bool is_used; } em_mqtt_flying;

typedef struct em_mqtt_talk {       /* zeros but for the first two, which are borrowed as long as it lasts        */
    const em_mqtt_link_cfg *cfg;
    em_mqtt_box *box;
    atomic_bool is_ending;          /* what waits is sent, and then we leave                                     */
    atomic_ullong end_ns;           /* when to give up, once it is ending                                        */
    em_mqtt_flying flight[EM_MQTT_FLIGHT];      /* sent and not confirmed                                        */
    bool        was_ever_up;
    bool        has_told;           /* that there is no connection; a new one is worth a word then               */
    bool        has_told_dropped;
    bool        is_old;             /* it knows no MQTT 5: 3.1.1 from here on                                    */
    char        why[160];           /* the last connection ended, "": unknown                                    */

    struct mosquitto *handle;       /* of this connection, as all that follows                                   */
    bool        is_up, is_refused, is_leaving;
    bool        is_too_new;         /* refused for MQTT 5                                                        */
    bool        is_flooded;         /* a message came that is longer than EM_MQTT_LONGEST                        */
    uint64_t    opened_ns;
    int         n_flying;
} em_mqtt_talk;

/* Opens a connection and holds it until it breaks, or until is_ending and all is sent, or end_ns. True: all is sent, and the
 * broker knows that we leave; else why says what happened. */
bool em_mqtt_talk_hold(em_mqtt_talk *t);

/* Says once that messages were dropped, if any were. */
void em_mqtt_talk_tell_dropped(em_mqtt_talk *t);

/* Messages that no broker has confirmed. */
size_t em_mqtt_talk_left(const em_mqtt_talk *t);

void em_mqtt_talk_deinit(em_mqtt_talk *t);

#endif
