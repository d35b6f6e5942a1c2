/* cmd_bench_step.c - --bench --training [--preset P] [--batch N] [--train-window S] [--threads N] [--json]: how fast this machine learns. */
#include "base/json.h"
#include "base/pool.h"
#include "cli/bench_step.h"
#include "cli/commands.h"
#include "cli/recipe_options.h"

#include <stdio.h>
#include <string.h>

enum { AUDIOSET_CLASSES = 527 };

/* What was measured, and what came out. */
typedef struct record { const char *preset; int n_threads, batch; double window_s; em_bench_step_result r; } record;

static double both_ms(const em_bench_step_part *p) { return p->forward_ms + p->backward_ms; }

static void print_part(em_json *j, const record *t, const em_bench_step_part *p)
{
    em_json_begin(j, NULL, '{');
    em_json_string(j, "op", p->label);
    em_json_fixed(j, "forward_ms", p->forward_ms, 3);
    em_json_fixed(j, "backward_ms", p->backward_ms, 3);
    em_json_fixed(j, "share", both_ms(p) / t->r.step_ms, 3);
    em_json_fixed(j, "gflops", 6e3 * p->gmac / both_ms(p), 1);
    em_json_fixed(j, "roofline_share", p->roofline_share, 3);
    em_json_end(j, '}');
}

static void print_record(em_json *j, const record *t)
{
    const em_bench_step_result *r = &t->r;

    em_json_begin(j, NULL, '{');
    em_json_string(j, "preset", t->preset);
    em_json_string(j, "device", r->device);
    em_json_int(j, "threads", t->n_threads);
    em_json_int(j, "batch", t->batch);
    em_json_fixed(j, "window_s", t->window_s, 3);
    em_json_fixed(j, "step_ms", r->step_ms, 3);
    em_json_fixed(j, "p99_ms", r->p99_ms, 3);
    em_json_fixed(j, "forward_ms", r->forward_ms, 3);
    em_json_fixed(j, "backward_ms", r->backward_ms, 3);
    em_json_fixed(j, "window_ms", r->window_ms, 3);
    em_json_fixed(j, "gmac", r->gmac, 3);
    em_json_fixed(j, "sgemm_gflops", r->machine.product.gflops, 1);
    em_json_string(j, "sgemm_best", r->machine.product.best);
    em_json_string(j, "sgemm_raced", r->machine.product.raced);
    em_json_fixed(j, "read_gb_s", r->machine.read_gbs, 1);
    em_json_fixed(j, "floors3", r->floors3, 3);
    em_json_fixed(j, "rss_mb", r->rss_mb, 1);
    em_json_fixed(j, "activations_mb", r->activations_mb, 1);
    em_json_begin(j, "operators", '[');
    for (int i = 0; i < r->n_parts; i++)
        print_part(j, t, &r->parts[i]);
    em_json_end(j, ']');
    em_json_end(j, '}');
    em_json_newline(j);
}

static int print_json(const record *t, em_err *err)
{
    em_json j = { 0 };

    print_record(&j, t);
    return em_finish_record(&j, err);
}

static int print_text(const record *t, em_err *err)
{
    const em_bench_step_result *r = &t->r;

    printf("%s learning on %s, %d windows of %.4g s a step\n", t->preset, r->device, t->batch, t->window_s);
    printf("  a step       %.1f ms (median; 99th percentile %.1f): forward %.1f, backward %.1f\n", r->step_ms, r->p99_ms,
           r->forward_ms, r->backward_ms);
    printf("  a window     %.2f ms, %.2f of three floors (a floor: %.2f GMAC at %.0f GFLOP/s, the best of %s)\n", r->window_ms, r->floors3, r->gmac,
           r->machine.product.gflops, r->machine.product.raced);
    printf("  memory       %.0f MB, %.0f of it activations and their gradients\n", r->rss_mb, r->activations_mb);
    printf("  %-12s %10s %11s %7s %9s %9s\n", "operator", "forward ms", "backward ms", "share", "GFLOP/s", "roofline");
    for (int i = 0; i < r->n_parts; i++) {
        const em_bench_step_part *p = &r->parts[i];

        printf("  %-12s %10.3f %11.3f %6.1f%% %9.1f %8.0f%%\n", p->label, p->forward_ms, p->backward_ms, 100 * both_ms(p) / r->step_ms,
               6e3 * p->gmac / both_ms(p), 100 * p->roofline_share);
    }
    return em_finish_stdout(err);
}

/* What --train with these options would make of AudioSet's classes. */
static em_status make_model(em_config *model, const em_options *o, em_err *err)
{
    em_status status = em_config_of_options(model, o, NULL, AUDIOSET_CLASSES, err);

    return status == EM_OK && o->train.train_window > 0 ? em_config_set_short_window(model, o->train.train_window, err) : status;
}

int em_cmd_bench_step(const em_options *o, em_err *err)
{
    const char *backend = strcmp(o->backend, "auto") == 0 ? "cpu" : o->backend;         /* as --train chooses */
    record t = { .preset = o->preset ? o->preset : "nano", .n_threads = o->threads ? o->threads : em_cpu_count(), .batch = o->train.batch };
    em_config model;
    em_recipe recipe;
    em_status status = make_model(&model, o, err);

    if (status == EM_OK) {
        recipe = em_recipe_of_options(o, model.frontend);
        t.window_s = (double)em_config_window_samples(&model) / model.sample_rate;
        status = em_recipe_check(&recipe, err);
    }
    if (status != EM_OK)
        return em_exit_code(status, EM_EXIT_USAGE);
    const em_bench_step_cfg cfg = { .model = &model, .recipe = &recipe, .backend = backend, .n_threads = t.n_threads };

    status = em_bench_step_run(&t.r, &cfg, err);
    if (status != EM_OK)
        return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_BACKEND);
    return o->json ? print_json(&t, err) : print_text(&t, err);
}
