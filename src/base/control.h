/* control.h - commands for a run: one bounded queue between whoever gives them (keys, signals, OSC, MQTT) and the worker, which
 * empties it between hops.
 *
 * Any thread puts, a signal handler may as well (no lock, no memory, no system call); one thread takes. Nobody waits: what finds
 * the queue full is refused and counted. Made and freed by one thread while no other uses it. */
#ifndef EM_BASE_CONTROL_H
#define EM_BASE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

enum { EM_CONTROL_ROOM = 64, EM_CONTROL_TEXT = 160 };       /* commands that wait; bytes of a text, with its NUL */

typedef enum em_control_type {
    EM_CONTROL_LISTEN,              /* as sw says                                                           */
    EM_CONTROL_MARK,                /* a MARK record, with text                                             */
    EM_CONTROL_CLIP,                /* the same, and the sound before it as a clip                          */
    EM_CONTROL_THRESHOLD,           /* of the class i_class or, where that is -1, of the group text         */
    EM_CONTROL_RELOAD,              /* the configuration is read again                                      */
    EM_CONTROL_RULES,               /* events are what rules says from here on                              */
    EM_CONTROL_QUIT,
} em_control_type;

typedef enum em_control_switch { EM_SWITCH_OFF, EM_SWITCH_ON, EM_SWITCH_OTHER } em_control_switch;    /* OTHER: than it is now */

typedef struct em_control_command {
    em_control_type   type;
    em_control_switch sw;
    int    i_class;                 /* of the model                                                         */
    float  threshold;               /* 0 < threshold <= 1                                                   */
    const void *rules;              /* an em_watch_rules; whoever put it keeps it until it is replaced      */
    char   source[EM_CONTROL_TEXT]; /* as records name it, or its channel; "": every one                    */
    char   text[EM_CONTROL_TEXT];
} em_control_command;

typedef struct em_control em_control;

/* NULL: no memory. */
em_control *em_control_new(void);
void        em_control_free(em_control *c);

/* Copies *command. False: the queue is full, the command is refused and counted. */
bool em_control_put(em_control *c, const em_control_command *command);

/* The oldest; false: there is none. */
bool em_control_take(em_control *c, em_control_command *out);

/* Commands refused so far. Any thread. */
uint64_t em_control_refused(const em_control *c);

#endif
