/* inputs.c - which sources the options name, and what cannot be heard together: see inputs.h. */
#include "cli/inputs.h"

#include "base/text.h"
#include "base/url.h"
#include "cli/paths.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 101 };          /* of a source's name that stands in for its own, with its NUL */

static em_source_cfg common_from(const em_options *o)
{
    double wait = o->jack && o->jack_wait != 0 ? o->jack_wait : o->wait;

    return (em_source_cfg){
        .raw = o->raw, .raw_rate_hz = o->rate, .raw_channels = o->channels, .is_paced = o->realtime, .is_live = o->live,
        .jack_name = o->jack_name, .jack_server = o->jack_server, .connect = (const char *const *)o->connect.list,
        .n_connect = o->connect.n, .no_connect = o->no_connect, .jack_channels = o->channels,
        .wait_start_s = wait, .wait_lost_s = wait > 0 ? wait : -1, .stall_s = o->stall,
    };
}

/* ---- files of one name ---- */

static const char *base_of(const em_sound_file *in)
{
    return in->url_name ? in->url_name : strcmp(in->file, "-") == 0 ? "stdin" : em_path_base(in->file);
}

static int by_base_and_path(const void *a, const void *b)
{
    const em_sound_file *x = *(em_sound_file *const *)a, *y = *(em_sound_file *const *)b;
    int order = strcmp(base_of(x), base_of(y));

    return order ? order : strcmp(x->file, y->file);
}

static int by_output(const void *a, const void *b)
{
    return strcmp((*(em_sound_file *const *)a)->output, (*(em_sound_file *const *)b)->output);
}

/* The path or URL as named, or its end where that is longer than a line of text shows of a name. */
static char *name_from(const char *as_named)
{
    char file[PATH_MAX];
    size_t n = strlen(em_url_hide(file, sizeof file, as_named));
    const char *tail = n < NAME_BYTES ? file : file + n - (NAME_BYTES - sizeof "...");
    char *name = malloc(NAME_BYTES), whole[PATH_MAX + 4];

    if (!name)
        return NULL;
    while (((unsigned char)*tail & 0xc0) == 0x80)       /* not into the middle of a character */
        tail++;
    snprintf(whole, sizeof whole, "%s%s", n < NAME_BYTES ? "" : "...", tail);
    return em_text_clean(name, NAME_BYTES, whole);
}

/* dog.wav, or a/dog.wav where the list has another dog.wav: the folders as named, without what leads out of --out-dir. */
static char *output_from(const em_sound_file *in, bool is_shared)
{
    const char *from = is_shared && !in->url_name && strcmp(in->file, "-") != 0 ? in->file : base_of(in);
    char *output = malloc(strlen(from) + 1), *to = output;

    while (output && *from) {
        size_t n = strcspn(from, "/");
        bool is_left_out = n == 0 || (n <= 2 && strspn(from, ".") >= n);

        if (!is_left_out) {
            memcpy(to, from, n);
            to += n;
        }
        from += n + (from[n] == '/');
        if (!is_left_out && *from)
            *to++ = '/';
    }
    if (output)
        *to = '\0';
    return output;
}

/* sorted: all of them, by_base_and_path. Files of one name (and no other) get names and outputs that tell them apart. */
static em_status tell_apart(em_sound_file **sorted, size_t n, em_err *err)
{
    for (size_t from = 0, to; from < n; from = to) {
        bool is_shared;

        for (to = from + 1; to < n && strcmp(base_of(sorted[to]), base_of(sorted[from])) == 0;)
            to++;
        is_shared = strcmp(sorted[from]->file, sorted[to - 1]->file) != 0;
        for (size_t i = from; i < to; i++) {
            em_sound_file *in = sorted[i];

            in->output = output_from(in, is_shared);
            in->name = is_shared ? name_from(in->file) : NULL;
            if (!in->output || (is_shared && !in->name))
                return em_fail(err, EM_ENOMEM, "no memory for the list of files");
        }
    }
    return EM_OK;
}

