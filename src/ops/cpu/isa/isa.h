/* isa.h - the kernels under the name of the instruction set that a file is compiled for. */
#ifndef EM_OPS_CPU_ISA_ISA_H
#define EM_OPS_CPU_ISA_ISA_H

#include "ops/cpu/isa/kernels.h"
#include "ops/cpu/isa/math.h"

int EM_K(gemm_panels)(int n);
int EM_K(gemm_panel_col)(int n, int panel);
size_t EM_K(gemm_floats)(int n, int k);
void EM_K(gemm_pack)(float *dst, const float *w, int n, int k);
void EM_K(gemm_pack_back)(float *dst, const float *w, int n, int k);
void EM_K(gemm)(const em_gemm *g);
void EM_K(gemm_unpack)(float *dst, const float *packed, int n, int k);
void EM_K(prep_rows)(float *dst, const em_rows *r);
void EM_K(add_row)(float *dst, const float *x, int n, float scale);
void EM_K(dwconv_silu_rows)(float *u, float *raw, const float *x, const em_conv_silu_xproj *a, int h0, int h1);
void EM_K(conv_plane_row)(float *y, const float *image, const float *w, const em_conv *a, int oy);
void EM_K(scan_tile)(const em_scan_tile *t);
void EM_K(attention_fwd)(const em_attention_head *h);
void EM_K(outer_pack_strips)(float *dst, const float *src, size_t lds, int rows, int n);
void EM_K(outer_pack_panels)(float *dst, const float *src, size_t lds, int rows, int k);
void EM_K(outer)(const em_outer *o);
void EM_K(rows_back)(const em_rows_back *b);
void EM_K(conv_plane_back)(const em_plane_back *p);
void EM_K(gelu_slope_rows)(float *dst, float *slope, const em_rows *r);
void EM_K(silu_back)(float *dv, const float *dm, const float *du0, const float *du1, const float *v, int n);
void EM_K(dwconv_back_rows)(float *dx, float *dtaps, const float *dv, const float *x, const em_conv_silu_xproj *a, int h0, int h1);
void EM_K(scan_back)(const em_scan_back *t);
size_t EM_K(scan_back_floats)(int D, int R, int N);
size_t EM_K(scan_part_floats)(int D, int R, int N);
void EM_K(scan_add_parts)(const em_scan4 *s, const float *parts, int n_parts, int direction, int tile);
void EM_K(attention_bwd)(const em_attention_head *h);

#endif
