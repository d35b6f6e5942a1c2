/* Windows whose branches are dropped (drop path) are left out, both ways: the same bits as computing them and multiplying by 0, whatever
 * stands in the memory they leave alone. Weights are random: this runs everywhere. */
#include "passes.h"

#include "base/pool.h"
#include "ops/cpu/ops_cpu.h"

/* ---------------------------------------------------------------- operators that leave nothing out */

#define COMPUTE_ALL(op, args)                                                                                       \
    static void op##_fwd(em_dev *dev, const args *a, int n) { args all = *a; all.kept = NULL; em_ops_cpu.op##_fwd(dev, &all, n); } \
    static void op##_bwd(em_dev *dev, const args *a, int n) { args all = *a; all.kept = NULL; em_ops_cpu.op##_bwd(dev, &all, n); }

COMPUTE_ALL(norm_linear, em_norm_linear)
COMPUTE_ALL(conv_silu_xproj, em_conv_silu_xproj)
COMPUTE_ALL(scan4, em_scan4)
COMPUTE_ALL(attention, em_attention)

static em_ops straightforward(void)
{
    em_ops ops = em_ops_cpu;

    ops.norm_linear_fwd = norm_linear_fwd, ops.norm_linear_bwd = norm_linear_bwd;
    ops.conv_silu_xproj_fwd = conv_silu_xproj_fwd, ops.conv_silu_xproj_bwd = conv_silu_xproj_bwd;
    ops.scan4_fwd = scan4_fwd, ops.scan4_bwd = scan4_bwd;
    ops.attention_fwd = attention_fwd, ops.attention_bwd = attention_bwd;
    return ops;
}

/* Memory full of NaN: what is read without having been written shows. */
static void *alloc_nan(em_dev *dev, size_t n_bytes)
{
    void *p = em_ops_cpu.alloc(dev, n_bytes);

    if (p)
        memset(p, 0xff, n_bytes);
    return p;
}

static em_ops leaving_out(void)
{
    em_ops ops = em_ops_cpu;

    ops.alloc = alloc_nan;
    return ops;
}

/* ---------------------------------------------------------------- the same */

/* Windows of 4096 to 64 tokens; of an eighth of them, several in a block of rows; and those where rows are so wide that they are packed. */
static void dropped_windows_are_left_out(void **state)
{
    static const passes_model models[] = {
        { "nano", 10, EM_BLOCK_SS2D, false, 8 }, { "nano", 1.25, EM_BLOCK_SS2D_ATTN, true, 16 }, { "htsat", 10.24, EM_BLOCK_SWIN, false, 8 },
    };
    const em_ops plain = straightforward(), ops = leaving_out();

    (void)state;
    for (size_t i = 0; i < EM_COUNT(models); i++) {
        passes want, got;
        em_config cfg;

        passes_config(&cfg, &models[i]);
        want = passes_run(&cfg, &(passes_how){ .ops = &plain, .dev.n_threads = 1, .B = 7 });
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            got = passes_run(&cfg, &(passes_how){ .ops = &ops, .dev.n_threads = n_threads, .B = 7 });
            passes_compare(&got, &want, models[i].preset);
            passes_free(&got);
        }
        passes_free(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(dropped_windows_are_left_out) };

    em_flush_denormals();                                   /* as the workers do: see base/pool.h */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
