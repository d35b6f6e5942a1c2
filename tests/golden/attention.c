/* attention.c - whole blocks of HTS-AT against the official code, as they infer and as they train, and all their gradients.
 * Tolerance: outputs within 1e-5 of their largest element, gradients within 5e-5. */
#include "golden/bench.h"

#include "ops/cpu/ops_cpu.h"

static em_st *st;

typedef struct block_case { const char *tag; int H, W, heads, block; } block_case;

static const block_case cases[] = { { "attention.plain", 16, 24, 4, 0 }, { "attention.shifted", 16, 24, 4, 1 }, { "attention.one_window", 8, 8, 8, 1 } };

/* A block that learns: its parameters in one block, gradients in another. */
typedef struct lesson {
    golden_bench         g;
    em_lesson            block;
    em_attention_block_w w;
    void                *packed;
    char                 as[32];                /* what the model calls the block */
    size_t               n;
} lesson;

static void bind(lesson *l, em_binder *b, int block) { em_attention_block_bind(&l->w, b, &l->g.cfg, 0, block); }

static void open_lesson(lesson *l, em_dev *dev, const block_case *c)
{
    em_err err;
    em_binder b = { .ops = &em_ops_cpu, .dev = dev, .lesson = &l->block, .err = &err };
    const size_t most = sizeof(void *) * 64;

    *l = (lesson){ 0 };
    snprintf(l->as, sizeof l->as, "layers.0.blocks.%d.", c->block);
    bench_open(&l->g, dev, st, c->tag, l->as);
    l->g.cfg = (em_config){ .block = EM_BLOCK_SWIN, .heads = { c->heads }, .window = 8 };
    for (int i = 0; i < l->g.params.n; i++) {
        l->g.params.list[i].offset = l->n;
        l->n += l->g.params.list[i].n;
    }
    l->block = (em_lesson){ .values = em_alloc(l->n * 4), .grads = em_alloc(l->n * 4), .layouts = em_alloc(most), .matrices = em_alloc(8 * sizeof(em_repack)) };
    assert_true(l->block.values && l->block.grads && l->block.layouts && l->block.matrices && l->g.params.n < 64);
    b.params = &l->g.params;
    bind(l, &b, c->block);
    l->packed = em_alloc(b.arena.high);
    assert_non_null(l->packed);
    b.arena = (em_arena){ .base = l->packed, .size = b.arena.high };
    bind(l, &b, c->block);
    for (int i = 0; i < l->g.params.n; i++) {
        const em_param *p = &l->g.params.list[i];
        float *x = golden_read(st, NULL, NULL, "%s.w.%s", c->tag, p->name + strlen(l->as));

        memcpy(l->block.values + p->offset, x, p->n * sizeof *x);
        free(x);
    }
    em_ops_cpu.repack(dev, l->block.matrices, l->block.n_matrices);
}

static void close_lesson(lesson *l)
{
    free(l->block.values), free(l->block.grads), free((void *)l->block.layouts), free(l->block.matrices), free(l->packed);
    bench_close(&l->g);
}

static void check(const char *tag, const char *what, const float *got, const float *want, size_t n, double tolerance)
{
    const double off = golden_difference(got, want, n) / golden_largest(want, n);

    CHECK(off <= tolerance, "%s: %s off by %.3g of the largest", tag, what, off);
}

/* Builds the block on x[B][H][W][C]; a first time to measure. Returns where it leaves its grid. */
static em_grid build(lesson *l, const block_case *c, em_practice *practice, int B, const float *x, em_grid *in, void **memory)
{
    const size_t n = (size_t)B * (size_t)in->H * (size_t)in->W * (size_t)in->C;
    em_builder b = { .ops = &em_ops_cpu, .dev = l->g.dev, .cfg = &l->g.cfg, .needs = { .max_batch = B, .trains = practice }, .practice = practice };
    em_grid out = { 0 };
    em_err err;

    for (int pass = 0; pass < 2; pass++) {
        in->x = em_build_floats(&b, n / (size_t)B);
        in->dx = em_build_back(&b, n / (size_t)B);
        out = em_attention_block_build(&b, &l->w, *in, 0, c->block);
        if (pass == 1)
            break;
        memory[0] = em_alloc(b.arena.high);
        b.arena = (em_arena){ .base = memory[0], .size = b.arena.high };
        if (practice) {
            memory[1] = em_alloc(practice->arena.high);
            practice->arena = (em_arena){ .base = memory[1], .size = practice->arena.high };
        }
        b.plan = &l->g.plan;
        CHECK_OK(em_ops_cpu.reserve(l->g.dev, &b.needs, &err));
    }
    memcpy(in->x, x, n * sizeof *x);
    return out;
}

