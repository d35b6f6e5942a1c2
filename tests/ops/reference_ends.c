/* reference_ends.c - where a model begins and ends, forward and backward, in double: the image, the last tokens. */
#include "ops/reference_parts.h"

#include <math.h>
#include <stdlib.h>

/* The cubic convolution's kernel, A = -0.75 (Keys 1981). */
static double keys(double d)
{
    const double A = -0.75;

    d = fabs(d);
    return d <= 1 ? ((A + 2) * d - (A + 3)) * d * d + 1 : d < 2 ? ((d - 5) * d + 8) * d * A - 4 * A : 0;
}

/* A number per bin that frames past the end have, and how a frame's are mapped. */
typedef struct map { const float *past, *scale, *shift; } map;

static double mapped(const em_image *a, map m, int b, int t, int f)
{
    const double x = (double)a->frames[b][(size_t)t * (size_t)a->F + (size_t)f];

    return m.scale ? x * (double)m.scale[f] + (double)m.shift[f] : x;
}

/* Column t, of all columns, of bin f. */
static double column(const em_image *a, map m, int b, int t, int f)
{
    const int n = a->n_frames[b] < a->sound ? a->n_frames[b] : a->sound;
    const double s = (double)t * (n - 1) / (a->cols - 1);
    double x = 0;

    if (!a->is_stretched || n == a->cols)
        return t < n ? mapped(a, m, b, t, f) : (double)m.past[f];
    for (int i = (int)floor(s) - 1; i <= (int)floor(s) + 2; i++)
        x += keys(s - i) * mapped(a, m, b, i < 0 ? 0 : i > n - 1 ? n - 1 : i, f);
    return x;
}

/* Where that is in the image. */
static size_t place(const em_image *a, int b, int t, int f)
{
    const int width = a->cols / a->fold;

    return ((size_t)(b * a->fold + t / width) * (size_t)a->F + (size_t)f) * (size_t)width + (size_t)(t % width);
}

void ref_image(double *y, const em_image *a, int B)
{
    for (int b = 0; b < B; b++)
        for (int t = 0; t < a->cols; t++)
            for (int f = 0; f < a->F; f++)
                y[place(a, b, t, f)] = column(a, (map){ a->quiet, a->scale, a->shift }, b, t, f);
}

void ref_image_bwd(double *dweight, double *dbias, const em_image *a, int B)
{
    for (int f = 0; f < a->F; f++)
        dweight[f] = dbias[f] = 0;
    for (int b = 0; b < B; b++)
        for (int t = 0; t < a->cols; t++)
            for (int f = 0; f < a->F; f++) {
                const double dy = (double)a->dy[place(a, b, t, f)], x = column(a, (map){ a->quiet_frame, NULL, NULL }, b, t, f);

                dweight[f] += dy * (x - (double)a->centre[f]) * (double)a->spread[f];
                dbias[f] += dy;
            }
}

/* ------------------------------------------------------------------ tokens */

/* Where the head wants channel 0 of token (h, w), of window b. */
static size_t token_place(const em_tokens *a, int b, int h, int w)
{
    const int bands = a->is_columns ? 1 : a->H / a->fold, S = a->is_columns ? a->W : a->fold * a->W;
    const int band = a->is_columns ? 0 : h % bands, slot = a->is_columns ? w : h / bands * a->W + w;

    return ((size_t)(b * bands + band) * (size_t)S + (size_t)slot) * (size_t)a->C;
}

/* A token, and where its answer goes. */
typedef struct token { size_t from, to; double share; } token;

static token token_at(const em_tokens *a, int i)
{
    const int b = i / (a->H * a->W), h = i / a->W % a->H, w = i % a->W;

    return (token){ (size_t)i * (size_t)a->C, token_place(a, b, h, w), a->is_columns ? 1.0 / a->H : 1 };
}

void ref_tokens(double *y, const em_tokens *a, int B)
{
    double *row = malloc((size_t)a->C * sizeof *row);

    for (size_t i = 0; i < (size_t)(B * a->W * a->C) * (size_t)(a->is_columns ? 1 : a->H); i++)
        y[i] = 0;
    for (int i = 0; i < B * a->H * a->W; i++) {
        const token t = token_at(a, i);

        for (int c = 0; c < a->C; c++)
            row[c] = (double)a->x[t.from + (size_t)c];
        ref_norm_row(row, &a->norm, a->C);
        for (int c = 0; c < a->C; c++)
            y[t.to + (size_t)c] += t.share * row[c];
    }
    free(row);
}

void ref_tokens_bwd(double *dx, double *dweight, double *dshift, const em_tokens *a, int B)
{
    double *row = malloc((size_t)a->C * sizeof *row);

    for (int c = 0; c < a->C; c++)
        dweight[c] = dshift[c] = 0;
    for (int i = 0; i < B * a->H * a->W; i++) {
        const token t = token_at(a, i);

        for (int c = 0; c < a->C; c++) {
            row[c] = (double)a->x[t.from + (size_t)c];
            dx[t.from + (size_t)c] = t.share * (double)a->dy[t.to + (size_t)c];
        }
        ref_norm_row_bwd(dx + t.from, row, &a->norm, dweight, dshift, a->C);
    }
    free(row);
}
