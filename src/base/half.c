/* half.c - F32, F16, BF16 and F64 bytes to floats, in loops that the compiler can vectorize; floats to F16. */
#include "base/half.h"

#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static float float_of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of_float(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* All three cases are computed and one is taken, so that a loop of it can be vectorized. */
static inline float f16(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits & 0x7c00u, rest = bits & 0x7fffu;
    uint32_t normal = (rest << 13) + (112u << 23);
    uint32_t special = 0x7f800000u | rest << 13;                                /* infinity, NaN            */
    uint32_t denormal = bits_of_float((float)(int32_t)rest * 0x1p-24f);         /* zero too; normal as float */

    return float_of_bits(sign | (exponent == 0 ? denormal : exponent == 0x7c00u ? special : normal));
}

float em_float_of_f16(uint16_t bits)
{
    return f16(bits);
}

float em_float_of_bf16(uint16_t bits)
{
    return float_of_bits((uint32_t)bits << 16);
}

uint16_t em_f16_of_float(float x)
{
    uint32_t bits = bits_of_float(x), size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;

    if (size > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (size >= 143u << 23)                             /* 2^16 */
        return (uint16_t)(sign | 0x7c00u);
    if (size < 113u << 23)                              /* 2^-14: denormals are multiples of 2^-24, and rint rounds to even */
        return (uint16_t)(sign | (uint32_t)rintf(float_of_bits(size) * 0x1p24f));
    size -= 112u << 23;
    size += 0xfffu + (size >> 13 & 1u);                 /* half of the last bit, less a hair when that is even; carries into the exponent */
    return (uint16_t)(sign | size >> 13);
}

void em_floats_of_f32(float *dst, const unsigned char *src, size_t n)
{
    if (dst != (const void *)src)
        memcpy(dst, src, n * sizeof *dst);
    if (BYTE_ORDER == LITTLE_ENDIAN)
        return;
    for (size_t i = 0; i < n; i++)
        dst[i] = float_of_bits(le32toh(bits_of_float(dst[i])));
}

static uint16_t u16(const unsigned char *src)
{
    uint16_t bits;

    memcpy(&bits, src, sizeof bits);
    return le16toh(bits);
}

void em_floats_of_f16(float *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = f16(u16(src + 2 * i));
}

void em_floats_of_bf16(float *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = em_float_of_bf16(u16(src + 2 * i));
}

void em_floats_of_f64(float *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x;
        uint64_t bits = 0;

        for (int k = 0; k < 8; k++)
            bits |= (uint64_t)src[8 * i + (size_t)k] << 8 * k;
        memcpy(&x, &bits, sizeof x);
        dst[i] = (float)x;
    }
}

/* NaN or infinity: an exponent of all ones. Asked of the bits, which no compiler option can fold away. */
static bool is_bad(const float *x)
{
    uint32_t bits;

    memcpy(&bits, x, sizeof bits);
    return (bits & 0x7f800000u) == 0x7f800000u;
}

size_t em_floats_first_bad(const float *x, size_t n)
{
    unsigned bad = 0;
    size_t i = 0;

    for (size_t k = 0; k < n; k++)                      /* no branch inside, so that it runs at the speed of memory */
        bad |= is_bad(x + k);
    if (!bad)
        return n;
    while (i < n && !is_bad(x + i))
        i++;
    return i;
}
