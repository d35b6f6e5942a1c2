/* listen_progress.c - see listen_progress.h. */
#include "cli/listen_progress.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/report.h"

#include <math.h>
#include <stdio.h>

static void record_progress(const em_listen_progress *p, const char *source, double done_s, double total_s)
{
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_int(&j, "v", 1);
    em_json_string(&j, "type", "progress");
    em_json_string(&j, "source", source);
    em_json_int(&j, "file", p->i_input + 1);
    em_json_int(&j, "files", p->n_inputs);
    em_json_fixed(&j, "done", done_s, 3);
    if (total_s > 0)
        em_json_fixed(&j, "total", total_s, 3);
    em_json_end(&j, '}');
    em_json_newline(&j);
    if (!j.has_failed)
        em_report_record(j.text);
    em_json_deinit(&j);
}

/* "2/3   40 %  dog.wav"; a pipe has no percent. */
static void show_progress(em_listen_progress *p, const char *source, double done_s, double total_s)
{
    double share = total_s > 0 ? done_s / total_s : 0;
    char line[256];
    int n = 0;

    if (!em_progress_is_due(&p->progress, (p->i_input + share) / p->n_inputs, em_now_ns()))
        return;
    if (p->progress.kind == EM_PROGRESS_RECORDS) {
        record_progress(p, source, done_s, total_s);
        return;
    }
    if (p->n_inputs > 1)
        n = snprintf(line, sizeof line, "%d/%d  ", p->i_input + 1, p->n_inputs);
    if (total_s > 0)
        snprintf(line + n, sizeof line - (size_t)n, "%3.0f %%  %.100s", share * 100, source);
    else
        snprintf(line + n, sizeof line - (size_t)n, "%.0f s  %.100s", done_s, source);
    if (p->progress.kind == EM_PROGRESS_PLAIN)
        em_log(EM_LOG_INFO, "%s", line);
    else
        em_report_progress(line);
}

bool em_listen_has_progress(const em_listen_progress *p)
{
    return p->progress.kind != EM_PROGRESS_NONE || em_service_is_on(p->service) || p->nsm;
}

void em_listen_progress_tell(void *progress, const char *source, double done_s, double total_s)
{
    em_listen_progress *p = progress;

    em_service_beat(p->service, done_s);
    if (total_s > 0)
        em_nsm_progress(p->nsm, (p->i_input + fmin(done_s / total_s, 1)) / p->n_inputs);
    if (p->progress.kind != EM_PROGRESS_NONE)
        show_progress(p, source, done_s, total_s);
}
