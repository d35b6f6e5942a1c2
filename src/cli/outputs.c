/* outputs.c - pairs of --format and --output, or the files of --out-dir, become open sinks; what a terminal can show is
 * found out here. */
#include "cli/outputs.h"

#include "base/log.h"
#include "cli/midi_map.h"
#include "cli/output_checks.h"
#include "cli/report.h"
#include "mel/filterbank.h"
#include "sinks/mqtt_url.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool em_outputs_color(const em_options *o, const char *path)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (strcmp(o->color, "auto") != 0)
        return strcmp(o->color, "always") == 0;
    return em_is_stdout(path) && isatty(STDOUT_FILENO) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

static bool has_utf8(void)
{
    static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < EM_COUNT(variables); i++) {
        const char *value = getenv(variables[i]);

        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static bool can_redraw(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* --slots and --embeddings are parts of scores records: who asks for them wants the records. */
static em_scores_mode scores_mode(const em_options *o, bool is_text)
{
    if (strcmp(o->scores, "all") == 0)
        return EM_SCORES_ALL;
    if (strcmp(o->scores, "top") == 0 || o->slots || o->embeddings)
        return EM_SCORES_TOP;
    return is_text && strcmp(o->scores, "auto") == 0 ? EM_SCORES_TOP : EM_SCORES_NONE;
}

static em_status open_one(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, const char *format,
                          const char *path, em_err *err)
{
    const bool is_text = strcmp(format, "text") == 0;
    em_sink_cfg sink = {
        .format = format, .path = path, .classes = &cfg->known->classes, .scores = scores_mode(o, is_text), .top_k = o->top_k,
        .has_slots = o->slots, .has_embeddings = o->embeddings, .has_level = o->level, .has_source_names = cfg->has_source_names, .is_appended = o->append,
        .has_color = em_outputs_color(o, path), .time_format = o->time_format, .is_metadata = strcmp(o->vtt, "metadata") == 0,
        .channel = em_options_channel(o), .rate_hz = cfg->known->rate_hz, .has_utf8 = has_utf8(), .is_shown = cfg->selection->is_shown,
        .thresholds = cfg->selection->thresholds, .clip = o->clip_dir ? &out->clip : NULL, .give_up = cfg->give_up, .notice = em_report_notice,
        .keys = cfg->keys,
    };
    em_status status;

    /* The view shows one listener: several sources, or each channel for itself, have lines on a terminal, too. */
    sink.is_terminal = cfg->is_live && em_is_stdout(path) && is_text && em_options_channel(o) >= 0 && cfg->n_together < 2 && can_redraw();
    if ((status = em_sink_open(&out->sinks[out->n], &sink, err)))
        return status;
    out->has_view |= sink.is_terminal;
    out->has_stdout |= em_is_stdout(path);
    out->n++;
    return EM_OK;
}

/* --store: one more sink, of all that is scored. */
static em_status open_store(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    const em_sink_store_cfg store = {
        .is_trained = cfg->known->is_trained, .thresholds = cfg->known->thresholds, .window_samples = cfg->known->window_samples,
        .n_slots = cfg->known->n_slots, .slot_s = cfg->known->slot_s, .n_files = cfg->n_files,
    };
    em_sink_cfg sink = { .format = "store", .path = o->store, .classes = &cfg->known->classes,
                         .has_source_names = cfg->has_source_names, .give_up = cfg->give_up };
    em_status status;

    out->store = store;
    sink.store = &out->store;
    if (!(status = em_sink_open(&out->sinks[out->n], &sink, err)))
        out->n++;
    return status;
}

static em_status open_status(em_sink_set *out, const em_sink_set_cfg *cfg, em_err *err)
{
    const em_sink_cfg sink = { .format = "status", .classes = &cfg->known->classes, .notify = cfg->notify };
    em_status status = em_sink_open(&out->sinks[out->n], &sink, err);

    if (!status)
        out->n++;
    return status;
}

/* For outputs whose offsets name the clip, where it is sure that there is one. */
static const em_sink_clip_cfg *named_clip(const em_sink_set *out)
{
    return out->clip.dir && !out->clip.is_judged ? &out->clip : NULL;
}

/* --exec: one more sink, which writes nothing. */
static em_status open_exec(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    const em_sink_exec_cfg exec = {
        .command = o->exec, .on_onset = strcmp(o->exec_on, "offset") != 0, .on_offset = strcmp(o->exec_on, "onset") != 0,
        .n_most = o->exec_jobs, .limit_s = o->exec_timeout,
    };
    em_sink_cfg sink = { .format = "exec", .classes = &cfg->known->classes, .clip = named_clip(out), .give_up = cfg->give_up };
    em_status status;

    out->exec = exec;
    sink.exec = &out->exec;
    if (!(status = em_sink_open(&out->sinks[out->n], &sink, err)))
        out->n++;
    return status;
}

/* A password among the arguments of a command is there for all to see. */
static void warn_of_password(const em_options *o)
{
    em_mqtt_url url;

    if (o->layer[em_options_index(em_options_find("mqtt"))] == EM_LAYER_ARGV && em_mqtt_url_parse(&url, o->mqtt) && *url.password)
        em_log(EM_LOG_WARNING, "--mqtt: who can list this machine's processes sees the password: use --mqtt-password-file, "
               "or EARMARK_MQTT for the URL");
}

static em_status name_groups(em_sink_set *out, const em_rules *rules, em_err *err)
{
    if (!out->groups && !(out->groups = calloc((size_t)rules->n_groups + 1, sizeof *out->groups)))
        return em_fail(err, EM_ENOMEM, "no memory for the names of groups");
    for (int g = 0; g < rules->n_groups; g++)
        out->groups[g] = rules->groups[g].name;
    return EM_OK;
}

/* --mqtt: likewise, of events. */
static em_status open_mqtt(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    const em_rules *rules = cfg->rules;
    em_sink_cfg sink = { .format = "mqtt", .classes = &cfg->known->classes, .is_shown = cfg->selection->is_shown,
                         .channel = em_options_channel(o), .clip = named_clip(out), .give_up = cfg->give_up,
                         .control = cfg->control };
    em_status status;

    warn_of_password(o);
    if ((status = name_groups(out, rules, err)))
        return status;
    out->mqtt = (em_sink_mqtt_cfg){
        .url = o->mqtt, .password_file = o->mqtt_password_file, .ca = o->mqtt_ca, .cert = o->mqtt_cert, .key = o->mqtt_key,
        .node = o->mqtt_node, .discovery = o->mqtt_discovery, .discovery_prefix = o->mqtt_discovery_prefix,
        .is_watched = o->watch.n > 0 ? cfg->selection->is_shown : NULL, .groups = out->groups, .n_groups = rules->n_groups,
    };
    sink.mqtt = &out->mqtt;
    if (!(status = em_sink_open(&out->sinks[out->n], &sink, err)))
        out->n++;
    return status;
}

/* --http: one more, which readers come to. */
static em_status open_web(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    em_sink_cfg sink = { .format = "web", .classes = &cfg->known->classes, .is_shown = cfg->selection->is_shown, .top_k = o->top_k,
                         .clip = o->clip_dir ? &out->clip : NULL, .give_up = cfg->give_up };
    em_status status;

    out->web = (em_sink_web_cfg){
        .address = o->http, .token_path = o->http_token, .hosts = (const char *const *)o->http_hosts.list, .n_hosts = o->http_hosts.n,
        .proxies = (const char *const *)o->http_proxies.list, .n_proxies = o->http_proxies.n,
        .is_trained = cfg->known->is_trained, .is_watched = o->watch.n > 0 ? cfg->selection->is_shown : NULL, .start = cfg->start,
    };
    sink.web = &out->web;
    if (!(status = em_sink_open(&out->sinks[out->n], &sink, err)))
        out->n++;
    return status;
}

/* --osc: likewise. */
static em_status open_osc(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    const em_sink_cfg sink = { .format = "osc", .classes = &cfg->known->classes, .is_shown = cfg->selection->is_shown, .osc_url = o->osc };
    em_status status = em_sink_open(&out->sinks[out->n], &sink, err);

    if (!status)
        out->n++;
    return status;
}

/* --midi: likewise, for the JACK client. */
static em_status open_midi(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    em_sink_cfg sink = { .format = "midi", .classes = &cfg->known->classes, .midi = &out->midi, .give_up = cfg->give_up };
    em_status status;

    if ((status = name_groups(out, cfg->rules, err)) || (status = em_midi_keys_make(&out->midi_keys, o, cfg->known, cfg->rules, err)))
        return status;
    out->midi = (em_sink_midi_cfg){ .queue = cfg->midi, .keys = out->midi_keys, .groups = out->groups, .n_groups = cfg->rules->n_groups };
    if (!(status = em_sink_open(&out->sinks[out->n], &sink, err)))
        out->n++;
    return status;
}

/* The folders of a path; those that are there already stay. */
static em_status make_folders(char *path, em_err *err)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        bool is_made;

        *slash = '\0';
        is_made = mkdir(path, 0777) == 0 || errno == EEXIST;
        if (!is_made)
            em_fail(err, EM_EIO, "%s: cannot be made: %s", path, strerror(errno));
        *slash = '/';
        if (!is_made)
            return EM_EIO;
    }
    return EM_OK;
}

