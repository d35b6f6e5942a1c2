/* ear.h - what engine.c, ear_sound.c, ear_scores.c, ear_private.c, ear_control.c and ear_tell.c share: one source on its run from start to end.
 *
 * engine.c makes the memory and starts; ear_sound.c loops between ring and scheduler; ear_scores.c takes what the scheduler
 * hands out; ear_private.c says whose sound may be kept; ear_control.c obeys commands; ear_tell.c has the words. All of it is the worker's. */
#ifndef EM_ENGINE_EAR_H
#define EM_ENGINE_EAR_H

#include "engine/anchor.h"
#include "engine/columns.h"
#include "engine/engine.h"
#include "engine/scheduler.h"
#include "engine/summary.h"

enum {
    EM_EAR_BLOCK = 4096,            /* frames taken at once                         */
    EM_EAR_NAME_CHARS = 144,        /* of a source and its channel                  */
};

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
    const em_watch_rules *rules;    /* cfg->events, or what has taken their place  */
    bool         *is_paused;        /* [n_lanes] does not listen                    */
    bool          has_told_refused, has_warned;     /* of commands                  */
    em_watcher  **watchers;         /* [n_lanes] likewise; each NULL until sound flows */
    em_privacy   *privacy;          /* NULL unless wanted                           */
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

/* One command, as far as it is the engine's. */
em_status em_ear_obey(em_ear *e, const em_control_command *c, em_err *err);

/* Those that wait, handed to cfg->command as well. */
em_status em_ear_take_commands(em_ear *e, em_err *err);

/* ---- ear_sound.c ---- */

/* From the started source to its end, a stop, or an error; after an error of the output or model e->stage says which. */
em_status em_ear_listen(em_ear *e, em_err *err);
bool      em_ear_is_overdue(const em_ear *e);               /* the deadline has passed */

#endif
