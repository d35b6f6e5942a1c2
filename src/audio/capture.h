/* capture.h - the shared block between a producer of sound and its consumer: ring, counters, heartbeat, control.
 *
 * A row of sources.c fills it from its audio callback or thread; source.c empties it. The block holds no
 * pointer, so that the producer may later live in a child process; em_capture is the producer's handle on it.
 *
 *   frame       float[n_channels], interleaved, at the rate of the last em_capture_set_rate
 *   gap         frames missing in the stream: a full ring (overrun), an xrun, an absent device. Silence of the
 *               same length will stand for them. Each counts as dropped, and so as captured, once
 *   rate        a note in the ring: frames behind it have the new rate
 *
 * Three kinds of callers: [rt] the callback or reader thread, one at a time, real-time safe (capture_rt.c links
 * with memcpy alone); [idle] while no callback runs, by the thread that opens or closes the device; [any] any
 * thread, real-time safe as well. */
#ifndef EM_AUDIO_CAPTURE_H
#define EM_AUDIO_CAPTURE_H

#include "audio/source.h"
#include "base/limits.h"
#include "base/status.h"
#include "ringbuf/ringbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EM_CAPTURE_MAX_CHANNELS = 64,
    EM_CAPTURE_REASONS      = 3,            /* of em_gap_reason                                        */
    EM_CAPTURE_RATE_TAG     = 16,           /* tag of the mark whose value is the rate in Hz           */
};

typedef struct em_capture_shared {
    _Alignas(RINGBUF_LINE)
    _Atomic uint64_t n_begun;               /* callbacks begun; n_calls tells how many ended           */
    _Atomic uint64_t n_calls;               /* heartbeat: callbacks                                    */
    _Atomic uint64_t n_frames;              /* heartbeat: frames given, counted after they are in the ring */
    _Atomic uint64_t n_captured;            /* frames given and frames missing, by what the producer was told:
                                               the ring's own counts have to agree                     */
    _Alignas(RINGBUF_LINE)
    _Atomic uint64_t n_lost[EM_CAPTURE_REASONS];    /* reported, not in the ring yet                   */
    _Atomic uint64_t n_xruns, n_reconnects;
    _Atomic uint32_t n_latency;             /* frames between the air and the newest one in the ring   */
    _Alignas(RINGBUF_LINE)
    _Atomic uint32_t is_told_to_stop;       /* control word, by the consumer                           */
    _Atomic uint32_t state;                 /* em_source_state; released after err is written          */
    em_err err;                             /* read only after state says ENDED or FAILED              */
} em_capture_shared;

typedef struct em_capture {
    em_capture_shared *shared;
    ringbuf_writer     writer;
    void              *memory;              /* em_capture_shared, then the ring                        */
    size_t             n_bytes;
    uint32_t           n_frames;            /* capacity                                                */
    int                rate_hz;             /* of the last em_capture_set_rate, 0 before it            */
} em_capture;

/* EM_EFORMAT unless a source can have that rate and that many channels. To be asked before anything is sized by numbers from
 * outside; name begins the sentence. */
em_status em_capture_check_format(const char *name, int64_t rate_hz, int64_t n_channels, em_err *err);

/* A block with room for at least n_frames (rounded up to a power of two; 2^10..2^24), touched and, where the
 * system allows it, locked in memory. State WAITING. The caller frees *out with em_capture_free.
 * EM_EINVAL: n_channels outside 1..64. EM_ENOMEM. */
em_status em_capture_new(em_capture **out, int n_channels, uint32_t n_frames, em_err *err);
void      em_capture_free(em_capture *c);

/* The consumer's handle on the ring. */
void em_capture_attach_reader(const em_capture *c, ringbuf_reader *out);

/* [rt] One callback's frames[n][n_channels]. A full ring drops them all and remembers where. frames NULL: the
 * sound system had none to give, they are missing (EM_GAP_DEVICE). */
void em_capture_put(em_capture *c, const float *frames, uint32_t n) EM_RT;

/* [rt] The same from one array a channel, ports[n_channels][n]. A NULL port gives silence. */
void em_capture_put_planar(em_capture *c, const float *const *ports, uint32_t n) EM_RT;

/* [rt] Gives the frames reported missing their place in the stream. A put begins with it. */
void em_capture_take_losses(em_capture *c) EM_RT;

/* [any] n frames are missing before the next ones (an estimate by the clock is fine). Also counts. */
void em_capture_lost(em_capture *c, em_gap_reason reason, uint64_t n) EM_RT;

/* [any] The sound system reports an xrun. The frames it cost, if known, go to em_capture_lost. */
void em_capture_count_xrun(em_capture *c) EM_RT;

/* [any] Xruns so far. */
uint64_t em_capture_xruns(const em_capture *c);

/* [idle] Frames from now on have this rate. To be called each time a device is opened, before its callback
 * starts. No mark is made when the rate is the one it was. */
void em_capture_set_rate(em_capture *c, int rate_hz);

/* [any] What the sound system says lies between the air and the newest frame. */
void em_capture_set_latency(em_capture *c, uint32_t n_frames);

/* [any] A lost device is back. */
void em_capture_count_reconnect(em_capture *c);

/* [any] WAITING, UP, DOWN. */
void em_capture_set_state(em_capture *c, em_source_state state);

/* The last word of a producer: ENDED or FAILED. err NULL or with code EM_OK: nothing to say. Once only. */
void em_capture_finish(em_capture *c, em_source_state state, const em_err *err);

/* The state; fills *err with the sentence of finish, if there was one (else sets err->code to EM_OK). */
em_source_state em_capture_state(const em_capture *c, em_err *err);

/* [any] Callbacks and frames so far: a hung device moves neither. */
void em_capture_heartbeat(const em_capture *c, uint64_t *n_calls, uint64_t *n_frames);

/* Frames captured, waiting and dropped, as they were between two callbacks. Does not wait for a producer that stands
 * still in the middle of one (a stopped process): false, and the three are from some moment of it. */
bool em_capture_count(const em_capture *c, ringbuf_reader *reader, uint64_t *n_captured, uint32_t *n_waiting,
                      uint64_t *n_dropped);

/* [idle] No callback comes any more: what is missing at the very end gets its place. False: no room for it yet. */
bool em_capture_settle(em_capture *c);

/* The control word. */
void em_capture_tell_stop(em_capture *c, bool is_stop);
bool em_capture_is_stopping(const em_capture *c);

#endif
