/* loss.c - see loss.h; each loss of one sample beside its gradient. */
#include "train/loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* One sample. share: what its loss counts for in the mean. */
typedef struct sample {
    const float *z, *y, *w, *teacher;
    float       *dz;
    int          C;
    double       smoothing, share;
} sample;

static double weight_of(const sample *s, int c)
{
    return s->w ? (double)s->w[c] : 1.0;
}

/* d/dz = sigmoid(z) - y */
static double bce(const sample *s)
{
    double loss = 0, share = s->share / s->C;

    for (int c = 0; c < s->C; c++) {
        double z = (double)s->z[c], y = (double)s->y[c] * (1.0 - s->smoothing) + .5 * s->smoothing, w = weight_of(s, c);
        double small = exp(-fabs(z)), sigmoid = (z >= 0 ? 1.0 : small) / (1.0 + small);

        loss += w * ((z > 0 ? z : 0) - z * y + log1p(small));
        s->dz[c] = (float)(w * share * (sigmoid - y));
    }
    return loss * share;
}

/* Smoothing keeps the sum of the targets, so a sample of no class stays one: it costs nothing. */
static double ce_target(const sample *s, int c, double sum)
{
    return weight_of(s, c) * ((double)s->y[c] * (1.0 - s->smoothing) + sum * s->smoothing / s->C);
}

/* log(sum exp(x)): log softmax(x) = x - that. */
static double log_sum_exp(const float *x, int n)
{
    double most = -INFINITY, sum = 0;

    for (int i = 0; i < n; i++)
        most = (double)x[i] > most ? (double)x[i] : most;
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - most);
    return most + log(sum);
}

/* d/dz = (sum of y) softmax(z) - y, with y weighed */
static double ce(const sample *s)
{
    double norm = log_sum_exp(s->z, s->C), loss = 0, sum = 0, sum_weighed = 0;

    for (int c = 0; c < s->C; c++)
        sum += (double)s->y[c];
    for (int c = 0; c < s->C; c++) {
        double y = ce_target(s, c, sum);

        loss -= y * ((double)s->z[c] - norm);
        sum_weighed += y;
    }
    for (int c = 0; c < s->C; c++)
        s->dz[c] = (float)(s->share * (sum_weighed * exp((double)s->z[c] - norm) - ce_target(s, c, sum)));
    return loss * s->share;
}

/* d/dz = softmax(z) - q; adds to what is there. */
static double distil(const sample *s, double share)
{
    double norm = log_sum_exp(s->z, s->C), teacher_norm = log_sum_exp(s->teacher, s->C), loss = 0;

    for (int c = 0; c < s->C; c++) {
        double log_p = (double)s->z[c] - norm, log_q = (double)s->teacher[c] - teacher_norm, q = exp(log_q);

        loss += q > 0 ? q * (log_q - log_p) : 0;
        s->dz[c] += (float)(share * (exp(log_p) - q));
    }
    return loss * share;
}

static double (*const of_kind[])(const sample *) = { [EM_LOSS_BCE] = bce, [EM_LOSS_CE] = ce };

double em_loss(float *dlogits, const em_loss_batch *batch, const em_loss_cfg *cfg)
{
    double loss = 0;

    assert(batch->B <= batch->B_global);
    for (int b = 0; b < batch->B; b++) {
        size_t at = (size_t)b * (size_t)batch->C;
        const float *teacher = batch->teacher && cfg->kd_share > 0 ? batch->teacher[b] : NULL;
        double kd = teacher ? cfg->kd_share : 0.0;
        sample s = { batch->logits + at, batch->target + at, batch->weight ? batch->weight + at : NULL, teacher, dlogits + at,
                     batch->C, cfg->smoothing, (1.0 - kd) / batch->B_global };

        loss += of_kind[cfg->kind](&s);
        if (teacher)
            loss += distil(&s, kd / batch->B_global);
    }
    return loss;
}

double em_loss_of_slots(float *dslots, const em_loss_slots *batch, const em_loss_cfg *cfg)
{
    const double share = cfg->slot_weight / ((double)batch->B_global * batch->S);
    double loss = 0;

    assert(batch->B <= batch->B_global);
    for (int i = 0; i < batch->B * batch->S; i++) {
        const size_t at = (size_t)i * (size_t)batch->C, row = (size_t)(i / batch->S) * (size_t)batch->C;
        const sample s = { batch->logits + at, batch->target + at, batch->weight + row, NULL, dslots + at, batch->C, cfg->smoothing, share };

        loss += of_kind[cfg->kind](&s);
    }
    return loss;
}

void em_loss_mix_teachers(float *out, const float *a, const float *b, double lambda, int C)
{
    double norm_a = log_sum_exp(a, C), norm_b = log_sum_exp(b, C);

    for (int c = 0; c < C; c++) {
        double p = lambda * exp((double)a[c] - norm_a) + (1.0 - lambda) * exp((double)b[c] - norm_b);

        out[c] = (float)log(fmax(p, 1e-30));            /* a class that both exclude stays a finite number */
    }
}
