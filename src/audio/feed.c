/* feed.c - the reader thread: pull, pace, put. Files and pipes wait here for room in the ring; a live pipe
 * does not, and its capture counts what is lost. */
#include "audio/feed.h"

#include "base/clock.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { FULL_POLL_MS = 2 };

static uint64_t ns_of_frames(uint64_t n, uint64_t rate_hz)
{
    return n / rate_hz * 1000000000u + n % rate_hz * 1000000000u / rate_hz;
}

static void wait_until(const em_feed *f, uint64_t due_ns)
{
    uint64_t now = em_now_ns();

    while (now < due_ns && !em_capture_is_stopping(f->capture)) {
        double ms = (double)(due_ns - now) / 1e6;

        em_sleep_ms(ms < 50.0 ? ms : 50.0);
        now = em_now_ns();
    }
}

/* False: told to stop before there was room. */
static bool put(em_feed *f, uint32_t n)
{
    while (!f->cfg.is_live && ringbuf_room(&f->capture->writer) < n) {
        if (em_capture_is_stopping(f->capture))
            return false;
        em_sleep_ms(FULL_POLL_MS);
    }
    em_capture_put(f->capture, f->block, n);
    return true;
}

static void *feed_thread(void *arg)
{
    em_feed *f = arg;
    const int ten_ms = f->cfg.rate_hz / 100;
    const int max = f->cfg.is_paced && ten_ms < EM_FEED_BLOCK ? ten_ms : EM_FEED_BLOCK;
    const uint64_t start = em_now_ns();
    uint64_t n_total = 0;
    em_err err = { EM_OK, "" };

    while (!em_capture_is_stopping(f->capture)) {
        int n = f->cfg.pull(f->cfg.ctx, f->block, max, &err);

        if (n < 0)
            break;
        n_total += (uint64_t)n;
        if (f->cfg.is_paced)
            wait_until(f, start + ns_of_frames(n_total, (uint64_t)f->cfg.rate_hz));
        if (n > 0 && !put(f, (uint32_t)n))
            break;
    }
    while (!ringbuf_flush(&f->capture->writer) && !em_capture_is_stopping(f->capture))
        em_sleep_ms(FULL_POLL_MS);
    em_capture_finish(f->capture, EM_SOURCE_ENDED, &err);
    return NULL;
}

em_status em_feed_start(em_feed *f, em_capture *capture, const em_feed_cfg *cfg, em_err *err)
{
    sigset_t all, before;
    int failed;

    f->cfg = *cfg;
    f->capture = capture;
    f->block = malloc(sizeof(float) * EM_FEED_BLOCK * (size_t)cfg->n_channels);
    if (!f->block)
        return em_fail(err, EM_ENOMEM, "no memory for a block of sound");
    em_capture_set_rate(capture, cfg->rate_hz);
    em_capture_set_state(capture, EM_SOURCE_UP);

    /* Signals are the program's business: none may end up on this thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&f->thread, NULL, feed_thread, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return em_fail(err, EM_ENOMEM, "no thread to read sound with: %s", strerror(failed));
    f->has_thread = true;
    return EM_OK;
}

void em_feed_stop(em_feed *f)
{
    if (f->has_thread) {
        em_capture_tell_stop(f->capture, true);
        pthread_join(f->thread, NULL);
    }
    f->has_thread = false;
    free(f->block);
    f->block = NULL;
}
