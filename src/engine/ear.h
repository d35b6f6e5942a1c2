/* ear.h - what engine.c and the files ear_*.c share: one source on its run from start to end.
 *
 * engine.c is the loop over all that are heard; ear_life.c makes the memory, starts and ends; ear_sound.c goes from ring to scheduler;
 * ear_scores.c takes what the scheduler hands out; ear_private.c says whose sound may be kept; ear_control.c obeys commands; ear_tell.c has
 * the words. All of it is the worker's. */
#ifndef EM_ENGINE_EAR_H
#define EM_ENGINE_EAR_H

#include "engine/anchor.h"
#include "engine/columns.h"
#include "engine/engine.h"
#include "engine/level.h"
#include "engine/scheduler.h"
#include "engine/summary.h"

enum {
    EM_EAR_BLOCK = 4096,            /* frames taken at once                         */
    EM_EAR_NAME_CHARS = 144,        /* of a source and its channel                  */
};

typedef enum em_ear_phase {         /* where it is between one take from the ring and the next */
    EM_EAR_LISTENS,                 /* nothing is held                             */
    EM_EAR_TAKEN,                   /* a block, and what was missing before it     */
    EM_EAR_GAP,                     /* silence goes to the listeners               */
    EM_EAR_SOUND,                   /* then the block does                         */
    EM_EAR_ENDS,                    /* nothing more comes: the last hops           */
    EM_EAR_IS_OVER,
} em_ear_phase;

typedef struct em_ear {
    const em_engine_cfg *cfg;
    em_source    *source;
    em_source_info info;            /* renewed with every block: no event may point into it */
    char          name[128];
    bool          has_state, is_up; /* what was told last                           */
    em_scheduler *scheduler;        /* NULL until sound flows: the rate is unknown  */
    int           rate_hz, n_lanes;
    float        *frames;           /* [EM_EAR_BLOCK][n_channels]                   */
    float       **lanes;            /* [n_lanes][EM_EAR_BLOCK]                      */
    char        (*names)[EM_EAR_NAME_CHARS];
    em_summary   *summaries;        /* [n_lanes], NULL unless wanted                */
    int64_t      *loud_ends;        /* [n_lanes] end of the newest hop above the gate, sample */
    em_columns   *columns;          /* [n_lanes] likewise                           */
    em_level     *levels;           /* [n_lanes] likewise                           */
    const em_watch_rules *rules;    /* cfg->events, or what has taken their place; NULL: none */
    em_watch_rules own_rules[2];    /* they, with a gate of its own: the newest, and those before it */
    bool         *is_paused;        /* [n_lanes] does not listen                    */
    bool          has_warned;       /* of commands                                  */
    em_watcher  **watchers;         /* [n_lanes] likewise; each NULL until sound flows */
    em_privacy   *privacy;          /* NULL unless wanted                           */
    em_ear_phase  phase;
    em_source_state state;          /* as it was when the block was taken          */
    em_gap        gap;
    size_t        n_taken;          /* frames in `frames`                          */
    size_t        n_fed, n_to_feed; /* of the silence or sound that goes to the listeners */
    uint64_t      n_behind;         /* frames that are known to come behind it     */
    uint64_t      n_rate_frames;    /* of stream since the last change of rate      */
    double        rate_start_s;     /* when that was                                */
    em_anchor     anchor;           /* wall clock at time 0                         */
    double        next_gap_log_s;
    uint64_t      n_gap_frames;     /* since the last message about them            */
    uint64_t      n_xruns;          /* told so far                                  */
    uint64_t      progress_ns;
    em_engine_stage stage;
    em_err        broken;           /* damage that ended the input early            */
    bool          was_stopped;      /* before its end                               */
    bool          has_met;          /* whom events->awaited names                   */
    double        met_s;            /* at the hop that ends here                    */
} em_ear;

/* ---- ear_tell.c ---- */

double    em_ear_seconds(const em_ear *e);                  /* of stream, up to the newest sound taken */

/* An event of that type, else empty. */
em_event  em_ear_event(const em_ear *e, em_event_type type, const char *source, double time);
em_status em_ear_emit(em_ear *e, const em_event *event, em_err *err);

bool      em_ear_is_there(em_source_state state);           /* it gives sound, or has given all    */
em_status em_ear_tell_state(em_ear *e, em_source_state state, em_err *err);
em_status em_ear_tell_gap(em_ear *e, const em_gap *gap, em_err *err);
void      em_ear_tell_xruns(em_ear *e, const em_source_counters *frames);
void      em_ear_tell_warnings(em_ear *e);
void      em_ear_tell_progress(em_ear *e);
em_status em_ear_tell_end(em_ear *e, const em_engine_result *r, em_err *err);   /* the last record, and summaries */

/* ---- ear_scores.c ---- */

em_status em_ear_begin_events(em_ear *e, em_err *err);      /* the names are known, sound flows */
em_status em_ear_take_scores(void *ear, const em_scores_row *row, em_err *err);     /* an em_scores_take */
bool      em_ear_wants_scores(void *ear, int lane, const em_hop *hop);              /* an em_scores_want */
em_status em_ear_end_events(em_ear *e, em_err *err);

/* ---- ear_private.c: what --private asks; without cfg->privacy they do nothing ---- */

em_status em_ear_begin_privacy(em_ear *e, em_err *err);
em_status em_ear_judge_hop(em_ear *e, const em_scores_row *row, em_err *err);       /* before its events     */
em_status em_ear_take_event(void *ear, const em_event *event, em_err *err);         /* an em_event_take: to the outlet, too */
em_status em_ear_end_privacy(em_ear *e, em_event *stop, em_err *err);               /* with the STOP to come */

/* ---- ear_control.c ---- */

/* Events are what these say from here on, but for a gate of its own. */
void      em_ear_use_rules(em_ear *e, const em_watch_rules *rules);

/* One command, as far as it is the engine's. */
em_status em_ear_obey(em_ear *e, const em_control_command *c, em_err *err);

/* ---- ear_sound.c ---- */

/* Goes on until a hop is due, a block is done, or there is nothing to do now (*has_done stays as it is). At the end phase is
 * EM_EAR_IS_OVER. After an error of the output or model e->stage says which. */
em_status em_ear_step(em_ear *e, bool *has_done, em_err *err);
bool      em_ear_is_overdue(const em_ear *e);               /* the deadline has passed */

/* ---- ear_life.c ---- */

/* e->cfg and e->source are set, the rest is zero: makes the memory and starts the source. em_ear_deinit follows, always. */
em_status em_ear_init(em_ear *e, em_err *err);
void      em_ear_deinit(em_ear *e);

void      em_ear_count(const em_ear *e, em_engine_result *out);

/* Stops the source, ends its events, tells its end. *input: what was wrong with its sound. */
em_status em_ear_close(em_ear *e, em_engine_result *out, em_err *input, em_err *err);

#endif
