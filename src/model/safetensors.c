/* The file behind a checked header. Its bytes are copied before they are floats, so that no float is read from an odd
 * address. */
#include "model/safetensors.h"

#include "model/file.h"
#include "model/half.h"
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

const char *em_st_path(const em_st *st)
{
    return em_file_path(st->file);
}

/* NULL: weights are not stored like that. */
static void (*const converters[])(float *, const unsigned char *, size_t) = {
    [EM_F32] = em_floats_of_f32, [EM_F16] = em_floats_of_f16, [EM_BF16] = em_floats_of_bf16, [EM_U8] = NULL, [EM_I64] = NULL,
};

em_status em_st_read(em_st *st, const em_st_tensor *t, float *dst, em_err *err)
{
    size_t n_each = em_dtype_bytes(t->dtype), done = 0;
    char shown[EM_ST_SHOWN];
    unsigned char chunk[CHUNK];

    if (!converters[t->dtype])
        return em_fail(err, EM_EUNSUPPORTED, "%s: tensor %s: is %s, weights are F32, F16 or BF16", em_file_path(st->file),
                       em_st_shown(shown, t->name), em_dtype_name(t->dtype));
    while (done < t->n) {
        size_t n = t->n - done < CHUNK / n_each ? t->n - done : CHUNK / n_each, bad;
        unsigned char *bytes = t->dtype == EM_F32 ? (unsigned char *)(dst + done) : chunk;     /* no detour for floats */
        em_status status = em_file_read(st->file, bytes, n * n_each, st->data + t->begin + done * n_each, err);

        if (status != EM_OK)
            return status;
        converters[t->dtype](dst + done, bytes, n);
        bad = em_floats_first_bad(dst + done, n);
        if (bad < n)
            return em_fail(err, EM_EFORMAT, "%s: tensor %s: element %zu is not a finite number", em_file_path(st->file),
                           em_st_shown(shown, t->name), done + bad);
        done += n;
    }
    return EM_OK;
}

em_status em_st_hash(em_st *st, char out[EM_SHA256_CHARS], em_err *err)
{
    return em_file_hash(st->file, out, err);
}
