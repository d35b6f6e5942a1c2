/* Shapes to configuration. Numbers from shapes are bounded here and checked by em_config_check before any size is
 * computed from them. */
#include "model/import_names.h"

#include "model/safetensors_header.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { AUDIOSET = 527, MOST = 1 << 20, MOST_BLOCKS = 128 };

/* Dimension i of a tensor, 0 where there is no tensor or no such dimension, at most MOST. */
static int dim(const em_import_entry *e, int i)
{
    if (!e || i >= e->t->rank)
        return 0;
    return e->t->shape[i] < MOST ? (int)e->t->shape[i] : MOST;
}

/* "a tensor is missing or has a shape that says nothing" */
static em_status unclear(const char *path, const char *name, em_err *err)
{
    return em_fail(err, EM_EFORMAT, "%s: tensor %s is missing or has an unexpected shape", path, name);
}

static em_status find_embed(em_config *cfg, const em_import_names *names, const char *path, em_err *err)
{
    const em_import_entry *first = em_import_find(names, "patch_embed.0.weight"), *second = em_import_find(names, "patch_embed.5.weight");
    char shown[EM_ST_SHOWN];

    if (!first)
        return em_fail(err, EM_EFORMAT, "%s: none of its %d tensors (%s, ...) is a patch embed of VMamba, DASS or HTS-AT: not a checkpoint "
                       "that can be imported", path, names->n, names->n ? em_st_shown(shown, names->list[0].t->name) : "none");
    if (first->t->rank != 4 || (dim(first, 1) != 1 && dim(first, 1) != 3))
        return unclear(path, "patch_embed.0.weight (with 1 or 3 channels)", err);
    if (dim(first, 2) == 4 && dim(first, 3) == 4) {
        cfg->embed = EM_EMBED_V1;
        cfg->dims[0] = dim(first, 0);
    } else if (dim(first, 2) == 3 && dim(first, 3) == 3 && second) {
        cfg->embed = EM_EMBED_V2;
        cfg->dims[0] = dim(second, 0);
    } else {
        return unclear(path, "patch_embed.0.weight (4x4, or 3x3 with a patch_embed.5.weight)", err);
    }
    for (int stage = 1; stage < EM_STAGES; stage++)
        cfg->dims[stage] = 2 * cfg->dims[stage - 1];
    return EM_OK;
}

static em_block_kind kind_of(const em_import_names *names)
{
    if (em_import_find(names, "attn.0.0.attn.qkv.weight"))
        return EM_BLOCK_SS2D_ATTN;
    return em_import_find(names, "layers.0.blocks.0.attn.qkv.weight") ? EM_BLOCK_SWIN : EM_BLOCK_SS2D;
}

/* Blocks 0.. of each stage, without gaps. */
static em_status find_depths(em_config *cfg, const em_import_names *names, const char *path, em_err *err)
{
    const char *first = cfg->block == EM_BLOCK_SWIN ? "attn.qkv.weight" : "op.in_proj.weight";

    for (int stage = 0; stage < EM_STAGES; stage++) {
        while (cfg->depths[stage] <= MOST_BLOCKS && em_import_find(names, "layers.%d.blocks.%d.%s", stage, cfg->depths[stage], first))
            cfg->depths[stage]++;
        if (cfg->depths[stage] == 0)
            return em_fail(err, EM_EFORMAT, "%s: tensor layers.%d.blocks.0.%s is missing (four stages are wanted)", path, stage, first);
    }
    for (int i = 0; i < names->n; i++) {
        int stage, block;

        if (sscanf(names->list[i].name, "layers.%4d.blocks.%4d.", &stage, &block) != 2)
            continue;
        if (stage < 0 || stage >= EM_STAGES)
            return em_fail(err, EM_EUNSUPPORTED, "%s: tensor %s: there are more than four stages", path, names->list[i].name);
        if (block < 0 || block >= cfg->depths[stage])
            return em_fail(err, EM_EFORMAT, "%s: tensor %s is there, but layers.%d.blocks.%d.%s is missing", path,
                           names->list[i].name, stage, cfg->depths[stage], first);
    }
    return EM_OK;
}

