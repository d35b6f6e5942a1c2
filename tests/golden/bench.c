/* bench.c - binds a module's golden weights, runs its calls, and back: see bench.h. */
#include "golden/bench.h"

#include "ops/cpu/ops_cpu.h"

/* ---------------------------------------------------------------- parameters */

static const char *strip(const golden_bench *g, const char *name)
{
    const size_t n = strlen(g->module->tag);

    return strncmp(name, g->module->tag, n) == 0 && strncmp(name + n, ".w.", 3) == 0 ? name + n + 3 : NULL;
}

/* A model file says classifier.norm where the head's golden says norm. */
static bool is_heads_norm(const golden_bench *g, const char *short_name)
{
    return strncmp(g->module->tag, "head.", 5) == 0 && strncmp(short_name, "norm.", 5) == 0;
}

static void list_params(golden_bench *g)
{
    g->params.list = calloc((size_t)em_st_count(g->st), sizeof *g->params.list);
    assert_non_null(g->params.list);
    for (int i = 0; i < em_st_count(g->st); i++) {
        const em_st_tensor *t = em_st_get(g->st, i);
        const char *short_name = strip(g, t->name);
        em_param *p = &g->params.list[g->params.n];

        if (!short_name)
            continue;
        snprintf(p->name, sizeof p->name, "%s%s%.60s", g->module->as, is_heads_norm(g, short_name) ? "classifier." : "", short_name);
        p->rank = t->rank;
        memcpy(p->shape, t->shape, sizeof p->shape);
        p->n = t->n;
        p->offset = g->params.n_total;
        g->params.n_total += p->n;
        g->params.n++;
    }
    CHECK(g->params.n > 0, "%s has no weights", g->module->tag);
}

/* The name that p's golden tensor ends with. */
static const char *short_name_of(const golden_bench *g, const em_param *p)
{
    const char *name = p->name + strlen(g->module->as);

    return strncmp(name, "classifier.", 11) == 0 ? name + 11 : name;
}

static em_status read_golden(void *ctx, float *dst, const em_param *p, em_err *err)
{
    golden_bench *g = ctx;
    char name[160];
    const em_st_tensor *t;

    snprintf(name, sizeof name, "%s.w.%s", g->module->tag, short_name_of(g, p));
    t = em_st_find(g->st, name);
    assert_non_null(t);
    return em_st_read(g->st, t, dst, err);
}

static void make_lesson(golden_bench *g)
{
    const size_t n = (size_t)g->params.n, total = g->params.n_total;

    g->lesson = (em_lesson){
        .values = calloc(total, sizeof(float)), .grads = calloc(total, sizeof(float)), .layouts = calloc(n, sizeof *g->lesson.layouts),
        .matrices = calloc(n, sizeof *g->lesson.matrices), .decays = calloc(n, sizeof *g->lesson.decays),
    };
    assert_true(g->lesson.values && g->lesson.grads && g->lesson.layouts && g->lesson.matrices && g->lesson.decays);
    g->practice = (em_practice){ .values = g->lesson.values, .grads = g->lesson.grads };
}

/* What the binder only places where a model learns. */
static void fill_lesson(golden_bench *g)
{
    const em_lesson *l = &g->lesson;
    em_err err;

    for (int i = 0; i < g->params.n; i++) {
        const em_param *p = &g->params.list[i];

        CHECK_OK(read_golden(g, l->values + p->offset, p, &err));
        em_layout_apply(l->layouts[i], l->values + p->offset, g->piece, p);
    }
    em_ops_cpu.repack(g->dev, l->matrices, l->n_matrices);
    for (int i = 0; i < l->n_decays; i++)
        em_ops_cpu.decay(g->dev, l->decays[i].a, l->decays[i].a_log, l->decays[i].n);
}

static void bind(golden_bench *g)
{
    const em_tensor_source from = { read_golden, g };
    em_err err;
    em_binder b = { .ops = &em_ops_cpu, .dev = g->dev, .params = &g->params, .from = &from, .lesson = g->learns ? &g->lesson : NULL, .err = &err };

    g->module->bind(g, &b);                             /* measures */
    b.laid = malloc(g->params.n_total * sizeof *b.laid);
    b.piece = g->piece = malloc(g->params.n_total * sizeof *b.piece);
    g->weights = em_alloc(b.arena.high + 1);
    assert_true(b.laid && b.piece && g->weights);
    b.arena = (em_arena){ .base = g->weights, .size = b.arena.high };
    g->module->bind(g, &b);
    CHECK(b.status == EM_OK, "%s: %s", g->module->tag, err.msg);
    free(b.laid);
    if (g->learns)
        fill_lesson(g);
}

/* ---------------------------------------------------------------- calls */

em_grid bench_input(golden_bench *g, em_builder *b)
{
    const size_t window = g->n_input / (size_t)g->batch;

    g->in.x = em_build_floats(b, window);
    g->in.dx = em_build_back(b, window);
    if (g->in.x)
        memcpy(g->in.x, g->input, g->n_input * sizeof *g->input);
    return g->in;
}

