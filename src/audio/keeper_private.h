/* keeper_private.h - what the two sides of em_keeper share: keeper.c (the thread that owns the source) and helper.c
 * (the thread that makes the library calls).
 *
 * Everything in em_keeper below `lock` is guarded by it, and so are session and the last three fields of a
 * helper. A helper looks at or writes the capture block only under the lock and while it is the current one;
 * library calls are made outside of it. */
#ifndef EM_AUDIO_KEEPER_PRIVATE_H
#define EM_AUDIO_KEEPER_PRIVATE_H

#include "audio/keeper.h"
#include "audio/xruns.h"
#include "base/rng.h"

#include <pthread.h>

enum {
    EM_KEEPER_CALL_LIMIT_S = 10,        /* opening: probing a dead sound server takes seconds          */
    EM_KEEPER_CLOSE_LIMIT_S = 2,
    EM_KEEPER_FLOW_S = 5,               /* from start to the first frame: PulseAudio may take two      */
};

typedef struct em_helper {
    em_keeper *k;
    pthread_t  thread;
    em_tap     tap;
    em_xruns   xruns;                   /* of this session                                             */
    void      *session;                 /* NULL between sessions                                       */
    uint64_t   deadline_ns;             /* of the library call it is in, 0: in none                    */
    bool       is_done;
} em_helper;

struct em_keeper {
    const em_keeper_ops *ops;
    void                *cfg;
    double               wait_start_s, wait_lost_s;

    pthread_mutex_t lock;
    pthread_cond_t  changed;
    int             n_refs;             /* the owner and every helper                                  */
    int             n_stray;            /* abandoned helpers that have not woken up                    */
    em_helper      *current;
    em_capture     *capture;            /* NULL until start                                            */
    bool            is_ending;
    em_source_state state;
    unsigned        n_looks, n_starts;  /* outcomes of open and start so far                           */
    em_err          last;               /* why the last look or start failed                           */
    em_found        found;              /* the last device; its channels stay what they were           */
    int             n_channels_absent;
    bool            was_up;
    uint64_t        since_ns;           /* of WAITING or DOWN                                          */
    uint64_t        flow_ns;            /* when frames were seen last, 0: never                        */
    uint64_t        n_frames;           /* the heartbeat then                                          */
    em_rng               chance;             /* of pauses                                                  */
};

/* The thread: looks for the device, serves it, starts over; until it is told to end or abandoned. arg: em_helper. */
void *em_helper_main(void *arg);

/* With the lock held: waits for `changed` until a moment of the monotonic clock. False: it has come. */
bool em_keeper_wait(em_keeper *k, uint64_t until_ns);

/* With the lock held: UP becomes DOWN. */
void em_keeper_note_loss(em_keeper *k);

/* Of a call that opens the device. */
int em_keeper_open_limit_s(const em_keeper *k);

/* Gives one reference back; the last one frees. */
void em_keeper_unref(em_keeper *k);

#endif
