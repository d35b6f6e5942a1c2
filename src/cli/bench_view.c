/* bench_view.c - see bench_view.h. */
#include "cli/bench_view.h"

#include "base/clock.h"
#include "base/json.h"
#include "cli/report.h"

#include <stdio.h>

enum { LINE = 80, REDRAW_NS = 100000000 };

void em_bench_view_init(em_bench_view *v, const em_options *o)
{
    *v = (em_bench_view){ .progress = { .kind = em_progress_kind_of(o), .begin_ns = em_now_ns() } };
}

static void record(const char *stage, double share)
{
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_int(&j, "v", 1);
    em_json_string(&j, "type", "progress");
    em_json_string(&j, "stage", stage);
    em_json_fixed(&j, "done", share, 3);
    em_json_end(&j, '}');
    em_json_newline(&j);
    if (!j.has_failed)
        em_report_record(j.text);
    em_json_deinit(&j);
}

/* "bench  [====>       ]  35 %  windows": at once when a stage begins, else ten times a second at the most. */
static void draw(em_bench_view *v, const char *stage, double share)
{
    const uint64_t now = em_now_ns();
    char bar[EM_PROGRESS_BAR + 1], line[LINE];

    if (stage == v->stage && now - v->drawn_ns < REDRAW_NS)
        return;
    v->drawn_ns = now;
    em_progress_bar(bar, share);
    snprintf(line, sizeof line, "bench  [%s] %3.0f %%  %s", bar, 100 * share, stage);
    em_report_progress(line);
}

void em_bench_view_tell(void *view, const char *stage, double share)
{
    em_bench_view *v = view;

    if (v->progress.kind == EM_PROGRESS_REDRAWN)
        draw(v, stage, share);
    else if (v->progress.kind == EM_PROGRESS_RECORDS && (stage != v->stage || em_progress_is_due(&v->progress, share, em_now_ns())))
        record(stage, share);
    v->stage = stage;
}

void em_bench_view_end(em_bench_view *v)
{
    if (v->progress.kind == EM_PROGRESS_REDRAWN)
        em_report_progress("");
}