static void build(golden_bench *g)
{
    em_builder b = { .ops = &em_ops_cpu, .dev = g->dev, .cfg = &g->cfg, .needs = { .max_batch = g->batch, .trains = g->learns },
                     .practice = g->learns ? &g->practice : NULL };
    em_arena *back = &g->practice.arena;
    em_err err;

    g->module->build(g, &b);                            /* measures */
    CHECK_OK(em_ops_cpu.reserve(g->dev, &b.needs, &err));
    g->activations = em_alloc(b.arena.high + back->high);
    assert_non_null(g->activations);
    *back = (em_arena){ .base = (char *)g->activations + b.arena.high, .size = back->high };
    b.arena = (em_arena){ .base = g->activations, .size = b.arena.high };
    b.plan = &g->plan;
    g->module->build(g, &b);
    CHECK(b.status == EM_OK, "%s cannot be built", g->module->tag);
}

static void read_input(golden_bench *g)
{
    const em_st_tensor *t;

    g->input = golden_read(g->st, &g->n_input, &t, "%s.x0", g->module->tag);
    g->batch = t->rank == 2 ? 1 : (int)t->shape[0];
    if (t->rank == 2)                                   /* rows */
        g->in = (em_grid){ .H = 1, .W = (int)t->shape[0], .C = (int)t->shape[1] };
    else if (strncmp(g->module->tag, "embed.", 6) == 0) /* [B, 1, H, W] */
        g->in = (em_grid){ .H = (int)t->shape[2], .W = (int)t->shape[3], .C = 1 };
    else
        g->in = (em_grid){ .H = (int)t->shape[1], .W = (int)t->shape[2], .C = (int)t->shape[3] };
}

void bench_open(golden_bench *g, em_dev *dev, em_st *st, const golden_module *m, bool learns)
{
    *g = (golden_bench){ .module = m, .dev = dev, .st = st, .learns = learns };
    list_params(g);
    read_input(g);
    m->configure(g);
    if (learns)
        make_lesson(g);
    bind(g);
    build(g);
    em_plan_run(&g->plan, &em_ops_cpu, dev, g->batch, NULL, NULL);
}

void bench_close(golden_bench *g)
{
    free(g->params.list);
    free(g->input);
    free(g->piece);
    free(g->lesson.values), free(g->lesson.grads), free((void *)g->lesson.layouts), free(g->lesson.matrices), free(g->lesson.decays);
    free(g->weights);
    free(g->activations);
    em_plan_deinit(&g->plan);
}

void bench_back(golden_bench *g)
{
    size_t n;
    float *dy = golden_read(g->st, &n, NULL, "%s.dy", g->module->tag);

    memcpy(g->dy, dy, n * sizeof *dy);
    free(dy);
    for (int i = g->plan.n - 1; i >= 0; i--)
        em_plan_call_back(&g->plan.calls[i], &em_ops_cpu, g->dev, g->batch);
}

/* ---------------------------------------------------------------- comparisons */

/* less: what ours has beside the golden number; NULL: nothing. */
static double share_off(const float *got, const float *less, const float *want, size_t n)
{
    float *x = malloc(n * sizeof *x);
    double off;

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = got[i] - (less ? less[i] : 0);
    off = golden_difference(x, want, n) / golden_largest(want, n);
    free(x);
    return off;
}

double bench_result_off(const golden_bench *g)
{
    size_t n;
    float *want = golden_read(g->st, &n, NULL, "%s.y", g->module->tag);
    const double off = share_off(g->result, g->module->adds_input ? g->input : NULL, want, n);

    free(want);
    return off;
}

double bench_dx_off(const golden_bench *g)
{
    size_t n;
    float *want = golden_read(g->st, &n, NULL, "%s.dx0", g->module->tag), *dy = golden_read(g->st, NULL, NULL, "%s.dy", g->module->tag);
    const double off = share_off(g->in.dx, g->module->adds_input ? dy : NULL, want, n);

    free(want);
    free(dy);
    return off;
}

double bench_gradient_off(const golden_bench *g, const em_param *p)
{
    float *want = golden_read(g->st, NULL, NULL, "%s.dw.%s", g->module->tag, short_name_of(g, p)), *got = malloc(p->n * sizeof *got);
    double off;

    assert_non_null(got);
    memcpy(got, g->lesson.grads + p->offset, p->n * sizeof *got);
    em_layout_undo(g->lesson.layouts[p - g->params.list], got, g->piece, p);
    off = share_off(got, NULL, want, p->n);
    free(want);
    free(got);
    return off;
}

void bench_everywhere(void (*f)(em_dev *dev, em_st *st, const golden_module *m), em_st *st, const golden_module *list, int n)
{
    static const char *const isas[] = { "avx512", "avx2", "base" };

    for (size_t i = 0; i < 2 * EM_COUNT(isas); i++) {
        em_dev *dev;
        em_err err;

        if (em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 1 + (int)(i % 2), .isa = isas[i / 2] }, &err) != EM_OK) {
            printf("SKIPPED: %s\n", err.msg);
            continue;
        }
        for (int j = 0; j < n; j++)
            f(dev, st, &list[j]);
        em_ops_cpu.close(dev);
    }
}
