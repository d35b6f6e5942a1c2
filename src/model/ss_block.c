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
    w->a_log = em_bind_learned(b, "layers.%d.blocks.%d.op.A_logs", i, j);
    w->decay = em_bind_decay(b, "layers.%d.blocks.%d.op.A_logs", i, j);
    w->skip = em_bind(b, NULL, "layers.%d.blocks.%d.op.Ds", i, j);
    w->out_norm = em_bind_norm(b, NULL, "layers.%d.blocks.%d.op.out_norm", i, j);
    w->out_proj = em_bind_matrix(b, NULL, "layers.%d.blocks.%d.op.out_proj.weight", i, j);
    if (cfg->mlp_ratio > 0)
        em_mlp_bind(&w->mlp, b, "layers.%d.blocks.%d", i, j);
}

/* What only a plan that trains keeps. */
static float *kept(em_builder *b, size_t n) { return b->practice ? em_build_floats(b, n) : NULL; }

static em_grid ss2d(em_builder *b, const em_ss_block_w *w, em_grid x, int stage)
{
    const em_config *cfg = b->cfg;
    const int D = em_config_inner(cfg, stage), R = em_config_dt_rank(cfg, stage), N = cfg->d_state, L = x.H * x.W;
    const size_t tokens = (size_t)L, wide = (size_t)(cfg->has_gate ? 2 * D : D), inner = tokens * (size_t)D;
    const em_grid out = em_build_next(b, x);
    const em_mark mark = em_build_mark(b);
    const size_t back_mark = em_build_back_mark(b);
    const float *branch = em_build_branch(b);
    float *in = em_build_inner(b, tokens * wide), *u = em_build_inner(b, inner);
    float *x_dbl = em_build_floats(b, tokens * (size_t)(EM_DIRECTIONS * (R + 2 * N)));
    float *din = em_build_back(b, tokens * wide), *dscan = em_build_back(b, inner);
    float *dx_dbl = em_build_back(b, tokens * (size_t)(EM_DIRECTIONS * (R + 2 * N)));
    float *y[EM_DIRECTIONS] = { 0 }, *du[EM_DIRECTIONS] = { 0 };
    em_call conv = { .kind = EM_CALL_CONV_SILU_XPROJ, .label = "conv+x_proj", .stage = stage };
    em_call scan = { .kind = EM_CALL_SCAN4, .label = "scan", .stage = stage };

    for (int i = 0; i < b->ops->n_y; i++) {
        const bool is_in_free = i == 0 && !cfg->has_gate && !b->practice;       /* without a gate `in` is done with */

        y[i] = is_in_free ? in : em_build_inner(b, inner);
    }
    for (int i = 0; i < b->ops->n_du; i++)
        du[i] = em_build_back(b, inner);
    em_build_linear(b, "in_proj", stage, (em_norm_linear){
        .y = in, .x = x.x, .ldx = (size_t)x.C, .norm = w->norm, .w = w->in_proj, .L = L, .is_y_inner = true,
        .kept = branch, .dy = din, .dx = x.dx, .adds_dx = true,
    });
    conv.a.conv_silu_xproj = (em_conv_silu_xproj){
        .u = u, .x_dbl = x_dbl, .x = in, .ldx = wide, .H = x.H, .W = x.W, .D = D, .taps = w->taps, .bias = w->conv_bias, .w = w->x_proj,
        .raw = kept(b, inner), .kept = branch, .du = { du[0], du[1], du[2], du[3] }, .dx_dbl = dx_dbl, .dx = din,
        .dtaps = em_build_grad(b, w->taps), .dbias = em_build_grad(b, w->conv_bias),
    };
    em_build_call(b, &conv);
    scan.a.scan4 = (em_scan4){
        .y = { y[0], y[1], y[2], y[3] }, .u = u, .x_dbl = x_dbl, .H = x.H, .W = x.W, .D = D, .R = R, .N = N,
        .dt_w = w->dt_w, .dt_bias = w->dt_bias, .a = w->decay, .skip = w->skip,
        .states = kept(b, (size_t)((L + EM_SCAN_CHUNK - 1) / EM_SCAN_CHUNK) * (size_t)(EM_DIRECTIONS * N * D)),
        .kept = branch, .dy = dscan, .du = { du[0], du[1], du[2], du[3] }, .dx_dbl = dx_dbl, .da_log = em_build_grad(b, w->a_log),
        .ddt_w = em_build_grad(b, w->dt_w), .ddt_bias = em_build_grad(b, w->dt_bias), .dskip = em_build_grad(b, w->skip),
    };
    em_build_call(b, &scan);
    em_build_linear(b, "out_proj", stage, (em_norm_linear){
        .y = out.x, .x = y[0], .x_more = { y[1], y[2], y[3] }, .ldx = (size_t)D, .is_x_inner = true,
        .gate = cfg->has_gate ? in : NULL, .ldg = wide, .gate_column = (size_t)D,
        .norm = w->out_norm, .w = w->out_proj, .residual = x.x, .L = L,
        .branch = branch, .kept = branch, .dy = out.dx, .dx = dscan, .dgate = cfg->has_gate ? din : NULL,
    });
    em_build_rewind(b, mark);
    em_build_back_rewind(b, back_mark);
    return out;
}

em_grid em_ss_block_build(em_builder *b, const em_ss_block_w *w, em_grid x, int stage)
{
    x = ss2d(b, w, x, stage);
    return b->cfg->mlp_ratio > 0 ? em_mlp_build(b, &w->mlp, x, stage) : x;
}
