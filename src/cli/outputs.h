/* outputs.h - from the options to open sinks. */
#ifndef EM_CLI_OUTPUTS_H
#define EM_CLI_OUTPUTS_H

#include "cli/options.h"
#include "lib/known.h"
#include "lib/rules.h"
#include "mel/frontend.h"
#include "sinks/sink.h"
#include "sinks/tape.h"

#include <stdatomic.h>

enum { EM_MAX_OUTPUTS = 24 };         /* every kind at once, and some twice */

typedef struct em_sink_set {
    em_sink *sinks[EM_MAX_OUTPUTS + 1];     /* and the status of a service */
    int      n;
    bool     has_view;              /* one of them draws on the terminal */
    bool     has_stdout;            /* one of them is standard output    */
    em_sink_store_cfg store;        /* of --store's sink                 */
    em_sink_mqtt_cfg  mqtt;         /* of --mqtt's                       */
    const char      **groups;       /* [rules' n_groups] their names, for some of them */
    em_sink_clip_cfg  clip;         /* of --clip-dir's                   */
    em_sink_exec_cfg  exec;         /* of --exec's                       */
    em_sink_web_cfg   web;          /* of --http's                       */
    em_sink_midi_cfg  midi;         /* of --midi's                       */
    em_midi_key      *midi_keys;    /* what it points to                 */
    em_sink_plot_cfg  plot;         /* of --plot's                       */
    float            *plot_numbers; /* what it points to                 */
} em_sink_set;

typedef struct em_sink_set_cfg {
    const em_known   *known;
    const em_selection *selection;
    const em_rules   *rules;        /* whose groups are told             */
    const atomic_bool *give_up;
    const em_notify   *notify;      /* of a service, whose status shows the newest event; NULL: it is none */
    bool is_live;                   /* sound at its own pace: a terminal gets the live view */
    bool has_source_names;
    int  n_files;                   /* that are heard, one after the other                    */
    const char *replayed;           /* the file of scores that they are in; NULL: they are heard now */
    int  n_together;                /* sources that are heard at once                       */
    em_tape *tape;                  /* --clip-dir: what clips are made of; else NULL */
    struct em_midi *midi;           /* --midi: what its JACK client sends; else NULL */
    const em_event *start;          /* the START event to come, for --http; borrowed */
    const em_frontend_cfg *frontend;        /* of the spectrogram's columns that scores will have, for --plot; NULL: they will have none */
    em_control *control;            /* where commands go, NULL: none are taken */
    const char *keys;               /* of the terminal, as the live view tells them; NULL: there are none */
    const char *file;               /* --out-dir: where these outputs go in there, without extension; else NULL */
} em_sink_set_cfg;

/* EM_EINVAL: options that do not fit together; EM_EIO names the path. The caller ends *out with em_sink_set_close. */
em_status em_sink_set_open(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err);

/* Whether what goes to path (NULL: standard output) is coloured. */
bool em_outputs_color(const em_options *o, const char *path);

/* The sink of a format, NULL; another one of "store", "mqtt", "osc", "web", "clip" or "exec", if o asks for it (else nothing is opened); and
 * its end. em_sink_set_open_one begins with a set that is zeroed or open. */
em_sink  *em_sink_set_find(const em_sink_set *set, const char *format);
em_status em_sink_set_open_one(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, const char *format, em_err *err);
em_status em_sink_set_close_one(em_sink_set *set, const char *format, em_sink_end end, em_err *err);

/* The first failure is told. */
em_status em_sink_set_close(em_sink_set *out, em_sink_end end, em_err *err);

#endif
