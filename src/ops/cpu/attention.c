/* attention.c - window attention, shared out by head and run of windows: em_attention in ops.h.
 *
 * What belongs to a head (its table spread over pairs of tokens) is made once a task; so a task has one head and many
 * windows. Backward sums the table's gradient over a run of windows, and the runs, whose number depends on sizes alone, in
 * their order. */
#include "ops/cpu/device.h"

#include "base/arena.h"

#include <string.h>

enum { RUNS = 16, TASKS_A_THREAD = 4 };     /* RUNS: of backward */

typedef struct job { em_dev *dev; const em_attention *a; int n_windows, n_runs; float *parts; } job;

static size_t whole(int n, int lanes) { return (size_t)((n + lanes - 1) / lanes * lanes); }

static int span(const em_attention *a) { return 2 * a->table_side - 1; }

/* A thread's room; measures where the arena has no memory. */
static em_attention_head carve(em_arena *room, int P, int d, int lanes, bool is_back)
{
    const size_t ldp = whole(P, lanes), ldc = whole(d, lanes), f = sizeof(float), scores = (size_t)P * ldp * f, rows = (size_t)P * ldc * f;

    return (em_attention_head){
        .P = P, .d = d, .ldp = ldp, .ldc = ldc,
        .token = em_arena_alloc(room, (size_t)P * sizeof(size_t)), .place = em_arena_alloc(room, (size_t)P * sizeof(int)),
        .region = em_arena_alloc(room, ldp * f), .bias = em_arena_alloc(room, scores), .p = em_arena_alloc(room, scores),
        .turned = em_arena_alloc(room, (size_t)d * ldp * f), .q = em_arena_alloc(room, rows), .k = em_arena_alloc(room, rows),
        .v = em_arena_alloc(room, rows), .out = em_arena_alloc(room, rows),
        .dy = is_back ? em_arena_alloc(room, rows) : NULL, .dp = is_back ? em_arena_alloc(room, scores) : NULL,
        .sum = is_back ? em_arena_alloc(room, scores) : NULL,
    };
}

size_t em_cpu_attention_floats(const em_dev *dev, int side, int head_width, bool is_back)
{
    em_arena room = { 0 };

    carve(&room, side * side, head_width, dev->k->lanes, is_back);
    return side > 0 ? room.high / sizeof(float) : 0;
}

static em_attention_head head_of(const job *j, int head, int worker, bool is_back)
{
    const em_attention *a = j->a;
    em_arena room = { .base = (char *)j->dev->scratch[worker], .size = j->dev->scratch_floats * sizeof(float) };
    em_attention_head h = carve(&room, a->side * a->side, a->C / a->heads, j->dev->k->lanes, is_back);

    h.a = a;
    h.head = head;
    for (int i = 0; i < h.P; i++)
        h.place[i] = i / a->side * span(a) + i % a->side;
    return h;
}

/* Where the table has a pair of tokens. */
static size_t entry(const em_attention_head *h, int query, int key)
{
    const int centre = (h->a->table_side - 1) * (span(h->a) + 1);

    return (size_t)(h->place[query] - h->place[key] + centre) * (size_t)h->a->heads + (size_t)h->head;
}

static void spread_table(em_attention_head *h)
{
    memset(h->bias, 0, (size_t)h->P * h->ldp * sizeof *h->bias);
    for (int key = 0; key < h->P; key++)
        for (int query = 0; query < h->P; query++)
            h->bias[(size_t)key * h->ldp + (size_t)query] = h->a->table[entry(h, query, key)] * 1.44269504f;
}

/* The tokens of a window of the rolled grid, and the regions they came from: only the last windows have more than one. */
static void enter(em_attention_head *h, int window)
{
    const em_attention *a = h->a;
    const int nx = a->W / a->side, ny = a->H / a->side, y0 = window / nx % ny * a->side, x0 = window % nx * a->side;
    const bool is_last_y = y0 + a->side == a->H, is_last_x = x0 + a->side == a->W;

    h->is_masked = a->shift > 0 && (is_last_y || is_last_x);
    for (int i = 0; i < h->P; i++) {
        const int dy = i / a->side, dx = i % a->side, y = (y0 + dy + a->shift) % a->H, x = (x0 + dx + a->shift) % a->W;

        h->token[i] = ((size_t)(window / nx / ny) * (size_t)a->H + (size_t)y) * (size_t)a->W + (size_t)x;
        h->region[i] = (float)(2 * (is_last_y && dy >= a->side - a->shift) + (is_last_x && dx >= a->side - a->shift));
    }
}

static bool is_kept(const em_attention *a, int window) { return em_cpu_is_kept(a->kept, window / ((a->H / a->side) * (a->W / a->side))); }

static int run_begin(const job *j, int run) { return (int)((long)j->n_windows * run / j->n_runs); }

static void task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    em_attention_head h = head_of(j, i % j->a->heads, worker, false);
    const int run = i / j->a->heads;

    spread_table(&h);
    for (int window = run_begin(j, run); window < run_begin(j, run + 1); window++) {
        if (!is_kept(j->a, window))
            continue;
        enter(&h, window);
        j->dev->k->attention_fwd(&h);
    }
}

static int count_windows(const em_attention *a, int B) { return B * (a->H / a->side) * (a->W / a->side); }

void em_cpu_attention_fwd(em_dev *dev, const em_attention *a, int B)
{
    const int wanted = (TASKS_A_THREAD * em_pool_threads(dev->pool) + a->heads - 1) / a->heads;
    job j = { .dev = dev, .a = a, .n_windows = count_windows(a, B) };

    j.n_runs = wanted < j.n_windows ? wanted : j.n_windows;
    em_pool_run(dev->pool, task, &j, a->heads * j.n_runs);
}

/* ------------------------------------------------------------------ backward */

static size_t part_floats(const em_attention *a) { return (size_t)(span(a) * span(a) * a->heads); }

/* What pairs of tokens add up to, back in the table's order: this head's column of a part. */
static void fold_table(float *part, const em_attention_head *h)
{
    for (int i = 0; i < span(h->a) * span(h->a); i++)
        part[i * h->a->heads + h->head] = 0.f;
    for (int key = 0; key < h->P; key++)
        for (int query = 0; query < h->P; query++)
            part[entry(h, query, key)] += h->sum[(size_t)key * h->ldp + (size_t)query];
}

static void back_task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    em_attention_head h = head_of(j, i % j->a->heads, worker, true);
    const int run = i / j->a->heads;

    spread_table(&h);
    memset(h.sum, 0, (size_t)h.P * h.ldp * sizeof *h.sum);
    for (int window = run_begin(j, run); window < run_begin(j, run + 1); window++) {
        if (!is_kept(j->a, window))
            continue;
        enter(&h, window);
        j->dev->k->attention_bwd(&h);
    }
    fold_table(j->parts + (size_t)run * part_floats(j->a), &h);
}

void em_cpu_attention_bwd(em_dev *dev, const em_attention *a, int B)
{
    const em_sum sums[EM_SUMS] = { { a->dtable, (int)part_floats(a) } };
    job j = { .dev = dev, .a = a, .n_windows = count_windows(a, B) };

    j.n_runs = RUNS < j.n_windows ? RUNS : j.n_windows;
    j.parts = em_cpu_shared(dev, (size_t)j.n_runs * part_floats(a));
    if (!j.parts)
        return;
    em_pool_run(dev->pool, back_task, &j, a->heads * j.n_runs);
    em_cpu_add_parts(dev, sums, j.parts, part_floats(a), j.n_runs);
}
