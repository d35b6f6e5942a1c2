/* options.h - every option in one table: command line, configuration files, environment, --help and
 * --print-config are made from it.
 *
 * Later layers win: built-in < /etc/earmark < the user's file < --config < EARMARK_<OPTION> < command line.
 * A list (--watch) given in one layer replaces the list of the layers below, and an option that cannot stand beside
 * one of a higher layer (device in a file, a FILE on the command line) gives way to it. */
#ifndef EM_CLI_OPTIONS_H
#define EM_CLI_OPTIONS_H

#include "base/status.h"
#include "lib/settings.h"
#include "ops/ops.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum em_command {
    EM_COMMAND_LISTEN, EM_COMMAND_HELP, EM_COMMAND_VERSION, EM_COMMAND_PRINT_CONFIG, EM_COMMAND_LIST_DEVICES,
    EM_COMMAND_LIST_CLASSES, EM_COMMAND_INSPECT, EM_COMMAND_IMPORT, EM_COMMAND_REWRITE, EM_COMMAND_BENCH, EM_COMMAND_TRAIN, EM_COMMAND_EVAL,
    EM_COMMAND_DOCTOR,
} em_command;

/* where: of each item what sentences call it, "FILE:3: watch"; NULL: nothing. */
typedef struct em_texts { char **list, **where; int n; } em_texts;

void      em_texts_deinit(em_texts *list);
em_status em_texts_add(em_texts *list, const char *value, const char *where, em_err *err);      /* copies them; where may be NULL; EM_ENOMEM */

/* What --train and --eval are told. */
typedef struct em_train_options {
    char  *data, *layout, *split, *label_set, *init, *out, *head, *head_bias, *kd;
    int    fold, batch, micro_batch, cache_mb, seed;
    bool   resume, dry_run, freeze, decay_all, transformer_block, gate, recompute;
    int    epochs, draws, warmup, average, save_steps, keep, valid_epochs, d_state;
    double val_split, train_window, lr, lr_floor, weight_decay, layer_decay, clip_norm, ema, drop_path, label_smoothing, kd_share, slot_loss;
    char  *schedule, *loss, *sampling;
    char  *place, *mixup_form, *mixup_labels, *partners;
    bool   roll, trim, cutmix_time;
    em_texts alone;
    double empty, neighbours, bed, bed_high, gain, stretch, shift, tone, mixup, mixup_alpha, cutmix, cutmix_alpha, unknown;
    int    mask_time, mask_mel;
    char  *name, *provenance, *licence;
    char  *predictions, *save_logits, *thresholds;
    double wanted_precision, least_threshold, least_general;
} em_train_options;

enum { EM_OPTION_ROWS = 256 };      /* room for as many */

typedef struct em_options {
    em_texts inputs, sources;       /* one after the other; at once               */
    char  *raw;                     /* NULL: look for a RIFF header               */
    int    rate, channels;
    char  *device, *channel;
    bool   jack, no_connect;
    char  *jack_name, *jack_server;
    em_texts connect;
    double jack_wait, wait;         /* seconds; 0: not at all; negative: for ever */
    bool   realtime, live;
    double stall;                   /* seconds without sound from a URL           */
    double duration;                /* seconds, 0: to the end                     */
    em_texts until;                 /* classes and groups                         */
    double timeout;                 /* seconds, 0: none                           */
    char  *start_time;
    char  *shard;
    char  *replay;                  /* a file that --store made                   */

    char  *model, *labels, *backend, *precision;
    int    threads;                 /* 0: one a processor                         */
    double step, window;            /* seconds; window 0: the model's             */

    int    top_k;
    double threshold;
    em_texts watch, ignore;
    bool   all_classes;             /* list those too that the model was not trained on */

    double hysteresis;              /* events end below the threshold less this   */
    double min_on, min_off;         /* seconds: shortest event, shortest pause    */
    double level_gate;              /* --gate, dBFS; 0: none                      */
    em_texts groups, tunes, explain;

    em_texts formats, outputs;      /* pairs, in the order given                  */
    bool   append;
    char  *vtt;                     /* captions, metadata                         */
    char  *scores;                  /* auto, none, top, all                       */
    bool   slots, embeddings, summary, level;
    char  *store;
    char  *exec, *exec_on;          /* a command; onset, offset, both             */
    int    exec_jobs;
    char  *clip_dir;
    double pre_roll, post_roll, clip_max;       /* seconds                         */
    bool   is_private;              /* --private: no sound of who speaks          */
    double exec_timeout;            /* seconds                                    */
    char  *plot;                    /* a picture; of --train and --eval: how pictures' names begin */
    char  *http, *http_token;       /* the web page: where, and who may see it    */
    em_texts http_hosts, http_proxies;
    char  *out_dir, *color, *time_format;
    char  *progress;                /* auto, jsonl, never                         */
    bool   quiet;
    int    verbose;

    char  *mqtt, *mqtt_node, *mqtt_password_file, *mqtt_ca, *mqtt_cert, *mqtt_key;
    char  *mqtt_discovery, *mqtt_discovery_prefix;
    char  *osc, *osc_port;          /* where to, and where commands come from      */
    bool   midi;
    em_texts midi_map;

    em_command command;
    char  *subject;                 /* what --inspect, --import and --rewrite are given */
    char  *config, *preset;
    bool   json, mean_embed, training, half;
    int    streams;                 /* of --bench; 0: one window at a time        */
    char  *metrics, *mean_with;
    em_train_options train;

    struct em_nsm *nsm;             /* the session that the run is part of (nsm.h); NULL: none */
    const char *command_name;       /* for sentences                              */
    em_texts files;                 /* configuration files that were read         */
    int    argc;                    /* the command line, to read all of it again; borrowed */
    char **argv;
    unsigned char layer[EM_OPTION_ROWS];        /* of each row: which layer set it last       */
} em_options;

