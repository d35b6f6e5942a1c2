#include "model/half.h"

#include <string.h>

static float float_of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

float em_float_of_f16(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;

    if (exponent == 0x1f)                               /* infinity, NaN */
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) {                                /* zero, or a denormal, which is normal as a float */
        float x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

float em_float_of_bf16(uint16_t bits)
{
    return float_of_bits((uint32_t)bits << 16);
}