static em_status name_all(em_sound_file *list, size_t n, bool has_out_dir, em_err *err)
{
    em_sound_file **sorted = malloc((n + 1) * sizeof *sorted);
    em_status status;

    if (!sorted)
        return em_fail(err, EM_ENOMEM, "no memory for the list of files");
    for (size_t i = 0; i < n; i++)
        sorted[i] = &list[i];
    qsort(sorted, n, sizeof *sorted, by_base_and_path);
    status = tell_apart(sorted, n, err);
    if (has_out_dir && !status) {
        qsort(sorted, n, sizeof *sorted, by_output);
        for (size_t i = 1; i < n && !status; i++)
            if (by_output(&sorted[i - 1], &sorted[i]) == 0)
                status = em_fail(err, EM_EINVAL, "--out-dir: %.80s and %.80s would have the same output", base_of(sorted[i - 1]),
                                 base_of(sorted[i]));
    }
    free(sorted);
    return status;
}

/* ---- what to hear ---- */

static void free_input(em_sound_file *in)
{
    free(in->url_name);
    free(in->name);
    free(in->output);
    *in = (em_sound_file){ 0 };
}

/* Names are given before --shard takes its part, so that every part has the same. */
static void keep_shard(em_inputs *in, em_shard shard)
{
    int n = 0;

    for (int i = 0; i < in->n; i++) {
        if (i % shard.n == shard.i - 1)
            in->list[n++] = in->list[i];
        else
            free_input(&in->list[i]);
    }
    in->n = n;
}

static em_status look_for_url(em_sound_file *in, const em_options *o, em_err *err)
{
    bool is_url;
    em_status status = em_source_is_url(&is_url, &in->is_live, in->file, err);

    in->is_live |= o->live && is_url;
    if (!is_url || status)
        return status;
    if (!(in->url_name = malloc(NAME_BYTES)))
        return em_fail(err, EM_ENOMEM, "no memory for the list of files");
    em_url_name(in->url_name, NAME_BYTES, in->file);
    return EM_OK;
}

/* What has no end cannot be followed by anything, nor be summed up. */
static em_status check_live(em_inputs *in, const em_options *o, em_err *err)
{
    const em_sound_file *live = NULL;

    for (int i = 0; i < in->n && !live; i++)
        live = in->list[i].is_live ? &in->list[i] : NULL;
    in->is_live = o->live || live;
    if (live && (o->shard || o->out_dir || o->summary))
        return em_fail(err, EM_EINVAL, "--%s is for files", o->shard ? "shard" : o->out_dir ? "out-dir" : "summary");
    return EM_OK;
}

static em_status take_files(em_inputs *in, const em_options *o, const char *const *files, int n, em_err *err)
{
    int n_stdin = 0;
    em_status status;

    in->n = 0;
    in->list = calloc((size_t)n, sizeof *in->list);
    if (!in->list)
        return em_fail(err, EM_ENOMEM, "no memory for the list of files");
    for (int i = 0; i < n; i++) {
        n_stdin += strcmp(files[i], "-") == 0;
        in->list[in->n++].file = files[i];
        if ((status = look_for_url(&in->list[i], o, err)))
            return status;
    }
    if (o->raw && n_stdin == 0)
        return em_fail(err, EM_EINVAL, "--raw is for standard input: earmark --raw %s - < %.120s", o->raw, base_of(&in->list[0]));
    if (n_stdin > 1)
        return em_fail(err, EM_EINVAL, "standard input (-) can be read only once");
    if ((status = check_live(in, o, err)) || (status = name_all(in->list, (size_t)in->n, o->out_dir != NULL, err)))
        return status;
    keep_shard(in, em_options_shard(o));
    return EM_OK;
}

/* ---- several at once ---- */

static em_together_one usual_heard(const em_options *o)
{
    return (em_together_one){ .source = common_from(o), .channel = em_options_channel(o) };
}

static em_status settle_heard(em_inputs *in, em_err *err)
{
    in->is_live = false;
    for (int i = 0; i < in->n_heard; i++) {
        bool is_live;
        em_status status = em_together_settle(&in->heard[i], &is_live, err);

        if (status)
            return status;
        in->is_live |= is_live;
    }
    return EM_OK;
}

