/* loudness.c - libebur128's momentary loudness, a tenth of a second after the other: see loudness.h. */
#include "engine/loudness.h"

#include "audio/resample.h"

#include <ebur128.h>
#include <math.h>
#include <stdlib.h>

enum { CHUNK = 512, TENTHS = 4, LEAST_HZ = 4000 };      /* samples at a time; tenths of a second in a block; the weighting's shelf is at 1682 Hz */

struct em_loudness {
    ebur128_state *filter;                  /* NULL: none for this rate */
    size_t n_left;                          /* samples to the end of this tenth */
    int    rate_hz, n_tenths;               /* heard since the filters began, up to TENTHS */
    double power;                           /* of the blocks since the last call */
    int    n_blocks;
    float  clean[CHUNK];
};

/* As libebur128 rounds it. */
static size_t tenth_of(int rate_hz) { return ((size_t)rate_hz + 5) / 10; }

em_status em_loudness_set_rate(em_loudness *l, int rate_hz, em_err *err)
{
    if (!l)
        return EM_OK;
    if (l->filter)
        ebur128_destroy(&l->filter);
    l->filter = rate_hz < LEAST_HZ ? NULL : ebur128_init(1, (unsigned long)rate_hz, EBUR128_MODE_M);
    l->rate_hz = rate_hz;
    l->n_left = tenth_of(rate_hz);
    l->n_tenths = 0;
    return l->filter || rate_hz < LEAST_HZ ? EM_OK : em_fail(err, EM_ENOMEM, "no memory to measure loudness");
}

em_status em_loudness_new(em_loudness **out, int rate_hz, em_err *err)
{
    em_loudness *l = calloc(1, sizeof *l);
    em_status status = l ? em_loudness_set_rate(l, rate_hz, err) : em_fail(err, EM_ENOMEM, "no memory to measure loudness");

    *out = l;
    if (status) {
        em_loudness_free(l);
        *out = NULL;
    }
    return status;
}

void em_loudness_free(em_loudness *l)
{
    if (l && l->filter)
        ebur128_destroy(&l->filter);
    free(l);
}

static void end_tenth(em_loudness *l)
{
    double lufs;

    l->n_left = tenth_of(l->rate_hz);
    if (l->n_tenths < TENTHS && ++l->n_tenths < TENTHS)
        return;
    if (ebur128_loudness_momentary(l->filter, &lufs) != EBUR128_SUCCESS)
        return;
    l->power += pow(10, lufs / 10);         /* of -HUGE_VAL: 0 */
    l->n_blocks++;
}

void em_loudness_push(em_loudness *l, const float *x, size_t n)
{
    while (l && l->filter && n > 0) {
        const size_t most = n < CHUNK ? n : CHUNK, part = most < l->n_left ? most : l->n_left;

        em_resampler_tame(l->clean, x, part);
        ebur128_add_frames_float(l->filter, l->clean, part);        /* fails for want of memory alone, of which it takes none here */
        l->n_left -= part;
        x += part;
        n -= part;
        if (l->n_left == 0)
            end_tenth(l);
    }
}

double em_loudness_take(em_loudness *l)
{
    const double lufs = l && l->n_blocks > 0 ? 10 * log10(l->power / l->n_blocks) : NAN;

    if (l) {
        l->power = 0;
        l->n_blocks = 0;
    }
    return lufs;
}
