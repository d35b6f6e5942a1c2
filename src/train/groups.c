/* groups.c - everything is told from the names and ranks of em_params_list. */
#include "train/groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with)
{
    size_t n = strlen(s), n_with = strlen(with);

    return n >= n_with && !strcmp(s + n - n_with, with);
}

bool em_group_learns(const em_param *p)
{
    return !begins(p->name, "bn0.running_");
}

bool em_group_decays(const em_param *p)
{
    static const char *const plain[] = { "A_logs", "Ds", "dt_projs_bias", "relative_position_bias_table" };

    if (p->rank < 2)
        return false;
    for (size_t i = 0; i < EM_COUNT(plain); i++)
        if (ends(p->name, plain[i]))
            return false;
    return true;
}

bool em_group_is_head(const em_param *p)
{
    return begins(p->name, "classifier.") || begins(p->name, "tscam_conv.");
}

/* Number of blocks up to and with block `j` of `stage`; all of the stage: j = depth - 1. */
static int blocks_until(const em_config *model, int stage, int j)
{
    int n = j + 1;

    for (int s = 0; s < stage; s++)
        n += model->depths[s];
    return n;
}

int em_group_layers_after(const em_param *p, const em_config *model)
{
    int n_blocks = blocks_until(model, EM_STAGES - 1, model->depths[EM_STAGES - 1] - 1), stage, j;

    if (em_group_is_head(p))
        return 0;
    if (sscanf(p->name, "layers.%d.blocks.%d.", &stage, &j) == 2 || sscanf(p->name, "attn.%d.%d.", &stage, &j) == 2)
        return n_blocks + 1 - blocks_until(model, stage, j);
    if (sscanf(p->name, "layers.%d.downsample.", &stage) == 1)
        return n_blocks + 1 - blocks_until(model, stage, model->depths[stage] - 1);
    return n_blocks + 1;
}

bool em_group_has_rows(const em_param *p)
{
    return begins(p->name, "tscam_conv.") || begins(p->name, "classifier.head.");
}

int em_groups_kept(const em_groups_cfg *cfg)
{
    int n = 0;

    for (int c = 0; c < cfg->n_classes && cfg->learns; c++)
        n += !cfg->learns[c];
    return n;
}

static void add_range(em_groups *g, size_t begin, size_t n, float rate, float decay)
{
    em_adamw_range *last = g->n > 0 ? &g->ranges[g->n - 1] : NULL;

    g->n_learning += n;
    if (last && last->begin + last->n == begin && last->rate == rate && last->decay == decay)
        last->n += n;
    else
        g->ranges[g->n++] = (em_adamw_range){ begin, n, rate, decay };
}

/* All of p, or its rows of the classes that learn. */
static void add_param(em_groups *g, const em_param *p, const em_groups_cfg *cfg, float rate, float decay)
{
    const size_t row = p->n / (size_t)p->shape[0];

    if (!cfg->learns)
        add_range(g, p->offset, p->n, rate, decay);
    for (int c = 0; c < cfg->n_classes && cfg->learns; c++)
        if (cfg->learns[c])
            add_range(g, p->offset + (size_t)c * row, row, rate, decay);
}

static bool learns(const em_param *p, const em_groups_cfg *cfg)
{
    if (cfg->learns)
        return em_group_has_rows(p);
    return em_group_learns(p) && (!cfg->is_frozen || em_group_is_head(p));
}

em_status em_groups_init(em_groups *out, const em_params *params, const em_config *model, const em_groups_cfg *cfg, em_err *err)
{
    const size_t n_most = (size_t)params->n * (cfg->learns ? (size_t)cfg->n_classes : 1);

    *out = (em_groups){ 0 };
    if (!(cfg->decay >= 0 && cfg->decay <= 10))
        return em_fail(err, EM_EINVAL, "weight decay lies between 0 and 10, not %g", cfg->decay);
    if (!(cfg->layer_decay > 0 && cfg->layer_decay <= 1))
        return em_fail(err, EM_EINVAL, "the factor from layer to layer lies above 0 and not above 1, not %g", cfg->layer_decay);
    out->ranges = calloc(n_most + 1, sizeof *out->ranges);
    if (!out->ranges)
        return em_fail(err, EM_ENOMEM, "no memory for the groups of %d tensors", params->n);
    for (int i = 0; i < params->n; i++) {
        const em_param *p = &params->list[i];

        if (!learns(p, cfg))
            continue;
        add_param(out, p, cfg, (float)pow(cfg->layer_decay, em_group_layers_after(p, model)),
                  cfg->decays_all || em_group_decays(p) ? (float)cfg->decay : 0.0f);
    }
    return EM_OK;
}

void em_groups_deinit(em_groups *g)
{
    free(g->ranges);
    *g = (em_groups){ 0 };
}

void em_groups_at(em_adamw_range *ranges, const em_groups *g, double rate)
{
    for (int i = 0; i < g->n; i++) {
        ranges[i] = g->ranges[i];
        ranges[i].rate = (float)(rate * (double)g->ranges[i].rate);
    }
}
