/* resample.c - soxr, fed fixed blocks and primed with silence: see resample.h. */
#include "audio/resample.h"

#include <soxr.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 256,                    /* samples soxr is fed at a time                                       */
    DRAIN = 4096,                   /* samples it is asked for at a time                                   */
    PRIME = 262144,                 /* samples after which its buffers have stopped growing (measured at
                                       rates from 1 to 768 kHz)                                            */
};

struct em_resampler {
    int64_t in_hz, out_hz;
    soxr_t  soxr;                   /* NULL: equal rates                                                   */
    int64_t n_in, n_out;            /* samples taken and given                                             */
    int64_t n_skip;                 /* output of the silence that primed soxr, still to come               */
    float   block[BLOCK];
    size_t  block_fill;
    size_t  block_at;               /* samples of a full block that soxr has taken                         */
    float   ready[DRAIN];           /* what soxr gave: [ready_at, ready_end) is still to be handed out     */
    size_t  ready_at, ready_end;
    bool    is_busy;                /* the block is not all taken, or there may be more output inside      */
};

static const float loudest = 1e4f;

/* NaN compares as false with everything, itself as well. */
void em_resampler_tame(float *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = x[i] > loudest ? loudest : x[i];

        v = v < -loudest ? -loudest : v;
        out[i] = v == v ? v : 0.f;
    }
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Lets soxr take from the full block what it will and give what fits. */
static void feed(em_resampler *r)
{
    size_t n = BLOCK - r->block_at, taken = 0, given = 0;

    /* It fails only for want of memory, which a primed one does not ask for. The stream then goes on as
     * silence of the right length, because a clock that stops is the worse failure. */
    if (soxr_process(r->soxr, r->block + r->block_at, n, &taken, r->ready, DRAIN, &given) ||
        (taken == 0 && given == 0 && n > 0)) {
        taken = min_size(n, 1 + (size_t)(DRAIN / 2 * r->in_hz / r->out_hz));
        given = min_size(DRAIN, taken * (size_t)r->out_hz / (size_t)r->in_hz);
        memset(r->ready, 0, given * sizeof *r->ready);
    }
    r->block_at += taken;
    r->is_busy = given == DRAIN || r->block_at < BLOCK;
    if (!r->is_busy)
        r->block_fill = r->block_at = 0;
    r->ready_at = r->n_skip < (int64_t)given ? (size_t)r->n_skip : given;
    r->ready_end = given;
    r->n_skip -= (int64_t)r->ready_at;
}

/* Runs whole seconds of silence through, whose output is then left out: the same as a stream that was silent
 * before its start, with every buffer in soxr as large as it will be. */
static void prime(em_resampler *r)
{
    int64_t seconds = (PRIME + r->in_hz - 1) / r->in_hz, n = seconds * r->in_hz;

    r->n_skip = seconds * r->out_hz;
    for (int64_t block = 0; block < n / BLOCK; block++)
        do
            feed(r);
        while (r->is_busy);
    r->block_fill = (size_t)(n % BLOCK);
}

em_status em_resampler_new(em_resampler **out, int in_hz, int out_hz, em_err *err)
{
    em_resampler *r;

    *out = NULL;
    if (in_hz < EM_RATE_LEAST || in_hz > EM_RATE_MOST || out_hz < EM_RATE_LEAST || out_hz > EM_RATE_MOST)
        return em_fail(err, EM_EINVAL, "%d Hz to %d Hz: rates must be %d to %d", in_hz, out_hz, EM_RATE_LEAST, EM_RATE_MOST);
    r = calloc(1, sizeof *r);
    if (!r)
        goto fail;
    r->in_hz = in_hz;
    r->out_hz = out_hz;
    if (in_hz != out_hz) {
        soxr_io_spec_t      io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
        soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
        soxr_runtime_spec_t runtime = soxr_runtime_spec(1);

        r->soxr = soxr_create(in_hz, out_hz, 1, NULL, &io, &quality, &runtime);
        if (!r->soxr)
            goto fail;
        prime(r);
    }
    *out = r;
    return EM_OK;

fail:
    em_resampler_free(r);
    return em_fail(err, EM_ENOMEM, "no memory for resampling from %d to %d Hz", in_hz, out_hz);
}

void em_resampler_free(em_resampler *r)
{
    if (!r)
        return;
    soxr_delete(r->soxr);
    free(r);
}

/* How many samples n_in samples become. */
static int64_t length_of(const em_resampler *r, int64_t n_in)
{
    int64_t whole = n_in / r->in_hz, rest = n_in % r->in_hz;

    return whole * r->out_hz + (2 * rest * r->out_hz + r->in_hz) / (2 * r->in_hz);
}

/* Fills the block from the input. False: it is not full yet. */
static bool fill_block(em_resampler *r, const float *in, size_t n, size_t *n_taken)
{
    size_t take = min_size(n - *n_taken, BLOCK - r->block_fill);

    if (take > 0)
        memcpy(r->block + r->block_fill, in + *n_taken, take * sizeof *in);
    *n_taken += take;
    r->n_in += (int64_t)take;
    r->block_fill += take;
    return r->block_fill == BLOCK;
}

/* Hands out what is ready; feeds another block as long as there is room and a block. */
static size_t run(em_resampler *r, float *out, size_t room, const float *in, size_t n, size_t *n_taken)
{
    size_t n_made = 0;

    while (n_made < room) {
        size_t give = min_size(room - n_made, r->ready_end - r->ready_at);

        if (give > 0) {
            memcpy(out + n_made, r->ready + r->ready_at, give * sizeof *out);
            r->ready_at += give;
            n_made += give;
            r->n_out += (int64_t)give;
        } else if (r->is_busy || fill_block(r, in, n, n_taken)) {
            feed(r);
        } else {
            break;
        }
    }
    return n_made;
}

size_t em_resampler_push(em_resampler *r, float *out, size_t room, const float *in, size_t n, size_t *n_taken)
{
    *n_taken = 0;
    if (r->soxr)
        return run(r, out, room, in, n, n_taken);
    *n_taken = min_size(room, n);
    if (*n_taken > 0)
        memcpy(out, in, *n_taken * sizeof *in);
    return *n_taken;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

size_t em_resampler_pass_silence(em_resampler *r, size_t n, size_t *n_made)
{
    const int64_t divisor = common_divisor(r->in_hz, r->out_hz);
    const int64_t times = (int64_t)n / (r->in_hz / divisor);

    *n_made = (size_t)(times * (r->out_hz / divisor));
    r->n_in += times * (r->in_hz / divisor);
    r->n_out += (int64_t)*n_made;
    return (size_t)(times * (r->in_hz / divisor));
}

size_t em_resampler_flush(em_resampler *r, float *out, size_t room)
{
    static const float silence[BLOCK];
    const int64_t n_in = r->n_in;
    size_t n_made = 0, n_taken;

    if (!r->soxr)
        return 0;
    room = min_size(room, (size_t)(length_of(r, n_in) - r->n_out));
    while (n_made < room) {                         /* silence behind the end brings out what is inside */
        n_taken = 0;
        n_made += run(r, out + n_made, room - n_made, silence, BLOCK, &n_taken);
    }
    r->n_in = n_in;
    return n_made;
}
