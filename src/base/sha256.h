/* sha256.h - SHA-256 (FIPS 180-4), to say which model file ran and whether a saved state is whole. */
#ifndef EM_BASE_SHA256_H
#define EM_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct em_sha256 {
    uint32_t h[8];
    uint64_t n_bytes;
    uint8_t  block[64];
} em_sha256;

enum { EM_SHA256_CHARS = 65 };

void em_sha256_init(em_sha256 *s);
void em_sha256_add(em_sha256 *s, const void *bytes, size_t n);
void em_sha256_text(em_sha256 *s, char out[EM_SHA256_CHARS]);   /* ends it: 64 hex digits and a NUL */

#endif
