/* plane_back.c - the way back through the convolution of one plane, its norm and its activation. Vectors run over pixels.
 *
 *   forward   z = w taps + bias, n = norm(z), y = act(n)
 *   back      dn = dy act'(n);  dz = rstd (dn w_n - mean(dn w_n) - xhat mean(dn w_n xhat));  dtaps = w^T dz
 *             dw += dz taps;  dbias += dz;  dweight += dn xhat;  dshift += dn
 *
 * z is made anew: nine products cost less than bringing back what forward would have kept. A segment of a row of pixels is
 * taken through the norm pixel by pixel; then each tile of w^T dz and of dz taps stays in registers for the whole segment. All
 * sums over pixels are vectors, one lane a pixel, until the window is done. */
#include "ops/cpu/isa/plane.h"

enum { SEGMENT = 8, TAPS = 3 };             /* vectors of pixels; taps of a tile */

typedef struct segment {
    int n, m;                               /* vectors; pixels of the last one */
    vf  taps[SEGMENT][EM_PLANE_TAPS];
    vf  dz[SEGMENT][EM_PLANE_CHANNELS + CHAINS];
    vf  dtaps[EM_PLANE_TAPS][SEGMENT];
} segment;

/* What sums over pixels are in p->work: those of w, of the bias, of the norm's weight and bias. */
typedef struct sums { vf_unaligned *dw, *dbias, *dweight, *dshift; } sums;

static sums sums_of(const em_plane_back *p)
{
    vf_unaligned *work = (vf_unaligned *)p->work;
    const size_t n = (size_t)p->conv->w.n, nk = n * (size_t)p->conv->w.k;

    return (sums){ work, work + nk, work + nk + n, work + nk + 2 * n };
}

/* Channels c to c + 3 of the first m of LANES rows of n; the other pixels read as 0. */
EM_INLINE void load_four(vf *y, const float *src, size_t n, int m)
{
    for (int g = 0; 4 * g < LANES; g++) {
        quarter x[4] = { { 0 } };

        for (int i = 0; i < 4 && 4 * g + i < m; i++)
            x[i] = *(const quarter_unaligned *)(src + (size_t)(4 * g + i) * n);
        v_turn(x);
        for (int i = 0; i < 4; i++)
            memcpy((float *)&y[i] + 4 * g, &x[i], sizeof x[i]);
    }
}

/* m rows of n side by side: y[channel], a lane a pixel. */
static void load_rows(vf *y, const float *src, int n, int m)
{
    int c = 0;

    for (; c + 4 <= n; c += 4)
        if (m == LANES)
            load_four(y + c, src + c, (size_t)n, LANES);
        else
            load_four(y + c, src + c, (size_t)n, m);
    for (; c < n; c++) {
        y[c] = (vf){ 0 };
        for (int i = 0; i < m; i++)
            y[c][i] = src[(size_t)i * (size_t)n + (size_t)c];
    }
}

/* The sums over channels that the norm's way back takes. */
typedef struct totals { vf d, product; } totals;

/* nc channels from c on: y becomes xhat, dy becomes dn weight. */
EM_INLINE void norm_some(vf *y, vf *dy, totals *t, const sums *s, const em_conv *a, vf rstd, int c, const int nc)
{
    vf x[CHAINS], slope[CHAINS];

#pragma GCC unroll 4
    for (int i = 0; i < nc; i++) {
        y[c + i] *= rstd;
        x[i] = y[c + i] * a->norm_after.weight[c + i] + a->norm_after.bias[c + i];
        slope[i] = v_set(1.f);
    }
    if (a->act == EM_ACT_GELU)
        v_gelu_slope(x, slope, nc);
#pragma GCC unroll 4
    for (int i = 0; i < nc; i++) {
        const vf dn = dy[c + i] * slope[i], product = dn * y[c + i];

        s->dweight[c + i] += product;
        s->dshift[c + i] += dn;
        dy[c + i] = dn * a->norm_after.weight[c + i];
        t->d += dy[c + i];
        t->product += dy[c + i] * y[c + i];
    }
}

/* One vector of pixels: y, the sums over taps, becomes dz. dy is lost. */
static void norm_back(vf *y, vf total, vf *dy, const sums *s, const em_conv *a)
{
    const int n = a->w.n;
    const vf rstd = centre(y, total, n);
    const float share = 1.f / (float)n;
    totals t = { 0 };
    int c = 0;

    for (; c + CHAINS <= n; c += CHAINS)
        norm_some(y, dy, &t, s, a, rstd, c, CHAINS);
    for (; c < n; c++)
        norm_some(y, dy, &t, s, a, rstd, c, 1);
    t.d *= share;
    t.product *= share;
    for (c = 0; c < n; c++) {
        y[c] = rstd * (dy[c] - t.d - y[c] * t.product);
        s->dbias[c] += y[c];
    }
}

