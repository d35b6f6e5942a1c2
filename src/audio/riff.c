/* riff.c - walks the chunks of a WAV header forwards to the first sample: see riff.h. */
#include "audio/riff.h"

#include <string.h>

enum {
    TAG_EXTENSIBLE  = 0xfffe,
    FMT_BYTES       = 16,
    FMT_LONG_BYTES  = 40,                       /* with the GUID of WAVE_FORMAT_EXTENSIBLE          */
    MOST_TO_SKIP    = 16 << 20,                 /* pictures and broadcast notes before the sound    */
};

/* Claims from here on mean "not known when the header was written"; sox writes 0x7ffff024. */
static const uint32_t STREAMING_SIZE = 0x7ffff000u;

/* KSDATAFORMAT_SUBTYPE_*: two bytes of tag, then always these. */
static const uint8_t GUID_TAIL[14] = { 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };

static uint32_t get_u16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t get_u32(const uint8_t *b)
{
    return get_u16(b) | get_u16(b + 2) << 16;
}

bool em_riff_is_start(const uint8_t start[EM_RIFF_START])
{
    return (memcmp(start, "RIFF", 4) == 0 || memcmp(start, "RF64", 4) == 0 || memcmp(start, "BW64", 4) == 0)
        && memcmp(start + 8, "WAVE", 4) == 0;
}

typedef struct cursor {
    em_riff_read *read;
    void         *ctx;
    const char   *name;
    uint64_t      n;                            /* bytes read, the start included */
} cursor;

static em_status get(cursor *c, void *dst, size_t n, em_err *err)
{
    em_err own = { EM_OK, "" };
    long got = c->read(c->ctx, dst, n, &own);

    if (got < 0)
        return em_fail(err, own.code, "%s", own.msg);
    if ((size_t)got < n)
        return em_fail(err, EM_EFORMAT, "%s ends within its WAV header: %llu bytes are there", c->name,
                       (unsigned long long)c->n + (unsigned long long)got);
    c->n += n;
    return EM_OK;
}

static em_status skip(cursor *c, uint64_t n, em_err *err)
{
    uint8_t scratch[512];

    if (c->n + n > MOST_TO_SKIP)
        return em_fail(err, EM_EFORMAT, "%s: no sound within the first %d MiB of the WAV header", c->name,
                       MOST_TO_SKIP >> 20);
    while (n > 0) {
        size_t some = n < sizeof scratch ? (size_t)n : sizeof scratch;
        em_status status = get(c, scratch, some, err);

        if (status != EM_OK)
            return status;
        n -= some;
    }
    return EM_OK;
}

static em_status parse_fmt(em_riff *out, cursor *c, uint32_t n_bytes, em_err *err)
{
    uint8_t fmt[FMT_LONG_BYTES] = { 0 };
    size_t n = n_bytes < sizeof fmt ? n_bytes : sizeof fmt;
    uint32_t n_block;
    em_status status;

    if (n_bytes < FMT_BYTES)
        return em_fail(err, EM_EFORMAT, "%s: the fmt chunk has %u bytes, 16 at least are right", c->name, n_bytes);
    status = get(c, fmt, n, err);
    if (status == EM_OK)
        status = skip(c, (uint64_t)n_bytes + (n_bytes & 1) - n, err);
    if (status != EM_OK)
        return status;
    out->wave_tag = (int)get_u16(fmt);
    out->n_channels = get_u16(fmt + 2);
    out->rate_hz = get_u32(fmt + 4);
    n_block = get_u16(fmt + 12);
    out->n_bits = (int)get_u16(fmt + 14);
    if (out->wave_tag == TAG_EXTENSIBLE && n == sizeof fmt && memcmp(fmt + 26, GUID_TAIL, sizeof GUID_TAIL) == 0)
        out->wave_tag = (int)get_u16(fmt + 24);
    out->format = em_pcm_of_wave(out->wave_tag, out->n_bits);
    if (out->format && n_block != out->n_channels * (uint32_t)out->format->n_bytes)
        return em_fail(err, EM_EFORMAT, "%s: a frame of %u channels of %d bits has %u bytes, the WAV header says %u",
                       c->name, out->n_channels, out->n_bits, out->n_channels * (uint32_t)out->format->n_bytes, n_block);
    return EM_OK;
}

/* Whether the data chunk's size was not known when the header was written. 0 can be the truth, too: then the RIFF chunk,
 * whose size is known, goes on behind it. */
static bool is_open_ended(uint32_t n_data, uint32_t n_riff, uint64_t n_header)
{
    bool is_riff_known = n_riff != 0 && n_riff < STREAMING_SIZE;

    return n_data >= STREAMING_SIZE || (n_data == 0 && (!is_riff_known || (uint64_t)n_riff + 8 <= n_header));
}

em_status em_riff_parse(em_riff *out, const uint8_t start[EM_RIFF_START], em_riff_read *read, void *ctx, const char *name,
                        em_err *err)
{
    cursor c = { read, ctx, name, EM_RIFF_START };
    bool has_fmt = false;

    memset(out, 0, sizeof *out);
    for (;;) {
        uint8_t head[8];
        uint32_t n;
        em_status status = get(&c, head, sizeof head, err);

        if (status != EM_OK)
            return status;
        n = get_u32(head + 4);
        if (memcmp(head, "data", 4) == 0) {
            if (!has_fmt)
                return em_fail(err, EM_EFORMAT, "%s: the WAV header has no fmt chunk before its data", name);
            out->n_data_bytes = is_open_ended(n, get_u32(start + 4), c.n) ? EM_RIFF_TO_THE_END : n;
            out->n_header_bytes = c.n;
            return EM_OK;
        }
        if (memcmp(head, "fmt ", 4) == 0 && !has_fmt) {
            has_fmt = true;
            status = parse_fmt(out, &c, n, err);
        } else {
            status = skip(&c, (uint64_t)n + (n & 1), err);
        }
        if (status != EM_OK)
            return status;
    }
}
