/* spectra.h - em_ops.logmel_fwd against a plain sum in double, and against itself wherever a window lies. */
#ifndef EM_TESTS_GPU_EMU_SPECTRA_H
#define EM_TESTS_GPU_EMU_SPECTRA_H

#include "ops/ops.h"

typedef struct spectra_target {
    const em_ops *ops;
    int n_fft, hop;
    int n, B;                       /* B windows of n samples, all the same                                  */
    int most_frames;                /* at once: windows begin at other places of a slab where it divides none */
} spectra_target;

/* EM_EUNSUPPORTED: a library is missing, and nothing was checked. */
em_status check_spectra(const spectra_target *target, em_err *err);

#endif
