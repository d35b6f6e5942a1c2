/* bytes.h - safetensors files made in memory for the tests, right and wrong ones. */
#ifndef EM_TESTS_MODEL_BYTES_H
#define EM_TESTS_MODEL_BYTES_H

#include "check.h"

#include "model/safetensors.h"

typedef struct bytes { unsigned char *at; size_t n; } bytes;

/* Length, header[n_header] and n_data zero bytes. The caller frees .at. */
static inline bytes bytes_raw(const char *header, size_t n_header, size_t n_data)
{
    bytes b = { calloc(1, 8 + n_header + n_data + 1), 8 + n_header + n_data };

    for (int i = 0; i < 8; i++)
        b.at[i] = (unsigned char)(n_header >> 8 * i);
    memcpy(b.at + 8, header, n_header);
    return b;
}

/* Opens header + n_data zero bytes; leaves the sentence in *err. Closes again: only the answer matters. */
static inline em_status bytes_try_n(const char *header, size_t n_header, size_t n_data, em_err *err)
{
    bytes b = bytes_raw(header, n_header, n_data);
    em_st *st = (em_st *)(void *)&b;            /* must become NULL on error */
    em_status status;

    *err = (em_err){ 0 };
    status = em_st_open_bytes(&st, b.at, b.n, "m.safetensors", err);
    CHECK((status == EM_OK) == (st != NULL), "%.200s", header);
    CHECK(status == EM_OK || strstr(err->msg, "m.safetensors"), "no path in: %s", err->msg);
    em_st_close(st);
    free(b.at);
    return status;
}

static inline em_status bytes_try(const char *header, size_t n_data, em_err *err)
{
    return bytes_try_n(header, strlen(header), n_data, err);
}

#endif
