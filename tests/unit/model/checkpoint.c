/* checkpoint.c - makes, changes and writes checkpoints of random weights: see checkpoint.h. */
#include "checkpoint.h"

#include "model/params.h"

checkpoint checkpoint_make(const char *preset, int n_classes)
{
    em_config cfg;
    em_err err;

    CHECK_OK(em_config_preset(&cfg, preset, &err));
    return checkpoint_of(cfg, n_classes);
}

checkpoint checkpoint_of(em_config cfg, int n_classes)
{
    static const int depths[] = { 1, 1, 2, 1 };
    checkpoint c = { .cfg = cfg };
    em_rng rng = { 3 };
    em_params params;
    em_err err;

    for (int i = 0; i < EM_STAGES; i++) {
        c.cfg.dims[i] = 8 << i;
        c.cfg.depths[i] = depths[i];
    }
    c.cfg.n_classes = n_classes;
    CHECK_OK(em_params_list(&params, &c.cfg, &err));
    c.list = calloc((size_t)params.n + 4, sizeof *c.list);
    for (int i = 0; i < params.n; i++) {
        em_param p = params.list[i];
        tensor *t = &c.list[c.n++];

        p.init = EM_INIT_LINEAR;                        /* no two elements alike, so that a mistake shows */
        strcpy(t->name, p.name);
        t->rank = p.rank;
        memcpy(t->shape, p.shape, sizeof p.shape);
        t->n = p.n;
        t->data = calloc(p.n + 1, sizeof *t->data);
        em_param_fill(&p, t->data, &rng);
    }
    em_params_deinit(&params);
    return c;
}

void checkpoint_discard(checkpoint *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->list[i].data);
    free(c->list);
}

tensor *checkpoint_find(checkpoint *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (!strcmp(c->list[i].name, name))
            return &c->list[i];
    CHECK(false, "no %s", name);
    return NULL;
}

void checkpoint_take_out(checkpoint *c, const char *name)
{
    tensor *t = checkpoint_find(c, name);

    free(t->data);
    memmove(t, t + 1, (size_t)(&c->list[--c->n] - t) * sizeof *t);
}

void checkpoint_respell(checkpoint *c, const char *from, const char *to, bool is_start)
{
    for (int i = 0; i < c->n; i++) {
        char *at = strstr(c->list[i].name, from), rest[600];

        if (!at || (is_start && at != c->list[i].name))
            continue;
        strcpy(rest, at + strlen(from));
        sprintf(at, "%s%s", to, rest);
    }
}

void checkpoint_write(const checkpoint *c, const char *path)
{
    em_st_out *out = calloc((size_t)c->n + 1, sizeof *out);
    em_err err;

    for (int i = 0; i < c->n; i++)
        out[i] = (em_st_out){ c->list[i].name, c->list[i].rank, c->list[i].shape, c->list[i].data, EM_F32 };
    CHECK_OK(em_st_write(path, out, c->n, NULL, NULL, 0, &err));
    free(out);
}
