/* rewrite.h - a model file again with another card: what evaluation adds to a model that training has made.
 *
 * Tensors keep their values (but mean_with), and F16 tensors stay F16; BF16 become F32, which holds them exactly. Configuration, labels, every
 * other key of the card and foreign metadata stay. Ordinary code, any thread. */
#ifndef EM_MODEL_REWRITE_H
#define EM_MODEL_REWRITE_H

#include "base/status.h"

#include <stdbool.h>

typedef struct em_rewrite {
    const float *thresholds;        /* [n_thresholds] 0 to 1, one a class; NULL: as they are */
    int          n_thresholds;
    const char  *thresholds_from;   /* goes with thresholds; NULL: not said                  */
    const char  *metrics;           /* JSON text; NULL: as it is                             */
    const char  *name, *provenance, *licence;           /* NULL: as they are                 */
    const char  *mean_with;         /* another model file: numbers become the means of both, in single precision; NULL: they keep
                                     * their values. Of models that one training has parted from another, the mean is often better
                                     * than either (Wortsman et al. 2022, "Model soups") */
    bool         is_half;           /* tensors of two and more dimensions become F16; those of one are small, and running
                                     * variances of dB may be large: they keep their type */
} em_rewrite;

/* Reads the model file in_path and writes out_path, which may be the same file. EM_EINVAL: thresholds that do not fit the model's
 * classes, or that are not within 0 to 1; metrics that are not JSON; mean_with of another configuration or other
 * tensors. EM_EIO, EM_EFORMAT, EM_EUNSUPPORTED, EM_ENOMEM as em_st_open, em_st_read and em_st_write say; the old file is then
 * untouched. */
em_status em_model_rewrite(const char *out_path, const char *in_path, const em_rewrite *changes, em_err *err);

#endif
