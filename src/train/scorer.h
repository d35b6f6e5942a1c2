/* scorer.h - what a model answers to the clips of a set, and how good that is.
 *
 * A clip shorter than the window is heard as a live listener hears it when it has just ended: at the window's end, silence before.
 * A longer one is heard in windows half a window apart, the last at its end; its logits are the mean of theirs. */
#ifndef EM_TRAIN_SCORER_H
#define EM_TRAIN_SCORER_H

#include "model/model.h"
#include "model/session.h"
#include "train/features.h"
#include "train/metrics.h"

#include <stdatomic.h>

typedef struct em_scores {
    float         *logits;          /* [n][n_classes]                                       */
    float         *probabilities;   /* [n][n_classes] as the model's activation makes them */
    unsigned char *targets;         /* [n][n_classes]                                       */
    int           *clips;           /* [n] numbers of the set: those that could be used     */
    int            n, n_classes, n_unusable;
    em_counts     *segments;        /* [n_classes] of the n_timed clips with strong labels (slots.h); NULL: not asked for, */
    em_counts     *events;          /* or no clip has a strong label                        */
    int            n_timed;
} em_scores;

typedef struct em_score_cfg {
    const em_dataset *set;
    em_features      *features;
    const int        *clips;        /* [n_clips] */
    int               n_clips, max_batch;
    const atomic_bool *stop;        /* NULL: nobody asks for an end */
    double            window_s;     /* 0: the model's own */
    bool              wants_times;  /* strong labels are counted, too, at        */
    const float      *thresholds;   /* [n_classes] these; NULL: .5 */
    em_session_other *other;        /* where the model's device fails; NULL: there is no other one */
    void             *other_ctx;
} em_score_cfg;

/* EM_ECANCELED: stop. EM_EDEVICE: the device failed. EM_EFORMAT: no clip could be used, or the answer to one is no number. The caller
 * ends *out with em_scores_deinit, also after an error. */
em_status em_score(em_scores *out, const em_model *model, const em_score_cfg *cfg, em_err *err);
void      em_scores_deinit(em_scores *s);

/* Share of the clips with a class whose highest answer is one of theirs. NAN: there are none. */
double em_scores_accuracy(const em_scores *s);

/* A view for metrics. */
em_scored em_scores_view(const em_scores *s);

#endif
