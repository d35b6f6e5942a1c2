/* Writes a safetensors file so that a reader sees the old one or the new one, never a part. It writes only what em_st_open
 * and em_st_read accept. */
#include "model/safetensors.h"

#include "base/json.h"
#include "base/replace.h"
#include "base/half.h"
#include "model/safetensors_header.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 15 };           /* bytes */

/* What a file is made of. */
typedef struct content {
    const em_st_out   *tensors;
    const char *const *keys, *const *values;
    int                n_tensors, n_meta;
    bool               is_sealed;
} content;

/* Where its bytes go, and the hash of those that went, if it is sealed. */
typedef struct output { const content *content; const em_json *header; int fd; em_sha256 hash; } output;

/* The bits of x in the file; dtype is one of those that check_tensor lets pass. */
static uint32_t bits_of(float x, em_dtype dtype)
{
    uint32_t bits;

    if (dtype == EM_F16)
        return em_f16_of_float(x);
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static em_status check_values(const em_st_out *t, const char *path, uint64_t n, em_err *err)
{
    for (uint64_t i = 0; i < n; i++) {
        if (!isfinite(t->data[i]))
            return em_fail(err, EM_EINVAL, "%s: tensor %s: element %llu is not a finite number, so the file was not written",
                           path, t->name, (unsigned long long)i);
        if (t->dtype == EM_F16 && (bits_of(t->data[i], EM_F16) & 0x7fffu) == 0x7c00u)
            return em_fail(err, EM_EINVAL, "%s: tensor %s: element %llu is %g, and F16 ends at 65504: write it as F32",
                           path, t->name, (unsigned long long)i, (double)t->data[i]);
    }
    return EM_OK;
}

static em_status check_tensor(const em_st_out *t, const char *path, uint64_t *n_bytes, em_err *err)
{
    uint64_t n_each = em_dtype_bytes(t->dtype), n = n_each;

    if (strlen(t->name) < 1 || strlen(t->name) > EM_ST_MAX_NAME || t->rank < 0 || t->rank > EM_ST_RANK)
        return em_fail(err, EM_EINVAL, "%s: tensor %.64s: its name or rank is not allowed in the format", path, t->name);
    if (t->dtype != EM_F32 && t->dtype != EM_F16)
        return em_fail(err, EM_EINVAL, "%s: tensor %s: %s is not written, F32 and F16 are", path, t->name, em_dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i] < 0 || __builtin_mul_overflow(n, (uint64_t)t->shape[i], &n))
            return em_fail(err, EM_EINVAL, "%s: tensor %s: its shape is not allowed in the format", path, t->name);
    if (n > EM_ST_MAX_FILE)
        return em_fail(err, EM_EINVAL, "%s: tensor %s: is too large for a model file", path, t->name);
    *n_bytes = n;
    return check_values(t, path, n / n_each, err);
}

static em_status check_metadata(const content *c, const char *path, em_err *err)
{
    size_t n_bytes = c->is_sealed ? EM_ST_SEAL_AT + EM_ST_SEAL_DIGITS : 0;

    for (int i = 0; i < c->n_meta; i++)
        n_bytes += strlen(c->keys[i]) + strlen(c->values[i]);
    if (c->n_meta + c->is_sealed > EM_ST_MAX_ENTRIES || n_bytes > EM_ST_MAX_METADATA)
        return em_fail(err, EM_EINVAL, "%s: %zu bytes of metadata are too many (%d at most)", path, n_bytes, EM_ST_MAX_METADATA);
    return EM_OK;
}

static void describe(em_json *j, const em_st_out *t, uint64_t begin, uint64_t end)
{
    em_json_begin(j, t->name, '{');
    em_json_string(j, "dtype", em_dtype_name(t->dtype));
    em_json_begin(j, "shape", '[');
    for (int i = 0; i < t->rank; i++)
        em_json_int(j, NULL, t->shape[i]);
    em_json_end(j, ']');
    em_json_begin(j, "data_offsets", '[');
    em_json_int(j, NULL, (int64_t)begin);
    em_json_int(j, NULL, (int64_t)end);
    em_json_end(j, ']');
    em_json_end(j, '}');
}

static void describe_metadata(em_json *j, const content *c)
{
    if (c->n_meta == 0 && !c->is_sealed)
        return;
    em_json_begin(j, EM_ST_METADATA, '{');
    if (c->is_sealed)                                   /* first, for its place; the digits come when they are known */
        em_json_string(j, "sha256", "0000000000000000000000000000000000000000000000000000000000000000");
    for (int i = 0; i < c->n_meta; i++)
        em_json_string(j, c->keys[i], c->values[i]);
    em_json_end(j, '}');
}

