/* reference.h - the operators as plain loops in double: what every fast kernel is tested against, for good.
 *
 * Arguments are those of ops.h, but weights are plain matrices w[n][k] and results go to `y` (double). Backward sets all
 * gradients, those of parameters, too; tests/ops/backward.c holds it against differences of the forward loops. */
#ifndef EM_TESTS_OPS_REFERENCE_H
#define EM_TESTS_OPS_REFERENCE_H

#include "ops/ops.h"

void ref_norm_linear(double *y, const em_norm_linear *a, const float *w, int B);
void ref_mlp(double *y, const em_mlp *a, const float *w1, const float *w2, int B);
void ref_conv(double *y, const em_conv *a, const float *w, int B);
void ref_conv_silu(double *u, const em_conv_silu_xproj *a, int B);
void ref_scan4(double *y, const em_scan4 *a, int B);            /* both pairs summed */

/* du of all directions summed; the others as in em_scan4 */
typedef struct ref_scan4_grads { double *du, *dx_dbl, *ddt_w, *ddt_bias, *dskip, *da_log; } ref_scan4_grads;

void ref_scan4_bwd(const ref_scan4_grads *g, const em_scan4 *a, int B);

void ref_attention(double *y, const em_attention *a, int B);
void ref_attention_bwd(double *dqkv, double *dtable, const em_attention *a, int B);

#endif
