/* channel.h - one channel out of interleaved frames: --channel N, mix or each. */
#ifndef EM_AUDIO_CHANNEL_H
#define EM_AUDIO_CHANNEL_H

#include <stddef.h>

/* dst[n] = channel i_channel (from 0) of x[n][n_channels]. */
void em_channel_pick(float *dst, const float *x, size_t n, int n_channels, int i_channel);

/* dst[n] = mean over the channels of x[n][n_channels]; one channel is copied bit for bit. */
void em_channel_mix(float *dst, const float *x, size_t n, int n_channels);

#endif
