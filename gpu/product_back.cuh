// product_back.cuh - the way back through y = rows w^T + bias: what the operators ask of product_back.cu.
#ifndef EM_GPU_PRODUCT_BACK_CUH
#define EM_GPU_PRODUCT_BACK_CUH

#include "product.cuh"
#include "rows.cuh"
#include "sums.cuh"

// Gradients in and out. rows: as em_cuda_back_rows left them, or in fp32 any floats.
struct em_product_back {
    const float *dy, *branch;       // [n_rows][w.n]; factors of windows of L rows, NULL: 1
    const void  *rows;
    size_t       ld;
    em_matrix    w;                 // grad +=
    float       *dbias;             // +=; NULL: none
    float       *dm;                // [n_rows][w.k], the gradient of the rows; NULL: not wanted
    const float *residual;          // NULL, or what is added to dm; may be dm
    int          L, n_rows;
};

void em_cuda_product_back(em_dev *dev, const em_product_back *p);

// Rows prepared once more as products of gradients want them: floats, or em_bf16; [rows][k rounded up to 64]. NULL: no memory.
template <typename Source>
void *em_cuda_back_rows(em_dev *dev, const Source &s, em_norm norm, em_act act, int rows, int k)
{
    const int pitch = em_round_up(k, 64);
    void *const to = em_cuda_spare(dev, EM_SPARE_ROWS, (size_t)rows * pitch * (dev->is_fp16 ? sizeof(em_bf16) : sizeof(float)));

    if (dev->is_fp16)
        em_prepare_rows(dev, (em_bf16 *)to, s, norm, act, rows, k, pitch);
    else
        em_prepare_rows(dev, (float *)to, s, norm, act, rows, k, pitch);
    return to;
}

#endif
