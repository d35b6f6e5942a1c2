/* logmel.c - one log-mel frame: see logmel.h. */
#include "mel/logmel.h"

#include "base/arena.h"
#include "mel/fft.h"

#include <math.h>
#include <stdlib.h>

struct em_logmel {
    int           n_fft;
    float        *hann;             /* [n_fft] */
    em_fft       *fft;
    em_filterbank bank;
};

em_status em_logmel_new(em_logmel **out, const em_frontend_cfg *cfg, em_err *err)
{
    em_status  status;
    em_logmel *m = calloc(1, sizeof *m);

    *out = NULL;
    if (!m)
        return em_fail(err, EM_ENOMEM, "no memory for a log-mel frontend");
    m->n_fft = cfg->n_fft;
    m->hann = em_alloc((size_t)cfg->n_fft * sizeof *m->hann);
    status = m->hann ? em_fft_new(&m->fft, cfg->n_fft, err)
                     : em_fail(err, EM_ENOMEM, "no memory for a window of %d samples", cfg->n_fft);
    if (status == EM_OK)
        status = em_filterbank_slaney(&m->bank, cfg->rate_hz, cfg->n_fft, cfg->n_mels, (double)cfg->fmin_hz,
                                      (double)cfg->fmax_hz, err);
    if (status != EM_OK) {
        em_logmel_free(m);
        return status;
    }
    for (int i = 0; i < m->n_fft; i++)
        m->hann[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * i / m->n_fft));
    *out = m;
    return EM_OK;
}

void em_logmel_free(em_logmel *m)
{
    if (!m)
        return;
    em_filterbank_deinit(&m->bank);
    em_fft_free(m->fft);
    free(m->hann);
    free(m);
}

void em_logmel_frame(em_logmel *m, float *frame, const float *samples)
{
    /* A logarithm in double costs as much as one in float and makes the floor exactly -100. */
    const double db = 10.0 / M_LN10;
    float       *in = em_fft_in(m->fft);

    for (int i = 0; i < m->n_fft; i++)
        in[i] = samples[i] * m->hann[i];
    em_filterbank_apply(&m->bank, frame, em_fft_power(m->fft));
    for (int i = 0; i < m->bank.n_bands; i++)
        frame[i] = (float)(db * log((double)fmaxf(frame[i], 1e-10f)));
}

const float         *em_logmel_hann(const em_logmel *m) { return m->hann; }
const em_filterbank *em_logmel_bank(const em_logmel *m) { return &m->bank; }
