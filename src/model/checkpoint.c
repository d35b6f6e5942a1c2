/* checkpoint.c - one list over two readers: see checkpoint.h. */
#include "model/checkpoint.h"

#include "model/file.h"
#include "model/torch.h"

#include <stdlib.h>
#include <string.h>

struct em_checkpoint {
    em_file              *file;     /* the reader's that is not NULL */
    em_st                *st;
    em_torch             *torch;
    em_checkpoint_tensor *list;     /* [n] */
    int                   n;
};

static em_checkpoint_tensor of_st(const em_st_tensor *from)
{
    em_checkpoint_tensor t = { .name = from->name, .rank = from->rank, .n = from->n };

    memcpy(t.shape, from->shape, sizeof t.shape);
    return t;
}

static em_checkpoint_tensor of_torch(const em_torch *torch, int i)
{
    const em_torch_view *from = em_torch_get(torch, i);
    em_checkpoint_tensor t = { .name = em_torch_name(torch, i), .rank = from->rank, .n = (size_t)from->n };

    memcpy(t.shape, from->shape, sizeof t.shape);
    return t;
}

/* Which reader, and its tensors. The file is the reader's from here on. */
static em_status open_reader(em_checkpoint *c, em_file *file, em_err *err)
{
    unsigned char first[EM_TORCH_SNIFF];
    size_t n = em_file_size(file) < sizeof first ? (size_t)em_file_size(file) : sizeof first;
    em_status status = em_file_read(file, first, n, 0, err);

    c->file = file;
    if (status == EM_OK && em_torch_is_old(first, n))
        status = em_fail(err, EM_EUNSUPPORTED, "%s: is a bare pickle, as PyTorch before 1.6 wrote them: load it and torch.save it anew",
                         em_file_path(file));
    if (status != EM_OK) {
        em_file_close(file);
        return status;
    }
    status = em_torch_is_zip(first, n) ? em_torch_open(&c->torch, file, err) : em_st_open_file(&c->st, file, err);
    if (status != EM_OK)
        return status;
    c->n = c->torch ? em_torch_count(c->torch) : em_st_count(c->st);
    c->list = calloc((size_t)c->n + 1, sizeof *c->list);
    if (!c->list)
        return em_fail(err, EM_ENOMEM, "%s: no memory", em_file_path(file));
    for (int i = 0; i < c->n; i++)
        c->list[i] = c->torch ? of_torch(c->torch, i) : of_st(em_st_get(c->st, i));
    return EM_OK;
}

static em_status open_file(em_checkpoint **out, em_file *file, em_err *err)
{
    em_checkpoint *c = calloc(1, sizeof *c);
    em_status status;

    *out = NULL;
    if (!c) {
        status = em_fail(err, EM_ENOMEM, "%s: no memory", em_file_path(file));
        em_file_close(file);
        return status;
    }
    status = open_reader(c, file, err);
    if (status != EM_OK) {
        em_checkpoint_close(c);
        return status;
    }
    *out = c;
    return EM_OK;
}

em_status em_checkpoint_open(em_checkpoint **out, const char *path, em_err *err)
{
    em_file *file;
    em_status status = em_file_open(&file, path, err);

    *out = NULL;
    return status == EM_OK ? open_file(out, file, err) : status;
}

em_status em_checkpoint_open_bytes(em_checkpoint **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    em_file *file;
    em_status status = em_file_open_bytes(&file, bytes, n, path, err);

    *out = NULL;
    return status == EM_OK ? open_file(out, file, err) : status;
}

void em_checkpoint_close(em_checkpoint *c)
{
    if (!c)
        return;
    em_st_close(c->st);
    em_torch_close(c->torch);
    free(c->list);
    free(c);
}

int em_checkpoint_count(const em_checkpoint *c)
{
    return c->n;
}

const em_checkpoint_tensor *em_checkpoint_get(const em_checkpoint *c, int i)
{
    return i >= 0 && i < c->n ? &c->list[i] : NULL;
}

const char *em_checkpoint_path(const em_checkpoint *c)
{
    return em_file_path(c->file);
}

bool em_checkpoint_is_model(const em_checkpoint *c)
{
    return c->st && em_st_metadata(c->st, "earmark");
}

em_status em_checkpoint_read(em_checkpoint *c, const em_checkpoint_tensor *t, float *dst, em_err *err)
{
    int i = (int)(t - c->list);

    return c->torch ? em_torch_read(c->torch, i, dst, err) : em_st_read(c->st, em_st_get(c->st, i), dst, err);
}

em_status em_checkpoint_hash(em_checkpoint *c, char out[EM_SHA256_CHARS], em_err *err)
{
    return em_file_hash(c->file, out, err);
}
