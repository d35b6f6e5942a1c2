/* attention_block.c - HTS-AT's block: x += proj(attention(qkv(norm1(x)))), then x += MLP(norm2(x)).
 *
 * Attention is within windows of `window` x `window` tokens, which every second block of a stage moves by half a window. A
 * grid that is no wider or no higher than that has windows of its shorter side, which never move. */
#include "model/plan.h"

#include <stdio.h>

void em_attention_block_bind(em_attention_block_w *w, em_binder *b, const em_config *cfg, int stage, int block)
{
    char name[48];

    snprintf(name, sizeof name, cfg->block == EM_BLOCK_SWIN ? "layers.%d.blocks.%d" : "attn.%d.%d", stage, block);
    w->norm = em_bind_norm(b, NULL, "%s.norm1", name);
    w->qkv = em_bind_matrix(b, NULL, "%s.attn.qkv.weight", name);
    w->qkv_bias = em_bind(b, NULL, "%s.attn.qkv.bias", name);
    w->table = em_bind(b, NULL, "%s.attn.relative_position_bias_table", name);
    w->proj = em_bind_matrix(b, NULL, "%s.attn.proj.weight", name);
    w->proj_bias = em_bind(b, NULL, "%s.attn.proj.bias", name);
    em_mlp_bind(&w->mlp, b, "%s", name);
}

static void attention(em_builder *b, em_attention a, int stage, int block)
{
    const em_config *cfg = b->cfg;
    const bool is_small = a.H <= cfg->window || a.W <= cfg->window;
    em_call call = { .kind = EM_CALL_ATTENTION, .label = "attention", .stage = stage };

    a.heads = cfg->heads[stage];
    a.side = em_config_window_side(cfg, a.H, a.W);
    a.shift = block % 2 && !is_small ? cfg->window / 2 : 0;
    a.table_side = cfg->window;
    call.a.attention = a;
    em_build_call(b, &call);
}

em_grid em_attention_block_build(em_builder *b, const em_attention_block_w *w, em_grid x, int stage, int block)
{
    const int L = x.H * x.W;
    const em_grid out = em_build_next(b, x);
    const em_mark mark = em_build_mark(b);
    const size_t n = (size_t)L * (size_t)x.C, back_mark = em_build_back_mark(b);
    const float *branch = em_build_branch(b);
    float *qkv = em_build_inner(b, 3 * n), *y = em_build_inner(b, n), *dqkv = em_build_back(b, 3 * n), *dy = em_build_back(b, n);

    em_build_linear(b, "qkv", stage, (em_norm_linear){
        .y = qkv, .x = x.x, .ldx = (size_t)x.C, .norm = w->norm, .w = w->qkv, .bias = w->qkv_bias, .L = L, .is_y_inner = true,
        .kept = branch, .dy = dqkv, .dx = x.dx, .adds_dx = true, .dbias = em_build_grad(b, w->qkv_bias),
    });
    attention(b, (em_attention){ .y = y, .qkv = qkv, .H = x.H, .W = x.W, .C = x.C, .table = w->table,
                                 .kept = branch, .dy = dy, .dqkv = dqkv, .dtable = em_build_grad(b, w->table) }, stage, block);
    em_build_linear(b, "proj", stage, (em_norm_linear){
        .y = out.x, .x = y, .ldx = (size_t)x.C, .w = w->proj, .bias = w->proj_bias, .residual = x.x, .L = L, .is_x_inner = true,
        .branch = branch, .kept = branch, .dy = out.dx, .dx = dy, .dbias = em_build_grad(b, w->proj_bias),
    });
    em_build_rewind(b, mark);
    em_build_back_rewind(b, back_mark);
    return em_mlp_build(b, &w->mlp, out, stage);
}
