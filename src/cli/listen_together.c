/* listen_together.c - see listen_together.h. */
#include "cli/listen_together.h"

#include "cli/commands.h"
#include "cli/listen_engine.h"
#include "cli/listen_tell.h"
#include "cli/parts.h"
#include "cli/report.h"

#include <math.h>

/* What came of them all. */
static em_engine_result note_parts(em_listen *r, const em_parts *parts, em_status status)
{
    em_engine_result worst = { 0 };

    for (int i = 0; i < parts->n; i++) {
        const em_engine_result *result = &parts->list[i].result;

        em_listen_note(r, result, status);
        r->heard_s = fmax(r->heard_s, result->seconds);
        r->n_bad += parts->list[i].err.code != EM_OK;
        worst.was_stopped |= result->was_stopped;
        worst.failed_at = result->failed_at > worst.failed_at ? result->failed_at : worst.failed_at;
    }
    return worst;
}

/* One that was lost for good did not stop the others, and was told then; but for one that is alone. */
static int judge_parts(em_listen *r, const em_parts *parts, em_status status, em_err *err)
{
    const em_engine_result worst = note_parts(r, parts, status);
    const int code = em_listen_judge(r, &worst, status);

    if (code == EM_LISTEN_UNREAD)
        return EM_EXIT_OK;
    if (code != EM_EXIT_OK || !r->n_bad)
        return code;
    if (parts->n == 1)
        em_fail(err, parts->list[0].err.code, "%s", parts->list[0].err.msg);
    return EM_EXIT_INPUT;
}

int em_listen_together(em_listen *r, em_err *err)
{
    em_engine_cfg cfg = em_listen_engine_cfg(r);
    em_parts parts;
    em_status status;
    int code;

    cfg.deadline_ns = r->o->timeout > 0 && r->is_live ? r->deadline_ns : 0;
    if ((status = em_parts_open(&parts, &r->inputs, &cfg, err))) {
        em_parts_close(&parts);
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_INPUT);
    }
    em_nsm_opened(r->o->nsm);
    for (int i = 0; i < parts.n; i++)
        em_listen_tell_source(r, parts.list[i].source, i, parts.n);
    status = em_engine_run_all(parts.list, parts.n, err);
    em_report_progress("");
    code = judge_parts(r, &parts, status, err);
    em_parts_close(&parts);
    return code;
}
