/* states.h - states whose every number follows from their step, for tests that must know an old one from a torn one. */
#ifndef EM_TESTS_TRAIN_STATES_H
#define EM_TESTS_TRAIN_STATES_H

#include "train/checkpoint.h"

/* Saves weights [n] and moments [n / 2] of the step; n at most STATE_MOST. */
enum { STATE_MOST = 1 << 18 };
em_status state_write(const em_saved_place *place, int64_t step, size_t n, em_err *err);

/* NULL when s is just what state_write saved at the step it claims, else what is not so. */
const char *state_fault(em_saved *s, size_t n);

/* Bytes of a file of the folder, from malloc; NULL: none. And back. */
unsigned char *file_read(const char *dir, const char *name, size_t *n);
void           file_write(const char *dir, const char *name, const void *bytes, size_t n);
int            file_count(const char *dir, const char *part);   /* names that hold `part` */
void           folder_remove(const char *dir);                  /* with its files         */

#endif
