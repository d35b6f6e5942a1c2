/* wav.h - writes WAV headers that say whatever a test wants them to. */
#ifndef EM_TESTS_WAV_H
#define EM_TESTS_WAV_H

#include <stddef.h>
#include <stdint.h>

typedef struct wav_claim {
    uint32_t tag, n_channels, rate_hz, n_bits;
    uint32_t n_block;                   /* bytes of a frame; 0: the right number         */
    uint32_t n_data;                    /* bytes of sound claimed                        */
    int      is_extensible, has_list;   /* GUID instead of a tag; a LIST chunk of odd length before the data */
} wav_claim;

enum { WAV_MOST = 256 };

/* Returns the bytes of the header. */
size_t wav_header(uint8_t out[WAV_MOST], const wav_claim *claim);

#endif
