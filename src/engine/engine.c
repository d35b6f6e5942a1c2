/* engine.c - the loop over all that are heard: each goes on to its next hop, and those that are due are scored together. See engine.h. */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "engine/ear.h"

#include <stdlib.h>

enum { POLL_MS = 5 };

size_t em_engine_column_bytes(const em_session *session, int step_samples)
{
    const em_frontend_cfg frontend = em_scheduler_frontend(em_session_config(session));

    return (size_t)(step_samples / frontend.hop) * (size_t)frontend.n_mels;
}

typedef struct worker {             /* one run */
    em_engine_part *parts;          /* [n]                                          */
    em_ear         *ears;           /* [n]                                          */
    em_scheduler  **schedulers;     /* [n] of each, NULL while it has none          */
    int             n;
    bool            has_met;        /* an ear has heard what is awaited: the end    */
    bool            has_told_refused;       /* commands                             */
} worker;

static void note(worker *w, int i)
{
    em_engine_result *r = &w->parts[i].result;

    r->failed_at = w->ears[i].stage;
    r->was_stopped = w->ears[i].was_stopped;
    r->has_met = w->ears[i].has_met;
}

static em_status start(worker *w, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < w->n && !status; i++) {
        w->ears[i] = (em_ear){ .cfg = w->parts[i].cfg, .source = w->parts[i].source };
        status = em_ear_init(&w->ears[i], err);
    }
    return status;
}

/* It is over: its last records. Whoever hears others goes on. */
static em_status close_ear(worker *w, int i, em_err *err)
{
    em_engine_part *p = &w->parts[i];
    em_status status = em_ear_close(&w->ears[i], &p->result, &p->err, err);

    if (p->err.code && w->n > 1 && !status)
        em_log(EM_LOG_ERROR, "%s", p->err.msg);
    p->is_over = true;
    w->schedulers[i] = NULL;
    w->has_met |= w->ears[i].has_met;
    return status;
}

/* Each goes on to its next hop, or to where nothing waits for it. */
static em_status step_all(worker *w, bool *has_done, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < w->n && !status; i++) {
        em_ear *e = &w->ears[i];

        if (w->parts[i].is_over)
            continue;
        status = em_ear_step(e, has_done, err);
        w->schedulers[i] = e->scheduler;
        if (!status && e->phase == EM_EAR_IS_OVER)
            status = close_ear(w, i, err);
    }
    return status;
}

static bool are_all_over(const worker *w)
{
    bool are = true;

    for (int i = 0; i < w->n; i++)
        are &= w->parts[i].is_over;
    return are || w->has_met;
}

/* An error of the model is nobody's alone. */
static em_status score(worker *w, em_err *err)
{
    const em_status status = em_scheduler_score(w->schedulers, w->n, err);
    bool is_output = false;

    for (int i = 0; i < w->n; i++) {
        w->has_met |= w->ears[i].has_met;
        is_output |= w->ears[i].stage == EM_STAGE_OUTPUT;
    }
    for (int i = 0; i < w->n && status && !is_output; i++)
        w->ears[i].stage = EM_STAGE_MODEL;
    return w->has_met ? EM_OK : status;
}

/* ---- commands ---- */

static em_status obey(worker *w, const em_control_command *c, em_err *err)
{
    em_status status = EM_OK;

    for (int i = 0; i < w->n && !status; i++)
        if (!w->parts[i].is_over)
            status = em_ear_obey(&w->ears[i], c, err);
    return status;
}

static void tell_refused(worker *w, const em_control *control)
{
    if (w->has_told_refused || em_control_refused(control) == 0)
        return;
    em_log(EM_LOG_WARNING, "commands come faster than they can be obeyed: some are refused");
    w->has_told_refused = true;
}

/* Those that wait: each goes to every ear, then once to the program. */
static em_status take_commands(worker *w, em_err *err)
{
    const em_engine_cfg *cfg = w->parts[0].cfg;
    em_control_command c;
    em_status status = EM_OK;

    /* No more than fit the queue: whoever floods it does not hold up the sound. */
    for (int i = 0; cfg->control && i < EM_CONTROL_ROOM && !status && em_control_take(cfg->control, &c); i++) {
        status = obey(w, &c, err);
        if (cfg->command)
            cfg->command(cfg->command_ctx, &c);
    }
    if (cfg->control)
        tell_refused(w, cfg->control);
    return status;
}

/* ---- the loop ---- */

static em_status work(worker *w, em_err *err)
{
    while (!are_all_over(w)) {
        bool has_done = false;
        em_status status = take_commands(w, err);

        if (status || (status = step_all(w, &has_done, err)) || (status = score(w, err)))
            return status;
        if (!has_done && !are_all_over(w))
            em_sleep_ms(POLL_MS);
    }
    return EM_OK;
}

/* Those that still hear, where another one has heard what was awaited, or after an error. */
static em_status end_others(worker *w, em_status status, em_err *err)
{
    for (int i = 0; i < w->n; i++) {
        if (w->parts[i].is_over)
            continue;
        if (!status) {
            status = close_ear(w, i, err);
        } else {
            em_source_stop(w->ears[i].source);
            em_ear_count(&w->ears[i], &w->parts[i].result);
        }
    }
    return status;
}

em_status em_engine_run_all(em_engine_part *parts, int n, em_err *err)
{
    worker w = { .parts = parts, .n = n, .ears = calloc((size_t)n, sizeof *w.ears), .schedulers = calloc((size_t)n, sizeof *w.schedulers) };
    em_status status = EM_OK;

    em_flush_denormals();
    for (int i = 0; i < n; i++) {
        parts[i].result = (em_engine_result){ 0 };
        parts[i].err = (em_err){ 0 };
        parts[i].is_over = false;
    }
    if (!w.ears || !w.schedulers)
        status = em_fail(err, EM_ENOMEM, "no memory to listen");
    if (!status && !(status = start(&w, err)))
        status = end_others(&w, work(&w, err), err);
    for (int i = 0; i < n && w.ears; i++) {
        note(&w, i);
        em_ear_deinit(&w.ears[i]);
    }
    free(w.ears);
    free(w.schedulers);
    return status;
}

em_status em_engine_run(em_engine_result *out, const em_engine_cfg *cfg, em_source *source, em_err *err)
{
    em_engine_part part = { .cfg = cfg, .source = source };
    em_status status = em_engine_run_all(&part, 1, err);

    *out = part.result;
    return status || !part.err.code ? status : em_fail(err, part.err.code, "%s", part.err.msg);
}