/* The header's text, without its padding. */
static em_status make_header(em_json *j, const char *path, const content *c, em_err *err)
{
    uint64_t at = 0;

    if (c->n_tensors > EM_ST_MAX_TENSORS)
        return em_fail(err, EM_EINVAL, "%s: %d tensors are too many (%d at most)", path, c->n_tensors, EM_ST_MAX_TENSORS);
    em_json_begin(j, NULL, '{');
    describe_metadata(j, c);
    for (int i = 0; i < c->n_tensors; i++) {
        uint64_t n_bytes = 0;
        em_status status = check_tensor(&c->tensors[i], path, &n_bytes, err);

        if (status != EM_OK)
            return status;
        describe(j, &c->tensors[i], at, at + n_bytes);
        at += n_bytes;
    }
    em_json_end(j, '}');
    if (j->has_failed)
        return em_fail(err, EM_ENOMEM, "%s: no memory for the header", path);
    if (at > EM_ST_MAX_FILE - EM_ST_MAX_HEADER - 8)     /* room for the longest header */
        return em_fail(err, EM_EINVAL, "%s: %llu bytes are too many for a model file", path, (unsigned long long)at);
    return EM_OK;
}

static bool write_all(output *out, const void *bytes, size_t n)
{
    if (out->content->is_sealed)
        em_sha256_add(&out->hash, bytes, n);
    return em_file_put(out->fd, bytes, n);
}

static void put_little(unsigned char *to, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static bool write_floats(output *out, const float *x, size_t n, em_dtype dtype)
{
    const size_t n_each = em_dtype_bytes(dtype);
    unsigned char chunk[CHUNK];

    while (n > 0) {
        size_t n_now = n < CHUNK / n_each ? n : CHUNK / n_each;

        for (size_t i = 0; i < n_now; i++)
            put_little(chunk + n_each * i, bits_of(x[i], dtype), (int)n_each);
        if (!write_all(out, chunk, n_each * n_now))
            return false;
        x += n_now;
        n -= n_now;
    }
    return true;
}

static bool write_content(output *out)
{
    const em_json *header = out->header;
    const content *c = out->content;
    static const char spaces[] = "       ";
    size_t n_padding = (8 - header->n % 8) % 8;
    unsigned char length[8];

    put_little(length, header->n + n_padding, 8);
    if (!write_all(out, length, sizeof length) || !write_all(out, header->text, header->n) || !write_all(out, spaces, n_padding))
        return false;
    for (int i = 0; i < c->n_tensors; i++) {
        size_t n = 1;

        for (int k = 0; k < c->tensors[i].rank; k++)
            n *= (size_t)c->tensors[i].shape[k];
        if (!write_floats(out, c->tensors[i].data, n, c->tensors[i].dtype))
            return false;
    }
    return true;
}

static bool write_seal(output *out)
{
    char digits[EM_SHA256_CHARS];

    em_sha256_text(&out->hash, digits);
    return lseek(out->fd, EM_ST_SEAL_AT, SEEK_SET) == EM_ST_SEAL_AT && write_all(out, digits, EM_ST_SEAL_DIGITS);
}

static bool write_whole(int fd, void *ctx)
{
    output *out = ctx;

    out->fd = fd;
    em_sha256_init(&out->hash);
    return write_content(out) && (!out->content->is_sealed || write_seal(out));
}

static em_status write_file(const char *path, const content *c, em_err *err)
{
    em_json header = { 0 };
    output out = { .content = c, .header = &header };
    em_status status = check_metadata(c, path, err);

    if (status == EM_OK)
        status = make_header(&header, path, c, err);
    if (status == EM_OK)
        status = em_file_replace(path, write_whole, &out, err);
    em_json_deinit(&header);
    return status;
}

em_status em_st_write(const char *path, const em_st_out *tensors, int n_tensors, const char *const *keys,
                      const char *const *values, int n_meta, em_err *err)
{
    const content c = { tensors, keys, values, n_tensors, n_meta, false };

    return write_file(path, &c, err);
}

em_status em_st_write_sealed(const char *path, const em_st_out *tensors, int n_tensors, const char *const *keys,
                             const char *const *values, int n_meta, em_err *err)
{
    const content c = { tensors, keys, values, n_tensors, n_meta, true };

    return write_file(path, &c, err);
}
