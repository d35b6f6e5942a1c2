/* examine.c - sums over samples, and single lines of a spectrum by Goertzel's recurrence: see examine.h. */
#include "audio/examine.h"

#include "base/sort.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_SECONDS = 60, HARMONICS = 10, ROW = 3 };

static const double pi2 = 6.283185307179586;
static const double full_scale = 0.9999;        /* as in listener/stats.c: 16-bit sound ends at 32767 / 32768          */
static const double beside_hz = 5;              /* where no line of 50 or 60 Hz is, with a second's window of Hann     */

em_level em_examine_level(const float *x, size_t n)
{
    double sum = 0, peak = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
        peak = fmax(peak, fabs((double)x[i]));
    }
    return (em_level){ sum > 0 ? 10 * log10(sum / (double)n) : -INFINITY, peak > 0 ? 20 * log10(peak) : -INFINITY };
}

double em_examine_clipping(const float *x, size_t n)
{
    size_t n_clipped = 0, row = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i < n && fabs((double)x[i]) >= full_scale && (row == 0 || (x[i] > 0) == (x[i - 1] > 0))) {
            row++;
            continue;
        }
        n_clipped += row >= ROW ? row : 0;
        row = i < n && fabs((double)x[i]) >= full_scale;
    }
    return n > 0 ? (double)n_clipped / (double)n : 0;
}

/* ---- hum ---- */

/* A second of sound under a window: w * (x - mean), and what that window does to powers. */
typedef struct second { const double *x; size_t n; int rate_hz; double sum_w, power; } second;

/* Power of a sine of that frequency, if one is there. */
static double line_at(const second *s, double hz)
{
    const double w = pi2 * hz / s->rate_hz, twice_cos = 2 * cos(w);
    double s1 = 0, s2 = 0;

    for (size_t i = 0; i < s->n; i++) {
        const double s0 = s->x[i] + twice_cos * s1 - s2;

        s2 = s1;
        s1 = s0;
    }
    return 2 * (s1 * s1 + s2 * s2 - twice_cos * s1 * s2) / (s->sum_w * s->sum_w);
}

/* 0: only upper multiples stand out, which are a tone of something else. */
static double hum_at(const second *s, double hz)
{
    double low = 0, all = 0;

    for (int k = 1; k <= HARMONICS && hz * k < 0.45 * s->rate_hz; k++) {
        const double beside = (line_at(s, hz * k - beside_hz) + line_at(s, hz * k + beside_hz)) / 2;
        const double above = fmax(0, line_at(s, hz * k) - beside);

        all += above;
        low += k <= 2 ? above : 0;
    }
    return low >= all / 4 ? all : 0;
}

/* Puts the second under a window of Hann into `to`. */
static second windowed(double *to, const float *x, size_t n, int rate_hz)
{
    second s = { .x = to, .n = n, .rate_hz = rate_hz };
    double mean = 0, sum_w2 = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        mean += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double w = 0.5 - 0.5 * cos(pi2 * (double)i / (double)n);

        to[i] = w * ((double)x[i] - mean);
        s.sum_w += w;
        sum_w2 += w * w;
        sum += to[i] * to[i];
    }
    s.power = sum_w2 > 0 ? sum / sum_w2 : 0;
    return s;
}

static double median(double *x, int n)
{
    em_sort_doubles(x, (size_t)n);
    return x[n / 2];
}

em_hum em_examine_hum(const float *x, size_t n, int rate_hz)
{
    static const double mains_hz[] = { 50, 60 };
    const int n_seconds = n / (size_t)rate_hz < MOST_SECONDS ? (int)(n / (size_t)rate_hz) : MOST_SECONDS;
    double powers[MOST_SECONDS], shares[MOST_SECONDS], *room = malloc((size_t)rate_hz * sizeof *room);
    em_hum out = { .dbfs = -INFINITY };

    for (size_t m = 0; m < sizeof mains_hz / sizeof *mains_hz && room && n_seconds > 0 && em_examine_level(x, n).rms_dbfs > -INFINITY; m++) {
        double power;

        for (int k = 0; k < n_seconds; k++) {
            const second s = windowed(room, x + (size_t)k * (size_t)rate_hz, (size_t)rate_hz, rate_hz);

            powers[k] = hum_at(&s, mains_hz[m]);
            shares[k] = s.power > 0 ? fmin(1, powers[k] / s.power) : 0;
        }
        power = median(powers, n_seconds);
        if (out.hz > 0 && (power <= 0 || 10 * log10(power) <= out.dbfs))
            continue;
        out = (em_hum){ mains_hz[m], median(shares, n_seconds), power > 0 ? 10 * log10(power) : -INFINITY };
    }
    free(room);
    return out;
}

/* ---- rate ---- */

double em_examine_rate(const em_rate_point *points, int n)
{
    double t = 0, f = 0, tt = 0, tf = 0;

    for (int i = 0; i < n; i++) {
        t += (double)(points[i].ns - points[0].ns) / n;
        f += (double)(points[i].n_frames - points[0].n_frames) / n;
    }
    for (int i = 0; i < n; i++) {
        const double dt = (double)(points[i].ns - points[0].ns) - t;

        tt += dt * dt;
        tf += dt * ((double)(points[i].n_frames - points[0].n_frames) - f);
    }
    return tt > 0 ? tf / tt * 1e9 : 0;
}
