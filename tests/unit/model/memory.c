/* What loading a model costs beside the model: its largest tensor once, and no more, because small machines are sized by
 * the peak. */
#include "check.h"

#include "model/model.h"
#include "model/params.h"
#include "ops/cpu/ops_cpu.h"

#include <sys/resource.h>

static double most_mb(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss * 1024 / 1e6;
}

static void loading_holds_the_largest_tensor_once(void **state)
{
    const em_dev_cfg one = { .n_threads = 1 };
    em_params params;
    em_config cfg;
    em_model *m;
    em_dev *dev;
    em_err err;
    double before, weights, largest = 0, slack = 5;
    (void)state;

#ifdef CANNOT_MEASURE_MEMORY
    printf("SKIPPED: a sanitizer's memory is not the program's\n");
    skip();
#endif
    CHECK_OK(em_config_preset(&cfg, "tiny", &err));
    CHECK_OK(em_params_list(&params, &cfg, &err));
    for (int i = 0; i < params.n; i++)
        if ((double)params.list[i].n * 4 / 1e6 > largest)
            largest = (double)params.list[i].n * 4 / 1e6;
    weights = (double)params.n_total * 4 / 1e6;
    CHECK(largest > 2 * slack, "the test can tell once from twice: %.1f MB", largest);
    CHECK_OK(em_ops_cpu.open(&dev, &one, &err));
    before = most_mb();
    CHECK_OK(em_model_random(&m, &cfg, 1, &em_ops_cpu, dev, &err));
    printf("weights %.1f MB, largest tensor %.1f MB, loading took %.1f MB\n", weights, largest, most_mb() - before);
    CHECK(most_mb() - before < weights + largest + slack, "%.1f MB more than the weights", most_mb() - before - weights);
    em_model_free(m);
    em_ops_cpu.close(dev);
    em_params_deinit(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_holds_the_largest_tensor_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
