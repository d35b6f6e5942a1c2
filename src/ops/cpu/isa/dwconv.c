/* dwconv.c - depthwise 3x3 and SiLU of one image row; vectors run over channels.
 *
 * For one vector of channels the nine taps stay in registers and the row is walked from left to right. */
#include "ops/cpu/isa/isa.h"

/* The three pixels of column w; what lies outside the image is 0. */
EM_INLINE void column(vf out[3], const float *const rows[3], size_t ldx, int w, int W, int c, int n)
{
    for (int i = 0; i < 3; i++)
        out[i] = rows[i] && w >= 0 && w < W ? v_load_n(rows[i] + (size_t)w * ldx + c, n) : (vf){ 0 };
}

void EM_K(dwconv_silu_row)(float *u, const float *x, const em_conv_silu_xproj *a, int h)
{
    const size_t ldx = a->ldx;
    const float *rows[3];

    for (int i = 0; i < 3; i++)
        rows[i] = h + i >= 1 && h + i <= a->H ? x + (size_t)(h + i - 1) * (size_t)a->W * ldx : NULL;

    for (int c = 0; c < a->D; c += LANES) {
        const int n = a->D - c < LANES ? a->D - c : LANES;
        vf t[9], left[3], mid[3], right[3];
        vf bias = a->bias ? v_load_n(a->bias + c, n) : (vf){ 0 };

        for (int i = 0; i < 9; i++)
            t[i] = v_load_n(a->taps + (size_t)i * (size_t)a->D + c, n);
        column(left, rows, ldx, -1, a->W, c, n);
        column(mid, rows, ldx, 0, a->W, c, n);
        for (int w = 0; w < a->W; w++) {
            vf s = bias;

            column(right, rows, ldx, w + 1, a->W, c, n);
            for (int i = 0; i < 3; i++)
                s += left[i] * t[3 * i] + mid[i] * t[3 * i + 1] + right[i] * t[3 * i + 2];
            v_store_n(u + (size_t)w * (size_t)a->D + c, v_silu(s), n);
            for (int i = 0; i < 3; i++) {
                left[i] = mid[i];
                mid[i] = right[i];
            }
        }
    }
}
