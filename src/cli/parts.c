/* parts.c - see parts.h. */
#include "cli/parts.h"

#include <stdlib.h>

static em_status open_one(em_parts *p, int i, const em_together_one *h, const em_engine_cfg *usual, em_err *err)
{
    em_source_cfg source = h->source;
    em_engine_cfg *cfg = &p->cfgs[i];

    *cfg = *usual;
    cfg->name = h->name;
    cfg->channel = h->channel;
    cfg->has_own_gate = h->has_gate;
    cfg->own_gate_dbfs = (float)h->gate;
    cfg->i_reel = i;
    source.stop = usual->stop;
    source.deadline_ns = usual->deadline_ns;
    p->list[i].cfg = cfg;
    return em_source_open(&p->list[i].source, &source, err);
}

em_status em_parts_open(em_parts *p, const em_inputs *in, const em_engine_cfg *usual, em_err *err)
{
    const size_t n = (size_t)in->n_heard;
    em_status status = EM_OK;

    *p = (em_parts){ .list = calloc(n, sizeof *p->list), .cfgs = calloc(n, sizeof *p->cfgs), .n = in->n_heard };
    if (!p->list || !p->cfgs)
        return em_fail(err, EM_ENOMEM, "no memory for %d sources", in->n_heard);
    for (int i = 0; i < in->n_heard && !status; i++)
        status = open_one(p, i, &in->heard[i], usual, err);
    return status;
}

void em_parts_close(em_parts *p)
{
    for (int i = 0; p->list && i < p->n; i++)
        em_source_close(p->list[i].source);
    free(p->list);
    free(p->cfgs);
    *p = (em_parts){ 0 };
}
