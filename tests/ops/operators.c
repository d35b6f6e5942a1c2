/* operators.c - every operator of the CPU (cases.c), on each instruction set and with 1, 2 and 3 threads. */
#include "ops/cases.h"

#include "ops/cpu/device.h"
#include "ops/cpu/ops_cpu.h"

#define ISA(i) { i ", 1 thread", { .n_threads = 1, .isa = i }, 1e-5, true, NULL, 0, 0 }, \
               { i ", 2 threads", { .n_threads = 2, .isa = i }, 1e-5, false, NULL, 0, 0 }, \
               { i ", 3 threads", { .n_threads = 3, .isa = i }, 1e-5, false, NULL, 0, 0 }

static const op_setting settings[] = { ISA("avx512"), ISA("avx2"), ISA("base") };
static const op_target cpu = { &em_ops_cpu, settings, EM_COUNT(settings) };

/* A device reserves for its deepest product; the shallower ones have more rows a block. */
static void scratch_holds_a_block_of_every_depth(void **state)
{
    size_t most = 0;

    (void)state;
    for (int k = 1; k <= 8192; k++) {
        const size_t block = (size_t)em_cpu_block_rows(k) * (size_t)k;

        most = block > most ? block : most;
        CHECK(em_cpu_block_floats(k) >= most, "depth %d: %zu floats, a block up to that depth has %zu", k, em_cpu_block_floats(k), most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scratch_holds_a_block_of_every_depth),
    };

    return check_operators(&cpu) + cmocka_run_group_tests(tests, NULL, NULL);
}
