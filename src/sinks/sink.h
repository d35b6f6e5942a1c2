/* sink.h - events out: one interface, a row of sinks.c a format.
 *
 * A sink belongs to one thread at a time. em_sink_put writes a whole record and flushes it; it may block on a
 * slow reader. Nothing here is called from the audio callback or, in live mode, between hops. */
#ifndef EM_SINKS_SINK_H
#define EM_SINKS_SINK_H

#include "base/control.h"
#include "base/event.h"
#include "base/notify.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum em_scores_mode { EM_SCORES_NONE, EM_SCORES_TOP, EM_SCORES_ALL } em_scores_mode;

/* Copies the newest message for the person at the terminal into out, "" when there is none. */
typedef void em_sink_notice(void *ctx, char *out, size_t room);

/* What a file of scores says of its model beside what the start event says. */
typedef struct em_sink_store_cfg {
    const bool  *is_trained;        /* [n_classes]                                                     */
    const float *thresholds;        /* [n_classes], NULL: the model has none                           */
    int    window_samples, n_slots; /* of a window                                                     */
    double slot_s;
    int    n_files;                 /* that are heard, one after the other; a device is one            */
} em_sink_store_cfg;

/* A broker, and what it is told beside the events. */
typedef struct em_sink_mqtt_cfg {
    const char *url;                /* see mqtt_url.h                                                  */
    const char *password_file;      /* its first line is the password; NULL: the URL's, or none        */
    const char *ca, *cert, *key;    /* PEM files, NULL: the system's authorities, no certificate       */
    const char *node;               /* of topics; NULL: the name of the machine                        */
    const char *discovery;          /* device, single, remove, no                                      */
    const char *discovery_prefix;   /* "homeassistant"                                                 */
    const bool *is_watched;         /* [n_classes] these become entities, NULL: none                   */
    const char *const *groups;      /* [n_groups] and these                                            */
    int n_groups;
} em_sink_mqtt_cfg;

/* When a command is run, and how many. */
typedef struct em_sink_exec_cfg {
    const char *command;            /* words, see words.h                                              */
    bool   on_onset, on_offset;     /* both: also when an onset is taken back                          */
    int    n_most;                  /* at once, 1..64; then the sink waits                             */
    double limit_s;                 /* of one; then it is killed                                       */
} em_sink_exec_cfg;

/* Clips of events: what the sink of clips writes, and the others name in their records. */
typedef struct em_sink_clip_cfg {
    const char *dir;                /* a folder that there is                                          */
    struct em_tape *tape;           /* tape.h; NULL but for the sink of clips                           */
    double pre_s, post_s;           /* before the onset and behind the offset                          */
    double most_s;                  /* a longer clip is cut; the tape keeps as much and LATE_S more    */
    bool   is_judged;               /* a clip is written when a CLIP event lets it, and not before; an OFFSET names none */
} em_sink_clip_cfg;

/* The web page's (web/server.h). */
typedef struct em_sink_web_cfg {
    const char *address;            /* ADDR:PORT or unix:PATH                                          */
    const char *token_path;         /* NULL: none is asked for, and nobody but this machine may come   */
    const char *const *hosts;       /* [n_hosts] further names by which this machine is called         */
    int n_hosts;
    const char *const *proxies;     /* [n_proxies] addresses and networks of proxies that are believed */
    int n_proxies;
    const bool *is_trained;         /* [n_classes]                                                     */
    const bool *is_watched;         /* [n_classes] by name; NULL: none is                              */
    const em_event *start;          /* START, as it will come; for em_sink_open alone                  */
} em_sink_web_cfg;

/* What a picture shows beside what it is told. */
typedef struct em_sink_plot_cfg {
    const float *thresholds;        /* [n_classes] where events begin; 0: none; NULL: none has one     */
    const float *band_hz;           /* [n_bands] the middle of each band of a spectrogram's columns    */
    int n_bands;                    /* 1..512; 0: there are no columns                                 */
} em_sink_plot_cfg;

enum { EM_MIDI_USUAL_NOTE = 69 };       /* of classes without one of their own: aubio's */

/* What a class or group plays. */
typedef struct em_midi_key {
    unsigned char channel, note;    /* 0..15, 0..127                                                   */
    signed char   control;          /* that follows its score, 0..119; -1: none                        */
} em_midi_key;

typedef struct em_sink_midi_cfg {
    struct em_midi    *queue;       /* base/midi.h; its reader is a JACK client                        */
    const em_midi_key *keys;        /* [n_classes + n_groups]                                          */
    const char *const *groups;      /* [n_groups]                                                      */
    int n_groups;
} em_sink_midi_cfg;

