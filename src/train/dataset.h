/* dataset.h - what there is to learn from: clips, their classes, folds and splits, read from the layouts that people have.
 *
 * A dataset is a list; no sound is read for it. features.h turns a clip into log-mel frames. Plain data, made once, then
 * only read: any thread may. */
#ifndef EM_TRAIN_DATASET_H
#define EM_TRAIN_DATASET_H

#include "base/status.h"
#include "train/store.h"

#include <stdbool.h>

/* A strong label: the class sounds from onset to offset, seconds of the clip. */
typedef struct em_span { int label; double onset, offset; } em_span;

typedef enum em_split { EM_SPLIT_NONE, EM_SPLIT_TRAIN, EM_SPLIT_VALID, EM_SPLIT_TEST } em_split;

typedef struct em_clip {
    const char *path;               /* of the sound file, or of the pack                        */
    const char *name;               /* as the layout calls it, for reports and per-clip results */
    const char *recording;          /* of which it is a part, where the layout tells; NULL: of one of its own */
    long     row;                   /* within the pack; -1: a file of its own                   */
    double   begin_s, end_s;        /* the part of the file that is meant; end_s 0: to its end  */
    int     *labels;                /* [n_labels] classes heard; none: a clip of no class (noise) */
    int      n_labels;
    int     *negatives;             /* [n_negatives] classes certainly not heard (folders named -Class) */
    int      n_negatives;
    em_span *spans;                 /* [n_spans] strong labels; labels has their classes, too   */
    int      n_spans;
    int      fold;                  /* 1…, 0: the set has none                                  */
    bool     is_alone;              /* what it is stops being true beside other sounds: never mixed, joined or put over noise */
    em_split split;                 /* of the layout's own; none: it has none                   */
} em_clip;

typedef struct em_dataset {
    const char *layout;             /* name of the layout it was read as                        */
    char      **classes;            /* [n_classes] names in order                               */
    int         n_classes;
    em_clip    *clips;
    int         n_clips;
    bool        is_single;          /* no clip has two classes (some may have none): accuracy and cross entropy make sense */
    int         n_missing;          /* clips that the labels name and the folder lacks, left out  */
    char       *missing;            /* the first of them, NULL: none                            */
    em_store    store;              /* where all of it lies                                     */
} em_dataset;

/* Reads the set in `dir`; `layout` names one (em_dataset_layouts), NULL: the first that fits. `dir` may also be the one label
 * file or pack that is meant, beside its sounds. `classes` (NULL: the set's own, in the order of its own numbers or else of
 * their bytes) gives names in an order of the caller's, [n_classes]: clips' labels are looked up there, by display name or
 * AudioSet mid, and a name that is missing is an error. No sound is opened.
 * EM_EIO, EM_EFORMAT (file, line, what would be right), EM_EINVAL (no layout fits: what was looked for), EM_EUNSUPPORTED (names
 * the build option). The caller frees *out with em_dataset_free; on error it is NULL. */
em_status em_dataset_open(em_dataset **out, const char *dir, const char *layout, const char *const *classes, int n_classes,
                          em_err *err);
void      em_dataset_free(em_dataset *set);

/* "esc50, folders, csv, audioset, …", for --help and errors. */
const char *em_dataset_layouts(void);

#endif
