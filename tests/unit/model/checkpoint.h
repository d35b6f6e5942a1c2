/* checkpoint.h - checkpoints for the import tests: random weights under the official names, to be changed and written. */
#ifndef EM_TESTS_MODEL_CHECKPOINT_H
#define EM_TESTS_MODEL_CHECKPOINT_H

#include "check.h"

#include "model/config.h"
#include "model/safetensors.h"

typedef struct tensor { char name[600]; int rank; int64_t shape[EM_ST_RANK]; float *data; size_t n; } tensor;
typedef struct checkpoint { tensor *list; int n; em_config cfg; } checkpoint;

/* preset's kind with small dims and depths 1, 1, 2, 1. Ends with checkpoint_discard. */
checkpoint checkpoint_make(const char *preset, int n_classes);
checkpoint checkpoint_of(em_config cfg, int n_classes);         /* likewise */
void       checkpoint_discard(checkpoint *c);

tensor *checkpoint_find(checkpoint *c, const char *name);
void    checkpoint_take_out(checkpoint *c, const char *name);

/* Every name that holds `from` gets `to` in its place; at the start only when is_start. */
void checkpoint_respell(checkpoint *c, const char *from, const char *to, bool is_start);

void checkpoint_write(const checkpoint *c, const char *path);

#endif
