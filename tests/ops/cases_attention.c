/* cases_attention.c - attention: see cases.h. */
#include "ops/cases_inside.h"

#include "ops/reference.h"

static void run_attention(em_dev *dev, const void *args, float *y, int first, int n)
{
    em_attention a = *(const em_attention *)args;
    const size_t window = (size_t)(a.H * a.W * a.C), span = (size_t)(2 * a.table_side - 1);

    a.y = op_room_inner(dev, (size_t)n * window);
    a.qkv = op_put_inner(dev, a.qkv + (size_t)first * 3 * window, (size_t)n * 3 * window);
    a.table = op_put(dev, a.table, span * span * (size_t)a.heads);
    op_ops->attention_fwd(dev, &a, n);
    op_get_inner(dev, y, a.y, (size_t)n * window);
}

void attention_equals_the_plain_loops(void **state)
{
    static const struct { int H, W, C, heads, side, shift, table_side; const char *reason; } cases[] = {
        { 16, 24, 96, 4, 8, 0, 8, "HTS-AT's heads of 24" }, { 16, 24, 96, 4, 8, 4, 8, "rolled: four regions in the last window" },
        { 8, 8, 64, 32, 8, 0, 8, "one window, heads of two" }, { 8, 4, 34, 2, 4, 0, 8, "windows smaller than the table's, odd heads" },
        { 6, 9, 15, 3, 3, 1, 3, "nine tokens, a shift that is not half" }, { 1, 1, 8, 1, 1, 0, 2, "one token" },
        { 2, 4, 33, 1, 2, 1, 2, "four tokens, one head past two vectors" }, { 12, 12, 40, 1, 12, 0, 12, "nine vectors of queries" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const size_t window = (size_t)(cases[i].H * cases[i].W * cases[i].C), span = (size_t)(2 * cases[i].table_side - 1);
        float *qkv = op_numbers(B * 3 * window, 1.5), *table = op_numbers(span * span * (size_t)cases[i].heads, 1);
        double *want = malloc(B * window * sizeof *want);
        const em_attention args = { .qkv = qkv, .H = cases[i].H, .W = cases[i].W, .C = cases[i].C, .heads = cases[i].heads, .side = cases[i].side,
                                    .shift = cases[i].shift, .table_side = cases[i].table_side, .table = table };

        ref_attention(want, &args, B);
        op_everywhere(&(op_case){ run_attention, &args, window, want,
            { .k = 1, .side = cases[i].side, .head_width = cases[i].C / cases[i].heads }, "attention", cases[i].reason });
        free(qkv), free(table), free(want);
    }
}
