/* The file behind a checked header. Its bytes are copied before they are floats, so that no float is read from an odd
 * address. */
#include "model/safetensors.h"

#include "model/file.h"
#include "base/half.h"
#include "model/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };           /* bytes read and checked at a time: they stay in the second-level cache */

struct em_st {
    em_file     *file;
    uint64_t     data;              /* where the data begin in it */
    em_st_header header;
};

/* Reads the length and the header behind it. */
static em_status read_header(em_st *st, em_err *err)
{
    const char *path = em_file_path(st->file);
    uint64_t n = 0, n_bytes = em_file_size(st->file);
    unsigned char length[8];
    char *text;
    em_status status;

    if (n_bytes < sizeof length)
        return em_fail(err, EM_EFORMAT, "%s: %llu bytes are too few for a safetensors file (8 at least)", path,
                       (unsigned long long)n_bytes);
    if (n_bytes > EM_ST_MAX_FILE)
        return em_fail(err, EM_EFORMAT, "%s: %llu bytes are too many for a model file (%llu at most)", path,
                       (unsigned long long)n_bytes, (unsigned long long)EM_ST_MAX_FILE);
    status = em_file_read(st->file, length, sizeof length, 0, err);
    if (status != EM_OK)
        return status;
    for (int i = 0; i < 8; i++)
        n |= (uint64_t)length[i] << 8 * i;
    if (memcmp(length, "PK\3\4", 4) == 0)
        return em_fail(err, EM_EFORMAT, "%s: is a zip archive, as PyTorch writes .pth and .ckpt: make a model file of it with --import",
                       path);
    if (n > EM_ST_MAX_HEADER || n > n_bytes - sizeof length)        /* never 8 + n, which may wrap */
        return em_fail(err, EM_EFORMAT, "%s: byte 0: a header of %llu bytes does not fit (the file has %llu, at most %d are taken);"
                       " is it a safetensors file?", path, (unsigned long long)n, (unsigned long long)n_bytes, EM_ST_MAX_HEADER);
    text = malloc((size_t)n + 1);
    if (!text)
        return em_fail(err, EM_ENOMEM, "%s: no memory for a header of %llu bytes", path, (unsigned long long)n);
    status = em_file_read(st->file, text, (size_t)n, sizeof length, err);
    if (status != EM_OK) {
        free(text);
        return status;
    }
    st->data = sizeof length + n;
    return em_st_header_parse(&st->header, text, (size_t)n, n_bytes - st->data, path, err);
}

em_status em_st_open_file(em_st **out, em_file *file, em_err *err)
{
    em_st *st = calloc(1, sizeof *st);
    em_status status;

    *out = NULL;
    if (!st) {
        status = em_fail(err, EM_ENOMEM, "%s: no memory", em_file_path(file));
        em_file_close(file);
        return status;
    }
    st->file = file;
    status = read_header(st, err);
    if (status != EM_OK) {
        em_st_close(st);
        return status;
    }
    *out = st;
    return EM_OK;
}

em_status em_st_open(em_st **out, const char *path, em_err *err)
{
    em_file *file;
    em_status status = em_file_open(&file, path, err);

    *out = NULL;
    return status == EM_OK ? em_st_open_file(out, file, err) : status;
}

em_status em_st_open_bytes(em_st **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    em_file *file;
    em_status status = em_file_open_bytes(&file, bytes, n, path, err);

    *out = NULL;
    return status == EM_OK ? em_st_open_file(out, file, err) : status;
}

void em_st_close(em_st *st)
{
    if (!st)
        return;
    em_file_close(st->file);
    em_st_header_deinit(&st->header);
    free(st);
}

int em_st_count(const em_st *st)
{
    return st->header.n_tensors;
}

const em_st_tensor *em_st_get(const em_st *st, int i)
{
    return i >= 0 && i < st->header.n_tensors ? &st->header.tensors[i] : NULL;
}

const em_st_tensor *em_st_find(const em_st *st, const char *name)
{
    int least = 0, most = st->header.n_tensors;

    while (least < most) {
        int middle = least + (most - least) / 2, order = strcmp(name, st->header.by_name[middle]->name);

        if (order == 0)
            return st->header.by_name[middle];
        if (order < 0)
            most = middle;
        else
            least = middle + 1;
    }
    return NULL;
}

const char *em_st_metadata(const em_st *st, const char *key)
{
    for (int i = 0; i < st->header.n_meta; i++)
        if (!strcmp(st->header.meta[i].key, key))
            return st->header.meta[i].value;
    return NULL;
}

int em_st_metadata_count(const em_st *st)
{
    return st->header.n_meta;
}

