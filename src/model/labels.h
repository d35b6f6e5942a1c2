/* labels.h - names of classes: AudioSet's list, a user's CSV, and finding a class by what a person typed.
 *
 * A label file is AudioSet's CSV: the header index,mid,display_name, indices from 0 without gaps, names quoted or
 * not. It is hostile text: names lose their control characters, and two classes must not share a short name (slug:
 * lower case, each run of other than [a-z0-9] one '_'). Ordinary code, any thread. */
#ifndef EM_MODEL_LABELS_H
#define EM_MODEL_LABELS_H

#include "base/limits.h"
#include "base/status.h"

#include <stddef.h>

typedef struct em_labels {
    int    n;
    char **names;                   /* [n] display names, UTF-8                */
    char **mids;                    /* [n] AudioSet ids like /m/09x0r, "" none */
} em_labels;

/* The caller ends *out with em_labels_deinit, also after an error.
 * EM_EIO: cannot be read; EM_EFORMAT: names path and line; EM_ENOMEM. */
em_status em_labels_read(em_labels *out, const char *path, em_err *err);
em_status em_labels_parse(em_labels *out, const char *text, size_t n, const char *path, em_err *err);
void      em_labels_deinit(em_labels *labels);

/* Labels must be told apart by their slugs, which name classes on the command line and in topics. A label without
 * any ASCII letter or digit has no slug and is told apart by its bytes. EM_EFORMAT names the two. EM_ENOMEM. */
em_status em_labels_check(char *const *labels, int n, const char *path, em_err *err);

/* AudioSet's 527 (config/labels/audioset.csv, compiled in). */
em_status em_labels_audioset(em_labels *out, em_err *err);

/* The index of the class whose display name (in any case), mid or slug is `wanted`; -1: none.
 * mids may be NULL. */
int em_labels_find(const char *const *names, const char *const *mids, int n, const char *wanted);

/* The same; EM_EINVAL when there is none, with the three nearest names. */
em_status em_labels_resolve(int *out, const char *const *names, const char *const *mids, int n, const char *wanted, em_err *err);

enum { EM_NEAREST = 3 };

/* Indices of the nearest names, best first: those that contain `wanted`, then by edit distance. Returns how many. */
int em_labels_nearest(int out[EM_NEAREST], const char *const *names, int n, const char *wanted);

/* out[n]: the mid of each of `names` by its display name, "" where `labels` does not have it. Borrowed from labels. */
void em_labels_mids(const char **out, const em_labels *labels, const char *const *names, int n);

#endif
