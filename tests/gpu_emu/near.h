/* near.h - frames against frames within the tolerances of golden/frontend.c. */
#ifndef EM_TESTS_GPU_EMU_NEAR_H
#define EM_TESTS_GPU_EMU_NEAR_H

#include <stddef.h>

/* got[n] and want[n] in dB; silence is -100 exactly. Fails the test, with the name of the case. */
void near_logmel(const char *name, const float *got, const float *want, size_t n);

#endif
