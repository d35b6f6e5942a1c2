/* output_checks.c - see output_checks.h. */
#include "cli/output_checks.h"

#include "base/log.h"
#include "sinks/out_path.h"
#include "train/files.h"

#include <string.h>
#include <unistd.h>

bool em_is_stdout(const char *path)
{
    return !path || em_out_descriptor(path) == STDOUT_FILENO;
}

static em_status check_plot(const em_options *o, const em_sink_set_cfg *cfg, em_err *err)
{
    if (o->summary)
        return em_fail(err, EM_EINVAL, "--plot shows scores and events, and with --summary there are none");
    if (o->out_dir && strcmp(o->plot, "png") != 0 && strcmp(o->plot, "svg") != 0)
        return em_fail(err, EM_EINVAL, "--plot: with --out-dir it is png or svg, a picture for each file");
    if (!o->out_dir && !em_has_ending(o->plot, ".png") && !em_has_ending(o->plot, ".svg"))
        return em_fail(err, EM_EINVAL, "--plot: %.120s: a picture's name ends in .svg or .png", o->plot);
    if (cfg->n_together > 1)
        return em_fail(err, EM_EINVAL, "--plot has one timeline, and here are %d sources at once", cfg->n_together);
    if (!o->out_dir && cfg->n_files > 1)
        return em_fail(err, EM_EINVAL, "--plot has one timeline, and here are %d files: give each its own picture with --out-dir", cfg->n_files);
    for (int i = 0; i < o->outputs.n; i++)
        if (strcmp(o->outputs.list[i], o->plot) == 0)
            return em_fail(err, EM_EINVAL, "--plot: %.120s is an --output, too", o->plot);
    if (o->store && strcmp(o->store, o->plot) == 0)
        return em_fail(err, EM_EINVAL, "--plot: %.120s is where --store writes, too", o->plot);
    return EM_OK;
}

/* What a format can hold of what is asked for. */
static em_status check_format(const em_options *o, const em_sink_set_cfg *cfg, int i, em_err *err)
{
    const char *format = o->formats.list[i];
    const em_sink_traits traits = em_sink_traits_of(format);

    if (traits.is_events && o->summary)
        return em_fail(err, EM_EINVAL, "-f %s tells events, and with --summary there are none", format);
    if (traits.is_rewritten && !o->out_dir && em_is_stdout(i < o->outputs.n ? o->outputs.list[i] : NULL))
        return em_fail(err, EM_EINVAL, "-f %s is a file that is written again and again: give it an --output", format);
    if (traits.is_one_timeline && cfg->n_together > 1)
        return em_fail(err, EM_EINVAL, "-f %s has one timeline, and here are %d sources at once", format, cfg->n_together);
    if (!traits.is_one_timeline || cfg->n_files <= 1 || o->out_dir)
        return EM_OK;
    if (cfg->replayed)
        return em_fail(err, EM_EINVAL, "-f %s has one timeline, and in %.100s are %d files: --store each by itself", format, cfg->replayed,
                       cfg->n_files);
    return em_fail(err, EM_EINVAL, "-f %s has one timeline, and here are %d files: give each its own output with --out-dir", format,
                   cfg->n_files);
}

/* A format with a beginning or an end of its own would have it in the middle of the file. */
static em_status check_append(const em_options *o, em_err *err)
{
    if (o->out_dir)
        return em_fail(err, EM_EINVAL, "--append and --out-dir cannot go together");
    if (o->outputs.n == 0)
        return em_fail(err, EM_EINVAL, "--append: wants an --output");
    for (int i = 0; i < o->formats.n; i++)
        if (em_sink_traits_of(o->formats.list[i]).is_events)
            return em_fail(err, EM_EINVAL, "--append: a file of -f %s is whole in itself; text and jsonl can be added to",
                           o->formats.list[i]);
    return EM_OK;
}

/* The places of the n outputs: no two are the same, and one of them at most is standard output. */
static em_status check_places(const em_options *o, int n, em_err *err)
{
    int n_stdout = 0;

    for (int i = 0; i < n; i++) {
        const char *path = i < o->outputs.n ? o->outputs.list[i] : "-";

        for (int j = 0; j < i && !em_is_stdout(path); j++)
            if (j < o->outputs.n && strcmp(o->outputs.list[j], path) == 0)
                return em_fail(err, EM_EINVAL, "--output: %s is named twice", path);
        if (o->store && strcmp(o->store, path) == 0)
            return em_fail(err, EM_EINVAL, "--store: %s is an --output, too", path);
        n_stdout += em_is_stdout(path);
    }
    if (n_stdout > 1 && !o->out_dir)
        return em_fail(err, EM_EINVAL, "--format: two formats cannot share standard output; give each its --output");
    return EM_OK;
}

void em_outputs_warn(const em_options *o)
{
    bool has_records = false;

    for (int i = 0; i < o->formats.n; i++)
        has_records |= strcmp(o->formats.list[i], "jsonl") == 0;
    if ((o->slots || o->embeddings || o->level) && !has_records)
        em_log(EM_LOG_WARNING, "--%s is told by -f jsonl alone", o->slots ? "slots" : o->embeddings ? "embeddings" : "level");
}

em_status em_outputs_check(const em_options *o, const em_sink_set_cfg *cfg, int n, em_err *err)
{
    if (n + !!o->store + !!o->mqtt + !!o->osc + !!o->http + !!o->exec + !!o->clip_dir + !!o->plot + o->midi > EM_MAX_OUTPUTS)
        return em_fail(err, EM_EINVAL, "--format: more than %d outputs", EM_MAX_OUTPUTS);
    if (o->store && em_is_stdout(o->store))
        return em_fail(err, EM_EINVAL, "--store: wants a file, not standard output");
    if (o->store && (o->out_dir || o->summary))
        return em_fail(err, EM_EINVAL, "--store and --%s cannot go together", o->out_dir ? "out-dir" : "summary");
    if (o->mqtt && (o->out_dir || o->summary))
        return em_fail(err, EM_EINVAL, "--mqtt and --%s cannot go together", o->out_dir ? "out-dir" : "summary");
    if (o->level && o->summary)
        return em_fail(err, EM_EINVAL, "--level and --summary cannot go together");
    if (o->exec && o->summary)
        return em_fail(err, EM_EINVAL, "--exec runs at events, and with --summary there are none");
    if (o->clip_dir && o->clip_max <= o->pre_roll)
        return em_fail(err, EM_EINVAL, "--clip-max: %g s end before the sound, which --pre-roll lets begin at %g s", o->clip_max, o->pre_roll);
    if (o->clip_dir && o->summary)
        return em_fail(err, EM_EINVAL, "--clip-dir is for events, and with --summary there are none");
    if (o->http && (o->out_dir || o->summary))
        return em_fail(err, EM_EINVAL, "--http and --%s cannot go together", o->out_dir ? "out-dir" : "summary");
    if (o->out_dir && o->outputs.n > 0)
        return em_fail(err, EM_EINVAL, "--out-dir and --output cannot go together");
    if (check_places(o, n, err))
        return EM_EINVAL;
    for (int i = 0; i < o->formats.n; i++) {
        em_status status = check_format(o, cfg, i, err);

        if (status)
            return status;
    }
    if (o->plot && check_plot(o, cfg, err))
        return EM_EINVAL;
    return o->append ? check_append(o, err) : EM_OK;
}