typedef enum em_option_kind {
    EM_OPTION_FLAG, EM_OPTION_COUNT, EM_OPTION_INT, EM_OPTION_REAL, EM_OPTION_WAIT, EM_OPTION_TEXT, EM_OPTION_CHOICE,
    EM_OPTION_TEXTS, EM_OPTION_COMMAND,
} em_option_kind;

typedef struct em_option {
    const char *name;               /* --name, key and EARMARK_NAME                                  */
    char        letter;             /* -x, or 0                                                      */
    em_option_kind kind;
    size_t      at;                 /* of its field in em_options                                    */
    const char *arg;                /* name of the argument in --help; "[X]" may be left out          */
    const char *fallback;           /* the built-in value, as text; NULL: unset                      */
    double      min, max;           /* of numbers; of a command: min is its em_command               */
    const char *choices;            /* "a|b|c"                                                       */
    const char *bare;               /* what a left-out argument means                                */
    bool      (*is_valid)(const char *value);
    const char *wanted;             /* what is_valid accepts, in words                               */
    const char *help;               /* one line                                                      */
    bool        is_secret;          /* a URL that may hold a password, which is never printed         */
} em_option;

typedef struct em_option_section { const char *title; const em_option *rows; int n; bool has_keys; } em_option_section;

/* The i-th section; NULL after the last. Sections without keys cannot stand in a configuration file. */
const em_option_section *em_options_section(int i);

enum { EM_LAYER_BUILTIN, EM_LAYER_SYSTEM, EM_LAYER_USER, EM_LAYER_CONFIG, EM_LAYER_ENV, EM_LAYER_ARGV };

/* All layers. EM_EINVAL: the sentence names option or file and line, the value, and what is allowed.
 * EM_EIO: a --config file that cannot be read. The caller ends *o with em_options_deinit, also after an error. */
em_status em_options_read(em_options *o, int argc, char **argv, em_err *err);
void      em_options_deinit(em_options *o);

/* The same for a run in a session of NSM: its file counts as one of --config, if it is there. Where nothing is named that could be heard it is
 * JACK, under the session's name, and without --connect nothing is connected. */
typedef struct em_options_session { const char *path, *client_id; } em_options_session;
em_status em_options_read_session(em_options *o, int argc, char **argv, const em_options_session *session, em_err *err);

/* The single steps, for tests. em_options_set: `where` begins the sentence ("--top-k", "FILE:3: top-k"). */
em_status em_options_init(em_options *o, em_err *err);
em_status em_options_set(em_options *o, const em_option *row, const char *value, int layer, const char *where, em_err *err);
em_status em_options_read_file(em_options *o, const char *path, int layer, em_err *err);
em_status em_options_read_env(em_options *o, em_err *err);
em_status em_options_read_argv(em_options *o, int argc, char **argv, em_err *err);
em_status em_options_settle(em_options *o, em_err *err);

/* The i-th over all sections, NULL after the last; by its name, NULL: there is none; and what its i is. */
const em_option *em_options_row(int i);
const em_option *em_options_find(const char *name);
int              em_options_index(const em_option *row);

/* Whether it has a value that is neither nothing nor "no"; and back to nothing, of no layer. */
bool em_options_is_set(const em_options *o, const em_option *row);
void em_options_unset(em_options *o, const em_option *row);

/* Whether it has the same value in both. */
bool em_options_same(const em_options *a, const em_options *b, const em_option *row);

/* The option whose name is nearest, "" when none is near. */
const char *em_options_nearest(const char *name);

/* How help and manual show a row: "--wait[=SEC]"; and its built-in value, NULL where that is none to tell. */
void        em_option_form(char *out, size_t room, const em_option *row);
const char *em_option_shown_fallback(const em_option *row);

void em_options_print_help(FILE *f);
void em_options_print_config(const em_options *o, FILE *f);

/* Those alone that a layer from `least` on has set, as a file can hold them; what may hold a password is left out. */
void em_options_print_layers(const em_options *o, int least, FILE *f);

/* What some texts mean. They were checked when they were set. */
typedef struct em_shard { int i, n; } em_shard;     /* 1 <= i <= n */
int      em_options_channel(const em_options *o);   /* 1..: that one; 0: mix; -1: each */
em_shard em_options_shard(const em_options *o);
em_settings em_options_settings(const em_options *o);       /* of events; borrowed from *o */
em_precision em_options_precision(const em_options *o);
int64_t  em_options_start_ms(const em_options *o);  /* -1: none given */

#endif
