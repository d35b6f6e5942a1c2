/* ops.c - operators, modules and blocks against the official code, on every instruction set this CPU has.
 * Tolerance: 1e-5 of the largest element of the official output. The scan alone has a file of its own. */
#include "golden/bench.h"

#include "ops/cpu/ops_cpu.h"

static em_st *ops_st, *blocks_st;

static const char *const isas[] = { "avx512", "avx2", "base" };

/* One case at work: what f fills in while it builds. */
static union { em_ss_block_w block; em_embed_w embed; em_down_w down; em_head_w head; em_norm norm; } w;
static em_grid grid;                            /* where the input goes; its result, after the run */
static em_outputs outputs;
static float *result;

static void check(const char *tag, const float *got, const float *want, size_t n)
{
    const double off = golden_difference(got, want, n) / golden_largest(want, n);

    CHECK(off <= 1e-5, "%s: off by %.3g of the largest", tag, off);
}

/* ---------------------------------------------------------------- blocks, and SS2D alone */

static void bind_block(golden_bench *g, em_binder *b)
{
    em_ss_block_bind(&w.block, b, &g->cfg, 0, 0);
}

/* SS2D without the block's norm: bind what there is. */
static void bind_ss2d(golden_bench *g, em_binder *b)
{
    memset(&w.block, 0, sizeof w.block);
    w.block.in_proj = em_bind_matrix(b, NULL, "layers.0.blocks.0.op.in_proj.weight");
    w.block.taps = em_bind(b, &em_layout_taps, "layers.0.blocks.0.op.conv2d.weight");
    if (g->cfg.has_conv_bias)
        w.block.conv_bias = em_bind(b, NULL, "layers.0.blocks.0.op.conv2d.bias");
    w.block.x_proj = em_bind_matrix(b, NULL, "layers.0.blocks.0.op.x_proj_weight");
    w.block.dt_w = em_bind(b, &em_layout_dt, "layers.0.blocks.0.op.dt_projs_weight");
    w.block.dt_bias = em_bind(b, NULL, "layers.0.blocks.0.op.dt_projs_bias");
    w.block.decay = em_bind_decay(b, "layers.0.blocks.0.op.A_logs");
    w.block.skip = em_bind(b, NULL, "layers.0.blocks.0.op.Ds");
    w.block.out_norm = em_bind_norm(b, NULL, "layers.0.blocks.0.op.out_norm");
    w.block.out_proj = em_bind_matrix(b, NULL, "layers.0.blocks.0.op.out_proj.weight");
}

static float *input;
static size_t n_input;
static int batch;

static void build_block(golden_bench *g, em_builder *b)
{
    (void)g;
    grid.x = em_build_floats(b, n_input / (size_t)batch);
    if (grid.x)
        memcpy(grid.x, input, n_input * sizeof *input);
    em_ss_block_build(b, &w.block, grid, 0);
}

/* The flags of a block, read off its tensors. */
static void flags(golden_bench *g, const char *op)
{
    const em_param *in, *a_logs = NULL;
    char name[96];

    snprintf(name, sizeof name, "%sA_logs", op);
    a_logs = em_params_find(&g->params, name);
    snprintf(name, sizeof name, "%sin_proj.weight", op);
    in = em_params_find(&g->params, name);
    assert_true(in && a_logs);
    for (int i = 0; i < EM_STAGES; i++)
        g->cfg.dims[i] = (int)in->shape[1] << i;
    g->cfg.d_state = (int)a_logs->shape[1];
    g->cfg.has_gate = in->shape[0] == a_logs->shape[0] / 2;
    g->cfg.ssm_ratio = (float)(a_logs->shape[0] / 4) / (float)in->shape[1];
    snprintf(name, sizeof name, "%sconv2d.bias", op);
    g->cfg.has_conv_bias = em_params_find(&g->params, name) != NULL;
    g->cfg.mlp_ratio = em_params_find(&g->params, "layers.0.blocks.0.mlp.fc1.weight") ? 4.f : 0.f;
}

static void run_block(em_dev *dev, em_st *st, const char *tag, const char *as, bool is_alone)
{
    golden_bench g;
    const em_st_tensor *t;
    size_t n;
    float *want;

    bench_open(&g, dev, st, tag, as);
    flags(&g, "layers.0.blocks.0.op.");
    input = golden_read(st, &n_input, &t, "%s.x0", tag);
    want = golden_read(st, &n, NULL, "%s.y", tag);
    batch = (int)t->shape[0];
    grid = (em_grid){ .H = (int)t->shape[1], .W = (int)t->shape[2], .C = (int)t->shape[3] };
    bench_bind(&g, is_alone ? bind_ss2d : bind_block);
    bench_run(&g, batch, build_block);
    if (is_alone)                                       /* the block adds its input */
        for (size_t i = 0; i < n; i++)
            grid.x[i] -= input[i];
    check(tag, grid.x, want, n);
    free(input);
    free(want);
    bench_close(&g);
}

