/* model.c - opens a model file, checks its tensors against its configuration, and binds them: see model.h. */
#include "model/model_inside.h"

#include "model/params.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ tensors from a file, or at random */

static em_status read_file(void *ctx, float *dst, const em_param *p, em_err *err)
{
    em_st *st = ctx;

    return em_st_read(st, em_st_find(st, p->name), dst, err);
}

typedef struct random_source { em_rng rng; } random_source;

static em_status read_random(void *ctx, float *dst, const em_param *p, em_err *err)
{
    (void)err;
    em_param_fill(p, dst, &((random_source *)ctx)->rng);
    return EM_OK;
}

static bool same_shape(const em_st_tensor *t, const em_param *p)
{
    return t->rank == p->rank && memcmp(t->shape, p->shape, (size_t)p->rank * sizeof *p->shape) == 0;
}

static void shape_text(char *out, size_t room, const int64_t *shape, int rank)
{
    size_t n = 0;

    out[0] = '\0';
    for (int i = 0; i < rank && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%lld", i ? " x " : "", (long long)shape[i]);
}

/* Every tensor of the model is in the file with its shape, and nothing else is. */
static em_status check_tensors(em_st *st, const em_params *params, em_err *err)
{
    for (int i = 0; i < params->n; i++) {
        const em_param *p = &params->list[i];
        const em_st_tensor *t = em_st_find(st, p->name);
        char is[64], should[64];

        if (!t)
            return em_fail(err, EM_ESHAPE, "%s: tensor %s is missing", em_st_path(st), p->name);
        if (same_shape(t, p))
            continue;
        shape_text(is, sizeof is, t->shape, t->rank);
        shape_text(should, sizeof should, p->shape, p->rank);
        return em_fail(err, EM_ESHAPE, "%s: tensor %s is %s, its configuration asks for %s", em_st_path(st), p->name, is, should);
    }
    for (int i = 0; i < em_st_count(st); i++)
        if (!em_params_find(params, em_st_get(st, i)->name))
            return em_fail(err, EM_ESHAPE, "%s: tensor %.100s is none of this model's", em_st_path(st), em_st_get(st, i)->name);
    return EM_OK;
}

/* ------------------------------------------------------------------ binding */

static em_status bind(em_model *m, const em_params *params, const em_tensor_source *from, em_err *err)
{
    const size_t most = em_params_largest(params) * sizeof(float);
    em_binder b = { .ops = m->ops, .dev = m->dev, .params = params, .from = from, .err = err };

    if (em_weights_init(&m->weights, &m->cfg, err) != EM_OK)
        return EM_ENOMEM;
    em_weights_bind(&m->weights, &b, &m->cfg);
    b.arena.size = b.arena.high;
    m->block = b.arena.base = m->ops->alloc(m->dev, b.arena.size);
    b.arena.used = 0;
    b.laid = malloc(most);
    b.piece = malloc((b.n_piece + 1) * sizeof *b.piece);
    if (b.arena.base && b.laid && b.piece)
        em_weights_bind(&m->weights, &b, &m->cfg);
    else
        b.status = em_fail(err, EM_ENOMEM, "no memory for a model of %zu MB", b.arena.size >> 20);
    free(b.laid);
    free(b.piece);
    return b.status;
}

/* ------------------------------------------------------------------ open and free */

static em_status new_model(em_model **out, const em_ops *ops, em_dev *dev, em_err *err)
{
    em_model *m = *out = calloc(1, sizeof *m);

    if (!m)
        return em_fail(err, EM_ENOMEM, "no memory for the model");
    m->ops = ops;
    m->dev = dev;
    return EM_OK;
}

static em_status load(em_model *m, em_st *st, em_err *err)
{
    const char *json = em_st_metadata(st, "earmark");
    const em_tensor_source from = { read_file, st };
    em_params params = { 0 };
    em_status status;

    if (!json)
        return em_fail(err, EM_EFORMAT, "%s: no `earmark` entry in its metadata; a checkpoint of another program needs --import first",
                       em_st_path(st));
    status = em_config_parse(&m->cfg, &m->card, json, em_st_path(st), err);
    if (status == EM_OK)
        status = em_params_list(&params, &m->cfg, err);
    if (status == EM_OK)
        status = check_tensors(st, &params, err);
    if (status == EM_OK)
        status = bind(m, &params, &from, err);
    if (status == EM_OK)
        status = em_st_hash(st, m->hash, err);
    em_params_deinit(&params);
    return status;
}

em_status em_model_open(em_model **out, const char *path, const em_ops *ops, em_dev *dev, em_err *err)
{
    em_st *st = NULL;
    em_status status = new_model(out, ops, dev, err);

    if (status == EM_OK)
        status = em_st_open(&st, path, err);
    if (status == EM_OK)
        status = load(*out, st, err);
    em_st_close(st);
    if (status != EM_OK) {
        em_model_free(*out);
        *out = NULL;
    }
    return status;
}

em_status em_model_random(em_model **out, const em_config *cfg, uint64_t seed, const em_ops *ops, em_dev *dev, em_err *err)
{
    random_source rng = { { seed } };

    return em_model_new(out, cfg, &(em_tensor_source){ read_random, &rng }, ops, dev, err);
}

em_status em_model_new(em_model **out, const em_config *cfg, const em_tensor_source *from, const em_ops *ops, em_dev *dev, em_err *err)
{
    em_params params = { 0 };
    em_status status = new_model(out, ops, dev, err);

    if (status == EM_OK) {
        (*out)->cfg = *cfg;
        status = em_params_list(&params, cfg, err);
    }
    if (status == EM_OK)
        status = bind(*out, &params, from, err);
    em_params_deinit(&params);
    if (status != EM_OK) {
        em_model_free(*out);
        *out = NULL;
    }
    return status;
}

void em_model_free(em_model *m)
{
    if (!m)
        return;
    em_weights_deinit(&m->weights);
    if (m->block)
        m->ops->release(m->dev, m->block);
    em_card_deinit(&m->card);
    free(m);
}

const em_config *em_model_config(const em_model *m) { return &m->cfg; }
const em_card   *em_model_card(const em_model *m) { return &m->card; }
const char      *em_model_hash(const em_model *m) { return m->hash; }
