/* backward.c - the gradients of every operator of the CPU (back.h), and the rest of a step, on each instruction set and with 1, 2 and 3
 * threads. */
#include "ops/back.h"

#include "ops/cpu/ops_cpu.h"

#define ISA(i) { i ", 1 thread", { .n_threads = 1, .isa = i }, 5e-5, true, NULL, 0, 0 }, \
               { i ", 2 threads", { .n_threads = 2, .isa = i }, 5e-5, false, NULL, 0, 0 }, \
               { i ", 3 threads", { .n_threads = 3, .isa = i }, 5e-5, false, NULL, 0, 0 }

static const op_setting settings[] = { ISA("avx512"), ISA("avx2"), ISA("base") };
static const op_target cpu = { &em_ops_cpu, settings, EM_COUNT(settings) };

int main(void)
{
    return check_backward(&cpu);
}
