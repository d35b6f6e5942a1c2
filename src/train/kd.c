/* kd.c - see kd.h. Rows are found by a sorted list of their keys. */
#include "train/kd.h"

#include "base/sha256.h"
#include "base/text.h"
#include "model/safetensors.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 4, PIECE_BITS = 16, SHOWN = 80 };

typedef struct row { uint64_t key; int i; } row;

struct em_kd {
    char  *path;
    float *logits;                  /* [n][n_classes]  */
    row   *rows;                    /* [n] by key      */
    int    n, n_classes;
};

static uint64_t key_of(const char *name)
{
    char hex[EM_SHA256_CHARS];
    em_sha256 hash;

    em_sha256_init(&hash);
    em_sha256_add(&hash, name, strlen(name));
    em_sha256_text(&hash, hex);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16);
}

static void hash_classes(char out[EM_SHA256_CHARS], char *const *classes, int n)
{
    em_sha256 hash;

    em_sha256_init(&hash);
    for (int c = 0; c < n; c++) {
        em_sha256_add(&hash, classes[c], strlen(classes[c]));
        em_sha256_add(&hash, "\n", 1);
    }
    em_sha256_text(&hash, out);
}

static int by_key(const void *a, const void *b)
{
    const row *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

/* Sorts rows[n]; one that stands twice, or NULL. */
static const row *sort_rows(row *rows, int n)
{
    qsort(rows, (size_t)n, sizeof *rows, by_key);
    for (int i = 1; i < n; i++)
        if (rows[i].key == rows[i - 1].key)
            return &rows[i];
    return NULL;
}

static em_status find_matrix(const em_st_tensor **out, em_st *st, const char *name, em_err *err)
{
    const em_st_tensor *t = em_st_find(st, name);

    if (!t)
        return em_fail(err, EM_EFORMAT, "%s: has no tensor '%s', so it is no file of a teacher's logits (--eval --save-logits makes one)",
                       em_st_path(st), name);
    if (t->rank != 2)
        return em_fail(err, EM_EFORMAT, "%s: tensor %s: has %d dimensions, not the 2 of clips and what belongs to each", em_st_path(st),
                       name, t->rank);
    *out = t;
    return EM_OK;
}

static em_status check_classes(em_st *st, const em_st_tensor *logits, char *const *classes, int n_classes, em_err *err)
{
    const char *said = em_st_metadata(st, "classes");
    char have[EM_SHA256_CHARS];

    if (logits->shape[1] != n_classes)
        return em_fail(err, EM_ESHAPE, "%s: holds logits of %lld classes, the model has %d", em_st_path(st), (long long)logits->shape[1],
                       n_classes);
    hash_classes(have, classes, n_classes);
    if (said && strcmp(said, have) != 0)
        return em_fail(err, EM_ESHAPE, "%s: holds logits of %d other classes, or of these in another order", em_st_path(st), n_classes);
    return EM_OK;
}

/* Four whole numbers of 16 bits each. */
static em_status read_keys(em_kd *kd, em_st *st, const em_st_tensor *t, em_err *err)
{
    float *pieces = calloc(t->n ? t->n : 1, sizeof *pieces);
    em_status status = pieces ? em_st_read(st, t, pieces, err) : em_fail(err, EM_ENOMEM, "%s: no memory for %d rows", kd->path, kd->n);

    for (int i = 0; i < kd->n && status == EM_OK; i++) {
        kd->rows[i].i = i;
        for (int p = 0; p < PIECES && status == EM_OK; p++) {
            float piece = pieces[(size_t)i * PIECES + (size_t)p];

            if (piece >= 0 && piece < 1 << PIECE_BITS && piece == (float)(unsigned)piece)
                kd->rows[i].key = kd->rows[i].key << PIECE_BITS | (unsigned)piece;
            else
                status = em_fail(err, EM_EFORMAT, "%s: tensor clips: row %d is no key: %g is not a whole number below 65536", kd->path, i,
                                 (double)piece);
        }
    }
    free(pieces);
    return status;
}

/* st's sizes are bounded by the bytes of the file, which its header was checked against. */
static em_status read_all(em_kd *kd, em_st *st, char *const *classes, int n_classes, em_err *err)
{
    const em_st_tensor *logits = NULL, *clips = NULL;
    const row *twice;
    em_status status = find_matrix(&logits, st, "logits", err);

    if (!status)
        status = find_matrix(&clips, st, "clips", err);
    if (!status)
        status = check_classes(st, logits, classes, n_classes, err);
    if (status)
        return status;
    if (clips->shape[0] != logits->shape[0] || clips->shape[1] != PIECES || logits->shape[0] > INT_MAX)
        return em_fail(err, EM_EFORMAT, "%s: tensor clips: is %lld x %lld, and %lld x %d belong to its logits", kd->path,
                       (long long)clips->shape[0], (long long)clips->shape[1], (long long)logits->shape[0], PIECES);
    kd->n = (int)logits->shape[0];
    kd->n_classes = n_classes;
    kd->logits = calloc(logits->n ? logits->n : 1, sizeof *kd->logits);
    kd->rows = calloc(kd->n ? (size_t)kd->n : 1, sizeof *kd->rows);
    if (!kd->logits || !kd->rows)
        return em_fail(err, EM_ENOMEM, "%s: no memory for the logits of %d clips", kd->path, kd->n);
    if ((status = read_keys(kd, st, clips, err)) || (status = em_st_read(st, logits, kd->logits, err)))
        return status;
    twice = sort_rows(kd->rows, kd->n);
    if (twice)
        return em_fail(err, EM_EFORMAT, "%s: tensor clips: row %d stands for a clip that another row stands for, too", kd->path,
                       twice->i);
    return EM_OK;
}

em_status em_kd_open(em_kd **out, const char *path, char *const *classes, int n_classes, em_err *err)
{
    em_kd *kd = calloc(1, sizeof *kd);
    em_st *st = NULL;
    em_status status;

    *out = NULL;
    if (!kd || !(kd->path = strdup(path)))
        status = em_fail(err, EM_ENOMEM, "%s: no memory", path);
    else if ((status = em_st_open(&st, path, err)) == EM_OK)
        status = read_all(kd, st, classes, n_classes, err);
    em_st_close(st);
    if (status == EM_OK)
        *out = kd;
    else
        em_kd_free(kd);
    return status;
}

void em_kd_free(em_kd *kd)
{
    if (!kd)
        return;
    free(kd->path);
    free(kd->logits);
    free(kd->rows);
    free(kd);
}

int em_kd_count(const em_kd *kd)
{
    return kd->n;
}

const float *em_kd_find(const em_kd *kd, const char *name)
{
    row wanted = { .key = key_of(name) };
    const row *found = bsearch(&wanted, kd->rows, (size_t)kd->n, sizeof wanted, by_key);

    return found ? kd->logits + (size_t)found->i * (size_t)kd->n_classes : NULL;
}

static em_status make_keys(float *pieces, row *rows, const char *path, const char *const *names, int n, em_err *err)
{
    char shown[SHOWN];
    const row *twice;

    for (int i = 0; i < n; i++) {
        rows[i] = (row){ key_of(names[i]), i };
        for (int p = 0; p < PIECES; p++)
            pieces[(size_t)i * PIECES + (size_t)p] = (float)(rows[i].key >> PIECE_BITS * (PIECES - 1 - p) & 0xffff);
    }
    twice = sort_rows(rows, n);
    if (twice)
        return em_fail(err, EM_EINVAL, "%s: two clips are called %s, and a file of logits tells clips by their names", path,
                       em_text_clean(shown, sizeof shown, names[twice->i]));
    return EM_OK;
}

em_status em_kd_write(const char *path, const char *const *names, const float *logits, int n_clips, char *const *classes, int n_classes,
                      em_err *err)
{
    const int64_t shape[] = { n_clips, n_classes }, key_shape[] = { n_clips, PIECES };
    size_t n = n_clips > 0 ? (size_t)n_clips : 1;
    float *pieces = calloc(n, PIECES * sizeof *pieces);
    row *rows = calloc(n, sizeof *rows);
    const em_st_out tensors[] = { { "logits", 2, shape, logits, EM_F32 }, { "clips", 2, key_shape, pieces, EM_F32 } };
    const char *const key = "classes";
    char hash[EM_SHA256_CHARS];
    const char *const value = hash;
    em_status status;

    hash_classes(hash, classes, n_classes);
    if (!pieces || !rows)
        status = em_fail(err, EM_ENOMEM, "%s: no memory for the logits of %d clips", path, n_clips);
    else if ((status = make_keys(pieces, rows, path, names, n_clips, err)) == EM_OK)
        status = em_st_write(path, tensors, EM_COUNT(tensors), &key, &value, 1, err);
    free(pieces);
    free(rows);
    return status;
}
