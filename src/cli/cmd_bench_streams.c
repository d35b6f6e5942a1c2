/* cmd_bench_streams.c - --bench --streams N [--preset P | -m MODEL] [--step S] [--threads N] [--json]: how many live streams this
 * machine serves. */
#include "base/json.h"
#include "cli/bench_streams.h"
#include "cli/commands.h"

#include <stdio.h>

static int print_json(const em_bench_streams_result *r, int n_threads, double step_s, em_err *err)
{
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_string(&j, "preset", r->name);
    em_json_string(&j, "device", r->device);
    em_json_int(&j, "threads", n_threads);
    em_json_int(&j, "streams", r->n_streams);
    em_json_int(&j, "batch", r->batch);
    em_json_fixed(&j, "step_s", step_s, 2);
    em_json_fixed(&j, "window_s", r->window_s, 3);
    em_json_int(&j, "hops", r->n_hops);
    em_json_fixed(&j, "hop_ms", r->hop_ms, 3);
    em_json_fixed(&j, "p99_ms", r->p99_ms, 3);
    em_json_fixed(&j, "frontend_ms", r->frontend_ms, 3);
    em_json_fixed(&j, "windows_per_s", r->windows_per_s, 1);
    em_json_fixed(&j, "served", r->served, 3);
    em_json_fixed(&j, "rss_mb", r->rss_mb, 1);
    em_json_end(&j, '}');
    em_json_newline(&j);
    return em_finish_record(&j, err);
}

static int print_text(const em_bench_streams_result *r, double step_s, em_err *err)
{
    printf("%s on %s, %d streams with windows of %.4g s, %d in a batch\n", r->name, r->device, r->n_streams, r->window_s, r->batch);
    printf("  a hop        %.1f ms for all streams (median of %d; 99th percentile %.1f), of which %.1f for log-mel\n", r->hop_ms, r->n_hops,
           r->p99_ms, r->frontend_ms);
    printf("  windows      %.1f a second\n", r->windows_per_s);
    printf("  served       %.0f streams at a hop every %.4g s\n", r->served, step_s);
    printf("  memory       %.0f MB\n", r->rss_mb);
    return em_finish_stdout(err);
}

int em_cmd_bench_streams(const em_options *o, const em_bench_cfg *cfg, em_err *err)
{
    em_bench_streams_result result;
    em_status status = em_bench_streams_run(&result, cfg, o->streams, o->step, err);

    if (status)
        return em_bench_exit_code(status);
    return o->json ? print_json(&result, cfg->n_threads, o->step, err) : print_text(&result, o->step, err);
}
