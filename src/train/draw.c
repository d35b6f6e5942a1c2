/* draw.c - gamma by Marsaglia and Tsang ("A simple method for generating gamma variables", ACM TOMS 26, 2000), beta from two of them. */
#include "train/draw.h"

#include <assert.h>
#include <math.h>

em_rng em_draw_stream(uint64_t seed, em_lane lane, uint64_t epoch, uint64_t index)
{
    const uint64_t parts[] = { (uint64_t)lane, epoch, index };
    em_rng rng = { seed };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)       /* each part is stirred before the next one comes in */
        rng.state = em_rng_u64(&rng) ^ parts[i];
    rng.state = em_rng_u64(&rng);
    return rng;
}

bool em_draw_chance(em_rng *rng, double p)
{
    return em_rng_uniform(rng) < p;
}

double em_draw_between(em_rng *rng, double low, double high)
{
    return low + (high - low) * em_rng_uniform(rng);
}

int em_draw_below(em_rng *rng, int n)
{
    double u = em_rng_uniform(rng);

    return n > 0 ? (int)(u * n) : 0;
}

int em_draw_range(em_rng *rng, int least, int most)
{
    return least + em_draw_below(rng, most - least + 1);
}

/* The sum of four uniform numbers of 16 bits, which has variance 1/3. */
float em_draw_rough_normal(em_rng *rng)
{
    uint64_t u = em_rng_u64(rng);
    int sum = (int)(u & 0xffff) + (int)(u >> 16 & 0xffff) + (int)(u >> 32 & 0xffff) + (int)(u >> 48);

    return ((float)sum - 131070.0f) * (1.7320508f / 65536.0f);
}

/* A cube of a normal, squeezed; taken about 19 times in 20. */
static double gamma_from_one(em_rng *rng, double shape)
{
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);

    for (;;) {
        double x = em_rng_normal(rng), v = 1.0 + c * x, u = 1.0 - em_rng_uniform(rng);

        v = v * v * v;
        if (v > 0 && log(u) < .5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double em_draw_gamma(em_rng *rng, double shape)
{
    double more;

    assert(shape > 0);
    if (shape >= 1.0)
        return gamma_from_one(rng, shape);
    more = gamma_from_one(rng, shape + 1.0);
    return more * pow(1.0 - em_rng_uniform(rng), 1.0 / shape);
}

double em_draw_beta(em_rng *rng, double a, double b)
{
    double x = em_draw_gamma(rng, a), y = em_draw_gamma(rng, b);

    if (x + y > 0)
        return x / (x + y);
    return em_draw_chance(rng, a / (a + b)) ? 1.0 : 0.0;            /* tiny shapes underflow: all weight is at the ends */
}

void em_draw_shuffle(em_rng *rng, int *x, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)(em_rng_uniform(rng) * (double)i);
        int kept = x[j];

        x[j] = x[i - 1];
        x[i - 1] = kept;
    }
}
