/* sort.h - numbers in order. */
#ifndef EM_BASE_SORT_H
#define EM_BASE_SORT_H

#include <stddef.h>

/* Ascending; none of them is NaN. */
void em_sort_doubles(double *x, size_t n);

#endif
