/* ops_cpu.h - the CPU's table of operators. */
#ifndef EM_OPS_CPU_OPS_CPU_H
#define EM_OPS_CPU_OPS_CPU_H

#include "ops/ops.h"

extern const em_ops em_ops_cpu;

/* GFLOP/s of the packed matrix product of [m][k] by [n][k]^T on this device: for bench. */
double em_cpu_gemm_rate(em_dev *dev, int m, int n, int k, double seconds);

#endif
