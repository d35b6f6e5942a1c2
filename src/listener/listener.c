/* listener.c - resampler, rolling window and hop clock of one source: see listener.h. */
#include "listener/listener.h"

#include "audio/resample.h"
#include "listener/stats.h"
#include "mel/window.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024 };              /* samples that go into or come out of the resampler at a time */

static const float loudest = 1e4f;  /* 80 dB over full scale: beyond it a sample is damage, and float power overflows */

struct em_listener {
    em_listener_cfg cfg;
    em_resampler   *resampler;
    em_window      *window;
    em_stats        stats;
    int64_t         due;            /* end of the next hop                  */
    bool            is_finished;
    float           in[BLOCK], out[BLOCK];
};

em_status em_listener_new(em_listener **out, const em_listener_cfg *cfg, em_err *err)
{
    em_status status;
    em_listener *l;

    *out = NULL;
    if (cfg->step_samples < 1 || cfg->step_samples % cfg->frontend.hop != 0)
        return em_fail(err, EM_EINVAL, "a step of %d samples: must be a multiple of the frames' hop of %d (10 ms)", cfg->step_samples, cfg->frontend.hop);
    l = calloc(1, sizeof *l);
    if (!l)
        return em_fail(err, EM_ENOMEM, "no memory for a listener");
    l->cfg = *cfg;
    l->due = cfg->step_samples;
    /* Behind a window's end there may be one step and what the resampler just made. */
    status = em_window_new(&l->window, &cfg->frontend, cfg->window_samples, cfg->step_samples + 2 * BLOCK + cfg->frontend.rate_hz, err);
    if (status == EM_OK)
        status = em_resampler_new(&l->resampler, cfg->rate_hz, cfg->frontend.rate_hz, err);
    if (status != EM_OK) {
        em_listener_free(l);
        return status;
    }
    l->stats.rate_hz = cfg->rate_hz;
    *out = l;
    return EM_OK;
}

void em_listener_free(em_listener *l)
{
    if (!l)
        return;
    em_resampler_free(l->resampler);
    em_window_free(l->window);
    free(l);
}

static bool is_due(const em_listener *l)
{
    return em_window_total(l->window) >= l->due;
}

/* NaN compares false and becomes 0 as well. */
static float tame(float x)
{
    return x > -loudest && x < loudest ? x : x >= loudest ? loudest : x <= -loudest ? -loudest : 0.f;
}

/* One block of input, as much of it as the resampler takes. */
static size_t push_block(em_listener *l, const float *x, size_t n)
{
    size_t n_taken = 0, n_made;

    for (size_t i = 0; i < n; i++)
        l->in[i] = tame(x[i]);
    n_made = em_resampler_push(l->resampler, l->out, BLOCK, l->in, n, &n_taken);
    em_stats_push(&l->stats, l->in, n_taken);
    em_window_append(l->window, l->out, (int)n_made, l->due);
    return n_taken;
}

size_t em_listener_push(em_listener *l, const float *mono, size_t n)
{
    size_t n_done = 0;

    while (n_done < n && !is_due(l))
        n_done += push_block(l, mono + n_done, n - n_done < BLOCK ? n - n_done : BLOCK);
    return n_done;
}

size_t em_listener_push_silence(em_listener *l, size_t n)
{
    static const float zeros[BLOCK];
    size_t n_done = 0;

    while (n_done < n && !is_due(l))
        n_done += push_block(l, zeros, n - n_done < BLOCK ? n - n_done : BLOCK);
    return n_done;
}

/* What is left in the resampler, until a hop is due. */
static void drain(em_listener *l)
{
    size_t n;

    while (!is_due(l) && (n = em_resampler_flush(l->resampler, l->out, BLOCK)) > 0)
        em_window_append(l->window, l->out, (int)n, l->due);
}

void em_listener_finish(em_listener *l)
{
    l->is_finished = true;
}

em_status em_listener_set_rate(em_listener *l, int rate_hz, em_err *err)
{
    em_resampler *next;
    em_status status = em_resampler_new(&next, rate_hz, l->cfg.frontend.rate_hz, err);
    size_t n;

    if (status != EM_OK)
        return status;
    /* The old filter's tail is some hundred samples: there is room for it behind any hop. */
    while ((n = em_resampler_flush(l->resampler, l->out, BLOCK)) > 0)
        em_window_append(l->window, l->out, (int)n, l->due);
    em_resampler_free(l->resampler);
    l->resampler = next;
    l->cfg.rate_hz = rate_hz;
    l->stats = (em_stats){ .rate_hz = rate_hz };
    return EM_OK;
}

static int64_t last_end(const em_listener *l)
{
    return l->due - l->cfg.step_samples;
}

/* End of the hop that is due now, -1 when none is. */
static int64_t due_end(em_listener *l)
{
    if (l->is_finished)
        drain(l);
    if (is_due(l))
        return l->due;
    if (l->is_finished && em_window_total(l->window) > last_end(l))
        return em_window_total(l->window);
    return -1;
}

bool em_listener_next(em_listener *l, em_hop *hop)
{
    const int64_t end = due_end(l);
    const float *samples;
    int64_t n_step;

    if (end < 0)
        return false;
    n_step = end - last_end(l);
    hop->end_sample = end;
    hop->time_s = (double)end / l->cfg.frontend.rate_hz;
    hop->filled = end < l->cfg.window_samples ? (double)end / l->cfg.window_samples : 1.0;
    hop->frames = em_window_frames(l->window, end, &hop->n_frames);
    samples = em_window_samples(l->window, end) + l->cfg.window_samples;
    if (n_step > l->cfg.window_samples)
        n_step = l->cfg.window_samples;
    em_level(&hop->rms_dbfs, &hop->peak_dbfs, samples - n_step, (size_t)n_step);
    l->due += l->cfg.step_samples;
    return true;
}

bool em_listener_skip(em_listener *l)
{
    if (due_end(l) < 0)
        return false;
    l->due += l->cfg.step_samples;
    return true;
}

unsigned em_listener_warnings(em_listener *l)   { return em_stats_take(&l->stats); }
double   em_listener_seconds(const em_listener *l) { return (double)em_window_total(l->window) / l->cfg.frontend.rate_hz; }
uint64_t em_listener_computed(const em_listener *l) { return em_window_computed(l->window); }
