/* One walk over the model's tensors; with a list behind it the walk writes them down, without one it counts. */
#include "model/params.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTIONS = 4, QUAD = 4 };

typedef struct walk {
    em_params *out;                 /* out->list NULL: only counts          */
    uint64_t   n_total, n_values;   /* 64 bits, also where size_t has 32    */
    char       prefix[48];
} walk;

#define SHAPE(...) (int)EM_COUNT(((int64_t[]){ __VA_ARGS__ })), (const int64_t[]){ __VA_ARGS__ }

static void add(walk *w, em_init_kind init, int64_t fan_in, const char *name, const char *part, int rank, const int64_t *shape)
{
    uint64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= (uint64_t)shape[i];                        /* em_config_check keeps it far below 2^63 */
    w->n_total = (w->n_total + QUAD - 1) / QUAD * QUAD;
    if (w->out->list) {
        em_param *p = &w->out->list[w->out->n];

        *p = (em_param){ .rank = rank, .n = (size_t)n, .offset = (size_t)w->n_total, .init = init, .fan_in = fan_in };
        snprintf(p->name, sizeof p->name, "%s%s%s", w->prefix, name, part);
        memcpy(p->shape, shape, (size_t)rank * sizeof *shape);
    }
    w->out->n++;
    w->n_total += n;
    w->n_values += n;
}

static void __attribute__((format(printf, 2, 3))) set_prefix(walk *w, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(w->prefix, sizeof w->prefix, fmt, args);
    va_end(args);
}

static void add_norm(walk *w, const char *name, int64_t n)
{
    add(w, EM_INIT_ONE, 0, name, ".weight", SHAPE(n));
    add(w, EM_INIT_ZERO, 0, name, ".bias", SHAPE(n));
}

static void add_linear(walk *w, const char *name, int64_t n_out, int64_t n_in)
{
    add(w, EM_INIT_LINEAR, n_in, name, ".weight", SHAPE(n_out, n_in));
    add(w, EM_INIT_ZERO, n_in, name, ".bias", SHAPE(n_out));
}

/* n_in: of one group. */
static void add_conv(walk *w, const char *name, int64_t n_out, int64_t n_in, int64_t height, int64_t width, bool has_bias)
{
    int64_t fan_in = n_in * height * width;

    add(w, EM_INIT_CONV, fan_in, name, ".weight", SHAPE(n_out, n_in, height, width));
    if (has_bias)
        add(w, EM_INIT_CONV, fan_in, name, ".bias", SHAPE(n_out));
}

static void add_embed(walk *w, const em_config *cfg)
{
    int64_t d = cfg->dims[0];

    set_prefix(w, "patch_embed.");
    if (cfg->embed == EM_EMBED_V1) {
        add_conv(w, "0", d, 1, 4, 4, true);
        add_norm(w, "2", d);
        return;
    }
    add_conv(w, "0", d / 2, 1, 3, 3, true);
    add_norm(w, "2", d / 2);
    add_conv(w, "5", d, d / 2, 3, 3, true);
    add_norm(w, "7", d);
}

static void add_ss_block(walk *w, const em_config *cfg, int stage)
{
    int64_t d = cfg->dims[stage], di = em_config_inner(cfg, stage), R = em_config_dt_rank(cfg, stage), N = cfg->d_state;
    int64_t hidden = (int64_t)(cfg->mlp_ratio * (float)d);

    add_norm(w, "norm", d);
    add(w, EM_INIT_LINEAR, d, "op.in_proj", ".weight", SHAPE(cfg->has_gate ? 2 * di : di, d));
    add_conv(w, "op.conv2d", di, 1, 3, 3, cfg->has_conv_bias);
    add(w, EM_INIT_XPROJ, di, "op.x_proj", "_weight", SHAPE(DIRECTIONS, R + 2 * N, di));
    add(w, EM_INIT_DTPROJ, R, "op.dt_projs", "_weight", SHAPE(DIRECTIONS, di, R));
    add(w, EM_INIT_DTBIAS, R, "op.dt_projs", "_bias", SHAPE(DIRECTIONS, di));
    add(w, EM_INIT_ALOG, N, "op.", "A_logs", SHAPE(DIRECTIONS * di, N));
    add(w, EM_INIT_ONE, 0, "op.", "Ds", SHAPE(DIRECTIONS * di));
    add_norm(w, "op.out_norm", di);
    add(w, EM_INIT_LINEAR, di, "op.out_proj", ".weight", SHAPE(d, di));
    if (hidden == 0)
        return;
    add_norm(w, "norm2", d);
    add_linear(w, "mlp.fc1", hidden, d);
    add_linear(w, "mlp.fc2", d, hidden);
}

/* HTS-AT's: hidden width 4d, a table of relative positions for each head. */
static void add_attention_block(walk *w, const em_config *cfg, int stage)
{
    int64_t d = cfg->dims[stage], span = 2 * cfg->window - 1;

    add_norm(w, "norm1", d);
    add_linear(w, "attn.qkv", 3 * d, d);
    add(w, EM_INIT_LINEAR, d, "attn.", "relative_position_bias_table", SHAPE(span * span, cfg->heads[stage]));
    add_linear(w, "attn.proj", d, d);
    add_norm(w, "norm2", d);
    add_linear(w, "mlp.fc1", 4 * d, d);
    add_linear(w, "mlp.fc2", d, 4 * d);
}

