/* cmd_bench.c - --bench [--preset P | -m MODEL] [--streams N] [--threads N] [--json]: how fast this machine tags. */
#include "base/json.h"
#include "base/pool.h"
#include "cli/bench.h"
#include "cli/bench_streams.h"
#include "cli/bench_view.h"
#include "cli/commands.h"
#include "cli/paths.h"

#include <limits.h>
#include <stdio.h>

static void print_part(em_json *j, const em_bench_result *r, const em_bench_part *p)
{
    em_json_begin(j, NULL, '{');
    em_json_string(j, "op", p->label);
    em_json_fixed(j, "ms", p->ms, 3);
    em_json_fixed(j, "share", p->ms / r->whole_ms, 3);
    em_json_fixed(j, "gflops", 2e3 * p->gmac / p->ms, 1);
    em_json_fixed(j, "gb_s", p->mbytes / p->ms, 1);
    em_json_fixed(j, "roofline_share", p->roofline_share, 3);
    em_json_end(j, '}');
}

/* One record, in one line. */
static void print_record(em_json *j, const em_bench_result *r)
{
    em_json_begin(j, NULL, '{');
    em_json_string(j, "preset", r->name);
    em_json_string(j, "device", r->device);
    em_json_int(j, "threads", r->n_threads);
    em_json_fixed(j, "window_s", r->window_s, 3);
    em_json_fixed(j, "window_ms", r->window_ms, 3);
    em_json_fixed(j, "p99_ms", r->p99_ms, 3);
    em_json_fixed(j, "gmac", r->gmac, 3);
    em_json_fixed(j, "sgemm_gflops", r->machine.product.gflops, 1);
    em_json_string(j, "sgemm_best", r->machine.product.best);
    em_json_string(j, "sgemm_raced", r->machine.product.raced);
    em_json_fixed(j, "read_gb_s", r->machine.read_gbs, 1);
    em_json_fixed(j, "floors", r->floors, 3);
    em_json_fixed(j, "rss_mb", r->rss_mb, 1);
    em_json_fixed(j, "logmel_us_per_frame", r->logmel_us_per_frame, 2);
    em_json_fixed(j, "live_core_ms_per_s", r->live_core_ms, 2);
    em_json_begin(j, "operators", '[');
    for (int i = 0; i < r->n_parts; i++)
        print_part(j, r, &r->parts[i]);
    em_json_end(j, ']');
    em_json_end(j, '}');
    em_json_newline(j);
}

static int print_json(const em_bench_result *r, em_err *err)
{
    em_json j = { 0 };

    print_record(&j, r);
    return em_finish_record(&j, err);
}

static int print_text(const em_bench_result *r, em_err *err)
{
    printf("%s on %s, windows of %.4g s\n", r->name, r->device, r->window_s);
    printf("  a window     %.2f ms (median; 99th percentile %.2f)\n", r->window_ms, r->p99_ms);
    printf("  floors       %.2f (a floor: %.2f GMAC at %.0f GFLOP/s, the best of %s)\n", r->floors, r->gmac,
           r->machine.product.gflops, r->machine.product.raced);
    printf("  live         %.1f ms of one core a second of sound, a hop a second\n", r->live_core_ms);
    printf("  log-mel      %.1f us a frame\n", r->logmel_us_per_frame);
    printf("  memory       %.0f MB\n", r->rss_mb);
    printf("  %-12s %9s %7s %9s %8s %9s\n", "operator", "ms", "share", "GFLOP/s", "GB/s", "roofline");
    for (int i = 0; i < r->n_parts; i++) {
        const em_bench_part *p = &r->parts[i];

        printf("  %-12s %9.3f %6.1f%% %9.1f %8.1f %8.0f%%\n", p->label, p->ms, 100 * p->ms / r->whole_ms, 2e3 * p->gmac / p->ms,
               p->mbytes / p->ms, 100 * p->roofline_share);
    }
    return em_finish_stdout(err);
}

int em_bench_exit_code(em_status status)
{
    if (status == EM_EINVAL)
        return em_exit_code(status, EM_EXIT_USAGE);
    return em_exit_code(status, status == EM_EUNSUPPORTED || status == EM_EDEVICE ? EM_EXIT_BACKEND : EM_EXIT_MODEL);
}

int em_cmd_bench(const em_options *o, em_err *err)
{
    em_bench_cfg cfg = { .preset = o->preset, .backend = o->backend, .n_threads = o->threads ? o->threads : em_cpu_count(),
                         .precision = em_options_precision(o),
                         .window_s = o->window };
    em_bench_result result = { 0 };
    em_bench_view view;
    char path[PATH_MAX];
    em_status status;

    if (o->training)
        return em_cmd_bench_step(o, err);
    if (!o->preset) {
        if ((status = em_path_model(path, sizeof path, o->model, err)))
            return em_exit_code(status, EM_EXIT_MODEL);
        cfg.model_path = path;
    }
    if (o->streams > 0)
        return em_cmd_bench_streams(o, &cfg, err);
    em_bench_view_init(&view, o);
    cfg.tell = em_bench_view_tell;
    cfg.tell_ctx = &view;
    status = em_bench_run(&result, &cfg, err);
    em_bench_view_end(&view);
    if (status)
        return em_bench_exit_code(status);
    return o->json ? print_json(&result, err) : print_text(&result, err);
}
