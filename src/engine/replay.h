/* replay.h - a file of scores heard again: its records leave as they were told, and events are made anew by the rules of now. */
#ifndef EM_ENGINE_REPLAY_H
#define EM_ENGINE_REPLAY_H

#include "engine/outlet.h"
#include "listener/watcher.h"
#include "sinks/stored.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef struct em_replay_cfg {
    em_stored  *stored;             /* borrowed                                                    */
    em_outlet  *outlet;             /* borrowed                                                    */
    const em_watch_rules *rules;    /* borrowed                                                    */
    bool        has_slots;          /* scores records have them                                    */
    int64_t     start_ms;           /* wall clock at the first sample of what was no device, in place of what was kept; -1: as it was kept */
    double      timeout_s;          /* of sound, until it ends without an onset that rules->awaited is for; 0: at the last record */
    const atomic_bool *stop;        /* true: come to an end, which is no failure; may be NULL      */
} em_replay_cfg;

typedef struct em_replay_result {
    bool output_failed;             /* where an error came from: the outlet, or else the file      */
    bool was_stopped;
    bool has_met;                   /* an onset that rules->awaited was for ended it               */
} em_replay_result;

/* The start record, then what is kept from the next record to the last. EM_EFORMAT, EM_EIO: of the file; what it had before is told, and its
 * events are ended. EM_ECANCELED: nobody reads any more. EM_ENOMEM. */
em_status em_replay_run(em_replay_result *out, const em_replay_cfg *cfg, em_err *err);

#endif
