/* keeper.h - keeps a device open: finds it, watches its heartbeat, closes it, looks for it again.
 *
 * Calls into PortAudio and JACK may block for ever (a spinning ALSA thread, jack_client_close after its server
 * died). So all of them are made by a helper thread, and each has a limit; when it is exceeded the helper is
 * abandoned: its tap is cut, it touches nothing of ours any more, and another helper starts over. What it held
 * is freed by itself if it ever wakes up.
 *
 *   session   the row's own object for one connection: made zeroed, opened, started, ticked, closed, freed.
 *             Used by one helper only
 *   cfg       the row's copy of its configuration; read only; lives until the last helper has gone
 *
 * The functions below are the row's side of em_source_ops and belong to the thread that owns the source. */
#ifndef EM_AUDIO_KEEPER_H
#define EM_AUDIO_KEEPER_H

#include "audio/sources.h"
#include "audio/tap.h"

typedef struct em_found {
    char name[128];                         /* what to call it                                     */
    int  rate_hz, n_channels;
    double silent_s;                        /* without a frame for so long it is lost; 0: as devices are   */
} em_found;

typedef struct em_keeper_ops {
    const char *thread;                     /* name of the helper, at most 15 characters           */
    size_t      session_bytes;
    int         most_retry_ms;              /* between two looks: each pause is longer, up to this */
    int         open_limit_s;               /* of a call of open; 0: as devices have it            */
    bool        is_remote;                  /* others may ask the same server: pauses differ by chance, and one that is there
                                               for less than most_retry_ms is not back                              */

    /* Helper thread; may block. open finds and opens the device, whose callback will use tap; start lets the
     * frames flow; tick is called every 20 ms while they do, false: it is lost; close undoes whatever open
     * and start did, also half of it. EM_EDEVICE: not there now; any other failure ends the search. */
    em_status (*open)(void *session, const void *cfg, em_tap *tap, em_found *found, em_err *err);
    em_status (*start)(void *session, em_err *err);
    bool      (*tick)(void *session);
    void      (*close)(void *session);

    /* Helper thread; must not block: frames that the sound server has made so far, by whole periods, delivered to
     * us or not. NULL: only the monotonic clock tells what an xrun cost. */
    uint64_t  (*made)(void *session);

    void      (*abandoned)(void *session);  /* owner's thread: give back what others wait for; or NULL */
    void      (*free_cfg)(void *cfg);
} em_keeper_ops;

typedef struct em_keeper em_keeper;

/* Takes cfg over, also on error. Looks for the device at once; waits for the outcome of the first look. Absent and
 * wait_start_s 0: EM_EDEVICE. Absent otherwise: EM_OK, and found->rate_hz is 0. The caller frees *out with
 * em_keeper_close. */
em_status em_keeper_open(em_keeper **out, const em_keeper_ops *ops, void *cfg, double wait_start_s, double wait_lost_s,
                         em_found *found, em_err *err);

em_status       em_keeper_start(em_keeper *k, em_capture *capture, em_err *err);
em_source_state em_keeper_watch(em_keeper *k, em_err *err);
void            em_keeper_stop(em_keeper *k);       /* at most 2 s */
void            em_keeper_close(em_keeper *k);      /* NULL is fine */

#endif
