/* osc_message.c - see osc_message.h. All of it is made of units of four bytes, big-endian: strings end in one to four NULs. */
#include "cli/osc_message.h"

#include <stdint.h>
#include <string.h>

enum { MOST_DEPTH = 4 };            /* of bundles in bundles */

typedef struct rest { const unsigned char *p; size_t n; } rest;

static bool take_string(rest *r, const char **out)
{
    const unsigned char *end = memchr(r->p, '\0', r->n);
    size_t n;

    if (!end)
        return false;
    n = ((size_t)(end - r->p) / 4 + 1) * 4;
    if (n > r->n)
        return false;
    *out = (const char *)r->p;
    r->p += n;
    r->n -= n;
    return true;
}

static bool take_bits(rest *r, int n_bytes, uint64_t *out)
{
    if (r->n < (size_t)n_bytes)
        return false;
    *out = 0;
    for (int i = 0; i < n_bytes; i++)
        *out = *out << 8 | r->p[i];
    r->p += n_bytes;
    r->n -= (size_t)n_bytes;
    return true;
}

static double float_of(uint64_t bits)
{
    const uint32_t low = (uint32_t)bits;
    float x;

    memcpy(&x, &low, sizeof x);
    return (double)x;
}

static double double_of(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static bool take_arg(rest *r, char type, em_osc_arg *a)
{
    const int n_bytes = type == 'i' || type == 'f' ? 4 : type == 'h' || type == 'd' ? 8 : 0;
    uint64_t bits = 0;

    *a = (em_osc_arg){ .is_number = type != 's' };
    if (type == 's')
        return take_string(r, &a->text);
    if ((n_bytes == 0 && type != 'T' && type != 'F') || !take_bits(r, n_bytes, &bits))
        return false;
    a->number = type == 'i' ? (double)(int32_t)(uint32_t)bits : type == 'h' ? (double)(int64_t)bits
              : type == 'f' ? float_of(bits) : type == 'd' ? double_of(bits) : type == 'T';
    return true;
}

/* Old senders leave the types out where there are no arguments. */
static bool parse_message(rest r, em_osc_take *take, void *ctx)
{
    em_osc_message m = { 0 };
    const char *types = ",";

    if (!take_string(&r, &m.address) || m.address[0] != '/' || (r.n > 0 && !take_string(&r, &types)) || types[0] != ',')
        return false;
    for (types++; *types; types++)
        if (m.n_args == EM_OSC_ARGS || !take_arg(&r, *types, &m.args[m.n_args++]))
            return false;
    if (r.n > 0)
        return false;
    take(ctx, &m);
    return true;
}

static bool parse(rest r, int depth, em_osc_take *take, void *ctx)
{
    const char *word;
    uint64_t bits;

    if (r.n == 0 || r.n % 4 != 0)
        return false;
    if (*r.p != '#')
        return parse_message(r, take, ctx);
    if (depth == MOST_DEPTH || !take_string(&r, &word) || strcmp(word, "#bundle") != 0 || !take_bits(&r, 8, &bits))
        return false;
    while (r.n > 0) {
        if (!take_bits(&r, 4, &bits) || bits > r.n || !parse((rest){ r.p, (size_t)bits }, depth + 1, take, ctx))
            return false;
        r.p += bits;
        r.n -= (size_t)bits;
    }
    return true;
}

bool em_osc_parse(const unsigned char *bytes, size_t n, em_osc_take *take, void *ctx)
{
    return parse((rest){ bytes, n }, 0, take, ctx);
}
