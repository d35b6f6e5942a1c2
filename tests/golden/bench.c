/* bench.c - binds a module's golden weights and runs its calls: see bench.h. */
#include "golden/bench.h"

#include "ops/cpu/ops_cpu.h"

static const char *strip(const golden_bench *g, const char *name)
{
    const size_t n = strlen(g->tag);

    return strncmp(name, g->tag, n) == 0 && strncmp(name + n, ".w.", 3) == 0 ? name + n + 3 : NULL;
}

void bench_open(golden_bench *g, em_dev *dev, em_st *st, const char *tag, const char *as)
{
    memset(g, 0, sizeof *g);
    g->dev = dev;
    g->st = st;
    g->tag = tag;
    g->as = as;
    g->params.list = calloc((size_t)em_st_count(st), sizeof *g->params.list);
    assert_non_null(g->params.list);
    for (int i = 0; i < em_st_count(st); i++) {
        const em_st_tensor *t = em_st_get(st, i);
        em_param *p = &g->params.list[g->params.n];

        if (!strip(g, t->name))
            continue;
        snprintf(p->name, sizeof p->name, "%s%s", as, strip(g, t->name));
        p->rank = t->rank;
        memcpy(p->shape, t->shape, sizeof p->shape);
        p->n = t->n;
        g->params.n++;
    }
    CHECK(g->params.n > 0, "%s has no weights", tag);
}

void bench_close(golden_bench *g)
{
    free(g->params.list);
    free(g->weights);
    free(g->activations);
    em_plan_deinit(&g->plan);
}

static em_status read_golden(void *ctx, float *dst, const em_param *p, em_err *err)
{
    golden_bench *g = ctx;
    char name[160];
    const em_st_tensor *t;
    const char *short_name = p->name + strlen(g->as);

    if (strncmp(short_name, "classifier.", 11) == 0)    /* so a model file says; the golden operator does not */
        short_name += 11;
    snprintf(name, sizeof name, "%s.w.%s", g->tag, short_name);
    t = em_st_find(g->st, name);
    assert_non_null(t);
    return em_st_read(g->st, t, dst, err);
}

void bench_bind(golden_bench *g, void (*f)(golden_bench *g, em_binder *b))
{
    const em_tensor_source from = { read_golden, g };
    em_err err;
    em_binder b = { .ops = &em_ops_cpu, .dev = g->dev, .params = &g->params, .from = &from, .err = &err };

    f(g, &b);
    b.laid = malloc(1 << 20);
    b.piece = malloc((b.n_piece + 1) * sizeof *b.piece);
    g->weights = em_alloc(b.arena.high);
    assert_true(b.laid && b.piece && g->weights);
    b.arena = (em_arena){ .base = g->weights, .size = b.arena.high };
    f(g, &b);
    CHECK(b.status == EM_OK, "%s: %s", g->tag, err.msg);
    free(b.laid);
    free(b.piece);
}

void bench_run(golden_bench *g, int B, void (*f)(golden_bench *g, em_builder *b))
{
    em_builder b = { .ops = &em_ops_cpu, .dev = g->dev, .cfg = &g->cfg, .needs.max_batch = B };
    em_err err;

    f(g, &b);
    CHECK_OK(em_ops_cpu.reserve(g->dev, &b.needs, &err));
    g->activations = em_alloc(b.arena.high);
    assert_non_null(g->activations);
    b.arena = (em_arena){ .base = g->activations, .size = b.arena.high };
    b.plan = &g->plan;
    f(g, &b);
    em_plan_run(&g->plan, &em_ops_cpu, g->dev, B, NULL, NULL);
}
