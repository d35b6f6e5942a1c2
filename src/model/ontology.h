/* ontology.h - AudioSet's tree of sounds: which of a model's classes lie above which others.
 *
 * The table (config/labels/ontology.csv, compiled in) also holds the nodes that are no class of AudioSet, because the way
 * from a class to one above it may lead through them. A node may have several parents (Growling: Dog, Cat, ...). Classes
 * are known by their mid; one without a mid, or with another, stands alone. */
#ifndef EM_MODEL_ONTOLOGY_H
#define EM_MODEL_ONTOLOGY_H

#include "base/status.h"

#include <stdbool.h>

/* Pairs of classes { specific, general }, however far up, without repetition: *n of them in *out, which the caller frees.
 * EM_ENOMEM: *out is NULL. */
em_status em_ontology_above(int (**out)[2], int *n, const char *const *mids, int n_classes, em_err *err);

/* is_in[n_classes]: the classes at `branch` (a mid, or a name in any case) and below it. EM_EINVAL: no such node. */
em_status em_ontology_branch(bool *is_in, const char *branch, const char *const *mids, int n_classes, em_err *err);

#endif
