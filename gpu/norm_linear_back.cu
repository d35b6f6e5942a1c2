// norm_linear_back.cu - the way back through em_norm_linear in ops.h: the product, then what stands before it.
#include "product_back.cuh"
#include "rows_back.cuh"

static bool is_plain(const em_norm_linear *a) { return !a->norm.weight && !a->x_more[0] && !a->gate && a->act_before == EM_ACT_NONE; }

template <typename TX, typename TG>
static void back(em_dev *dev, const em_norm_linear *a, int rows)
{
    const size_t k = (size_t)a->w.k;
    const bool is_straight = is_plain(a) && a->ldx == k;        // the product's gradient is that of x
    const em_planes<TX, TG> s = em_planes_of<TX, TG>(a);
    em_product_back p = { a->dy, a->branch, a->x, a->ldx, a->w, a->dbias, NULL, NULL, a->L, rows };

    if (dev->is_fp16 || !is_plain(a)) {
        p.rows = em_cuda_back_rows(dev, s, a->norm, a->act_before, rows, a->w.k);
        p.ld = (size_t)em_round_up(a->w.k, 64);
    }
    if (a->dx)
        p.dm = is_straight ? a->dx : (float *)em_cuda_spare(dev, EM_SPARE_DM, rows * k * sizeof *p.dm);
    p.residual = is_straight && a->adds_dx ? a->dx : NULL;
    em_cuda_product_back(dev, &p);
    if (a->dx && !is_straight) {
        const em_plain_dy dm = { p.dm, k };
        float *const dgate = a->gate ? a->dgate + a->gate_column : NULL;

        em_cuda_rows_back(dev, s, dm, { a->norm, a->act_before, a->dx, a->ldx, dgate, NULL, rows, a->w.k, 0, a->adds_dx });
    }
}

void em_cuda_norm_linear_bwd(em_dev *dev, const em_norm_linear *a, int B)
{
    const int rows = B * a->L;

    if (!dev->is_fp16)
        back<float, float>(dev, a, rows);
    else if (a->is_x_inner)
        back<em_half, em_half>(dev, a, rows);
    else
        back<float, em_half>(dev, a, rows);
}
