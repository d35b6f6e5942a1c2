/* allsum.c - see allsum.h. */
#include "train/allsum.h"

#include <stdlib.h>

enum { WORTH = 1 << 16 };               /* sending, in floats */

struct em_allsum {
    const em_ops *ops;
    em_dev       *dev;
    em_dist      *dist;
    float        *block, *host;         /* host: [n] where pieces are summed; NULL: where they lie */
    size_t        n, pending;           /* from here on pieces are on their way                    */
    em_err        failed;               /* of the first piece that could not be sent               */
};

em_status em_allsum_new(em_allsum **out, const em_ops *ops, em_dev *dev, em_dist *dist, float *block, size_t n, em_err *err)
{
    const bool wants_host = ops->has_own_memory && em_dist_size(dist) > 1;
    em_allsum *s = *out = calloc(1, sizeof *s);

    if (s)
        *s = (em_allsum){ .ops = ops, .dev = dev, .dist = dist, .block = block, .n = n, .pending = n };
    if (s && wants_host)
        s->host = ops->alloc_host(dev, n * sizeof *s->host);
    if (s && (s->host || !wants_host))
        return EM_OK;
    em_allsum_free(s);
    *out = NULL;
    return em_fail(err, EM_ENOMEM, "no memory for the sum over %d ranks", em_dist_size(dist));
}

void em_allsum_free(em_allsum *s)
{
    if (s && s->host)
        s->ops->release_host(s->dev, s->host);
    free(s);
}

void em_allsum_begin(em_allsum *s)
{
    s->pending = s->n;
    s->failed = (em_err){ 0 };
}

static void send(em_allsum *s, size_t first, size_t n)
{
    float *const at = (s->host ? s->host : s->block) + first;

    if (s->host && s->ops->download(s->dev, at, s->block + first, n, &s->failed) != EM_OK)
        return;
    em_dist_sum_begin(s->dist, at, n);
}

void em_allsum_ready(void *ctx, size_t offset)
{
    em_allsum *s = ctx;

    if (em_dist_size(s->dist) == 1 || s->failed.code != EM_OK || (s->pending - offset < WORTH && offset > 0))
        return;
    send(s, offset, s->pending - offset);
    s->pending = offset;
}

em_status em_allsum_wait(em_allsum *s, em_err *err)
{
    em_status status;

    em_allsum_ready(s, 0);
    status = em_dist_sum_wait(s->dist, err);
    if (s->failed.code != EM_OK)
        return em_fail(err, s->failed.code, "%s", s->failed.msg);
    return status == EM_OK && s->host ? s->ops->upload(s->dev, s->block, s->host, s->n, err) : status;
}

void em_allsum_drop(em_allsum *s)
{
    if (s->pending < s->n)
        em_dist_sum_wait(s->dist, NULL);
}
