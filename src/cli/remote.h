/* remote.h - everything that gives a run commands: keys of the live view, OSC, SIGHUP; MQTT's come by its sink, through the same queue.
 *
 * All of it is the thread's that runs, but em_remote_obey, which is the worker's. */
#ifndef EM_CLI_REMOTE_H
#define EM_CLI_REMOTE_H

#include "cli/keys.h"
#include "cli/osc_in.h"
#include "cli/reload.h"

typedef struct em_remote {
    em_control *control;            /* NULL: this run takes no commands                            */
    em_keys    *keys;
    em_osc_in  *osc;
    em_reload  *reload;
    const em_watch_rules *rules;    /* the worker's: what events are now; NULL: what they were     */
} em_remote;

/* The queue, before anything is opened that puts into it, and SIGHUP as a command. EM_ENOMEM. End with em_remote_close. */
em_status em_remote_begin(em_remote *m, em_err *err);

/* Once the outputs are open: OSC, and keys where has_keys says so. cfg->control is the queue's, here. A port that is taken is a
 * warning. EM_ENOMEM. */
em_status em_remote_start(em_remote *m, const em_reload_cfg *cfg, bool has_keys, em_err *err);

/* An em_engine_command: what is not the engine's part. */
void em_remote_obey(void *remote, const em_control_command *c);

/* No commands come any more: before outputs are closed. */
void em_remote_stop(em_remote *m);

/* After the outlet is gone: closes what reloading has opened; likewise. The first failure is told. */
em_status em_remote_finish(em_remote *m, em_sink_end end, em_err *err);
void      em_remote_close(em_remote *m);

#endif
