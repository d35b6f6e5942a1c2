/* conv_rows.c - a strided convolution whose taps are multiplied where they lie, an output row at a time: see conv.h.
 *
 * Channels-last, the taps of one output pixel are kh runs of kw*C floats, a row of the image apart, and those of the next pixel
 * begin stride*C further on: the product reads them in place. Only where taps lie outside is the image copied, between zeros. */
#include "ops/cpu/conv.h"

#include <string.h>

/* Output pixels of a product: four tiles of AVX-512. The first is one tile: it is copied, for the taps outside on the left. */
enum { PIECE = 56, FIRST_PIECE = 14, LEAST_ROWS = 32 };

/* The part of an image that a piece of an output row sees: W pixels of each of its kh rows. */
typedef struct patch { int x, y, W; } patch;

static patch patch_of(const em_conv *a, int oy, int ox, int n)
{
    return (patch){ ox * a->stride - a->pad_x, oy * a->stride - a->pad_y, (n - 1) * a->stride + a->kw };
}

static bool is_inside(const em_conv *a, patch p)
{
    return p.x >= 0 && p.y >= 0 && p.x + p.W <= a->W && p.y + a->kh <= a->H;
}

static size_t patch_floats(const em_conv *a) { return (size_t)a->kh * (size_t)patch_of(a, 0, 0, PIECE).W * (size_t)a->C; }

/* dst[kh][p.W][C], zeros outside the image. */
static void copy_patch(float *dst, const em_conv *a, const float *image, patch p)
{
    const size_t C = (size_t)a->C, row = (size_t)p.W * C;
    const int first = p.x < 0 ? -p.x : 0, end = p.x + p.W > a->W ? a->W - p.x : p.W;     /* pixels inside, of W */

    memset(dst, 0, (size_t)a->kh * row * sizeof *dst);
    for (int ky = 0; ky < a->kh; ky++, dst += row)
        if (p.y + ky >= 0 && p.y + ky < a->H && first < end)
            memcpy(dst + (size_t)first * C, image + ((size_t)(p.y + ky) * (size_t)a->W + (size_t)(p.x + first)) * C,
                   (size_t)(end - first) * C * sizeof *dst);
}

typedef struct job { em_dev *dev; const em_conv *a; } job;

static void row_task(void *ctx, int i, int worker)
{
    const job *j = ctx;
    const em_conv *a = j->a;
    const em_kernels *k = j->dev->k;
    const int oy = i % a->Ho;
    const size_t C = (size_t)a->C, N = (size_t)a->w.n, at = (size_t)i * (size_t)a->Wo * N;
    const float *image = a->x + (size_t)(i / a->Ho) * (size_t)a->H * (size_t)a->W * C;
    float *y = (a->raw ? a->raw : a->y) + at;
    em_gemm g = {
        .lda = (size_t)a->stride * C, .w = a->w.data, .bias = a->bias, .ldy = N, .K = a->w.k, .N = a->w.n, .run = a->kw * a->C,
        .act = a->norm_after.weight ? EM_ACT_NONE : a->act, .panel_end = k->gemm_panels(a->w.n),
    };

    for (int ox = 0; ox < a->Wo; ox += g.rows) {
        const int most = ox == 0 ? FIRST_PIECE : PIECE;
        patch p;

        g.rows = a->Wo - ox < most ? a->Wo - ox : most;
        g.y = y + (size_t)ox * N;
        p = patch_of(a, oy, ox, g.rows);
        if (is_inside(a, p)) {
            g.a = image + ((size_t)p.y * (size_t)a->W + (size_t)p.x) * C;
            g.next_run = (size_t)a->W * C;
        } else {
            copy_patch(j->dev->scratch[worker], a, image, p);
            g.a = j->dev->scratch[worker];
            g.next_run = (size_t)p.W * C;
        }
        k->gemm(&g);
    }
    if (a->norm_after.weight)
        k->prep_rows(a->y + at, &(em_rows){ .x = y, .ldx = N, .ldd = N, .norm = a->norm_after, .act = a->act, .n = a->w.n, .rows = a->Wo });
}

bool em_cpu_conv_is_wide(const em_conv *a)
{
    return !a->norm_before.weight && a->Ho >= LEAST_ROWS && a->Wo >= LEAST_ROWS && a->kw * a->C % 2 == 0 &&
           patch_floats(a) <= em_cpu_block_floats(a->w.k);
}

void em_cpu_conv_rows(em_dev *dev, const em_conv *a, int B)
{
    job j = { dev, a };

    em_pool_run(dev->pool, row_task, &j, B * a->Ho);
}
