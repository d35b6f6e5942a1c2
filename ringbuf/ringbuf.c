/* ringbuf.c - the ring itself: indices, regions and the marks of lost frames. See ringbuf.h for who may call what. */
#include "ringbuf/ringbuf.h"

#include <string.h>

/* Indices run freely and wrap at 2^32, a multiple of every capacity, so `index % capacity` never jumps and
 * `w - r` is the fill. Each operation makes one acquire load of the other side's index, touches frames, and
 * ends with one release store of its own. */

size_t ringbuf_bytes(uint32_t capacity, uint32_t n_channels)
{
    uint64_t n_bytes = sizeof(ringbuf) + (uint64_t)capacity * n_channels * sizeof(float);

    if (capacity == 0 || capacity > RINGBUF_MAX_CAPACITY || (capacity & (capacity - 1)) != 0)
        return 0;
    if (n_channels == 0 || n_channels > RINGBUF_MAX_CHANNELS || n_bytes > SIZE_MAX)
        return 0;
    return (size_t)n_bytes;
}

void ringbuf_init(void *memory, uint32_t first)
{
    ringbuf *ring = memory;

    atomic_init(&ring->w.value, first);
    atomic_init(&ring->r.value, first);
    atomic_init(&ring->mark_w.value, first);
    atomic_init(&ring->mark_r.value, first);
    atomic_init(&ring->n_dropped, 0);
}

void ringbuf_writer_attach(ringbuf_writer *w, void *memory, uint32_t capacity, uint32_t n_channels)
{
    ringbuf *ring = memory;

    *w = (ringbuf_writer){ .ring = ring, .frames = (float *)(ring + 1), .capacity = capacity, .n_channels = n_channels };
    w->w = atomic_load_explicit(&ring->w.value, memory_order_relaxed);
    w->mark_w = atomic_load_explicit(&ring->mark_w.value, memory_order_relaxed);
    w->n_dropped = atomic_load_explicit(&ring->n_dropped, memory_order_relaxed);
}

void ringbuf_reader_attach(ringbuf_reader *r, void *memory, uint32_t capacity, uint32_t n_channels)
{
    ringbuf *ring = memory;

    *r = (ringbuf_reader){ .ring = ring, .frames = (float *)(ring + 1), .capacity = capacity, .n_channels = n_channels };
    r->r = atomic_load_explicit(&ring->r.value, memory_order_relaxed);
    r->mark_r = atomic_load_explicit(&ring->mark_r.value, memory_order_relaxed);
}

/* The n frames from index on: up to the end of the memory, and the rest from its start. */
static void span_of(float *frames, uint32_t capacity, uint32_t n_channels, uint32_t index, uint32_t n, ringbuf_span span[2])
{
    uint32_t at = index & (capacity - 1);
    uint32_t n_first = n < capacity - at ? n : capacity - at;

    span[0] = (ringbuf_span){ frames + (size_t)at * n_channels, n_first };
    span[1] = (ringbuf_span){ frames, n - n_first };
}

/* ---- the producer ---- */

static uint32_t mark_room(const ringbuf_writer *w)
{
    return RINGBUF_MARKS - (w->mark_w - atomic_load_explicit(&w->ring->mark_r.value, RINGBUF_WRITER_LOAD_ORDER));
}

static void push_mark(ringbuf_writer *w, const ringbuf_mark *mark)
{
    ringbuf_mark *slot = &w->ring->marks[w->mark_w % RINGBUF_MARKS];

    *slot = *mark;
    slot->at = w->w;
    w->mark_w++;
    atomic_store_explicit(&w->ring->mark_w.value, w->mark_w, RINGBUF_WRITER_STORE_ORDER);
}

static uint32_t n_pending(const ringbuf_writer *w)
{
    return (uint32_t)w->has_gap + (uint32_t)w->has_note;
}

bool ringbuf_flush(ringbuf_writer *w)
{
    if (n_pending(w) == 0)
        return true;
    if (mark_room(w) < n_pending(w))
        return false;
    if (w->has_gap)
        push_mark(w, &w->gap);
    if (w->has_note)
        push_mark(w, &w->note);
    w->has_gap = w->has_note = false;
    return true;
}

uint32_t ringbuf_room(const ringbuf_writer *w)
{
    if (n_pending(w) > 0 && mark_room(w) < n_pending(w))
        return 0;
    return w->capacity - (w->w - atomic_load_explicit(&w->ring->r.value, RINGBUF_WRITER_LOAD_ORDER));
}

bool ringbuf_peek_write(ringbuf_writer *w, uint32_t n, ringbuf_span span[2])
{
    /* Room first: marks published for a block that then does not fit would cut one gap into many. */
    if (n > ringbuf_room(w) || !ringbuf_flush(w))
        return false;
    span_of(w->frames, w->capacity, w->n_channels, w->w, n, span);
    return true;
}