static em_status find_block(em_config *cfg, const em_import_names *names, const char *path, em_err *err)
{
#define FIRST "layers.0.blocks.0."
    const em_import_entry *in_proj = em_import_find(names, FIRST "op.in_proj.weight"), *conv = em_import_find(names, FIRST "op.conv2d.weight");
    const em_import_entry *a_logs = em_import_find(names, FIRST "op.A_logs"), *fc1 = em_import_find(names, FIRST "mlp.fc1.weight");
    int d = cfg->dims[0], di = dim(conv, 0);

    if (d == 0 || di == 0)
        return unclear(path, FIRST "op.conv2d.weight", err);
    if (dim(in_proj, 0) != di && dim(in_proj, 0) != 2 * di)
        return unclear(path, FIRST "op.in_proj.weight", err);
    if (!a_logs || a_logs->t->rank != 2)
        return unclear(path, FIRST "op.A_logs", err);
    cfg->has_gate = dim(in_proj, 0) == 2 * di;
    cfg->ssm_ratio = (float)di / (float)d;
    cfg->d_state = dim(a_logs, 1);
    cfg->has_conv_bias = em_import_find(names, FIRST "op.conv2d.bias");
    cfg->mlp_ratio = (float)dim(fc1, 0) / (float)d;
    return EM_OK;
#undef FIRST
}

/* Heads and window from the first table of each stage, [(2 window - 1)^2][heads]. HTS-AT stretches its frames. */
static em_status find_attention(em_config *cfg, const em_import_names *names, const char *path, em_err *err)
{
    char block[32], name[EM_IMPORT_NAME];

    for (int stage = 0; stage < EM_STAGES; stage++) {
        const em_import_entry *table;
        int span;

        snprintf(block, sizeof block, cfg->block == EM_BLOCK_SWIN ? "layers.%d.blocks.0" : "attn.%d.0", stage);
        snprintf(name, sizeof name, "%s.attn.relative_position_bias_table", block);
        table = em_import_find(names, "%s", name);
        span = (int)lround(sqrt(dim(table, 0)));
        if (!table || table->t->rank != 2 || span * span != dim(table, 0) || span % 2 == 0 || (stage > 0 && span != 2 * cfg->window - 1))
            return unclear(path, name, err);
        cfg->window = (span + 1) / 2;
        cfg->heads[stage] = dim(table, 1);
    }
    if (cfg->block == EM_BLOCK_SWIN)
        cfg->fit = EM_FIT_STRETCH;
    return EM_OK;
}

static em_status find_downsample(em_config *cfg, const em_import_names *names, const char *path, em_err *err)
{
    const em_import_entry *conv = em_import_find(names, "layers.0.downsample.1.weight");

    if (em_import_find(names, "layers.0.downsample.reduction.weight"))
        cfg->down = EM_DOWN_V1;
    else if (dim(conv, 2) == 2 && dim(conv, 3) == 2)
        cfg->down = EM_DOWN_V2;
    else if (dim(conv, 2) == 3 && dim(conv, 3) == 3)
        cfg->down = EM_DOWN_V3;
    else
        return unclear(path, "layers.0.downsample.1.weight (2x2 or 3x3; or .reduction.weight)", err);
    return EM_OK;
}

/* The head tells what the model heard: bn0 belongs to HTS-AT's log-mel; AudioSet's classes behind a linear head without
 * it are DASS, on Kaldi's. Anything else knows no sounds of ours. */
static em_status find_head(em_config *cfg, const em_import_names *names, em_err *err)
{
    const em_import_entry *tscam = em_import_find(names, "tscam_conv.weight"), *linear = em_import_find(names, "classifier.head.weight");
    const em_import_entry *bn0 = em_import_find(names, "bn0.weight"), *head = tscam ? tscam : linear;
    bool can_tag = dim(head, 0) == AUDIOSET;
    em_config base;
    em_status status = em_config_preset(&base, can_tag && !tscam && !bn0 ? "dass-small" : "nano", err);

    if (status != EM_OK)
        return status;
    base.head = can_tag && !tscam ? EM_HEAD_LINEAR : EM_HEAD_TSCAM;
    base.n_classes = can_tag ? AUDIOSET : 0;
    if (bn0 && dim(bn0, 0) > 0)
        base.n_mels = dim(bn0, 0);
    *cfg = base;                                        /* the frontend's part; the rest is found next */
    return EM_OK;
}

em_status em_import_config(em_config *cfg, const em_import_names *names, const char *path, em_err *err)
{
    em_status status = find_head(cfg, names, err);

    cfg->block = kind_of(names);
    memset(cfg->depths, 0, sizeof cfg->depths);
    if (status == EM_OK)
        status = find_embed(cfg, names, path, err);
    if (status == EM_OK)
        status = find_depths(cfg, names, path, err);
    if (status == EM_OK && cfg->block != EM_BLOCK_SWIN)
        status = find_block(cfg, names, path, err);
    if (status == EM_OK && cfg->block != EM_BLOCK_SS2D)
        status = find_attention(cfg, names, path, err);
    if (status == EM_OK)
        status = find_downsample(cfg, names, path, err);
    return status == EM_OK ? em_config_check(cfg, path, err) : status;
}
