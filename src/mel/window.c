/* window.c - the last samples of a stream, and the frames of its newest window: see window.h. */
#include "mel/window.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct em_window {
    em_frontend *frontend;
    em_frontend_cfg cfg;
    size_t   n;                     /* samples of a window                                            */
    float   *samples;               /* [size]: the window is the n before `fill`                      */
    size_t   size, fill;
    int64_t  end;                   /* samples pushed since the start                                 */
    float   *frames;                /* [n_frames][n_mels]                                             */
    int      n_frames;
    int      inner_first, inner_end;        /* frames that touch no end of the window                 */
    int64_t  frames_end;            /* end of the window that `frames` shows                          */
    uint64_t n_computed;
};

static void find_inner(em_window *w)
{
    int t = 0;

    while (t < w->n_frames && em_frontend_is_edge(&w->cfg, w->n, t))
        t++;
    w->inner_first = t;
    while (t < w->n_frames && !em_frontend_is_edge(&w->cfg, w->n, t))
        t++;
    w->inner_end = t;
}

/* Before the start all is silence, and all frames are alike: one is made and copied. */
static void fill_with_silence(em_window *w)
{
    size_t n_mels = (size_t)w->cfg.n_mels;

    em_frontend_window_frame(w->frontend, w->frames, w->samples, w->n, 0);
    for (int t = 1; t < w->n_frames; t++)
        memcpy(w->frames + (size_t)t * n_mels, w->frames, n_mels * sizeof *w->frames);
}

em_status em_window_new(em_window **out, const em_frontend_cfg *cfg, size_t n, em_err *err)
{
    em_status  status;
    em_window *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w)
        return em_fail(err, EM_ENOMEM, "no memory for a window");
    status = em_frontend_new(&w->frontend, cfg, err);
    if (status != EM_OK)
        goto fail;
    w->cfg = *cfg;
    w->n = n;
    w->n_frames = n <= (size_t)1 << 28 ? em_frontend_frames(cfg, n) : 0;
    if (w->n_frames == 0) {
        status = em_fail(err, EM_EINVAL, "a window of %zu samples: needs at least one frame, and at most 2^28", n);
        goto fail;
    }
    find_inner(w);

    /* Room behind the window: the samples are moved to the front once in this many, not at every push. */
    w->size = n + (n / 8 > 65536 ? n / 8 : 65536);
    w->fill = n;
    w->samples = em_alloc(w->size * sizeof *w->samples);
    w->frames = em_alloc((size_t)w->n_frames * (size_t)cfg->n_mels * sizeof *w->frames);
    if (!w->samples || !w->frames) {
        status = em_fail(err, EM_ENOMEM, "no memory for a window of %zu samples", n);
        goto fail;
    }
    fill_with_silence(w);
    *out = w;
    return EM_OK;

fail:
    em_window_free(w);
    return status;
}

void em_window_free(em_window *w)
{
    if (!w)
        return;
    free(w->frames);
    free(w->samples);
    em_frontend_free(w->frontend);
    free(w);
}

void em_window_push(em_window *w, const float *samples, size_t n)
{
    w->end += (int64_t)n;
    while (n > 0) {
        size_t take;

        if (w->fill == w->size) {
            memmove(w->samples, w->samples + w->fill - w->n, w->n * sizeof *w->samples);
            w->fill = w->n;
        }
        take = n < w->size - w->fill ? n : w->size - w->fill;
        memcpy(w->samples + w->fill, samples, take * sizeof *samples);
        w->fill += take;
        samples += take;
        n -= take;
    }
}

/* Frames of an older window keep their distance: what they share with this one is the same silence as before. */
void em_window_pass_silence(em_window *w, int64_t n)
{
    w->end += n;
    w->frames_end += n;
}

int em_window_n_frames(const em_window *w)
{
    return w->n_frames;
}

void em_window_inner(const em_window *w, int *first, int *end)
{
    *first = w->inner_first;
    *end = w->inner_end;
}

int64_t em_window_end(const em_window *w)
{
    return w->end;
}

static void make_frames(em_window *w, int first, int end)
{
    const float *samples = w->samples + w->fill - w->n;

    for (int t = first; t < end; t++)
        em_frontend_window_frame(w->frontend, w->frames + (size_t)t * (size_t)w->cfg.n_mels, samples, w->n, t);
    w->n_computed += (uint64_t)(end - first);
}

/* Shifts the inner frames that are still inside to their new places; returns the first one that is missing. */
static int keep_frames(em_window *w)
{
    int64_t moved = w->end - w->frames_end, hops = moved / w->cfg.hop;
    size_t  row = (size_t)w->cfg.n_mels * sizeof *w->frames;
    int     n_kept;

    if (moved % w->cfg.hop != 0 || hops >= w->inner_end - w->inner_first)
        return w->inner_first;
    n_kept = w->inner_end - w->inner_first - (int)hops;
    if (hops > 0)
        memmove((char *)w->frames + (size_t)w->inner_first * row,
                (char *)w->frames + ((size_t)w->inner_first + (size_t)hops) * row, (size_t)n_kept * row);
    return w->inner_first + n_kept;
}

const float *em_window_frames(em_window *w)
{
    if (w->frames_end == w->end)
        return w->frames;
    make_frames(w, keep_frames(w), w->inner_end);
    make_frames(w, 0, w->inner_first);
    make_frames(w, w->inner_end, w->n_frames);
    w->frames_end = w->end;
    return w->frames;
}

uint64_t em_window_computed(const em_window *w)
{
    return w->n_computed;
}
