/* The part of em_capture that runs in the audio callback: copies, counts, sets flags. Linked with ringbuf.c it
 * needs memcpy and nothing else; tests/rt proves that on the object. */
#include "audio/capture.h"

/* One writer: no need for a locked add. Release: who sees the new value sees what was stored before. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_release);
}

/* What other threads reported missing stands before the frames that come now. */
void em_capture_take_losses(em_capture *c)
{
    for (uint32_t i = 0; i < EM_CAPTURE_REASONS; i++) {
        uint64_t n;

        if (atomic_load_explicit(&c->shared->n_lost[i], memory_order_relaxed) == 0)
            continue;
        n = atomic_exchange_explicit(&c->shared->n_lost[i], 0, memory_order_relaxed);
        add(&c->shared->n_captured, n);
        ringbuf_skip(&c->writer, i, n);
    }
}

/* Counters and ring are stored by release between n_begun and n_calls: em_capture_count knows a look that fell in
 * between by the two being different. */
static void begin(em_capture *c, uint32_t n)
{
    add(&c->shared->n_begun, 1);
    em_capture_take_losses(c);
    add(&c->shared->n_captured, n);
}

static void end(em_capture *c, uint32_t n)
{
    add(&c->shared->n_frames, n);
    add(&c->shared->n_calls, 1);
}

void em_capture_put(em_capture *c, const float *frames, uint32_t n)
{
    begin(c, n);
    if (!frames)
        ringbuf_skip(&c->writer, EM_GAP_DEVICE, n);
    else if (!ringbuf_write(&c->writer, frames, n))
        ringbuf_skip(&c->writer, EM_GAP_OVERRUN, n);
    end(c, n);
}

static void interleave(float *dst, uint32_t n_channels, const float *const *ports, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n_channels; i++) {
        const float *port = ports[i];

        for (uint32_t t = 0; t < n; t++)
            dst[(size_t)t * n_channels + i] = port ? port[first + t] : 0.0f;
    }
}

void em_capture_put_planar(em_capture *c, const float *const *ports, uint32_t n)
{
    ringbuf_span span[2];

    begin(c, n);
    if (ringbuf_peek_write(&c->writer, n, span)) {
        interleave(span[0].frames, c->writer.n_channels, ports, 0, span[0].n);
        interleave(span[1].frames, c->writer.n_channels, ports, span[0].n, span[1].n);
        ringbuf_advance_write(&c->writer, n);
    } else {
        ringbuf_skip(&c->writer, EM_GAP_OVERRUN, n);
    }
    end(c, n);
}

void em_capture_lost(em_capture *c, em_gap_reason reason, uint64_t n)
{
    atomic_fetch_add_explicit(&c->shared->n_lost[reason], n, memory_order_relaxed);
}

void em_capture_count_xrun(em_capture *c)
{
    atomic_fetch_add_explicit(&c->shared->n_xruns, 1, memory_order_relaxed);
}
