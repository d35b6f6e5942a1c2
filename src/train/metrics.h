/* metrics.h - how good scores are: average precision, AUC, d', accuracy, F1, thresholds, confusions.
 *
 * Numbers are those of scikit-learn. What is undefined is NAN, never 0: a class without positives has no average precision, one
 * without positives or without negatives no AUC; means leave such classes out and say how many they are of.
 * Nothing here keeps a pointer to what it was given, unless it says so. Ordinary code, any thread. */
#ifndef EM_TRAIN_METRICS_H
#define EM_TRAIN_METRICS_H

#include "base/status.h"

#include <stdbool.h>

/* Scores beside the truth. */
typedef struct em_scored {
    const float         *scores;    /* [n][n_classes] finite; larger is more certain, probabilities or logits */
    const unsigned char *targets;   /* [n][n_classes] 0 or 1                                                   */
    int                  n, n_classes;
} em_scored;

/* EM_EINVAL: a score that is no finite number, a target that is neither 0 nor 1; names clip and class. What is below relies on it;
 * em_metrics_init and em_thresholds_choose ask themselves. */
em_status em_scored_check(const em_scored *set, em_err *err);

/* ------------------------------------------------------------------ ranking.c: one class, all thresholds */

/* What saying "yes" from `score` on gives. */
typedef struct em_rank_row { float score; int n_hits, n_said; } em_rank_row;

/* The clips of one class by falling score, a row a distinct score: the points of its precision-recall curve. */
typedef struct em_ranking {
    em_rank_row *rows;              /* [n_rows] */
    int n_rows, n, n_positives;
} em_ranking;

/* The caller ends *out with em_ranking_deinit, also after an error. EM_ENOMEM. */
em_status em_ranking_init(em_ranking *out, const em_scored *set, int i_class, em_err *err);
void      em_ranking_deinit(em_ranking *r);

double em_ranking_ap(const em_ranking *r);      /* sum of (recall step) * precision, not interpolated */
double em_ranking_auc(const em_ranking *r);     /* Mann-Whitney, ties half                            */

/* Precision where recall first reaches `recall` (0 to 1): the steps that average precision sums. NAN: no positives. */
double em_ranking_precision(const em_ranking *r, double recall);

/* A threshold ("score >= threshold") and what it gives. threshold NAN: there is none such. */
typedef struct em_choice { float threshold; double f1, precision, recall; } em_choice;

em_choice em_ranking_best_f1(const em_ranking *r);                          /* of equals the lowest threshold       */
em_choice em_ranking_at_precision(const em_ranking *r, double precision);   /* the lowest that has it: most recall  */

/* ------------------------------------------------------------------ f1.c: counts at given thresholds */

typedef struct em_counts { int n_hits, n_false, n_missed; } em_counts;

double em_precision_of(em_counts c);               /* these three: 0 where it is 0/0 */
double em_recall_of(em_counts c);
double em_f1_of_counts(em_counts c);

typedef struct em_f1_means {
    double micro, macro;            /* of all counts together; mean of the classes' F1. NAN: no class */
    int    n_classes;               /* that they are of                                               */
} em_f1_means;

/* Of the classes that occur in the truth. has_strays: also of those that were only said, so that micro F1 is the accuracy where
 * every clip has one class and gets one answer; without, a class that the set does not have cannot spoil the others. */
em_f1_means em_f1_of(const em_counts *counts, int n_classes, bool has_strays);

/* counts[n_classes] of score >= thresholds[n_classes]; NULL: .5 for all. */
void em_counts_at(em_counts *counts, const em_scored *set, const float *thresholds);

/* confusion[n_classes][n_classes], truth by answer, of sets with one class a clip; of equal scores the first class is the answer.
 * EM_EINVAL: a clip has another number of classes. */
em_status em_confusion_fill(int *confusion, const em_scored *set, em_err *err);
void      em_counts_of_confusion(em_counts *counts, const int *confusion, int n_classes);

/* ------------------------------------------------------------------ metrics.c: everything at once */

/* d' = sqrt(2) * Phi^-1(AUC), the distance of two normal distributions in their standard deviation. The AUC is first moved into
 * [1e-6, 1 - 1e-6] (d' of -6.7 to 6.7): a perfect one is no infinite distance but a small set. NAN stays NAN. */
double em_dprime(double auc);

typedef struct em_class_metrics {
    int       n_positives;
    double    ap, auc;
    em_counts counts;               /* at `threshold`, or of the answers when every clip has one */
    float     threshold;            /* NAN: of the answers                                       */
    em_choice best;                 /* threshold of the best F1                                  */
} em_class_metrics;

typedef struct em_metrics {
    int       n, n_classes;
    bool      is_single;
    em_class_metrics *classes;      /* [n_classes]                                              */
    double    map, mauc;            /* means over n_ap and n_auc classes                        */
    int       n_ap, n_auc;
    double    dprime;               /* of mauc: comparable with what is published               */
    double    dprime_moments;       /* mean over classes of (mu1 - mu0)/sqrt((s1^2 + s0^2)/2) on logits; NAN: not asked for */
    em_f1_means f1;
    double    accuracy;             /* NAN unless is_single                                     */
    int      *confusion;            /* [n_classes][n_classes], truth by answer; NULL unless is_single */
} em_metrics;

typedef struct em_metrics_cfg {
    bool         is_single;         /* one class a clip, one answer a clip                      */
    const float *thresholds;        /* [n_classes] for F1 where clips may have several; NULL: .5 */
    const float *logits;            /* [n][n_classes] asks for dprime_moments; NULL: not        */
} em_metrics_cfg;

/* The caller ends *out with em_metrics_deinit, also after an error. EM_EINVAL: see em_scored_check, em_confusion_fill; an empty
 * set. EM_ENOMEM. */
em_status em_metrics_init(em_metrics *out, const em_scored *set, const em_metrics_cfg *cfg, em_err *err);
void      em_metrics_deinit(em_metrics *m);

/* A threshold a class from validation data: that of the best F1, or (precision > 0) the lowest one with this precision. A class
 * of fewer than `least` positives (at least 1: one clip says where it lies itself and nothing of the next one), or that never is so
 * precise, keeps what thresholds[n_classes] had; *n_kept (may be NULL) counts those. */
em_status em_thresholds_choose(float *thresholds, int *n_kept, const em_scored *set, int least, double precision, em_err *err);

#endif