/* --clip-dir: one more sink, whose folder is made. */
static em_status open_clips(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    const em_sink_cfg sink = { .format = "clip", .classes = &cfg->known->classes, .clip = &out->clip, .give_up = cfg->give_up };
    char path[PATH_MAX];
    em_status status;

    (void)o;
    if ((size_t)snprintf(path, sizeof path, "%s/", out->clip.dir) >= sizeof path)
        return em_fail(err, EM_EINVAL, "--clip-dir: the path is too long");
    if ((status = make_folders(path, err)) || (status = em_sink_open(&out->sinks[out->n], &sink, err)))
        return status;
    out->n++;
    return EM_OK;
}

/* DIR/dog.wav.jsonl, DIR/dog.wav.dcase.tsv; standard input is DIR/stdin.jsonl. */
static em_status open_in_dir(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, const char *format, em_err *err)
{
    const char *extension = em_sink_traits_of(format).extension;
    char path[PATH_MAX];
    em_status status;

    if ((size_t)snprintf(path, sizeof path, "%s/%s.%s", o->out_dir, cfg->file, extension) >= sizeof path)
        return em_fail(err, EM_EINVAL, "--out-dir: the path of %.60s's output is too long", cfg->file);
    if ((status = make_folders(path, err)))
        return status;
    return open_one(out, o, cfg, format, path, err);
}

