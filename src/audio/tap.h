/* tap.h - what an audio callback holds instead of the capture block: a pipe that can be cut from the other end.
 *
 * A sound library may hang while it closes a device, and wake up much later. So a callback never owns the
 * block: it asks its tap for it at each call, and once the tap is cut it gets NULL. em_tap_cut returns only
 * when no callback is between enter and leave, so the block may then be given to another session or freed.
 * The tap itself lives as long as its callback can be called.
 *
 * Both sides store one variable and load the other's, so these four accesses are sequentially consistent. */
#ifndef EM_AUDIO_TAP_H
#define EM_AUDIO_TAP_H

#include "audio/capture.h"

#include <stdatomic.h>
#include <stddef.h>

typedef struct em_tap {
    _Atomic(em_capture *) capture;          /* NULL: not connected yet, or cut        */
    _Atomic uint32_t      n_inside;         /* calls between enter and leave          */
    _Atomic uint32_t      n_period;         /* frames of the last callback            */
    _Atomic uint32_t      n_latency;        /* frames between the air and a callback's last frame */
    _Atomic uint32_t      is_gone;          /* set by a shutdown callback             */
    _Atomic uint32_t      is_untimed;       /* frames come by no clock: JACK runs freely, a URL in bursts */
    _Atomic uint32_t      is_unwanted;      /* set by the owner: who opens the device may stop waiting    */
} em_tap;

/* [rt] The block, or NULL. em_tap_leave follows in both cases. */
static inline em_capture *em_tap_enter(em_tap *tap) EM_RT
{
    atomic_fetch_add(&tap->n_inside, 1);
    return atomic_load(&tap->capture);
}

/* [rt] */
static inline void em_tap_leave(em_tap *tap) EM_RT
{
    atomic_fetch_sub(&tap->n_inside, 1);
}

/* Any ordinary thread. */
void em_tap_cut(em_tap *tap);

#endif
