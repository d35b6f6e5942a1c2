/* init.c - see init.h. */
#include "cli/init.h"

#include <stdlib.h>
#include <string.h>

em_status em_init_open(em_init *init, const char *path, uint64_t seed, em_err *err)
{
    size_t most = 1;
    em_status status;

    *init = (em_init){ .rng = { seed } };
    if (!path)
        return EM_OK;
    status = em_st_open(&init->st, path, err);
    if (status != EM_OK)
        return status;
    for (int i = 0; i < em_st_count(init->st); i++)
        most = em_st_get(init->st, i)->n > most ? em_st_get(init->st, i)->n : most;
    init->scratch = malloc(most * sizeof *init->scratch);
    return init->scratch ? EM_OK : em_fail(err, EM_ENOMEM, "no memory to read %s", path);
}

void em_init_close(em_init *init)
{
    em_st_close(init->st);
    free(init->scratch);
    *init = (em_init){ 0 };
}

static bool is_head(const em_param *p)
{
    return strncmp(p->name, "tscam_conv.", 11) == 0 || strncmp(p->name, "classifier.head.", 16) == 0;
}

/* The tensor that p begins with, NULL: none. Of a head, one of n_old rows of the same shape: rows of other classes are noise. */
static const em_st_tensor *found(const em_init *init, const em_param *p)
{
    const em_st_tensor *t = init->st ? em_st_find(init->st, p->name) : NULL;
    const int64_t rows = is_head(p) ? init->n_old : p->shape[0];

    if (!t || t->rank != p->rank || t->shape[0] != rows || rows > p->shape[0])
        return NULL;
    return memcmp(t->shape + 1, p->shape + 1, (size_t)(p->rank - 1) * sizeof *p->shape) == 0 ? t : NULL;
}

static em_status read(void *ctx, float *dst, const em_param *p, em_err *err)
{
    em_init *init = ctx;
    const em_st_tensor *t = found(init, p);
    const bool *learns = is_head(p) ? init->learns : NULL;
    const size_t row = p->n / (size_t)p->shape[0];
    em_status status;

    if (!t || t->n < p->n || learns)
        em_param_fill(p, dst, &init->rng);
    if (init->priors && is_head(p) && p->rank == 1)
        memcpy(dst, init->priors, p->n * sizeof *dst);
    if (!t)
        return EM_OK;
    status = em_st_read(init->st, t, init->scratch, err);
    for (size_t at = 0; at < t->n && status == EM_OK; at += row)
        if (!learns || !learns[at / row])
            memcpy(dst + at, init->scratch + at, row * sizeof *dst);
    return status;
}

em_tensor_source em_init_source(em_init *init) { return (em_tensor_source){ read, init }; }

static bool is_of_block(const em_param *p) { return strncmp(p->name, "layers.", 7) == 0; }

em_init_fit em_init_count(const em_init *init, const em_params *params)
{
    em_init_fit fit = { 0 };

    for (int i = 0; i < params->n; i++) {
        const bool fits = found(init, &params->list[i]);

        fit.n += fits;
        fit.n_of_blocks += fits && is_of_block(&params->list[i]);
    }
    return fit;
}

em_status em_init_has_statistics(bool *out, em_init *init, int n_mels, em_err *err)
{
    static const struct { const char *name; float fresh; } parts[] = { { "bn0.running_mean", 0 }, { "bn0.running_var", 1 } };
    em_status status = EM_OK;

    *out = false;
    for (size_t k = 0; k < EM_COUNT(parts) && status == EM_OK; k++) {
        const em_st_tensor *t = em_st_find(init->st, parts[k].name);
        const size_t n = t && t->n == (size_t)n_mels ? t->n : 0;

        if (n > 0)
            status = em_st_read(init->st, t, init->scratch, err);
        for (size_t i = 0; i < n && status == EM_OK; i++)
            *out |= init->scratch[i] != parts[k].fresh;
    }
    return status;
}
