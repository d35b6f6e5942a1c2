/* The part of em_capture that does not run in the audio callback. */
#include "audio/capture.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LEAST_FRAMES = 1 << 10, MOST_FRAMES = 1 << 24, MOST_LOOKS = 200 };

static const double look_ms = 0.1;

em_status em_capture_check_format(const char *name, int64_t rate_hz, int64_t n_channels, em_err *err)
{
    if (n_channels < 1 || n_channels > EM_CAPTURE_MAX_CHANNELS)
        return em_fail(err, EM_EFORMAT, "%s claims %lld channels: 1 to %d can be read", name, (long long)n_channels,
                       EM_CAPTURE_MAX_CHANNELS);
    if (rate_hz < EM_RATE_LEAST || rate_hz > EM_RATE_MOST)
        return em_fail(err, EM_EFORMAT, "%s claims a sample rate of %lld Hz: %d to %d can be read", name,
                       (long long)rate_hz, EM_RATE_LEAST, EM_RATE_MOST);
    return EM_OK;
}

static uint32_t round_up(uint32_t n_frames)
{
    uint32_t n = LEAST_FRAMES;

    while (n < n_frames && n < MOST_FRAMES)
        n *= 2;
    return n;
}

em_status em_capture_new(em_capture **out, int n_channels, uint32_t n_frames, em_err *err)
{
    const size_t n_head = sizeof(em_capture_shared);
    em_capture *c;

    *out = NULL;
    if (n_channels < 1 || n_channels > EM_CAPTURE_MAX_CHANNELS)
        return em_fail(err, EM_EINVAL, "%d channels: a source has 1 to %d", n_channels, EM_CAPTURE_MAX_CHANNELS);
    c = calloc(1, sizeof *c);
    if (!c)
        return em_fail(err, EM_ENOMEM, "no memory for a ring");
    c->n_frames = round_up(n_frames);
    c->n_bytes = n_head + ringbuf_bytes(c->n_frames, (uint32_t)n_channels);
    c->memory = mmap(NULL, c->n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->memory == MAP_FAILED) {
        c->memory = NULL;
        em_capture_free(c);
        return em_fail(err, EM_ENOMEM, "no memory for a ring of %u frames of %d channels", round_up(n_frames), n_channels);
    }
    /* Locking may be forbidden (RLIMIT_MEMLOCK); then at least every page has been touched. */
    (void)mlock(c->memory, c->n_bytes);
    memset(c->memory, 0, c->n_bytes);
    c->shared = c->memory;
    ringbuf_init((char *)c->memory + n_head, 0);
    ringbuf_writer_attach(&c->writer, (char *)c->memory + n_head, c->n_frames, (uint32_t)n_channels);
    *out = c;
    return EM_OK;
}

void em_capture_free(em_capture *c)
{
    if (!c)
        return;
    if (c->memory)
        munmap(c->memory, c->n_bytes);
    free(c);
}

void em_capture_attach_reader(const em_capture *c, ringbuf_reader *out)
{
    ringbuf_reader_attach(out, c->writer.ring, c->n_frames, c->writer.n_channels);
}

void em_capture_set_rate(em_capture *c, int rate_hz)
{
    if (rate_hz == c->rate_hz)
        return;
    c->rate_hz = rate_hz;
    ringbuf_note(&c->writer, EM_CAPTURE_RATE_TAG, (uint64_t)rate_hz);
}

void em_capture_set_latency(em_capture *c, uint32_t n_frames)
{
    atomic_store_explicit(&c->shared->n_latency, n_frames, memory_order_relaxed);
}

void em_capture_count_reconnect(em_capture *c)
{
    atomic_fetch_add_explicit(&c->shared->n_reconnects, 1, memory_order_relaxed);
}

uint64_t em_capture_xruns(const em_capture *c)
{
    return atomic_load_explicit(&c->shared->n_xruns, memory_order_relaxed);
}

void em_capture_set_state(em_capture *c, em_source_state state)
{
    atomic_store_explicit(&c->shared->state, (uint32_t)state, memory_order_release);
}

void em_capture_finish(em_capture *c, em_source_state state, const em_err *err)
{
    c->shared->err = err ? *err : (em_err){ EM_OK, "" };
    em_capture_set_state(c, state);
}

em_source_state em_capture_state(const em_capture *c, em_err *err)
{
    em_source_state state = (em_source_state)atomic_load_explicit(&c->shared->state, memory_order_acquire);
    bool is_over = state == EM_SOURCE_ENDED || state == EM_SOURCE_FAILED;

    if (err)
        *err = is_over ? c->shared->err : (em_err){ EM_OK, "" };
    return state;
}

void em_capture_heartbeat(const em_capture *c, uint64_t *n_calls, uint64_t *n_frames)
{
    *n_frames = atomic_load_explicit(&c->shared->n_frames, memory_order_acquire);
    *n_calls = atomic_load_explicit(&c->shared->n_calls, memory_order_relaxed);
}

/* Every load is an acquire, so the last one sees any callback of which an earlier one saw a store. */
static bool look(const em_capture *c, ringbuf_reader *reader, uint64_t *n_captured, uint32_t *n_waiting, uint64_t *n_dropped)
{
    uint64_t n_ended = atomic_load_explicit(&c->shared->n_calls, memory_order_acquire);

    *n_captured = atomic_load_explicit(&c->shared->n_captured, memory_order_acquire);
    ringbuf_look(reader, n_waiting, n_dropped);
    return atomic_load_explicit(&c->shared->n_begun, memory_order_relaxed) == n_ended;
}

bool em_capture_count(const em_capture *c, ringbuf_reader *reader, uint64_t *n_captured, uint32_t *n_waiting,
                      uint64_t *n_dropped)
{
    for (int i = 0; i < MOST_LOOKS; i++) {
        if (look(c, reader, n_captured, n_waiting, n_dropped))
            return true;
        em_sleep_ms(look_ms);
    }
    return false;
}

bool em_capture_settle(em_capture *c)
{
    em_capture_take_losses(c);
    return ringbuf_flush(&c->writer);
}

void em_capture_tell_stop(em_capture *c, bool is_stop)
{
    atomic_store_explicit(&c->shared->is_told_to_stop, is_stop, memory_order_release);
}

bool em_capture_is_stopping(const em_capture *c)
{
    return atomic_load_explicit(&c->shared->is_told_to_stop, memory_order_acquire) != 0;
}
