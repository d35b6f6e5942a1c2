#include "mel/window.h"

#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct em_window {
    em_frontend *frontend;
    em_frontend_cfg cfg;
    int          n_samples, room, T;
    float       *samples;           /* [n_samples + room]: stream samples [first, total)      */
    int64_t      first, total;
    float       *kept;              /* [T][n_mels]: frame of hop number g in row g mod T      */
    int64_t      next;              /* the first g that is not there yet                      */
    float       *out;               /* [T][n_mels]                                            */
    uint64_t     n_computed;
};

em_status em_window_new(em_window **out, const em_frontend_cfg *cfg, int n_samples, int room, em_err *err)
{
    const int T = em_frontend_frames(cfg, (size_t)(n_samples > 0 ? n_samples : 0));
    size_t floats = (size_t)T * (size_t)cfg->n_mels;
    em_status status;
    em_window *w;

    *out = NULL;
    if (T < 1 || n_samples < cfg->n_fft || room < 1)
        return em_fail(err, EM_EINVAL, "a window of %d samples is too short for one frame", n_samples);
    w = calloc(1, sizeof *w);
    if (!w)
        return em_fail(err, EM_ENOMEM, "no memory for a window");
    w->cfg = *cfg;
    w->n_samples = n_samples;
    w->room = room;
    w->T = T;
    w->samples = em_alloc(((size_t)n_samples + (size_t)room) * sizeof *w->samples);
    w->kept = em_alloc(floats * sizeof *w->kept);
    w->out = em_alloc(floats * sizeof *w->out);
    status = w->samples && w->kept && w->out ? em_frontend_new(&w->frontend, cfg, err)
                                             : em_fail(err, EM_ENOMEM, "no memory for a window of %d samples", n_samples);
    if (status != EM_OK) {
        em_window_free(w);
        return status;
    }
    w->first = -n_samples;          /* silence before the start is there already: em_alloc zeroes */
    /* Frames that see only silence are all alike; the first that may not is made when its samples are there. */
    w->next = -((int64_t)em_frontend_after(cfg) - 1) / cfg->hop;
    em_frontend_frame(w->frontend, w->kept, w->samples);
    for (int t = 1; t < T; t++)
        memcpy(w->kept + (size_t)t * (size_t)cfg->n_mels, w->kept, (size_t)cfg->n_mels * sizeof *w->kept);
    *out = w;
    return EM_OK;
}

void em_window_free(em_window *w)
{
    if (!w)
        return;
    em_frontend_free(w->frontend);
    free(w->samples);
    free(w->kept);
    free(w->out);
    free(w);
}

void em_window_append(em_window *w, const float *x, int n, int64_t keep_from)
{
    const int64_t oldest = keep_from - w->n_samples;

    if (w->total + n - w->first > w->n_samples + w->room) {
        const int64_t n_old = oldest - w->first;

        assert(n_old > 0 && w->total + n - oldest <= w->n_samples + w->room);
        memmove(w->samples, w->samples + n_old, (size_t)(w->total - oldest) * sizeof *w->samples);
        w->first = oldest;
    }
    memcpy(w->samples + (w->total - w->first), x, (size_t)n * sizeof *x);
    w->total += n;
}

static float *kept_row(const em_window *w, int64_t g)
{
    const int64_t row = (g % w->T + w->T) % w->T;

    return w->kept + (size_t)row * (size_t)w->cfg.n_mels;
}

/* Makes the frames that a window [start, start + n) shares with its neighbours. */
static void make_shared(em_window *w, int64_t start)
{
    const int64_t g0 = start / w->cfg.hop;
    int t = 0;

    if (w->next > g0)
        t = (int)(w->next - g0 < w->T ? w->next - g0 : w->T);
    for (; t < w->T; t++) {
        if (em_frontend_is_edge(&w->cfg, (size_t)w->n_samples, t)) {
            if (w->next > g0 + t || t * (int64_t)w->cfg.hop < em_frontend_before(&w->cfg))
                continue;
            break;                                  /* looks past the end: another window's business */
        }
        em_frontend_window_frame(w->frontend, kept_row(w, g0 + t), em_window_samples(w, start + w->n_samples), (size_t)w->n_samples, t);
        w->n_computed++;
        w->next = g0 + t + 1;
    }
}

const float *em_window_frames(em_window *w, int64_t end, int *n_frames)
{
    const int64_t start = end - w->n_samples;
    const float *samples = em_window_samples(w, end);
    const size_t row = (size_t)w->cfg.n_mels;
    const bool is_shared = start % w->cfg.hop == 0;     /* on the grid of hops; a file's end may not be */

    if (is_shared)
        make_shared(w, start);
    for (int t = 0; t < w->T; t++) {
        if (is_shared && !em_frontend_is_edge(&w->cfg, (size_t)w->n_samples, t)) {
            memcpy(w->out + (size_t)t * row, kept_row(w, start / w->cfg.hop + t), row * sizeof *w->out);
        } else {
            em_frontend_window_frame(w->frontend, w->out + (size_t)t * row, samples, (size_t)w->n_samples, t);
            w->n_computed++;
        }
    }
    *n_frames = w->T;
    return w->out;
}

const float *em_window_samples(const em_window *w, int64_t end)
{
    assert(end <= w->total && end - w->n_samples >= w->first);
    return w->samples + (end - w->n_samples - w->first);
}

int64_t em_window_total(const em_window *w) { return w->total; }
uint64_t em_window_computed(const em_window *w) { return w->n_computed; }