/* The picture's settings: thresholds of all classes, then the middles of the bands. */
static em_status fill_plot(em_sink_set *out, const em_sink_set_cfg *cfg, em_err *err)
{
    const int n = cfg->known->classes.n, n_bands = cfg->frontend ? cfg->frontend->n_mels : 0;
    float *numbers = out->plot_numbers = calloc((size_t)n + (size_t)n_bands + 1, sizeof *numbers);

    if (!numbers)
        return em_fail(err, EM_ENOMEM, "no memory for a picture");
    for (int i = 0; i < cfg->rules->n; i++)
        numbers[cfg->rules->classes[i]] = cfg->rules->sounds[i].on;
    for (int i = 0; i < n_bands; i++)
        numbers[n + i] = (float)em_filterbank_hz(cfg->frontend->is_kaldi, n_bands, (double)cfg->frontend->fmin_hz,
                                                 (double)cfg->frontend->fmax_hz, i);
    out->plot = (em_sink_plot_cfg){ .thresholds = numbers, .band_hz = numbers + n, .n_bands = n_bands };
    return EM_OK;
}

/* --plot: one more sink; with --out-dir DIR/dog.wav.png. */
static em_status open_plot(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    em_sink_cfg sink = { .format = "picture", .path = o->plot, .classes = &cfg->known->classes, .is_shown = cfg->selection->is_shown,
                         .give_up = cfg->give_up, .plot = &out->plot };
    char path[PATH_MAX];
    em_status status = fill_plot(out, cfg, err);

    if (!status && cfg->file) {
        if ((size_t)snprintf(path, sizeof path, "%s/%s.%s", o->out_dir, cfg->file, o->plot) >= sizeof path)
            return em_fail(err, EM_EINVAL, "--out-dir: the path of %.60s's picture is too long", cfg->file);
        sink.path = path;
        status = make_folders(path, err);
    }
    if (!status && !(status = em_sink_open(&out->sinks[out->n], &sink, err)))
        out->n++;
    return status;
}

