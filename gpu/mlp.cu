// mlp.cu - norm, linear, GELU, linear, residual, the hidden layer in the device's scratch: em_mlp in ops.h.
#include "device.cuh"

void em_cuda_mlp_fwd(em_dev *dev, const em_mlp *a, int B)
{
    em_norm_linear up = {}, down = {};

    up.y = (float *)dev->hidden;
    up.x = a->x;
    up.ldx = (size_t)a->w1.k;
    up.norm = a->norm;
    up.w = a->w1;
    up.bias = a->bias1;
    up.act = EM_ACT_GELU;
    up.L = a->L;
    up.is_y_inner = true;

    down.y = a->x;
    down.x = (const float *)dev->hidden;
    down.ldx = (size_t)a->w2.k;
    down.w = a->w2;
    down.bias = a->bias2;
    down.residual = a->x;
    down.L = a->L;
    down.is_x_inner = true;

    em_cuda_norm_linear_fwd(dev, &up, B);
    em_cuda_norm_linear_fwd(dev, &down, B);
}
