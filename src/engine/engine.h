/* engine.h - the worker: a source, or several at once, from start to end, through listeners and one session to the outlet.
 *
 * The calling thread is the worker. It polls the source (5 ms), puts silence in the place of lost frames, picks the
 * channels, and scores what falls due, of all sources in one batch. Devices are never waited for and hops that come too late are left out and
 * counted; files wait and leave out nothing.
 *
 * Once sound flows the path of a hop allocates nothing (tests/unit/engine), but for a device that comes back with
 * another rate or after an outage longer than a window, and for new rules. */
#ifndef EM_ENGINE_ENGINE_H
#define EM_ENGINE_ENGINE_H

#include "audio/source.h"
#include "base/control.h"
#include "base/status.h"
#include "engine/outlet.h"
#include "listener/privacy.h"
#include "listener/watcher.h"
#include "model/session.h"
#include "sinks/tape.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Called by the worker now and then: seconds done, of total (negative: unknown). */
typedef void em_engine_progress(void *ctx, const char *source, double done_s, double total_s);

/* A command of the queue, after the worker has done its part of it: reloading and ending are the program's. */
typedef void em_engine_command(void *ctx, const em_control_command *command);

typedef struct em_engine_cfg {
    em_session *session;            /* borrowed                                                    */
    em_outlet  *outlet;             /* borrowed                                                    */
    const char *name;               /* that records give the source, NULL: its own                 */
    const atomic_bool *stop;        /* true: come to an end, which is no failure; may be NULL      */
    int     max_batch;              /* what the session was made for                               */
    int     step_samples;           /* at the model's rate                                         */
    int     channel;                /* 1..: that one; 0: the mean; -1: each, as "NAME:1", "NAME:2" */
    bool    has_slots, has_embeddings;
    bool    may_rest;               /* nobody reads scores: windows with nothing above the gate are not scored */
    bool    has_vitals, has_columns;        /* scores events have vitals; and columns              */
    bool    has_level;              /* there are level events                                      */
    const em_watch_rules *events;   /* what an event is; NULL: none are told                       */
    bool    has_summary;            /* one record at the end in place of scores and events         */
    bool    needs_end;              /* a stop before the sound's end leaves no summary             */
    double  duration_s;             /* 0: to the end                                               */
    uint64_t deadline_ns;           /* em_now_ns at which the run ends, as if the sound did; 0: at none */
    int64_t start_ms;               /* wall clock at a file's first sample, -1 unknown             */
    em_tape *tape;                  /* that keeps the newest sound; NULL: none does                */
    const em_privacy_cfg *privacy;  /* of clips, but for window, step, take and ctx; NULL: all are kept */
    int     i_reel;                 /* on this reel of it                                          */
    bool    has_own_gate;           /* own_gate_dbfs in place of that of events, also of those that replace them */
    float   own_gate_dbfs;          /* 0: none                                                     */
    em_control *control;            /* commands, taken between hops; NULL: none come. Of several sources: the first's, for all */
    em_engine_command *command;     /* may be NULL                                                 */
    void   *command_ctx;
    em_engine_progress *progress;   /* may be NULL                                                 */
    void   *progress_ctx;
} em_engine_cfg;

typedef enum em_engine_stage { EM_STAGE_INPUT, EM_STAGE_MODEL, EM_STAGE_OUTPUT } em_engine_stage;

typedef struct em_engine_result {
    em_engine_stage    failed_at;   /* where an error came from                                    */
    bool    was_stopped;            /* *stop was true before the sound's end (or duration_s)       */
    bool    has_met;                /* an onset that events->awaited was for ended the run, at its hop */
    em_source_counters frames;
    uint64_t skipped_hops, resets;  /* resets: bad samples and bad scores put back to finite ones  */
    int64_t  n_hops;
    int      largest_batch;         /* windows, of other sources too, that were scored at once     */
    double   hop_ms, hop_p99_ms, longest_ms;    /* what hops took: the median, 99 of 100, the longest */
    double   seconds;               /* of stream                                                   */
} em_engine_result;

/* One of several that are heard at once. */
typedef struct em_engine_part {
    const em_engine_cfg *cfg;       /* session, max_batch, outlet and stop are the same for all; borrowed */
    em_source *source;
    em_engine_result result;
    em_err  err;                    /* what was wrong with its sound; code EM_OK: nothing          */
    bool    is_over;
} em_engine_part;

/* Bytes of the columns that a scores event has at the most. */
size_t em_engine_column_bytes(const em_session *session, int step_samples);

/* Starts the source, hears it out, stops it; the last event is its STOP record, also after an error of the input.
 * EM_ECANCELED: nobody reads the output any more. Else the status of the stage that failed. */
em_status em_engine_run(em_engine_result *out, const em_engine_cfg *cfg, em_source *source, em_err *err);

/* The same for several. One that ends or is lost for good has its STOP record then, and its err; the others go on. The status is of what
 * they have in common: outputs, model, memory, or of one that did not start. */
em_status em_engine_run_all(em_engine_part *parts, int n, em_err *err);

#endif