const char *em_st_metadata_at(const em_st *st, int i, const char **key)
{
    *key = st->header.meta[i].key;
    return st->header.meta[i].value;
}

const char *em_st_path(const em_st *st)
{
    return em_file_path(st->file);
}

/* NULL: weights are not stored like that. */
static void (*const converters[])(float *, const unsigned char *, size_t) = {
    [EM_F32] = em_floats_of_f32, [EM_F16] = em_floats_of_f16, [EM_BF16] = em_floats_of_bf16, [EM_U8] = NULL, [EM_I64] = NULL,
};

em_status em_st_read_part(em_st *st, const em_st_tensor *t, size_t from, size_t n_wanted, float *dst, em_err *err)
{
    size_t n_each = em_dtype_bytes(t->dtype), done = 0;
    char shown[EM_ST_SHOWN];
    unsigned char chunk[CHUNK];

    if (!converters[t->dtype])
        return em_fail(err, EM_EUNSUPPORTED, "%s: tensor %s: is %s, weights are F32, F16 or BF16", em_file_path(st->file),
                       em_st_shown(shown, t->name), em_dtype_name(t->dtype));
    while (done < n_wanted) {
        size_t n = n_wanted - done < CHUNK / n_each ? n_wanted - done : CHUNK / n_each, bad;
        unsigned char *bytes = t->dtype == EM_F32 ? (unsigned char *)(dst + done) : chunk;     /* no detour for floats */
        em_status status = em_file_read(st->file, bytes, n * n_each, st->data + t->begin + (from + done) * n_each, err);

        if (status != EM_OK)
            return status;
        converters[t->dtype](dst + done, bytes, n);
        bad = em_floats_first_bad(dst + done, n);
        if (bad < n)
            return em_fail(err, EM_EFORMAT, "%s: tensor %s: element %zu is not a finite number", em_file_path(st->file),
                           em_st_shown(shown, t->name), from + done + bad);
        done += n;
    }
    return EM_OK;
}

em_status em_st_read(em_st *st, const em_st_tensor *t, float *dst, em_err *err)
{
    return em_st_read_part(st, t, 0, t->n, dst, err);
}

/* Writes '0' over what chunk[n], which is the file's part from `at` on, has of the seal's digits. */
static void blank_seal(unsigned char *chunk, size_t n, uint64_t at)
{
    for (uint64_t k = EM_ST_SEAL_AT; k < EM_ST_SEAL_AT + EM_ST_SEAL_DIGITS; k++)
        if (k >= at && k < at + n)
            chunk[k - at] = '0';
}

static em_status hash_sealed(em_st *st, char out[EM_SHA256_CHARS], em_err *err)
{
    const uint64_t n_bytes = em_file_size(st->file);
    unsigned char chunk[CHUNK];
    em_sha256 hash;

    em_sha256_init(&hash);
    for (uint64_t at = 0; at < n_bytes;) {
        size_t n = n_bytes - at < CHUNK ? (size_t)(n_bytes - at) : CHUNK;
        em_status status = em_file_read(st->file, chunk, n, at, err);

        if (status != EM_OK)
            return status;
        blank_seal(chunk, n, at);
        em_sha256_add(&hash, chunk, n);
        at += n;
    }
    em_sha256_text(&hash, out);
    return EM_OK;
}

em_status em_st_hash(em_st *st, char out[EM_SHA256_CHARS], em_err *err)
{
    return em_file_hash(st->file, out, err);
}

em_status em_st_check_seal(em_st *st, em_err *err)
{
    char start[EM_ST_SEAL_AT + EM_ST_SEAL_DIGITS], hash[EM_SHA256_CHARS];
    em_status status;

    if (em_file_size(st->file) < sizeof start)
        return em_fail(err, EM_EFORMAT, "%s: is too short to hold its SHA-256", em_file_path(st->file));
    status = em_file_read(st->file, start, sizeof start, 0, err);
    if (status == EM_OK && memcmp(start + 8, EM_ST_SEAL_PREFIX, EM_ST_SEAL_AT - 8) != 0)
        status = em_fail(err, EM_EFORMAT, "%s: does not begin with its SHA-256, as a saved state does", em_file_path(st->file));
    if (status == EM_OK)
        status = hash_sealed(st, hash, err);
    if (status == EM_OK && memcmp(start + EM_ST_SEAL_AT, hash, EM_ST_SEAL_DIGITS) != 0)
        status = em_fail(err, EM_EFORMAT, "%s: is damaged: its bytes have another SHA-256 than the one it holds", em_file_path(st->file));
    return status;
}