static void each_ss2d(em_dev *dev)
{
    static const char *const tags[] = { "p.8x8", "p.5x7", "ratio1.8x8", "ratio1.5x7", "n16.8x8", "n16.5x7", "gated.8x8", "gated.5x7",
                                        "v0.8x8", "v0.5x7", "rank3.16x16" };
    char tag[64];

    for (size_t i = 0; i < EM_COUNT(tags); i++) {
        snprintf(tag, sizeof tag, "ss2d.%s", tags[i]);
        run_block(dev, ops_st, tag, "layers.0.blocks.0.op.", true);
    }
}

static void each_block(em_dev *dev)
{
    static const char *const tags[] = { "vss.p", "vss.a", "vss.gated", "vss.v0", "vss.s1l8" };

    for (size_t i = 0; i < EM_COUNT(tags); i++)
        run_block(dev, blocks_st, tags[i], "layers.0.blocks.0.", false);
}

/* ---------------------------------------------------------------- embed, downsample, head, norm, MLP */

static void bind_embed(golden_bench *g, em_binder *b) { em_embed_bind(&w.embed, b, &g->cfg); }
static void bind_down(golden_bench *g, em_binder *b)  { em_down_bind(&w.down, b, &g->cfg, 0); }
static void bind_head(golden_bench *g, em_binder *b)  { em_head_bind(&w.head, b, &g->cfg); }
static void bind_norm(golden_bench *g, em_binder *b)  { (void)g; w.norm = em_bind_norm(b, NULL, "norm"); }

static em_grid put_input(em_builder *b)
{
    em_grid in = grid;

    in.x = em_build_floats(b, n_input / (size_t)batch);
    if (in.x)
        memcpy(in.x, input, n_input * sizeof *input);
    return in;
}

static void build_embed(golden_bench *g, em_builder *b)
{
    em_grid out = em_embed_room(b, grid.H, grid.W);

    (void)g;
    em_embed_build(b, &w.embed, put_input(b), out);
    result = out.x;
}

static void build_down(golden_bench *g, em_builder *b)  { (void)g; result = em_down_build(b, &w.down, put_input(b), 0).x; }
static void build_head(golden_bench *g, em_builder *b)  { (void)g; outputs = em_head_build(b, &w.head, put_input(b)); result = outputs.slots; }

static void build_norm(golden_bench *g, em_builder *b)
{
    em_grid in = put_input(b);
    em_call call = { .kind = EM_CALL_TOKENS, .label = "norm" };

    (void)g;
    result = em_build_floats(b, n_input / (size_t)batch);
    call.a.tokens = (em_tokens){ .y = result, .latent = em_build_floats(b, (size_t)in.C), .x = in.x, .H = 1, .W = in.W, .C = in.C, .fold = 1, .norm = w.norm };
    em_build_call(b, &call);
}

typedef struct module_case {
    const char *tag, *as;
    void (*bind)(golden_bench *g, em_binder *b);
    void (*build)(golden_bench *g, em_builder *b);
    em_embed_kind embed;
    em_down_kind down;
    int d;                                              /* dims[0] */
} module_case;

static const module_case modules[] = {
    { "embed.v1",     "patch_embed.",         bind_embed, build_embed, EM_EMBED_V1, 0, 16 },
    { "embed.v2",     "patch_embed.",         bind_embed, build_embed, EM_EMBED_V2, 0, 16 },
    { "embed.v2_odd", "patch_embed.",         bind_embed, build_embed, EM_EMBED_V2, 0, 16 },
    { "down.v1",      "layers.0.downsample.", bind_down,  build_down,  0, EM_DOWN_V1, 12 },
    { "down.v1_odd",  "layers.0.downsample.", bind_down,  build_down,  0, EM_DOWN_V1, 12 },
    { "down.v2",      "layers.0.downsample.", bind_down,  build_down,  0, EM_DOWN_V2, 12 },
    { "down.v3",      "layers.0.downsample.", bind_down,  build_down,  0, EM_DOWN_V3, 12 },
    { "down.v3_odd",  "layers.0.downsample.", bind_down,  build_down,  0, EM_DOWN_V3, 12 },
    { "head.tscam",   "",                     bind_head,  build_head,  0, 0, 3 },
    { "norm",         "norm.",                bind_norm,  build_norm,  0, 0, 33 },
    { "norm_quiet",   "norm.",                bind_norm,  build_norm,  0, 0, 33 },
};

/* The head's golden calls its norm "norm"; a model file says classifier.norm. */
static void rename_head(golden_bench *g)
{
    for (int i = 0; i < g->params.n; i++)
        if (strncmp(g->params.list[i].name, "norm.", 5) == 0) {
            char name[96];
            snprintf(name, sizeof name, "classifier.%.80s", g->params.list[i].name);
            memcpy(g->params.list[i].name, name, sizeof name);
        }
}

