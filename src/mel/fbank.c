/* fbank.c - one frame of Kaldi energies: see fbank.h. */
#include "mel/fbank.h"

#include "base/arena.h"
#include "mel/fft.h"
#include "mel/filterbank.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct em_fbank {
    int           win;
    float        *hann;             /* [win] */
    em_fft       *fft;
    em_filterbank bank;
};

em_status em_fbank_new(em_fbank **out, const em_frontend_cfg *cfg, em_err *err)
{
    em_status status;
    em_fbank *b = calloc(1, sizeof *b);

    *out = NULL;
    if (!b)
        return em_fail(err, EM_ENOMEM, "no memory for a Kaldi frontend");
    b->win = cfg->win;
    b->hann = em_alloc((size_t)cfg->win * sizeof *b->hann);
    status = b->hann ? em_fft_new(&b->fft, cfg->n_fft, err)
                     : em_fail(err, EM_ENOMEM, "no memory for a window of %d samples", cfg->win);
    if (status == EM_OK)
        status = em_filterbank_kaldi(&b->bank, cfg->rate_hz, cfg->n_fft, cfg->n_mels, (double)cfg->fmin_hz,
                                     (double)cfg->fmax_hz, err);
    if (status != EM_OK) {
        em_fbank_free(b);
        return status;
    }
    for (int i = 0; i < b->win; i++)
        b->hann[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * i / (b->win - 1)));
    *out = b;
    return EM_OK;
}

void em_fbank_free(em_fbank *b)
{
    if (!b)
        return;
    em_filterbank_deinit(&b->bank);
    em_fft_free(b->fft);
    free(b->hann);
    free(b);
}

void em_fbank_frame(em_fbank *b, float *frame, const float *samples)
{
    const double emphasis = 0.97;
    float       *in = em_fft_in(b->fft);        /* zero behind win, and stays so */
    double       mean = 0.0;

    for (int i = 0; i < b->win; i++)
        mean += (double)samples[i];
    mean /= b->win;

    /* x[i] - mean - .97 (x[i-1] - mean), with the two means as one; double, because a loud DC must cancel. */
    in[0] = (float)(((double)samples[0] - mean) * (1.0 - emphasis)) * b->hann[0];
    for (int i = 1; i < b->win; i++)
        in[i] = (float)((double)samples[i] - emphasis * (double)samples[i - 1] - (1.0 - emphasis) * mean) * b->hann[i];

    em_filterbank_apply(&b->bank, frame, em_fft_power(b->fft));
    for (int i = 0; i < b->bank.n_bands; i++)
        frame[i] = (float)log((double)fmaxf(frame[i], FLT_EPSILON));
}
