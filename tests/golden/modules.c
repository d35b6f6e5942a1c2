/* modules.c - the golden modules: which tensors each binds, which calls it is built of. See bench.h. */
#include "golden/bench.h"

/* ---------------------------------------------------------------- blocks, and SS2D alone */

/* The flags of a block, read off its tensors. */
static void configure_block(golden_bench *g)
{
    const em_param *a_logs = em_params_find(&g->params, "layers.0.blocks.0.op.A_logs");
    const em_param *in = em_params_find(&g->params, "layers.0.blocks.0.op.in_proj.weight");

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
    g->w.block = (em_ss_block_w){ .mlp = {
        .fc1 = em_bind_matrix(b, NULL, "fc1.weight"), .fc2 = em_bind_matrix(b, NULL, "fc2.weight"),
        .fc1_bias = em_bind(b, NULL, "fc1.bias"), .fc2_bias = em_bind(b, NULL, "fc2.bias"),
    } };
}

/* Ours adds its input, so the gradient is there already. */
static void build_mlp(golden_bench *g, em_builder *b)
{
    const em_grid in = bench_input(g, b);

    g->dy = in.dx;
    g->result = em_mlp_build(b, &g->w.block.mlp, in, 0).x;
}

/* ---------------------------------------------------------------- a block of HTS-AT */

/* Its tokens come without their grid; an odd block is shifted, where the grid is more than one window. */
static int attention_block(const golden_bench *g) { return strstr(g->module->as, "blocks.1.") != NULL; }

static void configure_attention(golden_bench *g)
{
    const bool is_one = strstr(g->module->tag, "one_window") != NULL;

    g->cfg = (em_config){ .block = EM_BLOCK_SWIN, .heads = { is_one ? 8 : 4 }, .window = 8 };
    g->in = (em_grid){ .H = is_one ? 8 : 16, .W = is_one ? 8 : 24 };
    g->in.C = (int)(g->n_input / (size_t)(g->batch * g->in.H * g->in.W));
}

static void bind_attention(golden_bench *g, em_binder *b) { em_attention_block_bind(&g->w.attention, b, &g->cfg, 0, attention_block(g)); }

static void build_attention(golden_bench *g, em_builder *b)
{
    const em_grid in = bench_input(g, b);

    g->dy = in.dx;                                      /* the residual's: the block adds to it */
    g->result = em_attention_block_build(b, &g->w.attention, in, 0, attention_block(g)).x;
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
    { "attention.plain",      "layers.0.blocks.0.", bind_attention, build_attention, configure_attention, 0, 0, 0, false },
    { "attention.shifted",    "layers.0.blocks.1.", bind_attention, build_attention, configure_attention, 0, 0, 0, false },
    { "attention.one_window", "layers.0.blocks.1.", bind_attention, build_attention, configure_attention, 0, 0, 0, false },
    { "head.tscam",   "",                     bind_head,  build_head,  configure_module, 0, 0, 3, false },
    { "norm",         "norm.",                bind_norm,  build_norm,  configure_module, 0, 0, 33, false },
    { "norm_quiet",   "norm.",                bind_norm,  build_norm,  configure_module, 0, 0, 33, false },
    { "mlp",          "",                     bind_mlp,   build_mlp,   configure_module, 0, 0, 16, true },
};
const golden_module golden_blocks[] = { BLOCK("p"), BLOCK("a"), BLOCK("gated"), BLOCK("v0"), BLOCK("s1l8") };

const int golden_n_operators = EM_COUNT(golden_operators), golden_n_blocks = EM_COUNT(golden_blocks);