void ringbuf_advance_write(ringbuf_writer *w, uint32_t n)
{
    w->w += n;
    atomic_store_explicit(&w->ring->w.value, w->w, RINGBUF_WRITER_STORE_ORDER);
}

bool ringbuf_write(ringbuf_writer *w, const float *frames, uint32_t n)
{
    ringbuf_span span[2];
    size_t n_first;

    if (!ringbuf_peek_write(w, n, span))
        return false;
    n_first = (size_t)span[0].n * w->n_channels;
    memcpy(span[0].frames, frames, n_first * sizeof *frames);
    memcpy(span[1].frames, frames + n_first, (size_t)span[1].n * w->n_channels * sizeof *frames);
    ringbuf_advance_write(w, n);
    return true;
}

void ringbuf_skip(ringbuf_writer *w, uint32_t tag, uint64_t n)
{
    if (n == 0)
        return;
    if (w->has_gap && w->gap.tag != tag)
        ringbuf_flush(w);
    if (!w->has_gap)
        w->gap = (ringbuf_mark){ .tag = tag };
    w->has_gap = true;
    w->gap.n_missing += n;
    w->n_dropped += n;
    atomic_store_explicit(&w->ring->n_dropped, w->n_dropped, RINGBUF_WRITER_STORE_ORDER);
}

void ringbuf_note(ringbuf_writer *w, uint32_t tag, uint64_t value)
{
    w->note = (ringbuf_mark){ .tag = tag, .value = value };
    w->has_note = true;
    ringbuf_flush(w);
}

/* ---- the consumer ---- */

static uint32_t n_waiting_frames(ringbuf_reader *r)
{
    uint32_t n = atomic_load_explicit(&r->ring->w.value, RINGBUF_READER_LOAD_ORDER) - r->r;

    /* The producer may be another process: its index is not believed. */
    if (n > r->capacity)
        r->is_broken = true;
    return r->is_broken ? 0 : n;
}

static bool next_mark(ringbuf_reader *r, ringbuf_mark *out)
{
    uint32_t n = atomic_load_explicit(&r->ring->mark_w.value, RINGBUF_READER_LOAD_ORDER) - r->mark_r;

    if (n > RINGBUF_MARKS)
        r->is_broken = true;
    if (r->is_broken || n == 0)
        return false;
    *out = r->ring->marks[r->mark_r % RINGBUF_MARKS];
    if (out->at - r->r > r->capacity)
        r->is_broken = true;
    return !r->is_broken;
}

uint32_t ringbuf_peek_read(ringbuf_reader *r, uint32_t max, ringbuf_span span[2])
{
    /* Frames before marks: the producer publishes a mark before the frames behind it, so whoever sees those
     * frames then sees the mark, too. */
    uint32_t n = n_waiting_frames(r);
    ringbuf_mark mark;

    if (next_mark(r, &mark) && mark.at - r->r < n)
        n = mark.at - r->r;
    if (r->is_broken)
        n = 0;
    if (n > max)
        n = max;
    span_of(r->frames, r->capacity, r->n_channels, r->r, n, span);
    return n;
}

void ringbuf_advance_read(ringbuf_reader *r, uint32_t n)
{
    r->r += n;
    r->n_read += n;
    atomic_store_explicit(&r->ring->r.value, r->r, RINGBUF_READER_STORE_ORDER);
}

uint32_t ringbuf_read(ringbuf_reader *r, float *dst, uint32_t max)
{
    ringbuf_span span[2];
    uint32_t n = ringbuf_peek_read(r, max, span);
    size_t n_first = (size_t)span[0].n * r->n_channels;

    memcpy(dst, span[0].frames, n_first * sizeof *dst);
    memcpy(dst + n_first, span[1].frames, (size_t)span[1].n * r->n_channels * sizeof *dst);
    ringbuf_advance_read(r, n);
    return n;
}

bool ringbuf_peek_mark(ringbuf_reader *r, ringbuf_mark *out)
{
    return next_mark(r, out) && out->at == r->r;
}

void ringbuf_advance_mark(ringbuf_reader *r)
{
    r->mark_r++;
    atomic_store_explicit(&r->ring->mark_r.value, r->mark_r, RINGBUF_READER_STORE_ORDER);
}

void ringbuf_look(ringbuf_reader *r, uint32_t *n_waiting, uint64_t *n_dropped)
{
    uint64_t before, after = atomic_load_explicit(&r->ring->n_dropped, RINGBUF_READER_LOAD_ORDER);

    /* A block is either written or dropped. If nothing was dropped from before the load of the write index
     * until after it, the two numbers belong together. */
    do {
        before = after;
        *n_waiting = n_waiting_frames(r);
        after = atomic_load_explicit(&r->ring->n_dropped, RINGBUF_READER_LOAD_ORDER);
    } while (after != before);
    *n_dropped = after;
}
