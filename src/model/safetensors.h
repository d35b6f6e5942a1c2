/* safetensors.h - reads and writes safetensors files. A file from the internet is hostile: nothing is allocated
 * from a number in it before that number is checked, nothing is mapped, nothing is cast in place.
 *
 * Format: 8 bytes little-endian N, N bytes of JSON header, then the data (github.com/huggingface/safetensors). */
#ifndef EM_MODEL_SAFETENSORS_H
#define EM_MODEL_SAFETENSORS_H

#include "base/sha256.h"
#include "base/status.h"
#include "model/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum em_dtype { EM_F32, EM_F16, EM_BF16, EM_I64, EM_U8 } em_dtype;

enum { EM_ST_RANK = 8 };

typedef struct em_st_tensor {
    const char *name;               /* lives as long as the file object */
    em_dtype    dtype;
    int         rank;
    int64_t     shape[EM_ST_RANK];
    size_t      n;                  /* elements                         */
    uint64_t    begin, end;         /* bytes within the data            */
} em_st_tensor;

typedef struct em_st em_st;

/* Opens and checks the whole header. EM_EIO: cannot be read; EM_EFORMAT: breaks a rule (the sentence names
 * path, byte or tensor, and the rule); EM_EUNSUPPORTED: a dtype we do not take; EM_ENOMEM.
 * The caller frees *out with em_st_close; on error it is NULL. */
em_status em_st_open(em_st **out, const char *path, em_err *err);
void      em_st_close(em_st *st);

/* The same on bytes in memory (borrowed until close): what the fuzzer and tests drive. */
em_status em_st_open_bytes(em_st **out, const void *bytes, size_t n, const char *path, em_err *err);

/* The same on a file that is open already; it is closed with *out, and on error. */
em_status em_st_open_file(em_st **out, em_file *file, em_err *err);

int                 em_st_count(const em_st *st);
const em_st_tensor *em_st_get(const em_st *st, int i);              /* in file order     */
const em_st_tensor *em_st_find(const em_st *st, const char *name);  /* NULL: none        */
const char         *em_st_metadata(const em_st *st, const char *key);   /* NULL: none    */
int                 em_st_metadata_count(const em_st *st);
const char         *em_st_metadata_at(const em_st *st, int i, const char **key);    /* its value; sorted by key */
const char         *em_st_path(const em_st *st);

/* Reads one tensor as floats into dst[t->n]. EM_EFORMAT: NaN or infinity inside, named with its index;
 * EM_EUNSUPPORTED: I64 or U8; EM_EIO. */
em_status em_st_read(em_st *st, const em_st_tensor *t, float *dst, em_err *err);

/* The same for n of its elements from `from` on, which must lie within it, into dst[n]. */
em_status em_st_read_part(em_st *st, const em_st_tensor *t, size_t from, size_t n, float *dst, em_err *err);

/* SHA-256 of the whole file, in hex. */
em_status em_st_hash(em_st *st, char out[EM_SHA256_CHARS], em_err *err);

/* Of a file that em_st_write_sealed made: EM_EFORMAT when any byte of it has changed since, or it has no seal; EM_EIO. */
em_status em_st_check_seal(em_st *st, em_err *err);

/* Writing: tensors in the given order, as F32 or, rounded to the nearest, as F16. temp + fsync + rename + fsync of the folder.
 * keys/values: n_meta pairs of metadata. EM_EIO names the path; the old file is then untouched. EM_EINVAL: what the format or
 * em_st_read would refuse, a number too large for its dtype (65504 for F16), another dtype. */
typedef struct em_st_out { const char *name; int rank; const int64_t *shape; const float *data; em_dtype dtype; } em_st_out;
em_status em_st_write(const char *path, const em_st_out *tensors, int n_tensors, const char *const *keys,
                      const char *const *values, int n_meta, em_err *err);

/* The same with a seal, the metadata's "sha256" (a key the caller must not use): SHA-256 of the file's bytes, with the seal's
 * own 64 digits taken as zeros. */
em_status em_st_write_sealed(const char *path, const em_st_out *tensors, int n_tensors, const char *const *keys,
                             const char *const *values, int n_meta, em_err *err);

#endif
