// conv.cu - strided convolution as a product over gathered taps, norm before or after: em_conv in ops.h.
#include "product.cuh"
#include "rows.cuh"

template <typename TX, typename T>
static void gather(em_dev *dev, const em_conv *a, int rows)
{
    const em_taps<TX> s = { (const TX *)a->x, a->H, a->W, a->C, a->Ho, a->Wo, a->kw, a->stride, a->pad_y, a->pad_x };

    em_prepare_rows(dev, (T *)dev->rows, s, a->norm_before, EM_ACT_NONE, rows, a->w.k, em_round_up(a->w.k, 64));
}

template <typename T>
static void conv(em_dev *dev, const em_conv *a, int rows)
{
    const bool is_normed = a->norm_after.weight != NULL;
    const em_product_out out = { a->y, a->bias, NULL, a->w.n, is_normed ? EM_ACT_NONE : a->act, a->is_y_inner };

    if (a->is_x_inner)
        gather<T, T>(dev, a, rows);
    else
        gather<float, T>(dev, a, rows);
    em_cuda_product(dev, &out, dev->rows, (size_t)em_round_up(a->w.k, 64), a->w, rows);
    if (is_normed && a->is_y_inner)
        em_norm_rows(dev, (T *)a->y, a->norm_after, a->act, rows, a->w.n);
    else if (is_normed)
        em_norm_rows(dev, a->y, a->norm_after, a->act, rows, a->w.n);
}

void em_cuda_conv_fwd(em_dev *dev, const em_conv *a, int B)
{
    if (dev->is_fp16)
        conv<em_half>(dev, a, B * a->Ho * a->Wo);
    else
        conv<float>(dev, a, B * a->Ho * a->Wo);
}
