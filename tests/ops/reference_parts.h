/* reference_parts.h - what the plain loops forward (reference.c) and backward (reference_back.c) have in common. */
#ifndef EM_TESTS_OPS_REFERENCE_PARTS_H
#define EM_TESTS_OPS_REFERENCE_PARTS_H

#include "ops/reference.h"

double ref_silu(double x);
double ref_act(double x, em_act how);
void   ref_norm_row(double *x, const em_norm *norm, int n);
double ref_dot(const double *x, const float *w, int k);

/* The way back through a layer norm of x: d is the gradient of its answer, then that of x. dweight, dshift: += */
void   ref_norm_row_bwd(double *d, const double *x, const em_norm *norm, double *dweight, double *dshift, int n);

/* Row r of em_norm_linear: x with what is added to it; its gate at column i; the factor of its window. */
void   ref_linear_row(double *x, const em_norm_linear *a, size_t r);
double ref_gate(const em_norm_linear *a, size_t r, int i);
double ref_branch(const em_norm_linear *a, size_t r);

/* Where the input i, of kh*kw*C, of output pixel p is in x; false: outside the image. */
bool   ref_tap(size_t *at, const em_conv *a, int p, int i);
void   ref_taps(double *taps, const em_conv *a, int p);

/* The token under tap i of a depthwise convolution at token p; false: outside. And channel c of the convolution there. */
bool   ref_neighbour(size_t *token, const em_conv_silu_xproj *a, size_t p, int i);
double ref_depthwise(const em_conv_silu_xproj *a, size_t p, int c);

#endif
