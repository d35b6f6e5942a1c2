/* conv.h - the convolution of wide images, which em_cpu_conv_fwd hands on. */
#ifndef EM_OPS_CPU_CONV_H
#define EM_OPS_CPU_CONV_H

#include "ops/cpu/device.h"

#include <stdbool.h>

/* Whether em_cpu_conv_rows takes it: an output row is worth a product of its own, and no norm stands over the taps. */
bool em_cpu_conv_is_wide(const em_conv *a);

/* What em_cpu_conv_fwd does. */
void em_cpu_conv_rows(em_dev *dev, const em_conv *a, int B);

#endif