static void infers(lesson *l, const block_case *c, int B, const float *x, em_grid in, const float *want, size_t n)
{
    void *memory[2] = { 0 };
    const em_grid out = build(l, c, NULL, B, x, &in, memory);

    em_plan_run(&l->g.plan, &em_ops_cpu, l->g.dev, B, NULL, NULL);
    check(c->tag, "y", out.x, want, n, 1e-5);
    em_plan_deinit(&l->g.plan);
    free(memory[0]);
}

static void learns(lesson *l, const block_case *c, int B, const float *x, em_grid in, const float *want, size_t n)
{
    em_practice practice = { .values = l->block.values, .grads = l->block.grads };
    void *memory[2] = { 0 };
    const em_grid out = build(l, c, &practice, B, x, &in, memory);
    float *dy = golden_read(st, NULL, NULL, "%s.dy", c->tag), *dx = golden_read(st, NULL, NULL, "%s.dx0", c->tag);

    em_plan_run(&l->g.plan, &em_ops_cpu, l->g.dev, B, NULL, NULL);
    check(c->tag, "y while it trains", out.x, want, n, 1e-5);
    memcpy(in.dx, dy, n * sizeof *dy);                      /* the residual's: the block adds to it */
    for (int i = l->g.plan.n - 1; i >= 0; i--)
        em_plan_call_back(&l->g.plan.calls[i], &em_ops_cpu, l->g.dev, B);
    check(c->tag, "dx", in.dx, dx, n, 5e-5);
    for (int i = 0; i < l->g.params.n; i++) {
        const em_param *p = &l->g.params.list[i];
        float *dw = golden_read(st, NULL, NULL, "%s.dw.%s", c->tag, p->name + strlen(l->as));

        check(c->tag, p->name, l->block.grads + p->offset, dw, p->n, 5e-5);
        free(dw);
    }
    free(memory[0]), free(memory[1]), free(dy), free(dx);
}

static void run_case(em_dev *dev, const block_case *c)
{
    const em_st_tensor *t;
    size_t n;
    float *x = golden_read(st, &n, &t, "%s.x0", c->tag), *want = golden_read(st, NULL, NULL, "%s.y", c->tag);
    const em_grid in = { .H = c->H, .W = c->W, .C = (int)t->shape[2] };
    const int B = (int)t->shape[0];
    lesson l;

    open_lesson(&l, dev, c);
    infers(&l, c, B, x, in, want, n);
    learns(&l, c, B, x, in, want, n);
    close_lesson(&l);
    free(x);
    free(want);
}

static void blocks_and_their_gradients_are_the_official_ones(void **state)
{
    static const em_dev_cfg devices[] = { { 1, "avx512", 0 }, { 2, "avx512", 0 }, { 1, "avx2", 0 }, { 2, "avx2", 0 }, { 2, "base", 0 } };

    (void)state;
    for (size_t d = 0; d < EM_COUNT(devices); d++) {
        em_dev *dev;
        em_err err;

        if (em_ops_cpu.open(&dev, &devices[d], &err) != EM_OK) {
            printf("SKIPPED: %s\n", err.msg);
            continue;
        }
        for (size_t i = 0; i < EM_COUNT(cases); i++)
            run_case(dev, &cases[i]);
        em_ops_cpu.close(dev);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(blocks_and_their_gradients_are_the_official_ones) };

    st = golden_open("ops.safetensors");
    if (!st || !golden_has(st, "attention.plain.y"))
        SKIP_ALL("no golden blocks of attention at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