/* dw of nc channels and nt taps. */
EM_INLINE void weigh_some(vf_unaligned *dw, const segment *g, int k, int c, int t, const int nc, const int nt)
{
    vf acc[CHAINS][TAPS];

#pragma GCC unroll 4
    for (int i = 0; i < nc; i++)
#pragma GCC unroll 3
        for (int j = 0; j < nt; j++)
            acc[i][j] = dw[(c + i) * k + t + j];
    for (int v = 0; v < g->n; v++)
#pragma GCC unroll 4
        for (int i = 0; i < nc; i++)
#pragma GCC unroll 3
            for (int j = 0; j < nt; j++)
                acc[i][j] += g->dz[v][c + i] * g->taps[v][t + j];
#pragma GCC unroll 4
    for (int i = 0; i < nc; i++)
#pragma GCC unroll 3
        for (int j = 0; j < nt; j++)
            dw[(c + i) * k + t + j] = acc[i][j];
}

static void weigh(const sums *s, const segment *g, int n, int k)
{
    int t = 0, c;

    for (; t + TAPS <= k; t += TAPS) {
        for (c = 0; c + CHAINS <= n; c += CHAINS)
            weigh_some(s->dw, g, k, c, t, CHAINS, TAPS);
        for (; c < n; c++)
            weigh_some(s->dw, g, k, c, t, 1, TAPS);
    }
    for (; t < k; t++)
        for (c = 0; c < n; c++)
            weigh_some(s->dw, g, k, c, t, 1, 1);
}

/* dtaps of nv vectors and nt taps. */
EM_INLINE void unweigh_some(segment *g, const float *w, int n, int k, int v, int t, const int nv, const int nt)
{
    vf acc[CHAINS][TAPS] = { { { 0 } } };

    for (int c = 0; c < n; c++)
#pragma GCC unroll 3
        for (int j = 0; j < nt; j++) {
            const vf s = v_set(w[c * k + t + j]);
#pragma GCC unroll 4
            for (int i = 0; i < nv; i++)
                acc[i][j] += s * g->dz[v + i][c];
        }
#pragma GCC unroll 4
    for (int i = 0; i < nv; i++)
#pragma GCC unroll 3
        for (int j = 0; j < nt; j++)
            g->dtaps[t + j][v + i] = acc[i][j];
}

static void unweigh(segment *g, const float *w, int n, int k)
{
    int t = 0, v;

    for (; t + TAPS <= k; t += TAPS) {
        for (v = 0; v + CHAINS <= g->n; v += CHAINS)
            unweigh_some(g, w, n, k, v, t, CHAINS, TAPS);
        for (; v < g->n; v++)
            unweigh_some(g, w, n, k, v, t, 1, TAPS);
    }
    for (; t < k; t++)
        for (v = 0; v < g->n; v++)
            unweigh_some(g, w, n, k, v, t, 1, 1);
}

/* What pixels from ox on of row oy took from the image goes back there. */
static void scatter(float *image, const em_conv *a, const segment *g, int oy, int ox)
{
    const int s = a->stride, n = (g->n - 1) * LANES + g->m;

    for (int ky = 0; ky < a->kh; ky++)
        for (int kx = 0; kx < a->kw; kx++) {
            const int iy = oy * s + ky - a->pad_y, ix = ox * s + kx - a->pad_x, past = (a->W - ix + s - 1) / s;
            const float *from = (const float *)g->dtaps[ky * a->kw + kx];
            float *row = image + (long)iy * a->W + ix;

            if (iy < 0 || iy >= a->H)
                continue;
            for (int i = ix < 0 ? (-ix + s - 1) / s : 0; i < n && i < past; i++)
                row[(long)i * s] += from[i];
        }
}

static void do_segment(segment *g, const em_plane_back *p, const sums *s, int oy, int ox)
{
    const em_conv *a = p->conv;
    const int n = a->w.n, left = a->Wo - ox;
    vf dy[EM_PLANE_CHANNELS];

    g->n = left > SEGMENT * LANES ? SEGMENT : (left + LANES - 1) / LANES;
    g->m = left - (g->n - 1) * LANES < LANES ? left - (g->n - 1) * LANES : LANES;
    for (int v = 0; v < g->n; v++) {
        const int x = ox + v * LANES;

        load_rows(dy, p->dy + ((size_t)oy * (size_t)a->Wo + (size_t)x) * (size_t)n, n, v == g->n - 1 ? g->m : LANES);
        taps_of(g->taps[v], a, p->image, oy, x);
        norm_back(g->dz[v], convolve(g->dz[v], a, p->w, g->taps[v]), dy, s, a);
    }
    weigh(s, g, n, a->w.k);
    if (!p->dx)
        return;
    unweigh(g, p->w, n, a->w.k);
    scatter(p->dx, a, g, oy, ox);
}

void EM_K(conv_plane_back)(const em_plane_back *p)
{
    const em_conv *a = p->conv;
    const size_t n = (size_t)a->w.n * (size_t)(a->w.k + 3);
    const sums s = sums_of(p);
    segment g;

    memset(p->work, 0, n * LANES * sizeof *p->work);
    if (p->dx)
        memset(p->dx, 0, (size_t)a->H * (size_t)a->W * sizeof *p->dx);
    for (int oy = 0; oy < a->Ho; oy++)
        for (int ox = 0; ox < a->Wo; ox += SEGMENT * LANES)
            do_segment(&g, p, &s, oy, ox);
    for (size_t i = 0; i < n; i++)
        p->sums[i] = v_sum(v_load(p->work + i * LANES));
}