/* ---- sinks that are neither format nor file ---- */

#define AT(field) offsetof(em_options, field)

static const struct {
    const char *format;
    size_t      at;                 /* of the text in em_options that asks for it */
    em_status (*open)(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err);
} services[] = {
    { "store", AT(store), open_store }, { "mqtt", AT(mqtt), open_mqtt },       { "osc", AT(osc), open_osc },
    { "web", AT(http), open_web },      { "clip", AT(clip_dir), open_clips }, { "exec", AT(exec), open_exec },
    { "picture", AT(plot), open_plot },
};

static void set_clip(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg)
{
    out->clip = (em_sink_clip_cfg){ .dir = o->clip_dir, .tape = cfg->tape, .pre_s = o->pre_roll, .post_s = o->post_roll, .most_s = o->clip_max,
                                    .is_judged = o->is_private };
}

em_status em_sink_set_open_one(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, const char *format, em_err *err)
{
    if (out->n == 0)
        set_clip(out, o, cfg);
    for (size_t i = 0; i < EM_COUNT(services); i++)
        if (strcmp(services[i].format, format) == 0 && *(char *const *)(const void *)((const char *)o + services[i].at))
            return services[i].open(out, o, cfg, err);
    return EM_OK;
}

em_sink *em_sink_set_find(const em_sink_set *set, const char *format)
{
    for (int i = 0; i < set->n; i++)
        if (strcmp(em_sink_name(set->sinks[i]), format) == 0)
            return set->sinks[i];
    return NULL;
}

em_status em_sink_set_close_one(em_sink_set *set, const char *format, em_sink_end end, em_err *err)
{
    em_sink *sink = em_sink_set_find(set, format);
    int i = 0;

    while (set->sinks[i] != sink)
        i++;
    memmove(&set->sinks[i], &set->sinks[i + 1], (size_t)(set->n - i - 1) * sizeof(em_sink *));
    set->n--;
    return em_sink_close(sink, end, err);
}

em_status em_sink_set_open(em_sink_set *out, const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    int n = o->formats.n > o->outputs.n ? o->formats.n : o->outputs.n;
    em_status status;

    *out = (em_sink_set){ 0 };
    set_clip(out, o, cfg);
    if (n == 0)
        n = 1;
    if ((status = em_outputs_check(o, cfg, n, err)))
        return status;
    for (int i = 0; i < n; i++) {
        const char *format = i < o->formats.n ? o->formats.list[i] : "text";

        status = cfg->file ? open_in_dir(out, o, cfg, format, err)
                           : open_one(out, o, cfg, format, i < o->outputs.n ? o->outputs.list[i] : NULL, err);
        if (status)
            return status;
    }
    for (size_t i = 0; i < EM_COUNT(services); i++)
        if ((status = em_sink_set_open_one(out, o, cfg, services[i].format, err)))
            return status;
    if (cfg->midi && (status = open_midi(out, o, cfg, err)))
        return status;
    return cfg->notify ? open_status(out, cfg, err) : EM_OK;
}

em_status em_sink_set_close(em_sink_set *out, em_sink_end end, em_err *err)
{
    em_status first = EM_OK;

    for (int i = 0; i < out->n; i++) {
        em_status status = em_sink_close(out->sinks[i], end, first ? NULL : err);

        if (!first)
            first = status;
    }
    free(out->groups);
    free(out->midi_keys);
    free(out->plot_numbers);
    *out = (em_sink_set){ 0 };
    return first;
}
