/* inputs.c - which sources the options name, and what cannot be heard together: see inputs.h. */
#include "cli/inputs.h"

#include "base/text.h"
#include "cli/paths.h"

#include <stdlib.h>
#include <string.h>

static em_source_cfg common_from(const em_options *o)
{
    double wait = o->jack && o->jack_wait != 0 ? o->jack_wait : o->wait;

    return (em_source_cfg){
        .raw = o->raw, .raw_rate_hz = o->rate, .raw_channels = o->channels, .is_paced = o->realtime, .is_live = o->live,
        .jack_name = o->jack_name, .jack_server = o->jack_server, .connect = (const char *const *)o->connect.list,
        .n_connect = o->connect.n, .no_connect = o->no_connect, .jack_channels = o->channels,
        .wait_start_s = wait, .wait_lost_s = wait > 0 ? wait : -1,
    };
}

static int by_base_name(const void *a, const void *b)
{
    return strcmp(em_path_base(*(const char *const *)a), em_path_base(*(const char *const *)b));
}

/* With --out-dir two files of one name would write the same output. */
static em_status check_out_dir(const em_options *o, em_err *err)
{
    size_t n = (size_t)o->inputs.n;
    const char **sorted = malloc((n + 1) * sizeof *sorted);
    em_status status = EM_OK;

    if (!sorted)
        return em_fail(err, EM_ENOMEM, "no memory for the list of files");
    for (size_t i = 0; i < n; i++)
        sorted[i] = o->inputs.list[i];
    qsort(sorted, n, sizeof *sorted, by_base_name);
    for (size_t i = 1; i < n && !status; i++)
        if (by_base_name(&sorted[i - 1], &sorted[i]) == 0)
            status = em_fail(err, EM_EINVAL, "--out-dir: %.80s and %.80s would have the same output", sorted[i - 1], sorted[i]);
    free(sorted);
    return status;
}

static em_status take_files(em_inputs *in, const em_options *o, em_err *err)
{
    em_shard shard = em_options_shard(o);
    int n_stdin = 0;
    em_status status;

    in->files = malloc(((size_t)o->inputs.n + 1) * sizeof *in->files);
    if (!in->files)
        return em_fail(err, EM_ENOMEM, "no memory for the list of files");
    for (int i = 0; i < o->inputs.n; i++) {
        const char *file = o->inputs.list[i];

        n_stdin += strcmp(file, "-") == 0;
        if (i % shard.n == shard.i - 1)
            in->files[in->n++] = file;
    }
    if (o->raw && n_stdin == 0)
        return em_fail(err, EM_EINVAL, "--raw is for standard input: earmark --raw %s - < %.120s", o->raw, o->inputs.list[0]);
    if (n_stdin > 1)
        return em_fail(err, EM_EINVAL, "standard input (-) can be read only once");
    if (o->out_dir && (status = check_out_dir(o, err)))
        return status;
    return EM_OK;
}

em_status em_inputs_from(em_inputs *in, const em_options *o, bool is_interactive, em_err *err)
{
    *in = (em_inputs){ .common = common_from(o), .n = 1 };
    if ((o->device && o->jack) || (o->inputs.n > 0 && (o->device || o->jack)))
        return em_fail(err, EM_EINVAL, "choose one source: files, --device or --jack");
    if (o->jack) {
        in->kind = "jack";
    } else if (o->raw && !o->device && o->inputs.n == 0 && !is_interactive) {
        in->files = malloc(sizeof *in->files);
        if (!in->files)
            return em_fail(err, EM_ENOMEM, "no memory for the list of files");
        in->files[0] = "-";
        return EM_OK;
    } else if (o->device || (o->inputs.n == 0 && is_interactive)) {
        in->kind = "portaudio";
        in->common.name = o->device;
    } else if (o->inputs.n > 0) {
        in->n = 0;
        return take_files(in, o, err);
    } else {
        return em_fail(err, EM_EINVAL, "nothing to listen to: name a FILE, - for standard input, --device or --jack");
    }
    if (o->shard || o->out_dir || o->summary)
        return em_fail(err, EM_EINVAL, "--%s is for files", o->shard ? "shard" : o->out_dir ? "out-dir" : "summary");
    return EM_OK;
}

void em_inputs_deinit(em_inputs *in)
{
    free(in->files);
    *in = (em_inputs){ 0 };
}

em_source_cfg em_inputs_source(const em_inputs *in, int i)
{
    em_source_cfg cfg = in->common;

    cfg.kind = in->kind ? in->kind : strcmp(in->files[i], "-") == 0 ? "stdin" : "file";
    if (!in->kind)
        cfg.name = in->files[i];
    return cfg;
}
