/* tensors.h - golden tensors for tests: from tests/golden/data when the file is there, else from the project's
 * shared material, else the program skips. Errors end the test: this is no library. */
#ifndef EM_TESTS_GOLDEN_TENSORS_H
#define EM_TESTS_GOLDEN_TENSORS_H

#include "check.h"

#include "model/safetensors.h"

#include <stdbool.h>

/* Path of a golden file such as "models/mini_p.safetensors", or NULL when it is nowhere. Static storage, four deep. */
const char *golden_path(const char *name);

/* Opens one. NULL when it is nowhere. */
em_st *golden_open(const char *name);

/* The tensor of that name (printf style), malloc'ed; fails the test when it is missing. n, t: may be NULL. */
float *golden_read(em_st *st, size_t *n, const em_st_tensor **t, const char *name, ...) __attribute__((format(printf, 4, 5)));
bool   golden_has(em_st *st, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* Largest |got - want|, and the largest |want|. */
double golden_difference(const float *got, const float *want, size_t n);
double golden_largest(const float *want, size_t n);

#endif
