/* pcm.c - one loop a sample format and the table that names them. Bytes are put together by hand, so neither
 * alignment nor byte order of the machine matters. */
#include "audio/pcm.h"

#include <stdio.h>
#include <string.h>

static uint32_t get_u32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void from_u8(float *dst, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (float)(bytes[i] - 128) * (1.0f / 128.0f);
}

static void from_s16(float *dst, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (float)(int16_t)(uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8) * (1.0f / 32768.0f);
}

/* Three bytes at the top of an int32: the sign comes by itself, and a float holds the 24 bits exactly. */
static void from_s24(float *dst, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *b = bytes + 3 * i;

        dst[i] = (float)(int32_t)((uint32_t)b[0] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 24)
               * (1.0f / 2147483648.0f);
    }
}

static void from_s32(float *dst, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (float)(int32_t)get_u32(bytes + 4 * i) * (1.0f / 2147483648.0f);
}

static void from_f32(float *dst, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = get_u32(bytes + 4 * i);

        memcpy(&dst[i], &bits, sizeof bits);
    }
}

static const em_pcm formats[] = {
    { "u8",    1, 1, from_u8  },
    { "s16le", 2, 1, from_s16 },
    { "s24le", 3, 1, from_s24 },
    { "s32le", 4, 1, from_s32 },
    { "f32le", 4, 3, from_f32 },
};

const em_pcm *em_pcm_find(const char *name, em_err *err)
{
    char names[80] = "";
    size_t n = 0;

    for (size_t i = 0; i < EM_COUNT(formats); i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
        if (n < sizeof names)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", formats[i].name);
    }
    em_fail(err, EM_EINVAL, "raw sound in \"%.40s\" is not known: there are %s", name, names);
    return NULL;
}

const em_pcm *em_pcm_of_wave(int wave_tag, int n_bits)
{
    for (size_t i = 0; i < EM_COUNT(formats); i++) {
        if (formats[i].wave_tag == wave_tag && 8 * formats[i].n_bytes == n_bits)
            return &formats[i];
    }
    return NULL;
}
