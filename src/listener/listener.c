/* listener.c - resampler, rolling window and hop clock of one source: see listener.h. */
#include "listener/listener.h"

#include "audio/resample.h"
#include "listener/levels.h"
#include "listener/stats.h"
#include "mel/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 512,                    /* samples moved at a time                                             */
    GAPS = 64,                      /* stretches remembered; more in one window are joined                 */
};

typedef struct stretch { int64_t begin, end; } stretch;     /* of the stream, samples at the model's rate */

struct em_listener {
    em_listener_cfg cfg;
    em_resampler *resampler;
    em_resampler *next_resampler;   /* for the new rate, once the old one is empty; else NULL            */
    em_window    *window;
    em_stats      stats;
    em_levels     levels;
    int64_t       due_sample;       /* end of the next hop                                               */
    int64_t       last_sample;      /* end of the last hop that was given or skipped                     */
    bool          is_finished;
    double        seconds_before;   /* of stream at earlier rates                                        */
    int64_t       samples_before;   /* the same at the model's rate                                      */
    uint64_t      n_taken;          /* samples at this rate                                              */
    uint64_t      n_silent;         /* of these, gap in a row up to now                                  */
    stretch       gaps[GAPS];       /* oldest first, apart from each other                               */
    int           n_gaps;
    float         in[CHUNK], out[CHUNK];
};

em_status em_listener_new(em_listener **out, const em_listener_cfg *cfg, em_err *err)
{
    em_listener *l;
    em_status    status;

    *out = NULL;
    if (cfg->frontend.hop < 1 || cfg->step_samples < 1 || cfg->step_samples % cfg->frontend.hop != 0)
        return em_fail(err, EM_EINVAL, "a step of %d samples: must be a multiple of the frames' hop of %d (10 ms)",
                       cfg->step_samples, cfg->frontend.hop);
    if (cfg->window_samples < 1)
        return em_fail(err, EM_EINVAL, "a window of %d samples: must hold at least one frame", cfg->window_samples);
    l = calloc(1, sizeof *l);
    if (!l)
        return em_fail(err, EM_ENOMEM, "no memory for a listener");
    l->cfg = *cfg;
    l->due_sample = cfg->step_samples;
    l->stats.rate_hz = cfg->rate_hz;
    status = em_window_new(&l->window, &cfg->frontend, (size_t)cfg->window_samples, err);
    if (status == EM_OK)
        status = em_resampler_new(&l->resampler, cfg->rate_hz, cfg->frontend.rate_hz, err);
    if (status != EM_OK) {
        em_listener_free(l);
        return status;
    }
    *out = l;
    return EM_OK;
}

void em_listener_free(em_listener *l)
{
    if (!l)
        return;
    em_resampler_free(l->next_resampler);
    em_resampler_free(l->resampler);
    em_window_free(l->window);
    free(l);
}

static bool is_due(const em_listener *l)
{
    return em_window_end(l->window) == l->due_sample;
}

/* Where the stream stands: what was taken, at the model's rate. */
static int64_t position(const em_listener *l)
{
    return l->samples_before + (int64_t)llround((double)l->n_taken * l->cfg.frontend.rate_hz / l->cfg.rate_hz);
}

static void drop_gap(em_listener *l, int i)
{
    memmove(l->gaps + i, l->gaps + i + 1, (size_t)(--l->n_gaps - i) * sizeof *l->gaps);
}

/* Two become one of their length, ending where the later ends: what is missing keeps its amount. */
static void join_oldest(em_listener *l)
{
    l->gaps[1].begin -= l->gaps[0].end - l->gaps[0].begin;
    drop_gap(l, 0);
}

static void remember_gap(em_listener *l, int64_t begin, int64_t end)
{
    while (l->n_gaps > 0 && l->gaps[0].end <= em_window_end(l->window) - l->cfg.window_samples)
        drop_gap(l, 0);
    if (l->n_gaps > 0 && l->gaps[l->n_gaps - 1].end >= begin) {
        l->gaps[l->n_gaps - 1].end = end;
        return;
    }
    if (l->n_gaps == GAPS)
        join_oldest(l);
    l->gaps[l->n_gaps++] = (stretch){ begin, end };
}

/* Share of the newest window that is sound: neither before the start of the stream nor in a gap. */
static double filled(const em_listener *l)
{
    const int64_t end = em_window_end(l->window), begin = end > l->cfg.window_samples ? end - l->cfg.window_samples : 0;
    int64_t n = end - begin;

    for (int i = 0; i < l->n_gaps; i++) {
        int64_t from = l->gaps[i].begin > begin ? l->gaps[i].begin : begin, to = l->gaps[i].end < end ? l->gaps[i].end : end;

        n -= to > from ? to - from : 0;
    }
    return (double)n / l->cfg.window_samples;
}

/* Gets up to n samples (x; NULL: zeros) through the resampler into the window, not past the next hop. Returns
 * how many were taken; *has_moved: whether anything happened at all. */
static size_t move_chunk(em_listener *l, const float *x, size_t n, bool *has_moved)
{
    const int64_t left = l->due_sample - em_window_end(l->window), begin = position(l);
    size_t  room = left < CHUNK ? (size_t)left : CHUNK, n_taken = 0, n_made;

    if (l->is_finished || l->next_resampler) {
        n_made = em_resampler_flush(l->resampler, l->out, room);
    } else {
        n = n < CHUNK ? n : CHUNK;
        if (x)
            em_resampler_tame(l->in, x, n);
        else
            memset(l->in, 0, n * sizeof *l->in);
        n_made = em_resampler_push(l->resampler, l->out, room, l->in, n, &n_taken);
    }
    em_window_push(l->window, l->out, n_made);
    if (x)
        em_stats_push(&l->stats, l->in, n_taken);
    l->n_taken += n_taken;
    if (!x && n_taken > 0)
        remember_gap(l, begin, position(l));
    *has_moved = n_taken > 0 || n_made > 0;
    return n_taken;
}

