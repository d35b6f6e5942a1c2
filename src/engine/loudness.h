/* loudness.h - how loud a stream is to people: ITU-R BS.1770-4's K-weighted power in blocks of 400 ms, one every 100 ms, of all that was
 * heard (nothing is gated), by libebur128. One channel counts once: a full-scale sine of 1 kHz has -3.0 LUFS. Below 4 kHz of rate,
 * where the weighting has no filter, it is not known.
 *
 * One thread at a time; nothing allocates but _new and _set_rate. */
#ifndef EM_ENGINE_LOUDNESS_H
#define EM_ENGINE_LOUDNESS_H

#include "base/status.h"

#include <stddef.h>

typedef struct em_loudness em_loudness;

/* EM_ENOMEM. *out is NULL on error, and where it is built without libebur128; the others take that. The caller frees *out with _free. */
em_status em_loudness_new(em_loudness **out, int rate_hz, em_err *err);
void      em_loudness_free(em_loudness *l);

/* Another rate from here on: the filters begin anew. EM_ENOMEM: nothing more is heard. */
em_status em_loudness_set_rate(em_loudness *l, int rate_hz, em_err *err);

/* Samples as the source gave them; what is no number, or beyond all sound, is made harmless as the listener does (audio/resample.h). How they
 * are cut into pushes changes nothing. */
void      em_loudness_push(em_loudness *l, const float *x, size_t n);

/* LUFS of the blocks that ended since the last call; -INFINITY: silence; NAN: none did, or it is not known here. */
double    em_loudness_take(em_loudness *l);

#endif
