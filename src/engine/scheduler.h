/* scheduler.h - when which windows are scored. Lanes hear the same source in step, so their hops fall due
 * together; those of several sources, a scheduler each, that are due at the time go through the one session in one batch. What
 * comes out leaves as score rows, and has the same bits whatever was in the batch.
 *
 * A source that cannot wait is never chased hop by hop: while another whole step of it is waiting already, the
 * due hop is left out and counted, so that the newest window is always the next to be scored.
 *
 * A gap of hours costs what one of a window and a few steps costs: in between only the clock moves.
 *
 * No threads; the clock is read only to tell what a hop took. Nothing allocates after em_scheduler_new but a change of rate
 * and sound after a long gap. */
#ifndef EM_ENGINE_SCHEDULER_H
#define EM_ENGINE_SCHEDULER_H

#include "base/status.h"
#include "engine/hop_times.h"
#include "listener/listener.h"
#include "model/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EM_SCHEDULER_MOST_BATCH = 64 };      /* windows that go through a session at once, whatever max_batch is */

typedef struct em_scheduler em_scheduler;

typedef struct em_scores_row {      /* one scored hop of one lane; valid during the call */
    int          lane;
    const em_hop *hop;
    const float *scores;            /* [n_classes] probabilities, finite                 */
    const float *slots;             /* [n_slots][n_classes], NULL unless asked for       */
    const float *latent;            /* [n_latent], NULL unless asked for                 */
} em_scores_row;

typedef em_status em_scores_take(void *ctx, const em_scores_row *row, em_err *err);

/* Asked for each lane's due hop. What none of them wants is not computed: its scores are 0. */
typedef bool em_scores_want(void *ctx, int lane, const em_hop *hop);

typedef struct em_scheduler_cfg {
    em_session *session;            /* borrowed                                          */
    int  max_batch;                 /* windows the session takes at once                 */
    int  n_lanes;
    int  step_samples;              /* at the model's rate                               */
    int  rate_hz;                   /* of what is pushed                                 */
    bool may_skip;                  /* the source cannot wait                            */
    bool has_slots, has_latent;
    bool has_levels;                /* of hops: what events are made exact by            */
    em_scores_take *take;
    em_scores_want *want;           /* NULL: all are wanted                              */
    void *ctx;
} em_scheduler_cfg;

/* The frames that a model wants. */
em_frontend_cfg em_scheduler_frontend(const em_config *model);

/* EM_EINVAL: a step or rate that the listener does not take. EM_ENOMEM. The caller frees *out with
 * em_scheduler_free; on error it is NULL. */
em_status em_scheduler_new(em_scheduler **out, const em_scheduler_cfg *cfg, em_err *err);
void      em_scheduler_free(em_scheduler *s);

/* The samples [*done, n) for every lane, lanes[i][n]; NULL: silence. Moves *done on, until a hop is due that is to be scored; none is
 * taken while one is. n_waiting: frames known to come behind them. Hops that come too late are left out. */
void em_scheduler_feed(em_scheduler *s, const float *const *lanes, size_t n, size_t *done, uint64_t n_waiting);

/* The end of the stream: its last hops, one after the other. */
void em_scheduler_end(em_scheduler *s);

/* What was fed had another rate before. May make a hop due. */
em_status em_scheduler_set_rate(em_scheduler *s, int rate_hz, em_err *err);

bool em_scheduler_is_due(const em_scheduler *s);

/* Scores what is due in any of them (NULL: none), and hands it to cfg.take, in their order. One session is that of all. Then the next hop
 * of each may be due. Ends with the first error. */
em_status em_scheduler_score(em_scheduler *const *all, int n, em_err *err);

/* For one alone: feeds and scores all of it, or to the end. */
em_status em_scheduler_push(em_scheduler *s, const float *const *lanes, size_t n, uint64_t n_waiting, em_err *err);
em_status em_scheduler_finish(em_scheduler *s, em_err *err);

typedef struct em_scheduler_counters {
    int64_t  n_hops;                /* scored, of each lane                               */
    uint64_t n_skipped;             /* left out, of each lane                             */
    int      largest_batch;         /* windows, of others too, that the model scored at once */
    float    mel_s, backbone_s, head_s;         /* what the last hop took, of all lanes; head_s 0: not told apart */
    uint64_t n_resets;              /* rows that the model answered with NaN or infinity  */
} em_scheduler_counters;

void     em_scheduler_get_counters(const em_scheduler *s, em_scheduler_counters *out);

/* What scored hops took, of all lanes together: their frames, the model (with all that was due of others), and cfg.take. Valid until
 * em_scheduler_free. */
const em_hop_times *em_scheduler_hop_times(const em_scheduler *s);
unsigned em_scheduler_warnings(em_scheduler *s, int i);      /* EM_WARN_* of lane i since the last call */

#endif
