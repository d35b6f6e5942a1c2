// norm_linear.cu - layer norm, gate, matrix product, bias, GELU, residual: see em_norm_linear in ops.h.
#include "product.cuh"
#include "rows.cuh"

template <typename T>
static void prepared(em_dev *dev, const em_norm_linear *a, const em_product_out *out, int rows)
{
    const int k = a->w.k, pitch = em_round_up(k, 64);

    if (a->is_x_inner)
        em_prepare_rows(dev, (T *)dev->rows, em_planes_of<T, T>(a), a->norm, a->act_before, rows, k, pitch);
    else
        em_prepare_rows(dev, (T *)dev->rows, em_planes_of<float, T>(a), a->norm, a->act_before, rows, k, pitch);
    em_cuda_product(dev, out, dev->rows, (size_t)pitch, a->w, rows);
}

// Rows that a product can read where they lie.
static bool is_ready(const em_dev *dev, const em_norm_linear *a)
{
    if (a->norm.weight || a->x_more[0] || a->gate || a->act_before != EM_ACT_NONE || (dev->is_fp16 && !a->is_x_inner))
        return false;
    return !dev->is_fp16 || (a->ldx % 8 == 0 && a->w.k % 8 == 0);
}

void em_cuda_norm_linear_fwd(em_dev *dev, const em_norm_linear *a, int B)
{
    const em_product_out out = { a->y, a->bias, a->residual, a->w.n, a->act, a->is_y_inner, a->branch, a->L };
    const int rows = B * a->L;

    if (is_ready(dev, a))
        em_cuda_product(dev, &out, a->x, a->ldx, a->w, rows);
    else if (a->act_before == EM_ACT_NONE && em_cuda_can_fuse(dev, a))
        em_cuda_fused_product(dev, &out, a, rows);
    else if (dev->is_fp16)
        prepared<em_half>(dev, a, &out, rows);
    else
        prepared<float>(dev, a, &out, rows);
}
