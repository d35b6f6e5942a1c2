/* event_id.c - a ULID that is no random number: see event_id.h. */
#include "listener/event_id.h"

#include "base/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TIME_CHARS = 10, HASH_CHARS = 16, BITS = 5 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";      /* Crockford's base 32 */

static void write_time(char *out, uint64_t ms)
{
    for (int i = TIME_CHARS - 1; i >= 0; i--) {
        out[i] = alphabet[ms & 31];
        ms >>= BITS;
    }
}

/* The first 80 bits of a hash in hex. */
static void write_hash(char *out, const char *hex)
{
    unsigned bits = 0;
    int n_bits = 0;

    for (int n = 0; n < HASH_CHARS; hex++) {
        bits = (bits << 4 | (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10)) & 0xff;
        n_bits += 4;
        if (n_bits < BITS)
            continue;
        n_bits -= BITS;
        out[n++] = alphabet[bits >> n_bits & 31];
    }
}

void em_event_id(char out[EM_EVENT_ID_CHARS], const char *source, const char *kind, const char *label, int64_t onset_sample,
                 int rate_hz)
{
    const uint64_t onset = (uint64_t)onset_sample, rate = (uint64_t)rate_hz;
    char hex[EM_SHA256_CHARS], number[24];
    em_sha256 hash;

    snprintf(number, sizeof number, "%" PRId64, onset_sample);
    em_sha256_init(&hash);
    em_sha256_add(&hash, source, strlen(source) + 1);       /* with the NUL: "a", "bc" is not "ab", "c" */
    em_sha256_add(&hash, kind, strlen(kind) + 1);
    em_sha256_add(&hash, label, strlen(label) + 1);
    em_sha256_add(&hash, number, strlen(number));
    em_sha256_text(&hash, hex);
    write_time(out, (onset / rate * 1000 + onset % rate * 1000 / rate) & 0xffffffffffffu);
    write_hash(out + TIME_CHARS, hex);
    out[TIME_CHARS + HASH_CHARS] = '\0';
}
