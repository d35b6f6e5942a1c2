/* half.h - 16-bit floats to 32-bit ones. Exact: every F16 and BF16 number is a float, so nothing is rounded. */
#ifndef EM_MODEL_HALF_H
#define EM_MODEL_HALF_H

#include <stdint.h>

float em_float_of_f16(uint16_t bits);       /* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits */
float em_float_of_bf16(uint16_t bits);      /* the upper half of a float                               */

#endif
