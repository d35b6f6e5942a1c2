/* wav.c - writes the chunks a claim asks for, true or not. */
#include "wav.h"

#include <string.h>

static uint8_t *put(uint8_t *p, uint32_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    memcpy(p, text, strlen(text));
    return p + strlen(text);
}

size_t wav_header(uint8_t out[WAV_MOST], const wav_claim *c)
{
    static const uint8_t guid_tail[14] = { 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };
    const uint32_t n_block = c->n_block ? c->n_block : c->n_channels * ((c->n_bits + 7) / 8);
    uint8_t *p = put_text(put(put_text(out, "RIFF"), c->n_data + 36, 4), "WAVEfmt ");

    p = put(p, c->is_extensible ? 40 : 16, 4);
    p = put(p, c->is_extensible ? 0xfffe : c->tag, 2);
    p = put(p, c->n_channels, 2);
    p = put(p, c->rate_hz, 4);
    p = put(p, c->rate_hz * n_block, 4);
    p = put(p, n_block, 2);
    p = put(p, c->n_bits, 2);
    if (c->is_extensible) {
        p = put(put(put(p, 22, 2), c->n_bits, 2), 0, 4);
        p = put(p, c->tag, 2);
        memcpy(p, guid_tail, sizeof guid_tail);
        p += sizeof guid_tail;
    }
    if (c->has_list)
        p = put(put_text(put(put_text(p, "LIST"), 7, 4), "INFOxyz"), 0, 1);
    return (size_t)(put(put_text(p, "data"), c->n_data, 4) - out);
}
