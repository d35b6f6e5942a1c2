/* source.h - sound in: one interface over microphones, JACK, files, pipes, URLs and a synthetic source.
 *
 * A source fills a lock-free ring with interleaved float frames, from its own thread or audio callback; one
 * consumer (the worker) takes them. Everything a producer touches is one shared block: ring, counters,
 * heartbeat and control word.
 *
 *   frame     float[n_channels], nominal [-1, 1], at rate_hz
 *   captured  frames the producer has been given or has lost so far, by its own count; at every moment the
 *             consumer looks, captured == taken + dropped + waiting, which are the ring's counts
 *
 * Devices cannot wait: a full ring drops the new block and remembers where (a gap). Files and pipes wait for
 * room instead and drop nothing, unless cfg.is_live.
 *
 * open, start, take, watch, counters, stop and close belong to one thread. Nothing here allocates after start
 * but a reconnect, which runs on a thread of the source's own. */
#ifndef EM_AUDIO_SOURCE_H
#define EM_AUDIO_SOURCE_H

#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct em_source em_source;

typedef enum em_source_state {
    EM_SOURCE_WAITING,              /* not there yet; being looked for                       */
    EM_SOURCE_UP,                   /* frames flow                                           */
    EM_SOURCE_DOWN,                 /* was there, is gone; being looked for again by name    */
    EM_SOURCE_ENDED,                /* end of file or pipe: take until it returns 0          */
    EM_SOURCE_FAILED,               /* lost for good (time to wait is over): exit code 4     */
} em_source_state;

typedef enum em_gap_reason { EM_GAP_OVERRUN, EM_GAP_XRUN, EM_GAP_DEVICE } em_gap_reason;

typedef struct em_source_cfg {
    const char *kind;               /* a row of sources.c: "file", "stdin", "url", "portaudio", "jack", "synth" */
    const char *name;               /* path or URL; device name or index (NULL: default); what "synth" plays */

    /* stdin */
    const char *raw;                /* NULL: RIFF header looked for, else s16le; u8 s16le s24le s32le f32le */
    int    raw_rate_hz;             /* 32000                                                             */
    int    raw_channels;            /* 1                                                                 */
    uint64_t deadline_ns;           /* em_now_ns until which open waits for its first bytes; 0: for ever */

    /* files, pipes and URLs */
    bool   is_paced;                /* deliver in real time (--realtime)                                 */
    bool   is_live;                 /* a pipe that drops when nobody takes, a URL that is never over (--live) */

    /* URLs, which ffmpeg hears; em_source_is_url */
    double stall_s;                 /* without sound for so long it is looked for anew; 0: 15            */
    const atomic_bool *stop;        /* true: open waits no more (EM_ECANCELED); may be NULL              */

    /* jack */
    const char *jack_name;          /* client name, NULL: "earmark"                                      */
    const char *jack_server;        /* NULL: the default server                                          */
    const char *const *connect;     /* n_connect globs over port names; none: physical captures          */
    int    n_connect;
    bool   no_connect;
    int    jack_channels;           /* ports in_1..in_N to register, 1                                   */
    struct em_midi *midi;           /* what leaves by the port midi_out (base/midi.h); NULL: there is no such port. Outlives the source */

    /* absent devices: seconds to wait. At start: 0 = fail at once (EM_EDEVICE), negative = for ever.
     * While running a lost one is always waited for; after wait_lost_s seconds it has FAILED. */
    double wait_start_s;
    double wait_lost_s;             /* negative = for ever, the default                                  */
} em_source_cfg;

typedef struct em_source_info {
    char    name[128];              /* cleaned: file name without folders, URL without what is secret, device name without (hw:N,M), "stdin" */
    int     rate_hz;                /* 0 while WAITING                                       */
    int     n_channels;             /* 1..64; fixed from open on                             */
    bool    is_live;                /* cannot wait: hops may be skipped                      */
    int64_t n_frames;               /* length of a file, -1 unknown                          */
} em_source_info;

/* Frames missing before the ones that em_source_take returned. n_frames 0: none. Where nothing follows them (the
 * stream is over, or goes on at another rate) they come with 0 frames. Stretches that touch are one, named
 * after the longer. */
typedef struct em_gap {
    uint64_t      n_frames;
    em_gap_reason reason;
} em_gap;

/* Each frame is counted once. taken also counts those behind a rate change. */
typedef struct em_source_counters {
    uint64_t captured, taken, dropped, waiting;
    uint64_t room;                  /* frames that the ring takes in all                     */
    uint64_t n_xruns;               /* reported by the sound system                          */
    uint32_t n_latency;             /* frames between the air and the newest one captured, as the sound system says */
    uint64_t n_reconnects;
    uint64_t n_bad_samples;         /* NaN and infinite ones, replaced by 0 in em_source_take */
} em_source_counters;

/* Opens; the caller frees *out with em_source_close. The sentence of an error names the file, device or
 * server. EM_EDEVICE, EM_EIO, EM_EFORMAT, EM_EINVAL (ambiguous device name: the sentence lists them),
 * EM_EUNSUPPORTED (not in this build), EM_ENOMEM, EM_ECANCELED. On error *out is NULL. */
em_status em_source_open(em_source **out, const em_source_cfg *cfg, em_err *err);
void      em_source_close(em_source *s);

em_status em_source_start(em_source *s, em_err *err);
void      em_source_stop(em_source *s);         /* the producer ends; what waits can still be taken */

void      em_source_get_info(const em_source *s, em_source_info *out);

/* Up to max frames into dst[max][n_channels], never across a gap: *gap tells what is missing before them.
 * Returns 0 when nothing waits; does not block. rate_hz of em_source_get_info holds for the frames just taken
 * (a device may come back with another one; then a call returns 0 frames first). */
size_t    em_source_take(em_source *s, float *dst, size_t max, em_gap *gap);

/* What became of it; looks at the heartbeat and starts the search for a lost device. Cheap, does not block:
 * to be called at every poll. FAILED fills *err; a file that ends early by damage does so with ENDED. */
em_source_state em_source_watch(em_source *s, em_err *err);

void      em_source_get_counters(const em_source *s, em_source_counters *out);

/* Whether a name is that of a "url" source, not of a file; *is_live: that it has no beginning and no end of its own. EM_EINVAL: it is,
 * and of a kind that cannot be heard. */
em_status em_source_is_url(bool *is_url, bool *is_live, const char *name, em_err *err);

/* Calls visit for every capture device there is ("portaudio" and "jack" rows). */
typedef void em_device_visit(void *ctx, const char *kind, int index, const char *name, int n_channels, int rate_hz,
                             bool is_default);
em_status em_source_list_devices(em_device_visit *visit, void *ctx, em_err *err);

#endif
