#include "engine/columns.h"

#include <math.h>
#include <stdlib.h>

enum { UNSURE = 2 };                /* frames at a window's end that look past it */

static const float floor_db = -100;

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

static uint8_t byte_of(float level, float db)
{
    float step = (level * db - floor_db) / EM_COLUMN_DB;

    return (uint8_t)lrintf(fminf(fmaxf(step, 0), 255));
}

void em_columns_take(em_columns *c, const em_hop *hop, em_event *e)
{
    const float db = c->frontend.is_kaldi ? 10 / logf(10) : 1;          /* Kaldi's are natural logarithms of power */
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
        c->bytes[i] = byte_of(hop->frames[(size_t)(begin - oldest) * (size_t)c->frontend.n_mels + i], db);
    c->next = begin + n;
    e->u.scores.columns = c->bytes;
    e->u.scores.n_columns = n;
    e->u.scores.n_bands = c->frontend.n_mels;
    e->u.scores.column_s = (double)c->frontend.hop / c->frontend.rate_hz;
    e->u.scores.columns_end = (double)c->next * e->u.scores.column_s;
}
