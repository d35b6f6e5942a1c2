// product.cuh - y = act(rows w^T + bias + residual): what the operators ask of product.cu.
#ifndef EM_GPU_PRODUCT_CUH
#define EM_GPU_PRODUCT_CUH

#include "device.cuh"

// Where a product goes. y inner if so said, else float; residual float, may be y.
struct em_product_out {
    void        *y;
    const float *bias, *residual;
    int          n;
    em_act       act;
    bool         is_inner;
    const float *branch;            // [rows / L]: factor of the sum and its bias; NULL: 1
    int          L;
};

// An image [B][H][W][C] and where the taps of output pixel (oy, ox) begin in it: (oy * stride - pad_y, …).
struct em_conv_shape { int H, W, C, Ho, Wo, kh, kw, stride, pad_y, pad_x; };

// rows[n_rows], ld apart, of the inner type; ld and k multiples of 8 in fp16.
void em_cuda_product(em_dev *dev, const em_product_out *out, const void *rows, size_t ld, em_matrix w, int n_rows);

// y = rows w, with w.back: rows [n_rows][w.n] of gradients, em_bf16 where products are not fp32, ld a multiple of 64 then.
void em_cuda_back_product(em_dev *dev, const em_product_out *out, const void *rows, size_t ld, em_matrix w, int n_rows);

// Rows are the taps under each output pixel of an image of halves; C a multiple of 8. fp16 only.
void em_cuda_conv_product(em_dev *dev, const em_product_out *out, const void *image, const em_conv_shape *shape, em_matrix w, int n_rows);

// Rows that are summed and normed on their way into the product: fp16 only, and only shapes that
// em_cuda_can_fuse names; anything else is prepared in memory first (rows.cuh).
bool em_cuda_can_fuse(const em_dev *dev, const em_norm_linear *a);
void em_cuda_fused_product(em_dev *dev, const em_product_out *out, const em_norm_linear *a, int n_rows);

#endif
