/* params.h - the list of a model's tensors: name, shape, order. One list, for the binder that checks a file,
 * for the importer's "loaded / skipped / fresh", for random weights and, later, for the trainer's block. */
#ifndef EM_MODEL_PARAMS_H
#define EM_MODEL_PARAMS_H

#include "base/rng.h"
#include "base/status.h"
#include "model/config.h"

#include <stddef.h>
#include <stdint.h>

/* How a fresh one is filled (model-and-training: initialisation). */
typedef enum em_init_kind {
    EM_INIT_ZERO, EM_INIT_ONE, EM_INIT_LINEAR, EM_INIT_CONV, EM_INIT_XPROJ, EM_INIT_DTPROJ, EM_INIT_DTBIAS, EM_INIT_ALOG,
} em_init_kind;

typedef struct em_param {
    char         name[96];          /* the official PyTorch name                     */
    int          rank;
    int64_t      shape[4];
    size_t       n;                 /* elements                                      */
    size_t       offset;            /* in elements, within one flat block: whole quads, which a device may read at once */
    em_init_kind init;
    int64_t      fan_in;            /* inputs of one output: bound of the uniform kinds */
} em_param;

typedef struct em_params {
    em_param *list;
    int       n;
    size_t    n_total;              /* elements of the flat block, bn0's running statistics and the holes before quads included */
} em_params;

/* Where values come from: a file, random numbers, the trainer. */
typedef struct em_tensor_source {
    em_status (*read)(void *ctx, float *dst, const em_param *p, em_err *err);       /* dst[p->n] */
    void *ctx;
} em_tensor_source;

/* The tensors of cfg in the model's order; cfg keeps to em_config_check. Without classes there is no head.
 * The caller ends *out with em_params_deinit.
 * EM_EUNSUPPORTED: more numbers than can be addressed. EM_ENOMEM. */
em_status em_params_list(em_params *out, const em_config *cfg, em_err *err);
void      em_params_deinit(em_params *p);

/* NULL when there is none of that name. */
const em_param *em_params_find(const em_params *p, const char *name);

/* Elements of the largest. */
size_t em_params_largest(const em_params *p);

/* Fresh values of one parameter. */
void em_param_fill(const em_param *p, float *dst, em_rng *rng);

#endif
