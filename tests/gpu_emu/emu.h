/* emu.h - the emulated GPU's knobs, for the tests: in which order threads run, how large it is, what fails. */
#ifndef EM_TESTS_GPU_EMU_EMU_H
#define EM_TESTS_GPU_EMU_EMU_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EMU_ORDERS = 3 };                        /* upwards, downwards, shuffled anew at every barrier */
void emu_set_order(int order);

/* Multiprocessors of the GPU that is opened next: few or many decide which kernels a shape gets. */
void emu_set_size(int n_sms);

/* The n-th call (from 1) of that runtime function from now on answers with `error`; n 0: all are well again. A launch is
 * "emu_launch"; errors have CUDA's numbers. A program that knows nothing of this: EMU_FAIL="FUNCTION N ERROR" in its environment. */
void emu_fail(const char *function, int n, int error);

/* Since the start: calls of a function of the runtime that may fail, bytes that went to the GPU. */
long emu_calls(const char *function);
size_t emu_uploaded(void);

/* Plans of cuFFT that were made and not destroyed. */
int emu_transforms(void);

#ifdef __cplusplus
}
#endif

#endif
