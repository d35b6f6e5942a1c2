/* The file behind a checked header. Bytes come by pread into our own memory, never by mmap: a file that is cut
 * while we read it is then a short read and not a SIGBUS, and no float is read from an odd address. */
#include "model/safetensors.h"

#include "model/half.h"
#include "model/safetensors_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };           /* bytes read and checked at a time: they stay in the second-level cache */

struct em_st {
    char                *path;
    int                  fd;        /* -1: the bytes are in memory */
    const unsigned char *bytes;
    uint64_t             n_bytes;   /* of the file                 */
    uint64_t             data;      /* where the data begin in it  */
    em_st_header         header;
};

/* n bytes of the file from `at`; the caller has checked that they lie within it. */
static em_status read_at(const em_st *st, void *dst, size_t n, uint64_t at, em_err *err)
{
    unsigned char *to = dst;

    if (st->fd < 0) {
        memcpy(to, st->bytes + at, n);
        return EM_OK;
    }
    while (n > 0) {
        ssize_t got = pread(st->fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return em_fail(err, EM_EIO, "%s: %s", st->path, strerror(errno));
        if (got == 0)
            return em_fail(err, EM_EIO, "%s: became shorter while it was read (at byte %llu of %llu)", st->path,
                           (unsigned long long)at, (unsigned long long)st->n_bytes);
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return EM_OK;
}

/* st->n_bytes is known; reads the length and the header behind it. */
static em_status read_header(em_st *st, em_err *err)
{
    unsigned char length[8];
    uint64_t n = 0;
    char *text;
    em_status status;

    if (st->n_bytes < sizeof length)
        return em_fail(err, EM_EFORMAT, "%s: %llu bytes are too few for a safetensors file (8 at least)", st->path,
                       (unsigned long long)st->n_bytes);
    if (st->n_bytes > EM_ST_MAX_FILE)
        return em_fail(err, EM_EFORMAT, "%s: %llu bytes are too many for a model file (%llu at most)", st->path,
                       (unsigned long long)st->n_bytes, (unsigned long long)EM_ST_MAX_FILE);
    status = read_at(st, length, sizeof length, 0, err);
    if (status != EM_OK)
        return status;
    for (int i = 0; i < 8; i++)
        n |= (uint64_t)length[i] << 8 * i;
    if (memcmp(length, "PK\3\4", 4) == 0)
        return em_fail(err, EM_EFORMAT, "%s: is a zip archive, as PyTorch writes .pth and .ckpt: save its tensors as safetensors first",
                       st->path);
    if (n > EM_ST_MAX_HEADER || n > st->n_bytes - sizeof length)        /* never 8 + n, which may wrap */
        return em_fail(err, EM_EFORMAT, "%s: byte 0: a header of %llu bytes does not fit (the file has %llu, at most %d are taken);"
                       " is it a safetensors file?", st->path, (unsigned long long)n, (unsigned long long)st->n_bytes, EM_ST_MAX_HEADER);
    text = malloc((size_t)n + 1);
    if (!text)
        return em_fail(err, EM_ENOMEM, "%s: no memory for a header of %llu bytes", st->path, (unsigned long long)n);
    status = read_at(st, text, (size_t)n, sizeof length, err);
    if (status != EM_OK) {
        free(text);
        return status;
    }
    st->data = sizeof length + n;
    return em_st_header_parse(&st->header, text, (size_t)n, st->n_bytes - st->data, st->path, err);
}

/* A regular file only. O_NONBLOCK: opening a FIFO nobody writes to must not hang. */
static em_status open_file(em_st *st, em_err *err)
{
    struct stat info;

    st->fd = open(st->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (st->fd < 0 || fstat(st->fd, &info) < 0)
        return em_fail(err, EM_EIO, "%s: %s", st->path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return em_fail(err, EM_EIO, "%s: is not a regular file", st->path);
    st->n_bytes = (uint64_t)info.st_size;
    return EM_OK;
}

static em_status open_any(em_st **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    em_st *st = calloc(1, sizeof *st);
    em_status status = EM_OK;

    *out = NULL;
    if (st)
        st->fd = -1;
    if (!st || !(st->path = strdup(path))) {
        status = em_fail(err, EM_ENOMEM, "%s: no memory", path);
        goto failed;
    }
    if (bytes) {
        st->bytes = bytes;
        st->n_bytes = n;
    } else {
        status = open_file(st, err);
    }
    if (status == EM_OK)
        status = read_header(st, err);
    if (status != EM_OK)
        goto failed;
    *out = st;
    return EM_OK;

failed:
    em_st_close(st);
    return status;
}

em_status em_st_open(em_st **out, const char *path, em_err *err)
{
    return open_any(out, NULL, 0, path, err);
}

em_status em_st_open_bytes(em_st **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    return open_any(out, bytes ? bytes : "", n, path, err);
}

void em_st_close(em_st *st)
{
    if (!st)
        return;
    if (st->fd >= 0)
        close(st->fd);
    em_st_header_deinit(&st->header);
    free(st->path);
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
    return st->path;
}

/* NULL: weights are not stored like that. */
static void (*const converters[])(float *, const unsigned char *, size_t) = {
    [EM_F32] = em_floats_of_f32, [EM_F16] = em_floats_of_f16, [EM_BF16] = em_floats_of_bf16, [EM_U8] = NULL, [EM_I64] = NULL,
};

/* NaN or infinity: an exponent of all ones. Asked of the bits, which no compiler option can fold away. */
static bool is_bad(const float *x)
{
    uint32_t bits;

    memcpy(&bits, x, sizeof bits);
    return (bits & 0x7f800000u) == 0x7f800000u;
}

/* Index of the first bad one, n when there is none. */
static size_t first_bad(const float *x, size_t n)
{
    unsigned bad = 0;
    size_t i = 0;

    for (size_t k = 0; k < n; k++)                      /* no branch inside, so that it runs at the speed of memory */
        bad |= is_bad(x + k);
    if (!bad)
        return n;
    while (i < n && !is_bad(x + i))
        i++;
    return i;
}

em_status em_st_read_part(em_st *st, const em_st_tensor *t, size_t from, size_t n_wanted, float *dst, em_err *err)
{
    size_t n_each = em_dtype_bytes(t->dtype), done = 0;
    char shown[EM_ST_SHOWN];
    unsigned char chunk[CHUNK];

    if (!converters[t->dtype])
        return em_fail(err, EM_EUNSUPPORTED, "%s: tensor %s: is %s, weights are F32, F16 or BF16", st->path,
                       em_st_shown(shown, t->name), em_dtype_name(t->dtype));
    while (done < n_wanted) {
        size_t n = n_wanted - done < CHUNK / n_each ? n_wanted - done : CHUNK / n_each, bad;
        unsigned char *bytes = t->dtype == EM_F32 ? (unsigned char *)(dst + done) : chunk;     /* no detour for floats */
        em_status status = read_at(st, bytes, n * n_each, st->data + t->begin + (from + done) * n_each, err);

        if (status != EM_OK)
            return status;
        converters[t->dtype](dst + done, bytes, n);
        bad = first_bad(dst + done, n);
        if (bad < n)
            return em_fail(err, EM_EFORMAT, "%s: tensor %s: element %zu is not a finite number", st->path,
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

static em_status hash_all(em_st *st, bool is_sealed, char out[EM_SHA256_CHARS], em_err *err)
{
    unsigned char chunk[CHUNK];
    em_sha256 hash;

    em_sha256_init(&hash);
    for (uint64_t at = 0; at < st->n_bytes;) {
        size_t n = st->n_bytes - at < CHUNK ? (size_t)(st->n_bytes - at) : CHUNK;
        em_status status = read_at(st, chunk, n, at, err);

        if (status != EM_OK)
            return status;
        if (is_sealed)
            blank_seal(chunk, n, at);
        em_sha256_add(&hash, chunk, n);
        at += n;
    }
    em_sha256_text(&hash, out);
    return EM_OK;
}

em_status em_st_hash(em_st *st, char out[EM_SHA256_CHARS], em_err *err)
{
    return hash_all(st, false, out, err);
}

em_status em_st_check_seal(em_st *st, em_err *err)
{
    char start[EM_ST_SEAL_AT + EM_ST_SEAL_DIGITS], hash[EM_SHA256_CHARS];
    em_status status;

    if (st->n_bytes < sizeof start)
        return em_fail(err, EM_EFORMAT, "%s: is too short to hold its SHA-256", st->path);
    status = read_at(st, start, sizeof start, 0, err);
    if (status == EM_OK && memcmp(start + 8, EM_ST_SEAL_PREFIX, EM_ST_SEAL_AT - 8) != 0)
        status = em_fail(err, EM_EFORMAT, "%s: does not begin with its SHA-256, as a saved state does", st->path);
    if (status == EM_OK)
        status = hash_all(st, true, hash, err);
    if (status == EM_OK && memcmp(start + EM_ST_SEAL_AT, hash, EM_ST_SEAL_DIGITS) != 0)
        status = em_fail(err, EM_EFORMAT, "%s: is damaged: its bytes have another SHA-256 than the one it holds", st->path);
    return status;
}
