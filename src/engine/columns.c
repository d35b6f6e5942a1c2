#include "engine/columns.h"

#include "listener/levels.h"

#include <stdlib.h>

enum { UNSURE = 2 };                /* frames at a window's end that look past it */

em_status em_columns_init(em_columns *c, const em_frontend_cfg *frontend, int window_samples, int most, em_err *err)
{
    *c = (em_columns){ .frontend = *frontend, .window = window_samples / frontend->hop, .most = most };
    c->bytes = malloc((size_t)most * (size_t)frontend->n_mels);
    return c->bytes ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the spectrogram");
}

void em_columns_deinit(em_columns *c)
{
    free(c->bytes);
    c->bytes = NULL;
}

void em_columns_take(em_columns *c, const em_hop *hop, em_event *e)
{
    const float db = em_frame_db(&c->frontend);
    const int64_t newest = hop->end_sample / c->frontend.hop, oldest = newest - c->window;
    const int64_t end = newest - UNSURE;
    int64_t begin = c->next;
    int n;

    if (begin < end - c->most)
        begin = end - c->most;
    if (begin < oldest)
        begin = oldest;
    n = end > begin ? (int)(end - begin) : 0;
    for (size_t i = 0; i < (size_t)n * (size_t)c->frontend.n_mels; i++)
        c->bytes[i] = em_byte_of_db(hop->frames[(size_t)(begin - oldest) * (size_t)c->frontend.n_mels + i] * db);
    c->next = begin + n;
    e->u.scores.columns = c->bytes;
    e->u.scores.n_columns = n;
    e->u.scores.n_bands = c->frontend.n_mels;
    e->u.scores.column_s = (double)c->frontend.hop / c->frontend.rate_hz;
    e->u.scores.columns_end = (double)c->next * e->u.scores.column_s;
}
