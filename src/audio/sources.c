/* The one place that knows which kinds of source are in this build. */
#include "audio/sources.h"

#include "base/log.h"
#include "base/module.h"

#include <stdio.h>
#include <string.h>

extern const em_source_ops em_source_file_ops, em_source_stdin_ops, em_source_url_ops, em_source_synth_ops;

const em_source_row em_source_rows[] = {
    { .kind = "file",      .ops = &em_source_file_ops },
    { .kind = "stdin",     .ops = &em_source_stdin_ops },
    { .kind = "url",       .ops = &em_source_url_ops },
    { .kind = "portaudio", .option = "EARMARK_PORTAUDIO", .has_module = EM_HAVE_PORTAUDIO },
    { .kind = "jack",      .option = "EARMARK_JACK",      .has_module = EM_HAVE_JACK },
    { .kind = "synth",     .ops = &em_source_synth_ops },
};
const int em_source_n_rows = (int)EM_COUNT(em_source_rows);

static em_status ops_of(const em_source_ops **out, const em_source_row *row, em_err *err)
{
    char symbol[40];
    const void *found;
    em_status status;

    *out = row->ops;
    if (row->ops)
        return EM_OK;
    if (!row->has_module)
        return em_fail(err, EM_EUNSUPPORTED, "%s is not in this build: configure with -D%s=ON", row->kind, row->option);
    snprintf(symbol, sizeof symbol, "em_source_%s_ops", row->kind);
    status = em_module_find(&found, row->kind, symbol, err);
    *out = found;
    return status;
}

em_status em_source_find(const em_source_ops **out, const char *kind, em_err *err)
{
    char kinds[120] = "";
    size_t n = 0;

    *out = NULL;
    for (int i = 0; i < em_source_n_rows; i++) {
        const em_source_row *row = &em_source_rows[i];

        if (kind && strcmp(row->kind, kind) == 0)
            return ops_of(out, row, err);
        if (n < sizeof kinds)
            n += (size_t)snprintf(kinds + n, sizeof kinds - n, "%s%s", i ? ", " : "", row->kind);
    }
    return em_fail(err, EM_EINVAL, "no kind of source is called \"%s\": there are %s", kind ? kind : "", kinds);
}

static em_status list_row(const em_source_row *row, em_device_visit *visit, void *ctx, em_err *err)
{
    const em_source_ops *ops;
    em_status status;

    if (!row->ops && !row->has_module)
        return EM_OK;
    status = ops_of(&ops, row, err);
    return status || !ops->list ? status : ops->list(visit, ctx, err);
}

em_status em_source_list_devices(em_device_visit *visit, void *ctx, em_err *err)
{
    em_status first = EM_OK;
    em_err mine = { EM_OK, "" };

    /* A row that cannot look (its module is away, say) must not hide the devices of the others. */
    for (int i = 0; i < em_source_n_rows; i++) {
        if (list_row(&em_source_rows[i], visit, ctx, &mine) == EM_OK)
            continue;
        if (first)
            em_log(EM_LOG_WARNING, "%s", mine.msg);
        else
            first = em_fail(err, mine.code, "%s", mine.msg);
    }
    return first;
}
