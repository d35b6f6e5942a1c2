/* Two threads on one ring under ThreadSanitizer. Built five times: as it is, and with each of the four orders
 * weakened to relaxed; then TSan must complain, or it would not see such a mistake in the original either.
 *
 * Frames carry their numbers; the reader puts missing ones back by the marks and compares. Exit code 0, 1 (a
 * number was wrong), 66 (TSan's). */
#include "ringbuf/ringbuf.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY = 64, N_FRAMES = 400000, MOST = 24 };

static _Atomic int is_done;

/* Pauses of uneven length, or the threads fall into step; a yield now and then, because there may be one CPU. */
static void pause_a_while(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    for (uint32_t i = *seed >> 24; i > 0; i--)
        __asm__ volatile("" ::: "memory");
    if (*seed >> 26 == 0)
        sched_yield();
}

static void *produce(void *arg)
{
    ringbuf_writer w;
    float x[MOST];
    uint32_t n, k = 0, seed = 1, pause = 2;

    ringbuf_writer_attach(&w, arg, CAPACITY, 1);
    while (k < N_FRAMES) {
        seed = seed * 1664525u + 1013904223u;
        n = 1 + (seed >> 16) % MOST;
        for (uint32_t i = 0; i < n; i++)
            x[i] = (float)(k + i);
        /* Most blocks wait for room, so that much is read; the others are dropped under either of two tags. */
        while (!ringbuf_write(&w, x, n)) {
            if (seed >> 28 == 0) {
                ringbuf_skip(&w, seed >> 27, n);
                break;
            }
            pause_a_while(&pause);
        }
        pause_a_while(&pause);
        k += n;
    }
    while (!ringbuf_flush(&w))
        ;
    atomic_store_explicit(&is_done, (int)k, memory_order_release);
    return NULL;
}

/* Returns the number of the frame after the last. */
static uint32_t consume(ringbuf_reader *r, uint32_t *n_missing)
{
    uint32_t k = 0, n_idle = 0, pause = 3;

    while (n_idle < 2) {
        int done = atomic_load_explicit(&is_done, memory_order_acquire);
        ringbuf_mark mark;
        float x[CAPACITY];
        uint32_t n = ringbuf_read(r, x, CAPACITY);

        for (uint32_t i = 0; i < n; i++, k++) {
            if (x[i] != (float)k) {
                printf("frame %u came as %g\n", k, (double)x[i]);
                exit(1);
            }
        }
        if (n == 0 && ringbuf_peek_mark(r, &mark)) {
            k += (uint32_t)mark.n_missing;
            *n_missing += (uint32_t)mark.n_missing;
            ringbuf_advance_mark(r);
            n = 1;
        }
        pause_a_while(&pause);
        n_idle = n == 0 && done ? n_idle + 1 : 0;
    }
    return k;
}

int main(void)
{
    void *memory = aligned_alloc(RINGBUF_LINE, ringbuf_bytes(CAPACITY, 1));
    ringbuf_reader r;
    uint32_t n_missing = 0, n_waiting, k;
    uint64_t n_dropped;
    pthread_t producer;

    if (!memory)
        return 1;
    ringbuf_init(memory, UINT32_MAX - N_FRAMES / 2);
    ringbuf_reader_attach(&r, memory, CAPACITY, 1);
    if (pthread_create(&producer, NULL, produce, memory) != 0)
        return 1;
    k = consume(&r, &n_missing);
    pthread_join(producer, NULL);
    ringbuf_look(&r, &n_waiting, &n_dropped);
    printf("%u frames: %llu read, %u missing by marks, %llu by the counter\n", k, (unsigned long long)r.n_read, n_missing,
           (unsigned long long)n_dropped);
    free(memory);
    return k == (uint32_t)is_done && n_missing == n_dropped && n_waiting == 0 && !r.is_broken ? 0 : 1;
}
