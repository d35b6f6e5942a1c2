/* modules.c - the golden modules: which tensors each binds, which calls it is built of. See bench.h. */
#include "golden/bench.h"

/* ---------------------------------------------------------------- blocks, and SS2D alone */

/* The flags of a block, read off its tensors. */
static void configure_block(golden_bench *g)
{
    const em_param *a_logs = em_params_find(&g->params, "layers.0.blocks.0.op.A_logs"), *in = em_params_find(&g->params, "layers.0.blocks.0.op.in_proj.weight");

    assert_true(in && a_logs);
    for (int i = 0; i < EM_STAGES; i++)
        g->cfg.dims[i] = (int)in->shape[1] << i;
    g->cfg.d_state = (int)a_logs->shape[1];
    g->cfg.has_gate = in->shape[0] == a_logs->shape[0] / 2;
    g->cfg.ssm_ratio = (float)(a_logs->shape[0] / 4) / (float)in->shape[1];
    g->cfg.has_conv_bias = em_params_find(&g->params, "layers.0.blocks.0.op.conv2d.bias") != NULL;
    g->cfg.mlp_ratio = em_params_find(&g->params, "layers.0.blocks.0.mlp.fc1.weight") ? 4.f : 0.f;
}

static void bind_block(golden_bench *g, em_binder *b) { em_ss_block_bind(&g->w.block, b, &g->cfg, 0, 0); }

/* SS2D without the block's norm: bind what there is. */
static void bind_ss2d(golden_bench *g, em_binder *b)
{
    em_ss_block_w *w = &g->w.block;

    *w = (em_ss_block_w){ 0 };
    w->in_proj = em_bind_matrix(b, NULL, "layers.0.blocks.0.op.in_proj.weight");
    w->taps = em_bind(b, &em_layout_taps, "layers.0.blocks.0.op.conv2d.weight");
    if (g->cfg.has_conv_bias)
        w->conv_bias = em_bind(b, NULL, "layers.0.blocks.0.op.conv2d.bias");
    w->x_proj = em_bind_matrix(b, NULL, "layers.0.blocks.0.op.x_proj_weight");
    w->dt_w = em_bind(b, &em_layout_dt, "layers.0.blocks.0.op.dt_projs_weight");
    w->dt_bias = em_bind(b, NULL, "layers.0.blocks.0.op.dt_projs_bias");
    w->a_log = em_bind_learned(b, "layers.0.blocks.0.op.A_logs");
    w->decay = em_bind_decay(b, "layers.0.blocks.0.op.A_logs");
    w->skip = em_bind(b, NULL, "layers.0.blocks.0.op.Ds");
    w->out_norm = em_bind_norm(b, NULL, "layers.0.blocks.0.op.out_norm");
    w->out_proj = em_bind_matrix(b, NULL, "layers.0.blocks.0.op.out_proj.weight");
}

static void build_block(golden_bench *g, em_builder *b)
{
    const em_grid out = em_ss_block_build(b, &g->w.block, bench_input(g, b), 0);

    g->result = out.x;
    g->dy = out.dx;
}

/* ---------------------------------------------------------------- embed, downsample, head, norm */

static void configure_module(golden_bench *g)
{
    g->cfg = (em_config){ .embed = g->module->embed, .down = g->module->down, .head = EM_HEAD_TSCAM, .fold = 4, .n_classes = 11 };
    for (int i = 0; i < EM_STAGES; i++)
        g->cfg.dims[i] = g->module->d << i;
}

static void bind_embed(golden_bench *g, em_binder *b) { em_embed_bind(&g->w.embed, b, &g->cfg); }
static void bind_down(golden_bench *g, em_binder *b)  { em_down_bind(&g->w.down, b, &g->cfg, 0); }
static void bind_head(golden_bench *g, em_binder *b)  { em_head_bind(&g->w.head, b, &g->cfg); }
static void bind_norm(golden_bench *g, em_binder *b)  { g->w.norm = em_bind_norm(b, NULL, "norm"); }

static void build_embed(golden_bench *g, em_builder *b)
{
    const em_grid out = em_embed_room(b, g->in.H, g->in.W);

    em_embed_build(b, &g->w.embed, bench_input(g, b), out);
    g->result = out.x;
    g->dy = out.dx;
}

static void build_down(golden_bench *g, em_builder *b)
{
    const em_grid out = em_down_build(b, &g->w.down, bench_input(g, b), 0);

    g->result = out.x;
    g->dy = out.dx;
}

/* The golden gradient is one of slots: the way back begins before their mean. */
static void build_head(golden_bench *g, em_builder *b)
{
    g->result = em_head_build(b, &g->w.head, bench_input(g, b)).slots;
    if (b->plan && b->practice) {
        const em_mean *mean = &b->plan->calls[--b->plan->n].a.mean;

        assert_int_equal(b->plan->calls[b->plan->n].kind, EM_CALL_MEAN);
        g->dy = mean->dx;
    }
}

static void build_norm(golden_bench *g, em_builder *b)
{
    const em_grid in = bench_input(g, b);
    em_call call = { .kind = EM_CALL_TOKENS, .label = "norm" };

    g->result = em_build_floats(b, g->n_input);
    g->dy = em_build_back(b, g->n_input);
    call.a.tokens = (em_tokens){ .y = g->result, .latent = em_build_floats(b, (size_t)in.C), .x = in.x, .H = 1, .W = in.W, .C = in.C, .fold = 1,
                                 .norm = g->w.norm, .dy = g->dy, .dx = in.dx };
    em_build_call(b, &call);
}

