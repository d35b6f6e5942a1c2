/* cmd_bench.c - --bench [--preset P | -m MODEL] [--threads N] [--json]: how fast this machine tags. */
#include "base/json.h"
#include "base/pool.h"
#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/paths.h"

#include <limits.h>
#include <stdio.h>

static int print_json(const em_bench_result *r, em_err *err)
{
    em_json j = { 0 };
    bool is_whole;

    em_json_begin(&j, NULL, '{');
    em_json_string(&j, "preset", r->name);
    em_json_string(&j, "device", r->device);
    em_json_int(&j, "threads", r->n_threads);
    em_json_fixed(&j, "window_ms", r->window_ms, 3);
    em_json_fixed(&j, "p99_ms", r->p99_ms, 3);
    em_json_fixed(&j, "gmac", r->gmac, 3);
    em_json_fixed(&j, "sgemm_gflops", r->sgemm_gflops, 1);
    em_json_fixed(&j, "floors", r->floors, 3);
    em_json_fixed(&j, "rss_mb", r->rss_mb, 1);
    em_json_end(&j, '}');
    em_json_newline(&j);
    is_whole = !j.has_failed;
    if (is_whole)
        fputs(j.text, stdout);
    em_json_deinit(&j);
    return is_whole ? em_finish_stdout(err) : em_exit_code(em_fail(err, EM_ENOMEM, "no memory for a record"), 0);
}

static int print_text(const em_bench_result *r, em_err *err)
{
    printf("%s on %s: %.2f ms a window (99th percentile %.2f), %.2f floors of %.2f GMAC at %.0f GFLOP/s, %.0f MB\n",
           r->name, r->device, r->window_ms, r->p99_ms, r->floors, r->gmac, r->sgemm_gflops, r->rss_mb);
    return em_finish_stdout(err);
}

int em_cmd_bench(const em_options *o, em_err *err)
{
    em_bench_cfg cfg = { .preset = o->preset, .backend = o->backend, .n_threads = o->threads ? o->threads : em_cpu_count() };
    em_bench_result result = { 0 };
    char path[PATH_MAX];
    em_status status;

    if (!o->preset) {
        if ((status = em_path_model(path, sizeof path, o->model, err)))
            return em_exit_code(status, EM_EXIT_MODEL);
        cfg.model_path = path;
    }
    status = em_bench_run(&result, &cfg, err);
    if (status)
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : status == EM_EUNSUPPORTED ? EM_EXIT_BACKEND
                                                                                                      : EM_EXIT_MODEL);
    return o->json ? print_json(&result, err) : print_text(&result, err);
}
