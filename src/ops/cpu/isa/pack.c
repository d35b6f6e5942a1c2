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
    const size_t vector = (size_t)LANES * (size_t)k;

    return (size_t)em_count_vectors(n) * vector - (em_has_half(n, k) ? vector / 2 : 0);
}

/* Where column c of step i stands in a panel that ends with half a vector. */
static size_t place_with_half(size_t i, size_t c, size_t width)
{
    const size_t whole = width - LANES, pair = i / 2 * (2 * whole + LANES);

    return pair + (c < whole ? i % 2 * whole + c : 2 * whole + 2 * (c - whole) + i % 2);
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

/* The last panel of w[n][k], whose element (c, i) is w[c * by_column + i * by_step], where it ends with half a vector. */
static void pack_half(float *dst, const float *w, int n, int k, size_t by_column, size_t by_step)
{
    const size_t first = (size_t)em_panel_vector(n, em_panels(n) - 1) * LANES, inside = (size_t)n - first;
    const size_t width = (inside + LANES - 1) / LANES * LANES;

    for (size_t i = 0; i < (size_t)k; i++)
        for (size_t c = 0; c < width - LANES / 2; c++)
            dst[place_with_half(i, c, width)] = c < inside ? w[(first + c) * by_column + i * by_step] : 0.f;
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

void EM_K(gemm_pack)(float *dst, const float *w, int n, int k)
{
    const int n_whole = em_panels(n) - em_has_half(n, k);

    for (int p = 0; p < n_whole; p++) {
        const int first = em_panel_vector(n, p) * LANES, width = em_panel_vector(n, p + 1) * LANES - first, inside = n - first < width ? n - first : width;

        pack_panel(dst, w + (size_t)first * (size_t)k, (size_t)width, (size_t)inside, (size_t)k);
        dst += (size_t)width * (size_t)k;
    }
    if (em_has_half(n, k))
        pack_half(dst, w, n, k, (size_t)k, 1);
}

void EM_K(gemm_pack_back)(float *dst, const float *w, int n, int k)
{
    const int n_whole = em_panels(k) - em_has_half(k, n);

    for (int p = 0; p < n_whole; p++) {
        const int first = em_panel_vector(k, p) * LANES, width = em_panel_vector(k, p + 1) * LANES - first, inside = k - first < width ? k - first : width;

        for (int i = 0; i < n; i++, dst += width)
            for (int c = 0; c < width; c += LANES)
                v_store(dst + c, c + LANES <= inside ? v_load(w + (size_t)i * (size_t)k + first + c)
                                                     : v_load_n(w + (size_t)i * (size_t)k + first + c, inside - c));
    }
    if (em_has_half(k, n))
        pack_half(dst, w, k, n, 1, (size_t)k);
}

void EM_K(gemm_unpack)(float *dst, const float *packed, int n, int k)
{
    for (int p = 0; p < em_panels(n); p++) {
        const bool halved = em_has_half(n, k) && p + 1 == em_panels(n);
        const int first = em_panel_vector(n, p) * LANES, end = em_panel_vector(n, p + 1) * LANES;
        const size_t width = (size_t)(end - first);

        for (size_t i = 0; i < (size_t)k; i++)
            for (int c = first; c < end && c < n; c++) {
                const size_t column = (size_t)(c - first);

                dst[(size_t)c * (size_t)k + i] = packed[halved ? place_with_half(i, column, width) : i * width + column];
            }
        packed += width * (size_t)k;
    }
}
