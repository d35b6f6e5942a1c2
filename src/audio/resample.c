#include "audio/resample.h"

#include <math.h>
#include <soxr.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct em_resampler {
    soxr_t   soxr;                  /* NULL: equal rates */
    int      in_hz, out_hz;
    uint64_t n_in, n_out;
};

em_status em_resampler_new(em_resampler **out, int in_hz, int out_hz, em_err *err)
{
    em_resampler *r;

    *out = NULL;
    if (in_hz < EM_RATE_LEAST || in_hz > EM_RATE_MOST || out_hz < EM_RATE_LEAST || out_hz > EM_RATE_MOST)
        return em_fail(err, EM_EINVAL, "%d Hz to %d Hz: rates must be %d to %d", in_hz, out_hz, EM_RATE_LEAST, EM_RATE_MOST);
    r = calloc(1, sizeof *r);
    if (!r)
        return em_fail(err, EM_ENOMEM, "no memory for a resampler");
    r->in_hz = in_hz;
    r->out_hz = out_hz;
    if (in_hz != out_hz) {
        const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
        const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
        soxr_error_t error = NULL;

        r->soxr = soxr_create(in_hz, out_hz, 1, &error, &io, &quality, NULL);
        if (!r->soxr) {
            free(r);
            return em_fail(err, EM_ENOMEM, "no resampler from %d to %d Hz: %s", in_hz, out_hz, error ? error : "no memory");
        }
    }
    *out = r;
    return EM_OK;
}

void em_resampler_free(em_resampler *r)
{
    if (!r)
        return;
    soxr_delete(r->soxr);
    free(r);
}

size_t em_resampler_push(em_resampler *r, float *out, size_t room, const float *in, size_t n, size_t *n_taken)
{
    size_t n_made = 0;

    if (r->soxr) {
        soxr_process(r->soxr, in, n, n_taken, out, room, &n_made);
    } else {
        *n_taken = n_made = n < room ? n : room;
        memcpy(out, in, n_made * sizeof *out);
    }
    r->n_in += *n_taken;
    r->n_out += n_made;
    return n_made;
}

/* soxr's own end may be a sample off the exact length: cut, or filled with silence. */
size_t em_resampler_flush(em_resampler *r, float *out, size_t room)
{
    const uint64_t whole = (uint64_t)llround((double)r->n_in * r->out_hz / r->in_hz);
    size_t left = whole > r->n_out ? (size_t)(whole - r->n_out) : 0, n_made = 0;

    if (left > room)
        left = room;
    if (left == 0)
        return 0;
    if (r->soxr)
        soxr_process(r->soxr, NULL, 0, NULL, out, left, &n_made);
    memset(out + n_made, 0, (left - n_made) * sizeof *out);
    r->n_out += left;
    return left;
}
