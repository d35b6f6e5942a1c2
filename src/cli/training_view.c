/* training_view.c - see training_view.h. */
#include "cli/training_view.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/report.h"

#include <math.h>
#include <stdio.h>

enum { LINE = 160, REDRAW_NS = 100000000 };

void em_training_view_init(em_training_view *v, const em_options *o)
{
    *v = (em_training_view){ .progress = { .kind = em_progress_kind_of(o), .begin_ns = em_now_ns() }, .first_step = -1 };
}

/* epoch 3/20  [=====>    ] 412/800  loss 0.0213  lr 1.0e-04  ETA 02:41 */
static void describe(char line[LINE], const em_training_view *v, const em_train_progress *p)
{
    const double spent = (double)(em_now_ns() - v->progress.begin_ns) / 1e9;
    const long done = p->step - v->first_step, steps = p->n_steps / p->n_epochs, in_epoch = p->step - p->epoch * steps;
    const long eta = done > 0 ? lround(spent / (double)done * (double)(p->n_steps - p->step)) : 0;
    char bar[EM_PROGRESS_BAR + 1], time[32];

    em_progress_bar(bar, steps > 0 ? (double)in_epoch / (double)steps : (double)in_epoch);
    if (eta >= 3600)
        snprintf(time, sizeof time, "%ld:%02ld:%02ld", eta / 3600, eta / 60 % 60, eta % 60);
    else
        snprintf(time, sizeof time, "%02ld:%02ld", eta / 60, eta % 60);
    snprintf(line, LINE, "epoch %ld/%ld  [%s] %ld/%ld  loss %.4f  lr %.1e  ETA %s", p->epoch + 1, p->n_epochs, bar, in_epoch, steps, p->loss,
             p->rate, time);
}

static void describe_epoch(char line[LINE], const em_train_progress *p)
{
    char valid[64] = "";

    if (isfinite(p->accuracy))
        snprintf(valid, sizeof valid, "  validation mAP %.4f, accuracy %.4f", p->map, p->accuracy);
    else if (isfinite(p->map))
        snprintf(valid, sizeof valid, "  validation mAP %.4f", p->map);
    snprintf(line, LINE, "epoch %ld/%ld  loss %.4f  lr %.1e%s", p->epoch + 1, p->n_epochs, p->loss, p->rate, valid);
}

static void record(const em_train_progress *p)
{
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_string(&j, "type", p->is_epoch ? "epoch" : "step");
    em_train_progress_json(&j, p);
    em_json_end(&j, '}');
    em_json_newline(&j);
    if (!j.has_failed)
        em_report_record(j.text);
    em_json_deinit(&j);
}

void em_training_view_tell(void *ctx, const em_train_progress *p)
{
    em_training_view *v = ctx;
    const uint64_t now = em_now_ns();
    char line[LINE];

    if (v->first_step < 0)
        v->first_step = p->step - 1;
    switch (v->progress.kind) {
    case EM_PROGRESS_NONE:
        return;
    case EM_PROGRESS_RECORDS:
        record(p);
        return;
    case EM_PROGRESS_REDRAWN:
        if (!p->is_epoch && now - v->drawn_ns < REDRAW_NS)
            return;
        v->drawn_ns = now;
        break;
    case EM_PROGRESS_PLAIN:
        if (!p->is_epoch && !em_progress_is_due(&v->progress, (double)p->step / (double)p->n_steps, now))
            return;
        break;
    }
    if (p->is_epoch) {
        describe_epoch(line, p);
        em_log(EM_LOG_INFO, "%s", line);
        return;
    }
    describe(line, v, p);
    if (v->progress.kind == EM_PROGRESS_REDRAWN)
        em_report_progress(line);
    else
        em_log(EM_LOG_INFO, "%s", line);
}

void em_training_view_warn(void *ctx, const char *sentence)
{
    (void)ctx;
    em_log(EM_LOG_WARNING, "%s", sentence);
}
