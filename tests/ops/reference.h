/* reference.h - the operators as plain loops in double: what every fast kernel is tested against, for good.
 *
 * Arguments are those of ops.h, but weights are plain matrices w[n][k] and results go to `y` (double). Backward sets all
 * gradients, those of parameters, too; tests/ops/backward*.c hold it against differences of the forward loops. Where rows lie
 * apart, what is between them in a gradient is none of the operator's business: NAN. */
#ifndef EM_TESTS_OPS_REFERENCE_H
#define EM_TESTS_OPS_REFERENCE_H

#include "ops/ops.h"

void ref_norm_linear(double *y, const em_norm_linear *a, const float *w, int B);
void ref_mlp(double *y, const em_mlp *a, const float *w1, const float *w2, int B);
void ref_conv(double *y, const em_conv *a, const float *w, int B);
void ref_conv_silu(double *u, const em_conv_silu_xproj *a, int B);
void ref_scan4(double *y, const em_scan4 *a, int B);            /* both pairs summed */
void ref_image(double *y, const em_image *a, int B);
void ref_tokens(double *y, const em_tokens *a, int B);          /* no latent */

/* Of norm_linear and conv; dweight and dshift are of the norm there is. dgate, or the last two: NULL where there is none. */
typedef struct ref_product_grads { double *dx, *dgate, *dw, *dbias, *dweight, *dshift; } ref_product_grads;

void ref_norm_linear_bwd(const ref_product_grads *g, const em_norm_linear *a, const float *w, int B);
void ref_conv_bwd(const ref_product_grads *g, const em_conv *a, const float *w, int B);

/* a->du[0] is the gradient that all scans together left. */
typedef struct ref_xproj_grads { double *dx, *dw, *dtaps, *dbias; } ref_xproj_grads;

void ref_conv_silu_xproj_bwd(const ref_xproj_grads *g, const em_conv_silu_xproj *a, const float *w, int B);

/* du of all directions summed; the others as in em_scan4 */
typedef struct ref_scan4_grads { double *du, *dx_dbl, *ddt_w, *ddt_bias, *dskip, *da_log; } ref_scan4_grads;

void ref_scan4_bwd(const ref_scan4_grads *g, const em_scan4 *a, int B);
void ref_image_bwd(double *dweight, double *dbias, const em_image *a, int B);
void ref_tokens_bwd(double *dx, double *dweight, double *dshift, const em_tokens *a, int B);

void ref_attention(double *y, const em_attention *a, int B);
void ref_attention_bwd(double *dqkv, double *dtable, const em_attention *a, int B);

#endif