static void run_module(em_dev *dev, const module_case *c)
{
    golden_bench g;
    const em_st_tensor *t;
    size_t n;
    float *want;

    bench_open(&g, dev, ops_st, c->tag, c->as);
    if (c->bind == bind_head)
        rename_head(&g);
    g.cfg = (em_config){ .embed = c->embed, .down = c->down, .head = EM_HEAD_TSCAM, .fold = 4, .n_classes = 11 };
    for (int i = 0; i < EM_STAGES; i++)
        g.cfg.dims[i] = c->d << i;
    input = golden_read(ops_st, &n_input, &t, "%s.x0", c->tag);
    want = golden_read(ops_st, &n, NULL, "%s.y", c->tag);
    if (t->rank == 2) {                                 /* rows */
        batch = 1;
        grid = (em_grid){ .H = 1, .W = (int)t->shape[0], .C = (int)t->shape[1] };
    } else {
        const bool is_image = c->bind == bind_embed;    /* [B, 1, H, W] */

        batch = (int)t->shape[0];
        grid = (em_grid){ .H = (int)t->shape[is_image ? 2 : 1], .W = (int)t->shape[is_image ? 3 : 2], .C = (int)t->shape[is_image ? 1 : 3] };
    }
    bench_bind(&g, c->bind);
    bench_run(&g, batch, c->build);
    check(c->tag, result, want, n);
    free(input);
    free(want);
    bench_close(&g);
}

static void each_module(em_dev *dev)
{
    for (size_t i = 0; i < EM_COUNT(modules); i++)
        run_module(dev, &modules[i]);
}

static void bind_mlp(golden_bench *g, em_binder *b)
{
    (void)g;
    w.block.mlp.fc1 = em_bind_matrix(b, NULL, "fc1.weight");
    w.block.mlp.fc2 = em_bind_matrix(b, NULL, "fc2.weight");
    w.block.mlp.fc1_bias = em_bind(b, NULL, "fc1.bias");
    w.block.mlp.fc2_bias = em_bind(b, NULL, "fc2.bias");
}

static void build_mlp(golden_bench *g, em_builder *b)
{
    em_grid in = put_input(b);
    em_call call = { .kind = EM_CALL_MLP, .label = "mlp" };

    (void)g;
    call.a.mlp = (em_mlp){ .x = in.x, .w1 = w.block.mlp.fc1, .w2 = w.block.mlp.fc2, .bias1 = w.block.mlp.fc1_bias, .bias2 = w.block.mlp.fc2_bias, .L = in.W };
    em_build_call(b, &call);
    result = in.x;
}

/* Ours adds its input and may norm it; the official operator does neither. */
static void mlp_alone(em_dev *dev)
{
    golden_bench g;
    size_t n;
    float *want;

    bench_open(&g, dev, ops_st, "mlp", "");
    input = golden_read(ops_st, &n_input, NULL, "mlp.x0");
    want = golden_read(ops_st, &n, NULL, "mlp.y");
    batch = 1;
    grid = (em_grid){ .H = 1, .W = (int)(n_input / 16), .C = 16 };
    bench_bind(&g, bind_mlp);
    bench_run(&g, batch, build_mlp);
    for (size_t i = 0; i < n; i++)
        result[i] -= input[i];
    check("mlp", result, want, n);
    free(input);
    free(want);
    bench_close(&g);
}

/* ---------------------------------------------------------------- on each instruction set, with 1 and 2 threads */

static void everywhere(void (*f)(em_dev *dev))
{
    for (size_t i = 0; i < EM_COUNT(isas); i++)
        for (int n_threads = 1; n_threads <= 2; n_threads++) {
            em_dev *dev;
            em_err err;

            if (em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = n_threads, .isa = isas[i] }, &err) != EM_OK) {
                printf("SKIPPED: %s\n", err.msg);
                continue;
            }
            f(dev);
            em_ops_cpu.close(dev);
        }
}

static void ss2d_equals_the_official_one(void **state)    { (void)state; everywhere(each_ss2d); }
static void modules_equal_the_official_ones(void **state) { (void)state; everywhere(each_module); }
static void the_mlp_equals_the_official_one(void **state) { (void)state; everywhere(mlp_alone); }
static void blocks_equal_the_official_ones(void **state)  { (void)state; everywhere(each_block); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ss2d_equals_the_official_one),
        cmocka_unit_test(modules_equal_the_official_ones),
        cmocka_unit_test(the_mlp_equals_the_official_one),
        cmocka_unit_test(blocks_equal_the_official_ones),
    };

    ops_st = golden_open("ops.safetensors");
    blocks_st = golden_open("blocks.safetensors");
    if (!ops_st || !blocks_st)
        SKIP_ALL("no golden operators at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
