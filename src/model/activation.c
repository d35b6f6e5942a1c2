/* activation.c - see activation.h. In double: a probability is the same whichever way it was computed. */
#include "model/activation.h"

#include <math.h>
#include <string.h>

static void sigmoid(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)(1 / (1 + exp(-(double)x[i])));
}

/* The largest is taken off first, so that nothing overflows. */
static void softmax(float *x, int n, float largest)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - (double)largest);
    for (int i = 0; i < n; i++)
        x[i] = (float)(exp((double)x[i] - (double)largest) / sum);
}

bool em_activate(float *x, int n, em_activation activation)
{
    float largest = -INFINITY;
    bool is_sound = true;

    for (int i = 0; i < n; i++) {
        is_sound &= !isnan(x[i]);
        largest = x[i] > largest ? x[i] : largest;
    }
    if (activation == EM_SOFTMAX)                       /* of an infinite one, exp(inf - inf) is no number */
        is_sound &= isfinite(largest);
    if (!is_sound)
        memset(x, 0, (size_t)n * sizeof *x);
    else if (activation == EM_SOFTMAX)
        softmax(x, n, largest);
    else
        sigmoid(x, n);
    return is_sound;
}

bool em_activate_output(em_output *out, const em_config *cfg)
{
    bool is_sound = em_activate(out->logits, cfg->n_classes, cfg->activation);

    for (int slot = 0; out->slots && slot < em_config_slots(cfg); slot++)
        is_sound &= em_activate(out->slots + (size_t)slot * (size_t)cfg->n_classes, cfg->n_classes, cfg->activation);
    for (int c = 0; out->latent && c < cfg->dims[EM_STAGES - 1]; c++)
        if (!isfinite(out->latent[c])) {
            out->latent[c] = 0;
            is_sound = false;
        }
    return is_sound;
}
