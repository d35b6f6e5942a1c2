/* study.h - what --train and --eval share: the data set, which of its clips are meant, and their frames. */
#ifndef EM_CLI_STUDY_H
#define EM_CLI_STUDY_H

#include "cli/options.h"
#include "model/labels.h"
#include "train/dataset.h"
#include "train/features.h"

typedef struct em_study {
    em_labels    labels;            /* --label-set=audioset                       */
    em_dataset  *set;
    em_features *features;
    int         *clips, *valid;     /* to learn from or to measure; to validate on */
    int          n_clips, n_valid;
    char         name[64], valid_name[64];      /* what they are, for a model's card */
    bool         is_test;           /* --eval: clips that are held out to report on */
} em_study;

/* Reads the set; classes (NULL: as --label-set says) are a model's, [n_classes]. EM_EINVAL: no --data. End with em_study_close, always. */
em_status em_study_open(em_study *s, const em_options *o, char *const *classes, int n_classes, em_err *err);
void      em_study_close(em_study *s);

/* clips: all but the held-out fold, test clips and those to validate on, which are the layout's own, or else --val-split of them
 * (train/split.h). No clip that is held out has a say in which. EM_EFORMAT: there is no such fold, or nothing is left to learn from. */
em_status em_study_split(em_study *s, const em_options *o, em_err *err);

/* clips: the fold, or those of --split; the test clips of a layout that names none are all of them. With --val-split, valid and
 * train are what em_study_split makes of them. */
em_status em_study_pick(em_study *s, const em_options *o, em_err *err);

/* What a saved state must agree with beside recipe and model, as text: the clips, and by their hashes where the weights began (a new
 * head with priors, or not) and the teacher's file (NULL: none), which may lie elsewhere when the run goes on. The caller frees *out.
 * EM_ENOMEM, EM_EIO. */
em_status em_study_identify(char **out, const em_study *s, const char *init_hash, bool has_priors, const char *kd, em_err *err);

/* Begins decoding for a model on this device, whose log-mel it has where it makes some. */
em_status em_study_listen(em_study *s, const em_options *o, const em_config *cfg, const em_features_device *device, em_err *err);

#endif
