/* channel.h - interleaved frames made clean, and one channel out of them: --channel N, mix or each. */
#ifndef EM_BASE_CHANNEL_H
#define EM_BASE_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

/* dst[n] = channel i_channel (from 0) of x[n][n_channels]. */
void em_channel_pick(float *dst, const float *x, size_t n, int n_channels, int i_channel);

/* dst[n] = mean over the channels of x[n][n_channels]; one channel is copied bit for bit. */
void em_channel_mix(float *dst, const float *x, size_t n, int n_channels);

/* NaN and infinite samples of x[n] become 0: one NaN would stay in a recurrent model for ever. Returns how many there were. */
uint64_t em_channel_clean(float *x, size_t n);

#endif