static em_status take_sources(em_inputs *in, const em_options *o, em_err *err)
{
    const em_together_one usual = usual_heard(o);

    if (o->device || o->jack || o->inputs.n > 0)
        return em_fail(err, EM_EINVAL, "--source names all that is heard: no file, --device or --jack beside it");
    if (o->shard || o->out_dir || o->summary)
        return em_fail(err, EM_EINVAL, "--%s is for files", o->shard ? "shard" : o->out_dir ? "out-dir" : "summary");
    if (!(in->heard = calloc(EM_TOGETHER_MOST, sizeof *in->heard)))
        return em_fail(err, EM_ENOMEM, "no memory for the list of sources");
    for (int i = 0; i < o->sources.n; i++)
        if (!em_together_set(in->heard, &in->n_heard, &usual, o->sources.list[i]))
            return em_fail(err, EM_EINVAL, "--source: more than %d sources, or %d ports of one", EM_TOGETHER_MOST, EM_TOGETHER_GLOBS);
    return settle_heard(in, err);
}

/* Several URLs without an end are heard at once; beside files they cannot be. */
static em_status take_live_urls(em_inputs *in, const em_options *o, em_err *err)
{
    const em_together_one usual = usual_heard(o);
    int n_live = 0, i_live = 0;

    for (int i = 0; i < in->n; i++)
        if (in->list[i].is_live) {
            n_live++;
            i_live = i;
        }
    if (n_live == 0 || in->n == 1)
        return EM_OK;
    if (n_live < in->n || n_live > EM_TOGETHER_MOST)
        return em_fail(err, EM_EINVAL, "%.100s has no end: nothing can be heard after it; --source hears several at once, %d at the most",
                       in->list[i_live].url_name, EM_TOGETHER_MOST);
    if (!(in->heard = calloc((size_t)n_live, sizeof *in->heard)))
        return em_fail(err, EM_ENOMEM, "no memory for the list of sources");
    for (; in->n_heard < n_live; in->n_heard++) {
        em_together_one *h = &in->heard[in->n_heard];
        const em_sound_file *url = &in->list[in->n_heard];

        *h = usual;
        h->source.kind = "url";
        h->source.name = url->file;
        snprintf(h->name, sizeof h->name, "%s", url->name ? url->name : url->url_name);
    }
    return settle_heard(in, err);
}

em_status em_inputs_from(em_inputs *in, const em_options *o, bool is_interactive, em_err *err)
{
    static const char *const only_stdin[] = { "-" };

    em_status status;

    *in = (em_inputs){ .common = common_from(o), .n = 1, .is_live = true };
    if ((o->device && o->jack) || (o->inputs.n > 0 && (o->device || o->jack)))
        return em_fail(err, EM_EINVAL, "choose one source: files, --device or --jack");
    if (o->midi && !o->jack)
        return em_fail(err, EM_EINVAL, "--midi: the notes leave by a port of the JACK client: it goes with --jack");
    if (o->sources.n > 0 && (status = take_sources(in, o, err)))
        return status;
    if (o->sources.n > 0) {
        in->n = 1;
    } else if (o->jack) {
        in->kind = "jack";
    } else if (o->raw && !o->device && o->inputs.n == 0 && !is_interactive) {
        return take_files(in, o, only_stdin, 1, err);
    } else if (o->device || (o->inputs.n == 0 && is_interactive)) {
        in->kind = "portaudio";
        in->common.name = o->device;
    } else if (o->inputs.n > 0) {
        status = take_files(in, o, (const char *const *)o->inputs.list, o->inputs.n, err);
        return status ? status : take_live_urls(in, o, err);
    } else {
        return em_fail(err, EM_EINVAL, "nothing to listen to: name a FILE, - for standard input, --device or --jack");
    }
    if (o->shard || o->out_dir || o->summary)
        return em_fail(err, EM_EINVAL, "--%s is for files", o->shard ? "shard" : o->out_dir ? "out-dir" : "summary");
    return EM_OK;
}

void em_inputs_deinit(em_inputs *in)
{
    for (int i = 0; in->list && i < in->n; i++)
        free_input(&in->list[i]);
    free(in->list);
    free(in->heard);
    *in = (em_inputs){ 0 };
}

em_source_cfg em_inputs_source(const em_inputs *in, int i)
{
    em_source_cfg cfg = in->heard ? in->heard[i].source : in->common;

    if (in->heard)
        return cfg;
    if (in->kind) {
        cfg.kind = in->kind;
    } else {
        cfg.name = in->list[i].file;
        cfg.kind = in->list[i].url_name ? "url" : strcmp(cfg.name, "-") == 0 ? "stdin" : "file";
    }
    return cfg;
}
