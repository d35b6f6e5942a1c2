/* half.h - floats to 16-bit floats (IEEE binary16) and back, on the CPU: for weights as they are packed, and for the
 * twins of the hardware's conversions in tests/gpu_emu. */
#ifndef EM_GPU_HALF_H
#define EM_GPU_HALF_H

#include <stdint.h>
#include <string.h>

/* Nearest even. What is too large, infinity included, becomes the largest number, +-65504; a NaN stays one. */
static inline uint16_t em_half_of_float(float x)
{
    const float half = 0.5f;
    uint32_t bits, sign;
    float small;

    memcpy(&bits, &x, sizeof bits);
    sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u)
        return (uint16_t)(sign | 0x7fffu);
    if (bits >= 0x477fe000u)
        return (uint16_t)(sign | 0x7bffu);
    if (bits >= 0x38800000u)
        return (uint16_t)(sign | (bits - (112u << 23) + 0xfffu + (bits >> 13 & 1)) >> 13);
    memcpy(&small, &bits, sizeof small);            /* below 2^-14: beside 0.5 the last digit is worth 2^-24, as there */
    small += half;
    memcpy(&bits, &small, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3f000000u));
}

static inline float em_float_of_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u;
    uint32_t bits = (uint32_t)(half & 0x7fffu) << 13;
    float x;

    if (exponent == 0) {                            /* a multiple of 2^-24 */
        x = (float)(half & 0x3ffu) * 0x1p-24f;
        memcpy(&bits, &x, sizeof bits);
    } else {
        bits += (exponent == 31 ? 224u : 112u) << 23;
    }
    bits |= sign;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
