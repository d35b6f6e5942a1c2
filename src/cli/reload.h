/* reload.h - the configuration read again while a run goes on: what events are (thresholds, groups, --watch and the like) and where
 * they go over the network or to commands (mqtt, osc, http, exec). A thread of its own reads and opens; the worker takes the new rules
 * between two hops, and no sound waits for any of it.
 *
 * A mistake in a file is one sentence, and all stays as it was. What cannot be changed in a run (formats, files, clips, the picture,
 * MIDI, the source, the model) is named in a warning at each reading that has it otherwise than the run, and counts from the next start
 * on. Lists of scores (text, jsonl) keep the classes that they began with. */
#ifndef EM_CLI_RELOAD_H
#define EM_CLI_RELOAD_H

#include "base/control.h"
#include "cli/outputs.h"
#include "cli/service.h"
#include "engine/outlet.h"

typedef struct em_reload_cfg {      /* borrowed until em_reload_close                              */
    const em_options *o;            /* that the run began with                                     */
    em_sink_set_cfg sinks;          /* how its outputs were opened; known and rules among them     */
    em_sink_set *outputs;           /* they; those that are replaced leave it                      */
    em_outlet   *outlet;            /* likewise; until em_reload_stop                              */
    em_control  *control;           /* takes the new rules to the worker                           */
    em_service  *service;
} em_reload_cfg;

typedef struct em_reload em_reload;

/* EM_ENOMEM. The caller ends *out with em_reload_close. */
em_status em_reload_open(em_reload **out, const em_reload_cfg *cfg, em_err *err);

/* From the worker: read it again soon; and these rules are what events are now (EM_CONTROL_RULES), so that older ones may go. */
void em_reload_ask(em_reload *r);
void em_reload_applied(em_reload *r, const void *rules);

/* Nothing is read any more. */
void em_reload_stop(em_reload *r);

/* After em_reload_stop, and after the outlet is gone: closes what it has opened. The first failure is told. */
em_status em_reload_close(em_reload *r, em_sink_end end, em_err *err);

#endif
