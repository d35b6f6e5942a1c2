/* gemm_shapes.h - the matrix products of one window, from the presets' widths and depths. */
#ifndef EM_BENCH_GEMM_SHAPES_H
#define EM_BENCH_GEMM_SHAPES_H

/* y[m][n] = x[m][k] * w[n][k]^T, `times` times a window */
typedef struct shape {
    char what[40];
    int  m, n, k, times;
} shape;

enum { MOST_SHAPES = 32 };

/* Fills shapes for "tiny", "micro" or "nano"; returns how many, 0 for any other name. */
int gemm_shapes(shape shapes[MOST_SHAPES], const char *preset);

#endif
