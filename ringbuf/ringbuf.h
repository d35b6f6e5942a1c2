/* ringbuf.h - single producer, single consumer ring of float frames in memory that the caller gives.
 *
 *   frame     float[n_channels], interleaved
 *   index     free-running uint32_t counting frames; it wraps, and only differences mean anything
 *   capacity  frames, a power of two
 *
 * The memory holds no pointer and may be shared between processes; each side keeps a private handle with what
 * it trusts (capacity, channels, its own index). The producer is one thread or callback at a time, the consumer
 * one thread at a time. Nothing allocates, blocks, locks or calls the system; the object needs memcpy alone.
 *
 * A block is written whole or not at all. What is missing is remembered by place: a mark queue in the same
 * memory says before which frame how many are missing and why, so that the consumer can put silence exactly
 * there. A mark is always published before the frames behind it. While the mark queue is full the producer goes
 * on dropping and lengthens the last mark, so nothing is ever miscounted.
 *
 * Orders: each side loads the other's index with acquire and publishes its own with release. There are four,
 * each named below once, so that a test can weaken each and see that ThreadSanitizer notices. */
#ifndef RINGBUF_H
#define RINGBUF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "the ring needs lock-free atomics");

#ifndef RINGBUF_WRITER_LOAD_ORDER
#define RINGBUF_WRITER_LOAD_ORDER memory_order_acquire      /* of the read index: its frames are free   */
#endif
#ifndef RINGBUF_WRITER_STORE_ORDER
#define RINGBUF_WRITER_STORE_ORDER memory_order_release     /* of the write index: its frames are there */
#endif
#ifndef RINGBUF_READER_LOAD_ORDER
#define RINGBUF_READER_LOAD_ORDER memory_order_acquire      /* of the write index                       */
#endif
#ifndef RINGBUF_READER_STORE_ORDER
#define RINGBUF_READER_STORE_ORDER memory_order_release     /* of the read index                        */
#endif

/* Marks functions that are safe in the audio callback. */
#if defined(__clang__) && __clang_major__ >= 20
#define RINGBUF_RT __attribute__((nonblocking))
#else
#define RINGBUF_RT
#endif

enum {
    RINGBUF_LINE         = 64,          /* bytes of a cache line; the memory must be aligned to it */
    RINGBUF_MARKS        = 64,          /* room of the mark queue, a power of two                  */
    RINGBUF_MAX_CAPACITY = 1 << 30,
    RINGBUF_MAX_CHANNELS = 1024,
};

/* Something that stands before frame `at`. With n_missing 0 it is a note (a new rate, say): value is the user's. */
typedef struct ringbuf_mark {
    uint32_t at;                        /* index of the frame it stands before                     */
    uint32_t tag;                       /* the user's: why frames are missing, what was noted      */
    uint64_t n_missing;                 /* frames                                                  */
    uint64_t value;
} ringbuf_mark;

typedef struct ringbuf_index { _Alignas(RINGBUF_LINE) _Atomic uint32_t value; } ringbuf_index;

/* The head of the shared memory; the frames follow it. */
typedef struct ringbuf {
    ringbuf_index w, r;                 /* frames written, frames read                             */
    ringbuf_index mark_w, mark_r;       /* the same for marks                                      */
    _Alignas(RINGBUF_LINE) _Atomic uint64_t n_dropped;     /* frames missing since init, by the producer */
    _Alignas(RINGBUF_LINE) ringbuf_mark marks[RINGBUF_MARKS];
} ringbuf;

typedef struct ringbuf_span { float *frames; uint32_t n; } ringbuf_span;

typedef struct ringbuf_writer {
    ringbuf *ring;
    float   *frames;                    /* [capacity][n_channels]                                  */
    uint32_t capacity, n_channels;
    uint32_t w, mark_w;
    uint64_t n_dropped;
    ringbuf_mark gap, note;             /* not published yet                                       */
    bool     has_gap, has_note;
} ringbuf_writer;

typedef struct ringbuf_reader {
    ringbuf *ring;
    float   *frames;
    uint32_t capacity, n_channels;
    uint32_t r, mark_r;
    uint64_t n_read;                    /* frames since attach                                     */
    bool     is_broken;                 /* the producer's indices made no sense: nothing is read any more */
} ringbuf_reader;

/* Bytes for a ring, 0 when capacity is no power of two in 1..MAX_CAPACITY, n_channels not in
 * 1..MAX_CHANNELS or the size does not fit in a size_t. */
size_t ringbuf_bytes(uint32_t capacity, uint32_t n_channels);

/* Makes an empty ring in memory[ringbuf_bytes(...)], aligned to RINGBUF_LINE. first is the index of the first
 * frame (0; tests start just below the wrap). Call before either side attaches. */
void ringbuf_init(void *memory, uint32_t first);

/* Handles on an initialised ring, with the same sizes as its bytes were computed from. */
void ringbuf_writer_attach(ringbuf_writer *w, void *memory, uint32_t capacity, uint32_t n_channels);
void ringbuf_reader_attach(ringbuf_reader *r, void *memory, uint32_t capacity, uint32_t n_channels);

/* ---- the producer ---- */

/* Frames that a write would take now; 0 while a mark waits for room in the mark queue. */
uint32_t ringbuf_room(const ringbuf_writer *w) RINGBUF_RT;

/* Two regions that together hold n frames, to be filled and then published by advance. False, and nothing
 * changes, when they do not fit. */
bool ringbuf_peek_write(ringbuf_writer *w, uint32_t n, ringbuf_span span[2]) RINGBUF_RT;
void ringbuf_advance_write(ringbuf_writer *w, uint32_t n) RINGBUF_RT;

/* Copies frames[n][n_channels] in. False when they do not fit: then nothing is written, and the caller either
 * comes back or declares them missing. */
bool ringbuf_write(ringbuf_writer *w, const float *frames, uint32_t n) RINGBUF_RT;

/* Declares n frames missing here. tag says why; while an earlier stretch of another tag cannot be published
 * they are joined under the earlier one's. */
void ringbuf_skip(ringbuf_writer *w, uint32_t tag, uint64_t n) RINGBUF_RT;

/* Notes something before the next frame. Of several that find no room the last one stays. */
void ringbuf_note(ringbuf_writer *w, uint32_t tag, uint64_t value) RINGBUF_RT;

/* Publishes what is missing at the end, which no frame follows. False: no room in the mark queue yet. */
bool ringbuf_flush(ringbuf_writer *w) RINGBUF_RT;

/* ---- the consumer ---- */

/* Up to max frames that stand before the next mark, as two regions to read; how many. 0: nothing waits, or a
 * mark stands here. */
uint32_t ringbuf_peek_read(ringbuf_reader *r, uint32_t max, ringbuf_span span[2]);
void     ringbuf_advance_read(ringbuf_reader *r, uint32_t n);

/* Copies up to max frames to dst[max][n_channels]; how many. */
uint32_t ringbuf_read(ringbuf_reader *r, float *dst, uint32_t max);

/* The mark that stands before the next frame, if there is one. */
bool ringbuf_peek_mark(ringbuf_reader *r, ringbuf_mark *out);
void ringbuf_advance_mark(ringbuf_reader *r);

/* Frames waiting and frames missing, both as they were at one moment. */
void ringbuf_look(ringbuf_reader *r, uint32_t *n_waiting, uint64_t *n_dropped);

#endif
