/* allsum.c - see allsum.h. */
#include "train/allsum.h"

#include "base/log.h"

#include <stdlib.h>

enum { WORTH = 1 << 16 };               /* sending, in floats */

struct em_allsum {
    const em_ops *ops;
    em_dev       *dev;
    em_dist      *dist;
    float        *block;
    em_circle    *circle;               /* the devices sum among themselves; NULL: em_dist does    */
    float        *host;                 /* [n] where it does; NULL: where the pieces lie           */
    size_t        n, pending;           /* from here on pieces are on their way                    */
    em_err        failed;               /* of the first piece that could not be sent               */
};

/* circle stays NULL where not all ranks can. */
static em_status join(em_allsum *s, em_err *err)
{
    const int rank = em_dist_rank(s->dist), size = em_dist_size(s->dist);
    em_err why = { EM_EUNSUPPORTED, "" };
    double n_able = s->ops->circle_key && s->ops->circle_key(s->dev, NULL, &why) == EM_OK;
    em_circle_key key = { "" };
    em_status status = em_dist_sum_doubles(s->dist, &n_able, 1, err);

    if (status == EM_OK && n_able < size && rank == 0)
        em_log(EM_LOG_INFO, "%s", why.msg[0] ? why.msg : "not all ranks have what sums gradients on their devices: MPI does it on the host");
    if (status != EM_OK || n_able < size)
        return status;
    if (rank == 0)
        status = s->ops->circle_key(s->dev, &key, err);
    if (status == EM_OK)
        status = em_dist_broadcast(s->dist, &key, sizeof key, err);
    return status == EM_OK ? s->ops->circle_join(s->dev, &s->circle, &key, rank, size, err) : status;
}

static em_status open_way(em_allsum *s, em_err *err)
{
    em_status status = EM_OK;

    if (!s->ops->has_own_memory || em_dist_size(s->dist) == 1)
        return EM_OK;
    status = join(s, err);
    if (status != EM_OK || s->circle)
        return status;
    s->host = s->ops->alloc_host(s->dev, s->n * sizeof *s->host);
    return s->host ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the sum over %d ranks", em_dist_size(s->dist));
}

em_status em_allsum_new(em_allsum **out, const em_ops *ops, em_dev *dev, em_dist *dist, float *block, size_t n, em_err *err)
{
    em_allsum *s = *out = calloc(1, sizeof *s);
    em_status status;

    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for the sum over %d ranks", em_dist_size(dist));
    *s = (em_allsum){ .ops = ops, .dev = dev, .dist = dist, .block = block, .n = n, .pending = n };
    status = open_way(s, err);
    if (status != EM_OK) {
        em_allsum_free(s);
        *out = NULL;
    }
    return status;
}

void em_allsum_free(em_allsum *s)
{
    if (s && s->circle)
        s->ops->circle_leave(s->dev, s->circle);
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

    if (s->circle) {
        s->ops->circle_sum(s->dev, s->circle, at, n);
        return;
    }
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
    if (s->circle)
        return s->ops->circle_wait(s->dev, s->circle, em_dist_limit(s->dist), err);
    status = em_dist_sum_wait(s->dist, err);
    if (s->failed.code != EM_OK)
        return em_fail(err, s->failed.code, "%s", s->failed.msg);
    return status == EM_OK && s->host ? s->ops->upload(s->dev, s->block, s->host, s->n, err) : status;
}

void em_allsum_drop(em_allsum *s)
{
    if (!s->circle && s->pending < s->n)
        em_dist_sum_wait(s->dist, NULL);
}