/* ---------------------------------------------------------------- MLP */

static void bind_mlp(golden_bench *g, em_binder *b)
{
    g->w.block = (em_ss_block_w){
        .fc1 = em_bind_matrix(b, NULL, "fc1.weight"), .fc2 = em_bind_matrix(b, NULL, "fc2.weight"),
        .fc1_bias = em_bind(b, NULL, "fc1.bias"), .fc2_bias = em_bind(b, NULL, "fc2.bias"),
    };
}

static void linear(em_builder *b, em_norm_linear a)
{
    em_call call = { .kind = EM_CALL_NORM_LINEAR, .label = "mlp" };

    call.a.norm_linear = a;
    em_build_call(b, &call);
}

/* Two products where it learns, as a plan that trains has them; ours adds its input, so the gradient is there already. */
static void build_mlp(golden_bench *g, em_builder *b)
{
    const em_ss_block_w *w = &g->w.block;
    const em_grid in = bench_input(g, b);
    const int L = in.H * in.W;
    const size_t hidden = (size_t)(L * w->fc1.n), width = (size_t)(L * in.C);
    em_call call = { .kind = EM_CALL_MLP, .label = "mlp" };
    float *h, *dh;

    g->result = in.x;
    if (!b->practice) {
        call.a.mlp = (em_mlp){ .x = in.x, .w1 = w->fc1, .w2 = w->fc2, .bias1 = w->fc1_bias, .bias2 = w->fc2_bias, .L = L };
        em_build_call(b, &call);
        return;
    }
    h = em_build_floats(b, hidden), dh = em_build_back(b, hidden);
    g->result = em_build_floats(b, width);
    g->dy = in.dx;
    linear(b, (em_norm_linear){ .y = h, .x = in.x, .ldx = (size_t)in.C, .w = w->fc1, .bias = w->fc1_bias, .L = L, .dy = dh, .dx = in.dx, .adds_dx = true,
                                .dbias = em_build_grad(b, w->fc1_bias) });
    linear(b, (em_norm_linear){ .y = g->result, .x = h, .ldx = (size_t)w->fc1.n, .w = w->fc2, .bias = w->fc2_bias, .residual = in.x, .act_before = EM_ACT_GELU,
                                .L = L, .dy = in.dx, .dx = dh, .dbias = em_build_grad(b, w->fc2_bias) });
}

/* ---------------------------------------------------------------- the lists */

#define SS2D(tag)  { "ss2d." tag, "layers.0.blocks.0.op.", bind_ss2d, build_block, configure_block, 0, 0, 0, true }
#define BLOCK(tag) { "vss." tag, "layers.0.blocks.0.", bind_block, build_block, configure_block, 0, 0, 0, false }

const golden_module golden_operators[] = {
    SS2D("p.8x8"), SS2D("p.5x7"), SS2D("ratio1.8x8"), SS2D("ratio1.5x7"), SS2D("n16.8x8"), SS2D("n16.5x7"), SS2D("gated.8x8"), SS2D("gated.5x7"),
    SS2D("v0.8x8"), SS2D("v0.5x7"), SS2D("rank3.16x16"),
    { "embed.v1",     "patch_embed.",         bind_embed, build_embed, configure_module, EM_EMBED_V1, 0, 16, false },
    { "embed.v2",     "patch_embed.",         bind_embed, build_embed, configure_module, EM_EMBED_V2, 0, 16, false },
    { "embed.v2_odd", "patch_embed.",         bind_embed, build_embed, configure_module, EM_EMBED_V2, 0, 16, false },
    { "down.v1",      "layers.0.downsample.", bind_down,  build_down,  configure_module, 0, EM_DOWN_V1, 12, false },
    { "down.v1_odd",  "layers.0.downsample.", bind_down,  build_down,  configure_module, 0, EM_DOWN_V1, 12, false },
    { "down.v2",      "layers.0.downsample.", bind_down,  build_down,  configure_module, 0, EM_DOWN_V2, 12, false },
    { "down.v3",      "layers.0.downsample.", bind_down,  build_down,  configure_module, 0, EM_DOWN_V3, 12, false },
    { "down.v3_odd",  "layers.0.downsample.", bind_down,  build_down,  configure_module, 0, EM_DOWN_V3, 12, false },
    { "head.tscam",   "",                     bind_head,  build_head,  configure_module, 0, 0, 3, false },
    { "norm",         "norm.",                bind_norm,  build_norm,  configure_module, 0, 0, 33, false },
    { "norm_quiet",   "norm.",                bind_norm,  build_norm,  configure_module, 0, 0, 33, false },
    { "mlp",          "",                     bind_mlp,   build_mlp,   configure_module, 0, 0, 16, true },
};
const golden_module golden_blocks[] = { BLOCK("p"), BLOCK("a"), BLOCK("gated"), BLOCK("v0"), BLOCK("s1l8") };

const int golden_n_operators = EM_COUNT(golden_operators), golden_n_blocks = EM_COUNT(golden_blocks);
