// conv_back.cu - the way back through em_conv in ops.h: the norm behind it, the product over taps, the norm before it, and the
// taps' gradients back to the pixels they came from.
#include "product_back.cuh"
#include "rows_back.cuh"

// A pixel collects from the taps that looked at it, in the order of the taps.
__global__ void scatter_taps(float *dx, const float *taps, em_taps<float> s, int kh, size_t n_all)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x, pixel = i / s.C;
    const int c = (int)(i % s.C), x = (int)(pixel % s.W), y = (int)(pixel / s.W % s.H);
    const size_t first = pixel / s.W / s.H * s.Ho * s.Wo;
    float sum = 0.f;

    em_wait_for_previous();
    if (i >= n_all)
        return;
    for (int tap = 0; tap < kh * s.kw; tap++) {
        const int ty = y + s.pad_y - tap / s.kw, tx = x + s.pad_x - tap % s.kw, oy = ty / s.stride, ox = tx / s.stride;

        if (ty >= 0 && tx >= 0 && ty % s.stride == 0 && tx % s.stride == 0 && oy < s.Ho && ox < s.Wo)
            sum += taps[((first + (size_t)oy * s.Wo + ox) * kh * s.kw + tap) * s.C + c];
    }
    dx[i] = sum;
}

static void scatter(em_dev *dev, const em_conv *a, const float *taps, int B)
{
    enum { THREADS = 256 };
    const size_t n = (size_t)B * a->H * a->W * a->C;

    EM_LAUNCH(dev, scatter_taps, dim3(em_div_up(n, THREADS)), THREADS, 0, a->dx, taps, em_taps_of<float>(a), a->kh, n);
}

// The gradient of what the norm behind it saw, raw.
static const float *behind(em_dev *dev, const em_conv *a, int rows)
{
    const size_t n = (size_t)a->w.n;
    const em_planes<float, float> s = { { a->raw }, n, NULL, 0 };
    const em_plain_dy dy = { a->dy, n };
    float *to;

    if (!a->norm_after.weight)
        return a->dy;
    to = (float *)em_cuda_spare(dev, EM_SPARE_NORMED, rows * n * sizeof *to);
    em_cuda_rows_back(dev, s, dy, { a->norm_after, a->act, to, n, NULL, NULL, rows, a->w.n, 0, false });
    return to;
}

template <typename TX>
static void back(em_dev *dev, const em_conv *a, int B)
{
    const int rows = B * a->Ho * a->Wo;
    const size_t k = (size_t)a->w.k;
    const em_taps<TX> s = em_taps_of<TX>(a);
    em_product_back p = { behind(dev, a, rows), NULL, NULL, (size_t)em_round_up(a->w.k, 64), a->w, a->dbias, NULL, NULL, 1, rows };

    p.rows = em_cuda_back_rows(dev, s, a->norm_before, EM_ACT_NONE, rows, a->w.k);
    if (a->dx)
        p.dm = (float *)em_cuda_spare(dev, EM_SPARE_DM, rows * k * sizeof *p.dm);
    em_cuda_product_back(dev, &p);
    if (a->dx && a->norm_before.weight) {
        const em_plain_dy dm = { p.dm, k };

        em_cuda_rows_back(dev, s, dm, { a->norm_before, EM_ACT_NONE, p.dm, k, NULL, NULL, rows, a->w.k, 0, false });
    }
    if (a->dx)
        scatter(dev, a, p.dm, B);
}

void em_cuda_conv_bwd(em_dev *dev, const em_conv *a, int B)
{
    if (dev->is_fp16 && a->is_x_inner)
        back<em_half>(dev, a, B);
    else
        back<float>(dev, a, B);
}
