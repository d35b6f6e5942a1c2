/* feed.h - the reader thread of files, pipes and the synthetic source: pulls blocks and puts them into the ring.
 *
 * When the ring is full it waits by polling (back-pressure), or drops like a device if cfg.is_live. Paced, frame
 * k is handed over no earlier than k/rate_hz seconds after the start. Private to src/audio. */
#ifndef EM_AUDIO_FEED_H
#define EM_AUDIO_FEED_H

#include "audio/capture.h"

#include <pthread.h>

enum {
    EM_FEED_BLOCK = 4096,               /* frames asked for at most                                */
    EM_FEED_RING  = 65536,              /* frames, for those that wait: a worker is never starved  */
    EM_FEED_END   = -1,
};

/* On the feed's thread: up to max frames into dst. Returns how many; 0: none yet (it waited itself, at most
 * 100 ms); EM_FEED_END: no more, and *err says what was wrong with the end, if anything. */
typedef int em_feed_pull(void *ctx, float *dst, int max, em_err *err);

typedef struct em_feed_cfg {
    em_feed_pull *pull;
    void         *ctx;
    int           rate_hz, n_channels;
    bool          is_paced, is_live;
} em_feed_cfg;

/* Zeroed: not started. */
typedef struct em_feed {
    em_feed_cfg cfg;
    em_capture *capture;
    float      *block;
    pthread_t   thread;
    bool        has_thread;
} em_feed;

/* capture, cfg->ctx and what pull touches must outlive em_feed_stop. EM_ENOMEM. */
em_status em_feed_start(em_feed *f, em_capture *capture, const em_feed_cfg *cfg, em_err *err);

/* Ends the thread, which looks at the control word at least every 100 ms, and frees. May be called twice. */
void em_feed_stop(em_feed *f);

#endif
