/* half.h - stored numbers to floats. F16 and BF16 numbers are all floats, so nothing is rounded; F64 is, to the nearest.
 * Bytes are little-endian and need no alignment. */
#ifndef EM_BASE_HALF_H
#define EM_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

float em_float_of_f16(uint16_t bits);       /* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits */
float em_float_of_bf16(uint16_t bits);      /* the upper half of a float                               */

/* The nearest F16 number, of two as near the even one; from 65520 on infinity. */
uint16_t em_f16_of_float(float x);

/* dst[n] from n numbers at src; for F32 they may be the same place. */
void em_floats_of_f32(float *dst, const unsigned char *src, size_t n);
void em_floats_of_f16(float *dst, const unsigned char *src, size_t n);
void em_floats_of_bf16(float *dst, const unsigned char *src, size_t n);
void em_floats_of_f64(float *dst, const unsigned char *src, size_t n);

/* Index of the first NaN or infinity, n when there is none. */
size_t em_floats_first_bad(const float *x, size_t n);

#endif
