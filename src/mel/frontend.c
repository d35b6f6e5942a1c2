/* frontend.c - the two kinds of frames behind one interface, and whole windows: see frontend.h. */
#include "mel/frontend.h"

#include "base/arena.h"
#include "mel/fbank.h"
#include "mel/logmel.h"

#include <stdlib.h>
#include <string.h>

struct em_frontend {
    em_frontend_cfg cfg;
    em_logmel      *logmel;         /* one of the two */
    em_fbank       *fbank;
    float          *edge;           /* [n_fft]: the samples under a frame that looks past an end */
};

em_frontend_cfg em_frontend_htsat(int rate_hz, int n_mels)
{
    const float nyquist = (float)rate_hz / 2;

    return (em_frontend_cfg){ .rate_hz = rate_hz, .n_fft = 1024, .win = 1024, .hop = rate_hz / 100, .n_mels = n_mels,
                              .fmin_hz = 50, .fmax_hz = nyquist < 14000 ? nyquist : 14000 };
}

em_frontend_cfg em_frontend_kaldi(int rate_hz, int n_mels)
{
    int n_fft = 2;

    while (n_fft < rate_hz / 40)                    /* 25 ms, up to a power of two */
        n_fft *= 2;
    return (em_frontend_cfg){ .is_kaldi = true, .rate_hz = rate_hz, .n_fft = n_fft, .win = rate_hz / 40, .hop = rate_hz / 100,
                              .n_mels = n_mels, .fmin_hz = 20, .fmax_hz = (float)rate_hz / 2 };
}

em_frontend_cfg em_frontend_usual(bool is_kaldi, int rate_hz, int n_mels)
{
    return is_kaldi ? em_frontend_kaldi(rate_hz, n_mels) : em_frontend_htsat(rate_hz, n_mels);
}

/* fmax may lie above half the rate: HTS-AT's Speech Commands setting has it so, and empty bands. */
static em_status check(const em_frontend_cfg *c, em_err *err)
{
    if (c->rate_hz < 1000 || c->rate_hz > 192000)
        return em_fail(err, EM_EINVAL, "a frontend at %d Hz: must be 1000 to 192000", c->rate_hz);
    if (c->n_fft < 64 || c->n_fft > 65536 || c->n_fft % 2)
        return em_fail(err, EM_EINVAL, "a frontend with a transform of %d: must be even, 64 to 65536", c->n_fft);
    if (c->win < 2 || c->win > c->n_fft || (!c->is_kaldi && c->win != c->n_fft))
        return em_fail(err, EM_EINVAL, "a frontend with a window of %d in a transform of %d", c->win, c->n_fft);
    if (c->hop < 1 || c->hop > c->win)
        return em_fail(err, EM_EINVAL, "a frontend with a hop of %d: must be 1 to %d", c->hop, c->win);
    if (c->n_mels < 1 || c->n_mels > 512)
        return em_fail(err, EM_EINVAL, "a frontend with %d bands: must be 1 to 512", c->n_mels);
    if (!(c->fmin_hz >= 0) || !(c->fmax_hz > c->fmin_hz) || c->fmax_hz > (float)c->rate_hz)
        return em_fail(err, EM_EINVAL, "a frontend from %g to %g Hz at a rate of %d", (double)c->fmin_hz, (double)c->fmax_hz, c->rate_hz);
    return EM_OK;
}

em_status em_frontend_new(em_frontend **out, const em_frontend_cfg *cfg, em_err *err)
{
    em_status status;
    em_frontend *f;

    *out = NULL;
    status = check(cfg, err);
    if (status != EM_OK)
        return status;
    f = calloc(1, sizeof *f);
    if (!f)
        return em_fail(err, EM_ENOMEM, "no memory for a frontend");
    f->cfg = *cfg;
    f->edge = em_alloc((size_t)cfg->n_fft * sizeof *f->edge);
    if (!f->edge)
        status = em_fail(err, EM_ENOMEM, "no memory for a frontend");
    else if (cfg->is_kaldi)
        status = em_fbank_new(&f->fbank, cfg, err);
    else
        status = em_logmel_new(&f->logmel, cfg, err);
    if (status != EM_OK) {
        em_frontend_free(f);
        return status;
    }
    *out = f;
    return EM_OK;
}

void em_frontend_free(em_frontend *f)
{
    if (!f)
        return;
    em_logmel_free(f->logmel);
    em_fbank_free(f->fbank);
    free(f->edge);
    free(f);
}

int em_frontend_before(const em_frontend_cfg *cfg) { return cfg->is_kaldi ? 0 : cfg->n_fft / 2; }
int em_frontend_after(const em_frontend_cfg *cfg)  { return cfg->is_kaldi ? cfg->win : cfg->n_fft / 2; }

int em_frontend_frames(const em_frontend_cfg *cfg, size_t n)
{
    if (cfg->is_kaldi)
        return n < (size_t)cfg->win ? 0 : 1 + (int)((n - (size_t)cfg->win) / (size_t)cfg->hop);
    return n <= (size_t)cfg->n_fft / 2 ? 0 : 1 + (int)(n / (size_t)cfg->hop);
}

void em_frontend_frame(em_frontend *f, float *out, const float *samples)
{
    if (f->fbank)
        em_fbank_frame(f->fbank, out, samples);
    else
        em_logmel_frame(f->logmel, out, samples);
}

bool em_frontend_is_edge(const em_frontend_cfg *cfg, size_t n, int t)
{
    const int64_t at = (int64_t)t * cfg->hop;

    return at < em_frontend_before(cfg) || at + em_frontend_after(cfg) > (int64_t)n;
}

void em_frontend_window_frame(em_frontend *f, float *out, const float *samples, size_t n, int t)
{
    const int64_t first = (int64_t)t * f->cfg.hop - em_frontend_before(&f->cfg), last = (int64_t)n - 1;

    if (!em_frontend_is_edge(&f->cfg, n, t)) {
        em_frontend_frame(f, out, samples + first);
        return;
    }
    for (int i = 0; i < f->cfg.n_fft; i++) {        /* reflected: the sample at the end is not repeated */
        int64_t at = first + i;

        at = at < 0 ? -at : at;
        f->edge[i] = samples[at > last ? 2 * last - at : at];
    }
    em_frontend_frame(f, out, f->edge);
}

void em_frontend_window(em_frontend *f, float *out, const float *samples, size_t n)
{
    const int T = em_frontend_frames(&f->cfg, n);

    for (int t = 0; t < T; t++)
        em_frontend_window_frame(f, out + (size_t)t * (size_t)f->cfg.n_mels, samples, n, t);
}