/* Moves samples until a hop is due or nothing is left to move; returns how many of the n were taken. */
static size_t move(em_listener *l, const float *x, size_t n)
{
    size_t taken = 0;

    while (!is_due(l)) {
        bool has_moved;

        taken += move_chunk(l, x ? x + taken : NULL, n - taken, &has_moved);
        if (has_moved)
            continue;
        if (!l->next_resampler)
            break;
        em_resampler_free(l->resampler);
        l->resampler = l->next_resampler;
        l->next_resampler = NULL;
    }
    return taken;
}

/* Everything inside, in the resampler as in the window, is the silence of a gap. */
static bool is_deep_in_gap(const em_listener *l)
{
    return (double)l->n_silent * l->cfg.frontend.rate_hz >= ((double)l->cfg.window_samples + l->cfg.frontend.rate_hz) * l->cfg.rate_hz;
}

/* Where blocks of a filter begin shows in the last bits of what follows, and a gap that was passed over has moved
 * them. Without memory for another resampler the old one, which is silent, goes on. */
static void begin_anew(em_listener *l)
{
    if (l->cfg.rate_hz != l->cfg.frontend.rate_hz)
        em_listener_set_rate(l, l->cfg.rate_hz, NULL);
}

size_t em_listener_push(em_listener *l, const float *mono, size_t n)
{
    if (l->is_finished || n == 0)
        return n;
    if (is_deep_in_gap(l))
        begin_anew(l);
    l->n_silent = 0;
    return move(l, mono, n);
}

size_t em_listener_push_silence(em_listener *l, size_t n)
{
    n = l->is_finished ? n : move(l, NULL, n);
    l->n_silent += n;
    return n;
}

static void forget_level(em_listener *l)
{
    float rms, peak;

    em_stats_level(&l->stats, &rms, &peak);
}

size_t em_listener_pass_silence(em_listener *l, size_t n, uint64_t *n_hops)
{
    const int64_t begin = position(l);
    size_t n_made;

    *n_hops = 0;
    if (l->is_finished || l->next_resampler || is_due(l) || !is_deep_in_gap(l))
        return 0;
    n = em_resampler_pass_silence(l->resampler, n, &n_made);
    em_window_pass_silence(l->window, (int64_t)n_made);
    if (em_window_end(l->window) >= l->due_sample) {
        *n_hops = (uint64_t)((em_window_end(l->window) - l->due_sample) / l->cfg.step_samples + 1);
        l->due_sample += (int64_t)*n_hops * l->cfg.step_samples;
        l->last_sample = l->due_sample - l->cfg.step_samples;
        forget_level(l);
    }
    l->n_taken += n;
    l->n_silent += n;
    remember_gap(l, begin, position(l));
    return n;
}

void em_listener_finish(em_listener *l)
{
    l->is_finished = true;
}

em_status em_listener_set_rate(em_listener *l, int rate_hz, em_err *err)
{
    em_resampler *next;
    em_status     status = em_resampler_new(&next, rate_hz, l->cfg.frontend.rate_hz, err);

    if (status != EM_OK)
        return status;
    em_resampler_free(l->next_resampler);
    l->next_resampler = next;
    l->seconds_before = em_listener_seconds(l);
    l->samples_before = position(l);
    l->n_silent = (uint64_t)((double)l->n_silent * rate_hz / l->cfg.rate_hz);
    l->n_taken = 0;
    l->cfg.rate_hz = rate_hz;
    em_stats_set_rate(&l->stats, rate_hz);
    return EM_OK;
}

/* Brings the next hop about, as far as that needs no new samples. True when one is due. */
static bool find_hop(em_listener *l)
{
    int64_t end;

    move(l, NULL, 0);
    end = em_window_end(l->window);
    return is_due(l) || (l->is_finished && end > l->last_sample);
}

static void end_hop(em_listener *l)
{
    l->last_sample = em_window_end(l->window);
    if (is_due(l))
        l->due_sample += l->cfg.step_samples;
}

bool em_listener_next(em_listener *l, em_hop *hop)
{
    if (!find_hop(l))
        return false;
    hop->end_sample = em_window_end(l->window);
    hop->time_s = (double)hop->end_sample / l->cfg.frontend.rate_hz;
    hop->filled = filled(l);
    em_stats_level(&l->stats, &hop->rms_dbfs, &hop->peak_dbfs);
    hop->frames = em_window_frames(l->window);
    hop->n_frames = em_window_n_frames(l->window);
    em_window_inner(l->window, &hop->inner_first, &hop->inner_end);
    hop->end_frame = hop->end_sample % l->cfg.frontend.hop == 0 ? hop->end_sample / l->cfg.frontend.hop : -1;
    if (l->cfg.has_levels)
        em_levels_take(&l->levels, &l->cfg.frontend, hop->frames, l->cfg.window_samples, hop->end_sample);
    hop->levels = l->levels.bytes;
    hop->n_levels = l->levels.n;
    hop->first_level = l->levels.next - l->levels.n;
    end_hop(l);
    return true;
}

bool em_listener_skip(em_listener *l)
{
    if (!find_hop(l))
        return false;
    forget_level(l);
    end_hop(l);
    return true;
}

unsigned em_listener_warnings(em_listener *l)
{
    return em_stats_take(&l->stats);
}

uint64_t em_listener_computed(const em_listener *l)
{
    return em_window_computed(l->window);
}

double em_listener_seconds(const em_listener *l)
{
    return l->seconds_before + (double)l->n_taken / l->cfg.rate_hz;
}
