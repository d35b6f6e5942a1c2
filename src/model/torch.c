/* torch.c - archive, pickle and storages brought together: see torch.h. */
#include "model/torch.h"

#include "base/half.h"
#include "model/safetensors_header.h"
#include "model/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };           /* bytes read at a time: they stay in the second-level cache */

typedef struct named { char *name; uint32_t view; } named;

struct em_torch {
    em_file             *file;
    em_zip              *zip;
    const em_zip_entry  *data_pkl;
    unsigned char       *bytes;         /* of the pickle; its strings point into them */
    em_pickle            pickle;
    const em_zip_entry **storages;      /* [pickle.n_storages] where each one is      */
    bool                *is_intact;     /* [pickle.n_storages] its CRC-32 was right   */
    named               *list;          /* [n] */
    int                  n;
};

bool em_torch_is_zip(const unsigned char *bytes, size_t n)
{
    return n >= 4 && !memcmp(bytes, "PK\3\4", 4);
}

bool em_torch_is_old(const unsigned char *bytes, size_t n)
{
    return n >= EM_TORCH_SNIFF && !memcmp(bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", EM_TORCH_SNIFF);
}

static em_status no_memory(const em_torch *t, em_err *err)
{
    return em_fail(err, EM_ENOMEM, "%s: no memory", em_file_path(t->file));
}

/* The entry `name` of the folder that holds data.pkl. NULL: none. */
static const em_zip_entry *find_entry(const em_torch *t, const char *name)
{
    size_t n_folder = strlen(t->data_pkl->name) - strlen("data.pkl");
    char full[EM_ZIP_MAX_NAME + 32];

    snprintf(full, sizeof full, "%.*s%s", (int)n_folder, t->data_pkl->name, name);
    return em_zip_find(t->zip, full);
}

static em_status find_pickle(em_torch *t, em_err *err)
{
    const char *path = em_file_path(t->file);

    for (int i = 0; i < em_zip_count(t->zip); i++) {
        const em_zip_entry *e = em_zip_get(t->zip, i);
        const char *slash = strchr(e->name, '/');

        if (!slash || strcmp(slash + 1, "data.pkl"))
            continue;
        if (t->data_pkl)
            return em_fail(err, EM_EFORMAT, "%s: holds data.pkl in more than one folder", path);
        t->data_pkl = e;
    }
    if (!t->data_pkl)
        return em_fail(err, EM_EFORMAT, "%s: is a zip archive without FOLDER/data.pkl: not a checkpoint of PyTorch", path);
    if (t->data_pkl->n_bytes > EM_PICKLE_MAX_BYTES)
        return em_fail(err, EM_EFORMAT, "%s: data.pkl of %llu bytes is too large (%d at most)", path,
                       (unsigned long long)t->data_pkl->n_bytes, EM_PICKLE_MAX_BYTES);
    return EM_OK;
}

/* Files of PyTorch before 2.1 do not say; they are little-endian but for very few. */
static em_status check_byteorder(em_torch *t, em_err *err)
{
    const em_zip_entry *e = find_entry(t, "byteorder");
    char order[8] = { 0 };
    em_status status;

    if (!e)
        return EM_OK;
    if (e->n_bytes >= sizeof order)
        return em_fail(err, EM_EFORMAT, "%s: its byteorder is neither little nor big", em_file_path(t->file));
    status = em_file_read(t->file, order, (size_t)e->n_bytes, e->begin, err);
    if (status == EM_OK && strcmp(order, "little"))
        status = em_fail(err, EM_EUNSUPPORTED, "%s: its numbers are not little-endian: save it anew on a PC", em_file_path(t->file));
    return status;
}

static em_status run_pickle(em_torch *t, em_err *err)
{
    size_t n = (size_t)t->data_pkl->n_bytes;
    em_status status = em_zip_check(t->zip, t->data_pkl, err);

    if (status != EM_OK)
        return status;
    t->bytes = malloc(n + 1);
    if (!t->bytes)
        return no_memory(t, err);
    status = em_file_read(t->file, t->bytes, n, t->data_pkl->begin, err);
    return status == EM_OK ? em_pickle_run(&t->pickle, t->bytes, n, em_file_path(t->file), err) : status;
}

static em_status find_storages(em_torch *t, em_err *err)
{
    t->storages = calloc((size_t)t->pickle.n_storages + 1, sizeof *t->storages);
    t->is_intact = calloc((size_t)t->pickle.n_storages + 1, sizeof *t->is_intact);
    if (!t->storages || !t->is_intact)
        return no_memory(t, err);
    for (uint32_t i = 0; i < t->pickle.n_storages; i++) {
        const em_torch_storage *s = &t->pickle.storages[i];
        const em_zip_entry *e;
        char name[32];

        snprintf(name, sizeof name, "data/%s", s->key);
        e = t->storages[i] = find_entry(t, name);
        if (!e)
            return em_fail(err, EM_EFORMAT, "%s: storage %s is missing", em_file_path(t->file), s->key);
        if (e->n_bytes % s->type->n_bytes || e->n_bytes / s->type->n_bytes != s->n)
            return em_fail(err, EM_EFORMAT, "%s: storage %s has %llu bytes, and its %llu numbers of type %s need others",
                           em_file_path(t->file), s->key, (unsigned long long)e->n_bytes, (unsigned long long)s->n, s->type->name);
    }
    return EM_OK;
}

/* The dict whose tensors are wanted. */
static em_status find_state(const em_pickle_value **state, const em_torch *t, em_err *err)
{
    static const char *const places[] = { "state_dict", "model" };
    const em_pickle_value *root = &t->pickle.values[t->pickle.root];

    *state = root;
    if (root->kind != EM_PICKLE_DICT)
        return em_fail(err, EM_EFORMAT, "%s: does not hold a dict", em_file_path(t->file));
    for (size_t i = 0; i < EM_COUNT(places); i++) {
        const em_pickle_value *inner;
        em_status status = em_pickle_find(&inner, &t->pickle, root, places[i], em_file_path(t->file), err);

        if (status != EM_OK)
            return status;
        if (inner && inner->kind == EM_PICKLE_DICT) {
            *state = inner;
            break;
        }
    }
    return EM_OK;
}

static em_status add_tensor(em_torch *t, const em_pickle_value *key, const em_pickle_value *tensor, em_err *err)
{
    const char *path = em_file_path(t->file);
    named *to = &t->list[t->n];

    if (key->kind != EM_PICKLE_STRING || key->n < 1 || key->n > EM_ST_MAX_NAME)
        return em_fail(err, EM_EFORMAT, "%s: tensor %d has a name that is no string of 1 to %d bytes", path, t->n, EM_ST_MAX_NAME);
    if (t->n == EM_ST_MAX_TENSORS)
        return em_fail(err, EM_EFORMAT, "%s: more than %d tensors", path, EM_ST_MAX_TENSORS);
    to->name = strndup(key->as.text, key->n);
    if (!to->name)
        return no_memory(t, err);
    to->view = tensor->as.at;
    t->n++;
    return EM_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static em_status check_unique(const em_torch *t, em_err *err)
{
    const char **names = malloc(((size_t)t->n + 1) * sizeof *names);
    char shown[EM_ST_SHOWN];
    em_status status = EM_OK;

    if (!names)
        return no_memory(t, err);
    for (int i = 0; i < t->n; i++)
        names[i] = t->list[i].name;
    qsort(names, (size_t)t->n, sizeof *names, compare_names);
    for (int i = 1; i < t->n && status == EM_OK; i++)
        if (!strcmp(names[i - 1], names[i]))
            status = em_fail(err, EM_EFORMAT, "%s: tensor %s is there twice", em_file_path(t->file), em_st_shown(shown, names[i]));
    free(names);
    return status;
}

static em_status list_tensors(em_torch *t, em_err *err)
{
    const em_pickle_value *state;
    em_status status = find_state(&state, t, err);

    if (status != EM_OK)
        return status;
    t->list = calloc(EM_ST_MAX_TENSORS, sizeof *t->list);
    if (!t->list)
        return no_memory(t, err);
    for (uint32_t i = 0; i < state->n && status == EM_OK; i += 2) {
        const em_pickle_value *key = &t->pickle.values[state->as.items[i]], *value = &t->pickle.values[state->as.items[i + 1]];

        if (value->kind == EM_PICKLE_TENSOR)
            status = add_tensor(t, key, value, err);
    }
    if (status == EM_OK && t->n == 0)
        status = em_fail(err, EM_EFORMAT, "%s: holds no tensors under state_dict, under model or at its top", em_file_path(t->file));
    return status == EM_OK ? check_unique(t, err) : status;
}

em_status em_torch_open(em_torch **out, em_file *file, em_err *err)
{
    static em_status (*const steps[])(em_torch *, em_err *) = { find_pickle, check_byteorder, run_pickle, find_storages, list_tensors };
    em_torch *t = calloc(1, sizeof *t);
    em_status status;

    *out = NULL;
    if (!t) {
        status = em_fail(err, EM_ENOMEM, "%s: no memory", em_file_path(file));
        em_file_close(file);
        return status;
    }
    t->file = file;
    status = em_zip_open(&t->zip, file, err);
    for (size_t i = 0; status == EM_OK && i < EM_COUNT(steps); i++)
        status = steps[i](t, err);
    if (status != EM_OK) {
        em_torch_close(t);
        return status;
    }
    *out = t;
    return EM_OK;
}

void em_torch_close(em_torch *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->n; i++)
        free(t->list[i].name);
    free(t->list);
    free(t->storages);
    free(t->is_intact);
    em_pickle_deinit(&t->pickle);
    free(t->bytes);
    em_zip_close(t->zip);
    em_file_close(t->file);
    free(t);
}

int em_torch_count(const em_torch *t)
{
    return t->n;
}

const char *em_torch_name(const em_torch *t, int i)
{
    return t->list[i].name;
}

const em_torch_view *em_torch_get(const em_torch *t, int i)
{
    return &t->pickle.views[t->list[i].view];
}

/* The dimensions longer than one, outermost first in the storage; each with its steps there and in dst. */
typedef struct walk { int rank; uint64_t size[EM_ST_RANK], from[EM_ST_RANK], to[EM_ST_RANK]; } walk;

static walk make_walk(const em_torch_view *v)
{
    walk w = { 0 };
    uint64_t to = 1;

    for (int i = v->rank - 1; i >= 0; i--) {
        uint64_t size = (uint64_t)v->shape[i], from = (uint64_t)v->stride[i];
        int at = w.rank;

        if (size != 1) {
            for (; at > 0 && w.from[at - 1] < from; at--) {
                w.size[at] = w.size[at - 1];
                w.from[at] = w.from[at - 1];
                w.to[at] = w.to[at - 1];
            }
            w.size[at] = size;
            w.from[at] = from;
            w.to[at] = to;
            w.rank++;
        }
        to *= size;
    }
    return w;
}

/* As PyTorch lays tensors out by itself: row by row, without holes. */
static bool is_contiguous(const em_torch_view *v)
{
    uint64_t want = 1;

    for (int i = v->rank - 1; i >= 0; i--) {
        if (v->shape[i] != 1 && (uint64_t)v->stride[i] != want)
            return false;
        want *= (uint64_t)v->shape[i];
    }
    return true;
}

static em_status read_contiguous(em_torch *t, const em_torch_view *v, float *dst, em_err *err)
{
    const em_torch_type *type = t->pickle.storages[v->storage].type;
    uint64_t at = t->storages[v->storage]->begin + v->offset * type->n_bytes;
    unsigned char chunk[CHUNK];

    for (size_t done = 0, n; done < v->n; done += n) {
        em_status status;

        n = v->n - done < CHUNK / type->n_bytes ? (size_t)v->n - done : CHUNK / type->n_bytes;
        status = em_file_read(t->file, chunk, n * type->n_bytes, at + done * type->n_bytes, err);
        if (status != EM_OK)
            return status;
        type->convert(dst + done, chunk, n);
    }
    return EM_OK;
}

/* Element by element as they lie in the storage, so that its bytes pass through `chunk` once and in order. */
static em_status read_strided(em_torch *t, const em_torch_view *v, float *dst, em_err *err)
{
    const em_torch_storage *s = &t->pickle.storages[v->storage];
    uint64_t from = v->offset, to = 0, begin = 0, end = 0, index[EM_ST_RANK] = { 0 };      /* chunk holds numbers begin..end */
    unsigned char chunk[CHUNK];
    walk w = make_walk(v);

    for (uint64_t k = 0; k < v->n; k++) {
        if (from >= end) {
            uint64_t n = s->n - from < CHUNK / s->type->n_bytes ? s->n - from : CHUNK / s->type->n_bytes;
            em_status status = em_file_read(t->file, chunk, (size_t)n * s->type->n_bytes,
                                            t->storages[v->storage]->begin + from * s->type->n_bytes, err);

            if (status != EM_OK)
                return status;
            begin = from;
            end = from + n;
        }
        s->type->convert(dst + to, chunk + (from - begin) * s->type->n_bytes, 1);
        for (int i = w.rank - 1; i >= 0; i--) {         /* the next index, the last dimension first */
            from += w.from[i];
            to += w.to[i];
            if (++index[i] < w.size[i])
                break;
            from -= w.size[i] * w.from[i];
            to -= w.size[i] * w.to[i];
            index[i] = 0;
        }
    }
    return EM_OK;
}

em_status em_torch_read(em_torch *t, int i, float *dst, em_err *err)
{
    const em_torch_view *v = em_torch_get(t, i);
    const em_torch_type *type = t->pickle.storages[v->storage].type;
    char shown[EM_ST_SHOWN];
    em_status status = EM_OK;
    size_t bad;

    if (!type->convert)
        return em_fail(err, EM_EUNSUPPORTED, "%s: tensor %s: is %s, weights are F32, F16, BF16 or F64", em_file_path(t->file),
                       em_st_shown(shown, t->list[i].name), type->name);
    if (!t->is_intact[v->storage])
        status = em_zip_check(t->zip, t->storages[v->storage], err);
    if (status != EM_OK)
        return status;
    t->is_intact[v->storage] = true;
    status = is_contiguous(v) ? read_contiguous(t, v, dst, err) : read_strided(t, v, dst, err);
    if (status != EM_OK)
        return status;
    bad = em_floats_first_bad(dst, (size_t)v->n);
    if (bad < v->n)
        return em_fail(err, EM_EFORMAT, "%s: tensor %s: element %zu is not a finite number", em_file_path(t->file),
                       em_st_shown(shown, t->list[i].name), bad);
    return EM_OK;
}