typedef struct em_sink_cfg {
    const char *format;             /* a row of sinks.c: "text", "jsonl", ...; "store", "exec", "clip", "mqtt", "osc", "web", "midi", "picture"… */
    const char *path;               /* NULL or "-": stdout; else see out.h: a file is written as PATH.part and renamed at close */
    bool   is_appended;             /* PATH is added to in place instead, see em_out_append             */
    const em_classes *classes;
    em_scores_mode scores;          /* jsonl: which scores records; text: NONE, or a line a hop with its top k */
    int    top_k;                   /* classes a record; obs: lines                                    */
    bool   has_slots, has_embeddings, has_level;
    bool   has_source_names;        /* several sources share the output, each line says which          */
    int    channel;                 /* of the source, 0: their mean, -1: each, as "dog.wav:2"          */
    bool   is_terminal;             /* text: redraw in place instead of lines; stdout only             */
    bool   has_color;
    bool   is_metadata;             /* vtt: cues are records of JSON, not captions                     */
    const char *time_format;        /* text, csv: clock, seconds, ms, samples, utc; NULL: clock        */
    int    rate_hz;                 /* of the model: what samples are counted in                      */
    bool   has_utf8;                /* the terminal shows block characters                             */
    const bool  *is_shown;          /* [n_classes] after --watch and --ignore, NULL: all               */
    const float *thresholds;        /* [n_classes] text: scores below are not listed, NULL: all are    */
    const em_sink_store_cfg *store; /* "store" only; its scores events have slots                      */
    const em_notify *notify;        /* "status" only: who is told; that one has no path                */
    const em_sink_mqtt_cfg *mqtt;   /* "mqtt" only                                                     */
    const char *osc_url;            /* "osc" only: osc.udp://HOST:PORT/                                */
    const em_sink_exec_cfg *exec;   /* "exec" only                                                     */
    const em_sink_clip_cfg *clip;   /* NULL: there are no clips                                        */
    const em_sink_web_cfg *web;     /* "web" only                                                      */
    const em_sink_midi_cfg *midi;   /* "midi" only                                                     */
    const em_sink_plot_cfg *plot;   /* "picture" only; its path ends in .png or .svg                   */
    em_control *control;            /* "mqtt": where a broker's commands go, NULL: it is asked for none */
    const char *keys;               /* the live view's last line where there is nothing newer; may be NULL */
    const atomic_bool *give_up;     /* once true, the same as em_sink_hurry; may be NULL               */
    em_sink_notice *notice;         /* the live view's last line asks for it, may be NULL              */
    void  *notice_ctx;
} em_sink_cfg;

typedef struct em_sink em_sink;

/* Copies cfg and its path; what else it points to must outlive the sink.
 * EM_EINVAL: settings that cannot be. EM_EUNSUPPORTED: not built, names the option. EM_EIO: names the path. Caller ends it with em_sink_close. */
em_status em_sink_open(em_sink **out, const em_sink_cfg *cfg, em_err *err);

/* Its format. */
const char *em_sink_name(const em_sink *s);

/* EM_EIO: disk full and the like, names the path; the record is lost, the next call tries again.
 * EM_ECANCELED: the reader is gone (EPIPE), which is no failure. */
em_status em_sink_put(em_sink *s, const em_event *e, em_err *err);

/* The run comes to its end: from now on a reader that takes nothing for a second is left. From any thread. */
void em_sink_hurry(em_sink *s);

/* Whether it makes use of scores, or only of events. */
bool em_sink_needs_scores(const em_sink *s);

/* How a run ended, for what is written as PATH.part. */
typedef enum em_sink_end {
    EM_SINK_WHOLE,                  /* it gets its name                                                */
    EM_SINK_CUT,                    /* stopped before its end: it stays, beside what PATH was before   */
    EM_SINK_EMPTY,                  /* nothing was heard: it goes, and what PATH was before stays      */
} em_sink_end;

/* Writes what was held back, flushes, renames, frees. EM_EIO: names the path. After a lost record PATH.part keeps its name. */
em_status em_sink_close(em_sink *s, em_sink_end end, em_err *err);

/* The i-th format and what it is, for help and checks; NULL after the last. */
const char *em_sink_format(int i, const char **help);

typedef struct em_sink_traits {
    const char *extension;          /* of its files in a folder: "vtt", "dcase.tsv"; no two are alike  */
    bool is_events;                 /* it tells events, of hops their level at the most, and no scores */
    bool is_asked;                  /* it tells scores only where cfg.scores or is_terminal asks for them */
    bool is_one_timeline;           /* its times have no place for a file's name beside them           */
    bool is_rewritten;              /* it replaces its file again and again, and wants one             */
} em_sink_traits;

/* Whether this build has the format, and what brings it can be loaded. EM_EUNSUPPORTED: the sentence names the build's option. */
em_status em_sink_check(const char *format, em_err *err);

/* format must be a row of sinks.c. */
em_sink_traits em_sink_traits_of(const char *format);

#endif
