/* examples.h - the windows of a run: what example `index` of an epoch is, whoever asks for it.
 *
 * An example follows from (seed, epoch, index) and the data alone: from no thread, no rank and no state of a generator. A maker
 * belongs to one thread at a time; several may share features and recipe. */
#ifndef EM_TRAIN_EXAMPLES_H
#define EM_TRAIN_EXAMPLES_H

#include "train/canvas.h"
#include "train/features.h"
#include "train/kd.h"
#include "train/recipe.h"

typedef struct em_examples_cfg {
    const em_recipe  *recipe;
    const em_config  *model;            /* of the windows that are trained on                    */
    const em_dataset *set;
    em_features      *features;
    const int        *clips;            /* [n_clips] of the set: those to learn from             */
    int               n_clips;
    const em_kd      *kd;               /* NULL: no teacher                                      */
} em_examples_cfg;

typedef struct em_examples em_examples;

/* All pointers of cfg must outlive it. EM_ENOMEM. The caller frees *out with em_examples_free; on error it is NULL. */
em_status em_examples_new(em_examples **out, const em_examples_cfg *cfg, em_err *err);
void      em_examples_free(em_examples *e);

int  em_examples_frames(const em_config *model);        /* of one window                                  */
em_canvas em_examples_canvas(const em_examples_cfg *cfg);           /* its sizes; slots only where the recipe asks for them */
long em_examples_per_epoch(const em_examples_cfg *cfg); /* draws of an epoch; the last batch is filled up with the next ones */

/* Means of the bands over some windows as an epoch has them: mean and biased variance [n_mels], for bn0 before the first step and
 * for what SpecAugment blots with. Sets them for this maker. EM_EFORMAT: no clip could be used.
 * EM_EDEVICE, EM_ENOMEM: the device failed (em_features_fault). */
em_status em_examples_measure(em_examples *e, double *mean, double *var, em_err *err);
void      em_examples_set_fill(em_examples *e, const double *mean);

/* The clips of n examples from `index` on are to be asked for now: has them made, side by side, and keeps them until em_examples_forget
 * of the same. EM_ENOMEM: nothing is to be forgotten. */
em_status em_examples_expect(em_examples *e, long epoch, long index, int n, em_err *err);
void      em_examples_forget(em_examples *e, long index, int n);

/* Example `index` of `epoch` into out (frames of em_examples_frames(), targets, weights); teacher[n_classes]: the teacher's answer to
 * it, *has_teacher false when there is none. EM_ENOMEM, EM_EDEVICE (em_features_fault). */
em_status em_examples_make(em_examples *e, em_canvas *out, float *teacher, bool *has_teacher, long epoch, long index, em_err *err);

#endif
