/* event.h - what the engine tells its sinks: plain data, one struct a record.
 *
 * Strings and arrays are borrowed for the call; a sink that keeps them copies them. Times are seconds from the
 * start of the stream, counted in samples. */
#ifndef EM_BASE_EVENT_H
#define EM_BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum em_event_type {
    EM_EVENT_START,                 /* a run begins                                            */
    EM_EVENT_SOURCE,                /* a source came up or went down                           */
    EM_EVENT_SCORES,                /* one hop                                                 */
    EM_EVENT_ONSET,                 /* a sound has begun                                       */
    EM_EVENT_OFFSET,                /* it is over: the whole event                             */
    EM_EVENT_RETRACT,               /* in place of OFFSET: it never was                        */
    EM_EVENT_CLIP,                  /* whether its sound may be kept, where that is asked      */
    EM_EVENT_EXPLAIN,               /* why a sound is told or not, as one hop has it           */
    EM_EVENT_GAP,                   /* frames are missing                                      */
    EM_EVENT_SYNC,                  /* sound and wall clock came apart: utc_ms counts anew     */
    EM_EVENT_SUMMARY,               /* one file, at its end                                    */
    EM_EVENT_STOP,                  /* a source ends: its counters                             */
    EM_EVENT_LISTENING,             /* a source's sound is heard from here on, or is not       */
    EM_EVENT_MARK,                  /* somebody said so                                        */
    EM_EVENT_LOST,                  /* records are missing before the next one, in this output */
    EM_EVENT_LEVEL,                 /* how loud the ten seconds before were, where it is wanted */
} em_event_type;

enum {
    EM_EVENT_ID_CHARS = 27,
    EM_MARK_BYTES = 160,
    EM_EVENT_LEVELS = 160,          /* slices of a hop, at the most                            */
};

/* Names of the model's classes; the same for a whole run, outlives every sink. */
typedef struct em_classes {
    const char *const *labels;      /* [n] display names                                       */
    const char *const *mids;        /* [n] AudioSet ids, "" where there is none                */
    int n;
} em_classes;

enum { EM_VITALS_SINKS = 32 };

typedef struct em_vitals_sink { const char *name; uint64_t n_waiting, n_failed; } em_vitals_sink;      /* the name outlives every sink */

/* How a run is doing, as of one hop: for whoever watches it. */
typedef struct em_vitals {
    uint64_t captured, taken, dropped, waiting, skipped_hops;   /* frames and hops since the start        */
    double   ring_fill;             /* share of the ring that waits, 0..1                                 */
    double   step_s;
    float    mel_s, backbone_s, head_s;         /* what the hop took; head_s 0: it cannot be told apart   */
    int      n_sinks;
    em_vitals_sink sinks[EM_VITALS_SINKS];
} em_vitals;

/* A spectrogram's column is a frame of the model, a byte a band: -100 dB and EM_COLUMN_DB more a step. So are levels. */
#define EM_COLUMN_DB 0.6f

typedef struct em_event {
    em_event_type type;
    const char   *source;           /* name of the source                                      */
    double        time;             /* seconds                                                 */
    int64_t       utc_ms;           /* wall clock at `time`, -1 unknown (files)                */
    bool          is_each;          /* of a source whose channels are told each for itself, as "NAME:1" */
    union {
        struct { const char *version, *model, *sha256, *backend; int rate_hz; double step_s, window_s; } start;
        struct { bool is_up; } source_state;
        struct {
            double       filled;    /* share of the window that is real sound                  */
            float        rms_dbfs, peak_dbfs;
            bool         is_gated;  /* its newest sound is below the gate; scores may be 0 then, unlooked at */
            const float *scores;    /* [n_classes] probabilities                               */
            const float *slots;     /* [n_slots][n_classes] probabilities, NULL unless wanted  */
            int          n_slots;
            const uint8_t *levels;  /* [n_levels] how loud each slice since the last hop was, oldest first (listener/levels.h) */
            int          n_levels;
            int64_t      first_level;       /* which slice of the stream levels[0] is          */
            const float *embedding; /* [n_embedding], NULL unless wanted                       */
            int          n_embedding;
            const uint8_t *columns; /* [n_columns][n_bands] since the last hop, oldest first, NULL unless wanted */
            int          n_columns, n_bands;
            double       columns_end, column_s;     /* where in the stream they end; how long one is   */
            const em_vitals *vitals;    /* NULL unless wanted                                  */
        } scores;
        struct {                    /* ONSET (at `time`), OFFSET (at `time`), RETRACT          */
            char        id[EM_EVENT_ID_CHARS];      /* the same in all records of a sound      */
            const char *label;      /* of its class or group; outlives every sink              */
            int         i_class;    /* -1: a group                                             */
            double      onset, offset;      /* ONSET: how far it is known to last              */
            double      delay;      /* seconds of sound from `time` to when this was known     */
            double      res;        /* uncertainty of onset and offset, seconds                */
            float       score, mean;        /* highest so far; from onset to offset            */
            float       threshold;  /* that it has reached                                     */
            float       dbfs;       /* level when this was known; -INFINITY: digital silence   */
        } sound;
        struct {                    /* strings outlive every sink                              */
            char        id[EM_EVENT_ID_CHARS];      /* of its event                            */
            const char *label;      /* likewise                                                */
            double      begin, end; /* what may be kept, seconds                               */
            bool        is_over;    /* the event is; else the clip is as long as clips get     */
            const char *why_not;    /* speech, unheard (no window held it); NULL: it may       */
        } clip;
        struct {                    /* strings outlive every sink                              */
            const char *label;      /* of the class or group                                   */
            const char *verdict;    /* told, quiet, weak, short, hidden, gated, ignored        */
            float       now, peak;  /* evidence in the window: newest, highest                 */
            double      at;         /* when it was highest, seconds                            */
            float       on, off;    /* what it has to reach to begin, and to last              */
        } explain;
        struct { uint64_t n_frames; const char *reason; } gap;      /* overrun, xrun, device   */
        struct { double drift_s; } sync;                            /* how far the wall clock was ahead */
        struct { double duration; int64_t n_windows; const float *mean, *max; const double *at; } summary;  /* [n_classes] */
        struct { bool is_on; } listening;
        struct {                    /* its `time` is that of the newest sound that was captured then */
            char        id[EM_EVENT_ID_CHARS];
            char        text[EM_MARK_BYTES];        /* what of, "": not said; hostile         */
            bool        has_clip;   /* the sound before it is wanted as a clip                 */
        } mark;
        struct { uint64_t n_records; } lost;
        struct { float dbfs, lufs; } level;         /* -INFINITY: silence; lufs NAN: not known */
        struct { uint64_t captured, taken, dropped, waiting, skipped_hops, resets; bool is_private; uint64_t clips_dropped; } stop;
    } u;
} em_event;

#endif
