/* ss_block.c - the SS block: x += W_out(norm(scan(silu(conv(W_in norm(x)))))), then x += MLP(norm(x)).
 *
 * Flags: a gate (W_in makes [u | z], and the normed scan is multiplied by silu(z)), any d_state and ratio, a bias
 * in the depthwise convolution, an MLP or none. */
#include "model/plan.h"

void em_ss_block_bind(em_ss_block_w *w, em_binder *b, const em_config *cfg, int stage, int block)
{
    const int i = stage, j = block;

    *w = (em_ss_block_w){ 0 };
    w->norm = em_bind_norm(b, NULL, "layers.%d.blocks.%d.norm", i, j);
    w->in_proj = em_bind_matrix(b, NULL, "layers.%d.blocks.%d.op.in_proj.weight", i, j);
    w->taps = em_bind(b, &em_layout_taps, "layers.%d.blocks.%d.op.conv2d.weight", i, j);
    if (cfg->has_conv_bias)
        w->conv_bias = em_bind(b, NULL, "layers.%d.blocks.%d.op.conv2d.bias", i, j);
    w->x_proj = em_bind_matrix(b, NULL, "layers.%d.blocks.%d.op.x_proj_weight", i, j);
    w->dt_w = em_bind(b, &em_layout_dt, "layers.%d.blocks.%d.op.dt_projs_weight", i, j);
    w->dt_bias = em_bind(b, NULL, "layers.%d.blocks.%d.op.dt_projs_bias", i, j);
    w->decay = em_bind(b, &em_layout_decay, "layers.%d.blocks.%d.op.A_logs", i, j);
    w->skip = em_bind(b, NULL, "layers.%d.blocks.%d.op.Ds", i, j);
    w->out_norm = em_bind_norm(b, NULL, "layers.%d.blocks.%d.op.out_norm", i, j);
    w->out_proj = em_bind_matrix(b, NULL, "layers.%d.blocks.%d.op.out_proj.weight", i, j);
    if (!(cfg->mlp_ratio > 0))
        return;
    w->norm2 = em_bind_norm(b, NULL, "layers.%d.blocks.%d.norm2", i, j);
    w->fc1 = em_bind_matrix(b, NULL, "layers.%d.blocks.%d.mlp.fc1.weight", i, j);
    w->fc1_bias = em_bind(b, NULL, "layers.%d.blocks.%d.mlp.fc1.bias", i, j);
    w->fc2 = em_bind_matrix(b, NULL, "layers.%d.blocks.%d.mlp.fc2.weight", i, j);
    w->fc2_bias = em_bind(b, NULL, "layers.%d.blocks.%d.mlp.fc2.bias", i, j);
}

static void linear(em_builder *b, const char *label, int stage, em_norm_linear a)
{
    em_call call = { .kind = EM_CALL_NORM_LINEAR, .label = label, .stage = stage };

    call.a.norm_linear = a;
    em_build_call(b, &call);
}

static void ss2d(em_builder *b, const em_ss_block_w *w, em_grid x, int stage)
{
    const em_config *cfg = b->cfg;
    const int D = em_config_inner(cfg, stage), R = em_config_dt_rank(cfg, stage), N = cfg->d_state, L = x.H * x.W;
    const size_t tokens = (size_t)L, wide = (size_t)(cfg->has_gate ? 2 * D : D), mark = b->arena.used;
    float *in = em_build_inner(b, tokens * wide), *u = em_build_inner(b, tokens * (size_t)D);
    float *x_dbl = em_build_floats(b, tokens * (size_t)(EM_DIRECTIONS * (R + 2 * N)));
    float *y[EM_DIRECTIONS] = { 0 };
    em_call conv = { .kind = EM_CALL_CONV_SILU_XPROJ, .label = "conv+x_proj", .stage = stage };
    em_call scan = { .kind = EM_CALL_SCAN4, .label = "scan", .stage = stage };

    for (int i = 0; i < b->ops->n_sums; i++)
        y[i] = i == 0 && !cfg->has_gate ? in : em_build_inner(b, tokens * (size_t)D);     /* without a gate `in` is done with */
    linear(b, "in_proj", stage, (em_norm_linear){
        .y = in, .x = x.x, .ldx = (size_t)x.C, .norm = w->norm, .w = w->in_proj, .L = L, .is_y_inner = true,
    });
    conv.a.conv_silu_xproj = (em_conv_silu_xproj){
        .u = u, .x_dbl = x_dbl, .x = in, .ldx = wide, .H = x.H, .W = x.W, .D = D, .taps = w->taps, .bias = w->conv_bias, .w = w->x_proj,
    };
    em_build_call(b, &conv);
    scan.a.scan4 = (em_scan4){
        .y = { y[0], y[1], y[2], y[3] }, .u = u, .x_dbl = x_dbl, .H = x.H, .W = x.W, .D = D, .R = R, .N = N,
        .dt_w = w->dt_w, .dt_bias = w->dt_bias, .a = w->decay, .skip = w->skip,
    };
    em_build_call(b, &scan);
    linear(b, "out_proj", stage, (em_norm_linear){
        .y = x.x, .x = y[0], .x_more = { y[1], y[2], y[3] }, .ldx = (size_t)D, .is_x_inner = true,
        .gate = cfg->has_gate ? in : NULL, .ldg = wide, .gate_column = (size_t)D,
        .norm = w->out_norm, .w = w->out_proj, .residual = x.x, .L = L,
    });
    em_arena_rewind(&b->arena, mark);
}

/* Many tokens: fused, block by block. Few tokens and wide layers: two products, each cut by columns over the
 * threads, so that a weight is read by one of them only. The answer has the same bits. */
enum { FEW_TOKENS = 256 };

static void mlp(em_builder *b, const em_ss_block_w *w, em_grid x, int stage)
{
    const int L = x.H * x.W, hidden = w->fc1.n;
    const size_t mark = b->arena.used;
    em_call call = { .kind = EM_CALL_MLP, .label = "mlp", .stage = stage };
    float *h;

    if (L > FEW_TOKENS) {
        call.a.mlp = (em_mlp){ .x = x.x, .norm = w->norm2, .w1 = w->fc1, .w2 = w->fc2, .bias1 = w->fc1_bias, .bias2 = w->fc2_bias, .L = L };
        em_build_call(b, &call);
        return;
    }
    h = em_build_inner(b, (size_t)L * (size_t)hidden);
    linear(b, "fc1", stage, (em_norm_linear){
        .y = h, .x = x.x, .ldx = (size_t)x.C, .norm = w->norm2, .w = w->fc1, .bias = w->fc1_bias, .act = EM_ACT_GELU, .L = L,
        .is_y_inner = true,
    });
    linear(b, "fc2", stage, (em_norm_linear){
        .y = x.x, .x = h, .ldx = (size_t)hidden, .w = w->fc2, .bias = w->fc2_bias, .residual = x.x, .L = L,
        .is_x_inner = true,
    });
    em_arena_rewind(&b->arena, mark);
}

void em_ss_block_build(em_builder *b, const em_ss_block_w *w, em_grid x, int stage)
{
    ss2d(b, w, x, stage);
    if (b->cfg->mlp_ratio > 0)
        mlp(b, w, x, stage);
}