static void add_downsample(walk *w, const em_config *cfg, int stage)
{
    int64_t d = cfg->dims[stage], side = cfg->down == EM_DOWN_V2 ? 2 : 3;

    set_prefix(w, "layers.%d.downsample.", stage);
    if (cfg->down == EM_DOWN_V1) {
        add_norm(w, "norm", 4 * d);
        add(w, EM_INIT_LINEAR, 4 * d, "reduction", ".weight", SHAPE(2 * d, 4 * d));
        return;
    }
    add_conv(w, "1", 2 * d, d, side, side, true);
    add_norm(w, "3", 2 * d);
}

static void add_stage(walk *w, const em_config *cfg, int stage)
{
    for (int j = 0; j < cfg->depths[stage]; j++) {
        set_prefix(w, "layers.%d.blocks.%d.", stage, j);
        if (cfg->block == EM_BLOCK_SWIN)
            add_attention_block(w, cfg, stage);
        else
            add_ss_block(w, cfg, stage);
        if (cfg->block == EM_BLOCK_SS2D_ATTN) {
            set_prefix(w, "attn.%d.%d.", stage, j);
            add_attention_block(w, cfg, stage);
        }
    }
    if (stage < EM_STAGES - 1)
        add_downsample(w, cfg, stage);
}

static void add_all(walk *w, const em_config *cfg)
{
    set_prefix(w, "%s", "");
    if (cfg->frontend == EM_FRONTEND_HTSAT) {
        add_norm(w, "bn0", cfg->n_mels);
        add(w, EM_INIT_ZERO, 0, "bn0", ".running_mean", SHAPE(cfg->n_mels));
        add(w, EM_INIT_ONE, 0, "bn0", ".running_var", SHAPE(cfg->n_mels));
    }
    add_embed(w, cfg);
    for (int stage = 0; stage < EM_STAGES; stage++)
        add_stage(w, cfg, stage);
    set_prefix(w, "%s", "");
    add_norm(w, "classifier.norm", cfg->dims[EM_STAGES - 1]);
    if (cfg->n_classes == 0)
        return;
    if (cfg->head == EM_HEAD_TSCAM)                     /* all rows of a window by three columns */
        add_conv(w, "tscam_conv", cfg->n_classes, cfg->dims[EM_STAGES - 1], cfg->n_mels / 32, 3, true);
    else
        add_linear(w, "classifier.head", cfg->n_classes, cfg->dims[EM_STAGES - 1]);
}

em_status em_params_list(em_params *out, const em_config *cfg, em_err *err)
{
    walk w = { .out = out };

    *out = (em_params){ 0 };
    add_all(&w, cfg);
    if (w.n_total > SIZE_MAX / sizeof(float))
        return em_fail(err, EM_EUNSUPPORTED, "a model of %.0f numbers is too large for this machine", (double)w.n_total);
    out->list = malloc((size_t)out->n * sizeof *out->list);
    if (!out->list)
        return em_fail(err, EM_ENOMEM, "no memory for a list of %d tensors", out->n);
    out->n = 0;
    w.n_total = 0;
    add_all(&w, cfg);
    out->n_total = (size_t)w.n_total;
    return EM_OK;
}

void em_params_deinit(em_params *p)
{
    free(p->list);
    *p = (em_params){ 0 };
}

const em_param *em_params_find(const em_params *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (!strcmp(p->list[i].name, name))
            return &p->list[i];
    return NULL;
}

size_t em_params_largest(const em_params *p)
{
    size_t n = 0;

    for (int i = 0; i < p->n; i++)
        n = p->list[i].n > n ? p->list[i].n : n;
    return n;
}

double em_config_params(const em_config *cfg)
{
    em_params counted = { 0 };
    walk w = { .out = &counted };

    add_all(&w, cfg);
    return (double)w.n_values - (cfg->frontend == EM_FRONTEND_HTSAT ? 2.0 * cfg->n_mels : 0.0);
}

/* Inverse softplus of a step between .001 and .1, even in its logarithm (Mamba's choice). */
static double fresh_dt_bias(em_rng *rng)
{
    double t = fmax(exp(log(.001) + em_rng_uniform(rng) * (log(.1) - log(.001))), 1e-4);

    return t + log(-expm1(-t));
}

void em_param_fill(const em_param *p, float *dst, em_rng *rng)
{
    double bound = p->fan_in > 0 ? 1.0 / sqrt((double)p->fan_in) : 0.0;

    for (size_t i = 0; i < p->n; i++)
        switch (p->init) {
        case EM_INIT_ZERO:   dst[i] = 0.0f; break;
        case EM_INIT_ONE:    dst[i] = 1.0f; break;
        case EM_INIT_LINEAR: dst[i] = (float)(.02 * em_rng_normal(rng)); break;
        case EM_INIT_CONV:
        case EM_INIT_XPROJ:
        case EM_INIT_DTPROJ: dst[i] = (float)(bound * (2.0 * em_rng_uniform(rng) - 1.0)); break;
        case EM_INIT_DTBIAS: dst[i] = (float)fresh_dt_bias(rng); break;
        case EM_INIT_ALOG:   dst[i] = (float)log((double)(i % (size_t)p->shape[1]) + 1.0); break;
        }
}
