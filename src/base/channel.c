/* channel.c - plain loops over interleaved frames; on the worker's side of the ring. */
#include "base/channel.h"

#include <string.h>

void em_channel_pick(float *dst, const float *x, size_t n, int n_channels, int i_channel)
{
    for (size_t t = 0; t < n; t++)
        dst[t] = x[t * (size_t)n_channels + (size_t)i_channel];
}

void em_channel_mix(float *dst, const float *x, size_t n, int n_channels)
{
    if (n_channels == 1) {
        em_channel_pick(dst, x, n, 1, 0);
        return;
    }
    for (size_t t = 0; t < n; t++) {
        double sum = 0.0;       /* 64 full-scale channels must not lose bits on the way */

        for (int i = 0; i < n_channels; i++)
            sum += (double)x[t * (size_t)n_channels + (size_t)i];
        dst[t] = (float)(sum / n_channels);
    }
}

/* All-ones exponent: NaN or infinity. */
uint64_t em_channel_clean(float *x, size_t n)
{
    uint64_t n_bad = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        if ((bits & 0x7f800000u) == 0x7f800000u) {
            x[i] = 0.0f;
            n_bad++;
        }
    }
    return n_bad;
}
