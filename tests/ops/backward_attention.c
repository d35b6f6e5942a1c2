/* backward_attention.c - the gradients of window attention, at sizes that sit at the edges of windows, heads and runs: see back.h. */
#include "ops/back.h"

#include "ops/reference.h"

typedef struct window_size { int B, H, W, C, heads, side, shift, table_side; const char *reason; } window_size;

/* Inputs of an attention, and its gradients in double. */
typedef struct attention { em_attention a; int B; size_t n, n_table; float *qkv, *table, *dy; double *dqkv, *dtable; } attention;

static attention make_attention(const window_size *z)
{
    const size_t n = (size_t)(z->H * z->W * z->C), span = (size_t)(2 * z->table_side - 1), n_table = span * span * (size_t)z->heads, B = (size_t)z->B;
    attention s = { .B = z->B, .n = n, .n_table = n_table, .qkv = numbers(B * 3 * n, 1), .table = numbers(n_table, 1), .dy = numbers(B * n, 1),
                    .dqkv = doubles(B * 3 * n), .dtable = doubles(n_table) };

    s.a = (em_attention){ .qkv = s.qkv, .H = z->H, .W = z->W, .C = z->C, .heads = z->heads, .side = z->side, .shift = z->shift,
                          .table_side = z->table_side, .table = s.table, .dy = s.dy };
    ref_attention_bwd(s.dqkv, s.dtable, &s.a, z->B);
    return s;
}

static void free_attention(attention *s)
{
    free(s->qkv), free(s->table), free(s->dy), free(s->dqkv), free(s->dtable);
}

static double attention_loss(const void *args)
{
    const attention *s = args;
    const size_t n = (size_t)s->B * s->n;
    double *y = doubles(n), loss;

    ref_attention(y, &s->a, s->B);
    loss = inner_product(y, s->dy, n);
    free(y);
    return loss;
}

static void attentions_plain_loops_agree_with_differences(void **state)
{
    attention s = make_attention(&(window_size){ 2, 4, 6, 4, 2, 2, 1, 3, "" });

    (void)state;
    check_differences(attention_loss, &s, (moved[]){
        { "dqkv", s.qkv, s.dqkv, 2 * 3 * s.n, false }, { "dtable", s.table, s.dtable, s.n_table, false }, { 0 },
    });
    free_attention(&s);
}

static void run_attention(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const attention *s = args;
    em_attention a = s->a;

    a.qkv = lay_inner(dev, a.qkv + (size_t)first * 3 * s->n, (size_t)B * 3 * s->n);
    a.table = lay(dev, a.table, s->n_table);
    a.dy = lay(dev, a.dy + (size_t)first * s->n, (size_t)B * s->n);
    a.dqkv = grads[0];
    a.dtable = grads[1];
    em_back_ops->attention_bwd(dev, &a, B);
}

static void attention_has_the_gradients_of_the_plain_loops(void **state)
{
    static const window_size sizes[] = {
        { 3, 16, 24, 96, 4, 8, 0, 8, "HTS-AT's heads of 24" }, { 3, 16, 24, 96, 4, 8, 4, 8, "rolled: four regions in the last window" },
        { 2, 8, 8, 64, 32, 8, 0, 8, "one window, heads of two" }, { 3, 8, 4, 34, 2, 4, 0, 8, "windows smaller than the table's, odd heads" },
        { 2, 6, 9, 15, 3, 3, 1, 3, "nine tokens, a shift that is not half" }, { 1, 1, 1, 8, 1, 1, 0, 2, "one token" },
        { 18, 2, 4, 33, 1, 2, 1, 2, "more windows than runs, one head past two vectors" }, { 1, 12, 12, 40, 1, 12, 0, 12, "nine vectors of queries" },
        { 3, 20, 20, 2, 1, 2, 1, 2, "300 windows: several in each run of a GPU, too" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const window_size *z = &sizes[i];
        attention s = make_attention(z);

        check_gradients(&(back_case){ run_attention, &s, z->B, { { "dqkv", 3 * s.n, SET, s.dqkv }, { "dtable", s.n_table, PARAMETER, s.dtable } },
            { .k = 1, .side = z->side, .head_width = z->C / z->heads }, "attention", z->reason });
        free_attention(&s);
    }
}

int backward_attention(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attentions_plain_loops_agree_with_differences),
        cmocka_unit_test(attention_has_the_gradients_of_the_plain_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
