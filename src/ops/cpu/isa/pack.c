/* pack.c - matrices into the panels of panels.h and back. */
#include "ops/cpu/isa/isa.h"
#include "ops/cpu/isa/panels.h"

int EM_K(gemm_panels)(int n) { return em_panels(n); }

int EM_K(gemm_panel_col)(int n, int panel)
{
    int col = em_panel_vector(n, panel) * LANES;

    return col < n ? col : n;
}

size_t EM_K(gemm_floats)(int n, int k)
{
    const em_panel last = em_panel_at(n, k, em_panels(n) - 1);

    return (size_t)last.vector * LANES * (size_t)k + em_panel_floats(last, k);
}

/* Where column c of step i stands in a panel. */
EM_INLINE size_t place(em_panel p, size_t i, size_t c)
{
    const size_t width = (size_t)p.nv * LANES, whole = width - LANES, pair = i / 2 * (2 * whole + LANES);

    if (!p.halved)
        return i * width + c;
    return pair + (c < whole ? i % 2 * whole + c : 2 * whole + 2 * (c - whole) + i % 2);
}

/* A panel that ends with half a vector; `inside` of its columns are there, and step i of column c is w[c * by_column + i * by_step]. */
static void pack_half(float *dst, const float *w, em_panel p, size_t inside, size_t k, size_t by_column, size_t by_step)
{
    for (size_t i = 0; i < k; i++)
        for (size_t c = 0; c < (size_t)p.nv * LANES - LANES / 2; c++)
            dst[place(p, i, c)] = c < inside ? w[c * by_column + i * by_step] : 0.f;
}

/* Columns [i, i + 4) of four rows of w, turned: the training step does this with every weight. */
EM_INLINE void turn_four(float *dst, size_t width, const float *w, size_t k)
{
    quarter x[4];

#pragma GCC unroll 4
    for (size_t c = 0; c < 4; c++)
        x[c] = *(const quarter_unaligned *)(w + c * k);
    v_turn(x);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        *(quarter_unaligned *)(dst + i * width) = x[i];
}

/* A panel of `width` rows of w[][k], of which `inside` are there. */
static void pack_panel(float *dst, const float *w, size_t width, size_t inside, size_t k)
{
    const size_t rows = inside / 4 * 4, columns = k / 4 * 4;

    for (size_t c = 0; c < rows; c += 4)
        for (size_t i = 0; i < columns; i += 4)
            turn_four(dst + i * width + c, width, w + c * k + i, k);
    for (size_t i = 0; i < k; i++)
        for (size_t c = i < columns ? rows : 0; c < width; c++)
            dst[i * width + c] = c < inside ? w[c * k + i] : 0.f;
}

/* Columns of a panel that are there. */
static int inside_of(em_panel p, int n)
{
    const int left = n - p.vector * LANES;

    return left < p.nv * LANES ? left : p.nv * LANES;
}

void EM_K(gemm_pack)(float *dst, const float *w, int n, int k)
{
    for (int i = 0; i < em_panels(n); i++) {
        const em_panel p = em_panel_at(n, k, i);
        const size_t inside = (size_t)inside_of(p, n), K = (size_t)k;
        const float *from = w + (size_t)p.vector * LANES * K;

        if (p.halved)
            pack_half(dst, from, p, inside, K, K, 1);
        else
            pack_panel(dst, from, (size_t)p.nv * LANES, inside, K);
        dst += em_panel_floats(p, k);
    }
}

/* n steps of w, whose rows are ld long. */
static void pack_rows(float *dst, const float *w, em_panel p, int inside, int n, size_t ld)
{
    for (int i = 0; i < n; i++, w += ld, dst += p.nv * LANES)
        for (int c = 0; c < p.nv * LANES; c += LANES)
            v_store(dst + c, c + LANES <= inside ? v_load(w + c) : v_load_n(w + c, inside - c));
}

void EM_K(gemm_pack_back)(float *dst, const float *w, int n, int k)
{
    for (int i = 0; i < em_panels(k); i++) {
        const em_panel p = em_panel_at(k, n, i);
        const int inside = inside_of(p, k);
        const float *from = w + p.vector * LANES;

        if (p.halved)
            pack_half(dst, from, p, (size_t)inside, (size_t)n, 1, (size_t)k);
        else
            pack_rows(dst, from, p, inside, n, (size_t)k);
        dst += em_panel_floats(p, n);
    }
}

void EM_K(gemm_unpack)(float *dst, const float *packed, int n, int k)
{
    for (int i = 0; i < em_panels(n); i++) {
        const em_panel p = em_panel_at(n, k, i);
        float *to = dst + (size_t)p.vector * LANES * (size_t)k;

        for (size_t step = 0; step < (size_t)k; step++)
            for (size_t c = 0; c < (size_t)inside_of(p, n); c++)
                to[c * (size_t)k + step] = packed[place(p, step, c)];
        packed += em_panel_floats(p, k);
    }
}
