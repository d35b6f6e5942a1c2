/* fft.c - FFTW3 behind one lock for its planner: see fft.h. */
#include "mel/fft.h"

#include "base/arena.h"

#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>

struct em_fft {
    int            n;
    float         *in;              /* [n]                        */
    fftwf_complex *out;             /* [n/2 + 1]                  */
    float         *power;           /* [n/2 + 1 + EM_FFT_PAD]     */
    fftwf_plan     plan;
};

/* FFTW's planner has state of its own and is not thread safe; executing a plan is. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static void plan_fft(em_fft *fft)
{
    pthread_mutex_lock(&planner);
    fft->plan = fftwf_plan_dft_r2c_1d(fft->n, fft->in, fft->out, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    pthread_mutex_unlock(&planner);
}

em_status em_fft_new(em_fft **out, int n, em_err *err)
{
    em_fft *fft;

    *out = NULL;
    if (n < 2 || n > 65536 || n % 2)
        return em_fail(err, EM_EINVAL, "a transform of %d samples: needs an even number from 2 to 65536", n);

    fft = calloc(1, sizeof *fft);
    if (!fft)
        goto fail;
    fft->n = n;
    fft->in = em_alloc((size_t)n * sizeof *fft->in);
    fft->out = em_alloc(((size_t)n / 2 + 1) * sizeof *fft->out);
    fft->power = em_alloc(((size_t)n / 2 + 1 + EM_FFT_PAD) * sizeof *fft->power);
    if (!fft->in || !fft->out || !fft->power)
        goto fail;
    plan_fft(fft);
    if (!fft->plan)
        goto fail;
    *out = fft;
    return EM_OK;

fail:
    em_fft_free(fft);
    return em_fail(err, EM_ENOMEM, "no memory for a transform of %d samples", n);
}

void em_fft_free(em_fft *fft)
{
    if (!fft)
        return;
    if (fft->plan) {
        pthread_mutex_lock(&planner);
        fftwf_destroy_plan(fft->plan);
        pthread_mutex_unlock(&planner);
    }
    free(fft->power);
    free(fft->out);
    free(fft->in);
    free(fft);
}

float *em_fft_in(em_fft *fft)
{
    return fft->in;
}

const float *em_fft_power(em_fft *fft)
{
    fftwf_execute(fft->plan);
    for (int k = 0; k <= fft->n / 2; k++)
        fft->power[k] = fft->out[k][0] * fft->out[k][0] + fft->out[k][1] * fft->out[k][1];
    return fft->power;
}
