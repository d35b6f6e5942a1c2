/* mlp.c - the second half of every block: x += fc2(gelu(fc1(norm(x)))). */
#include "model/plan.h"

#include <stdarg.h>
#include <stdio.h>

void em_mlp_bind(em_mlp_w *w, em_binder *b, const char *block, ...)
{
    char name[48];
    va_list args;

    va_start(args, block);
    vsnprintf(name, sizeof name, block, args);
    va_end(args);
    w->norm = em_bind_norm(b, NULL, "%s.norm2", name);
    w->fc1 = em_bind_matrix(b, NULL, "%s.mlp.fc1.weight", name);
    w->fc1_bias = em_bind(b, NULL, "%s.mlp.fc1.bias", name);
    w->fc2 = em_bind_matrix(b, NULL, "%s.mlp.fc2.weight", name);
    w->fc2_bias = em_bind(b, NULL, "%s.mlp.fc2.bias", name);
}

/* Many tokens: fused, block by block. Few tokens and wide layers: two products, each cut by columns over the
 * threads, so that a weight is read by one of them only. The answer has the same bits. */
enum { FEW_TOKENS = 256 };

em_grid em_mlp_build(em_builder *b, const em_mlp_w *w, em_grid x, int stage)
{
    const int L = x.H * x.W, hidden = w->fc1.n;
    const bool trains = b->practice;
    const em_grid out = em_build_next(b, x);
    const em_mark mark = em_build_mark(b);
    const size_t back_mark = em_build_back_mark(b);
    em_call call = { .kind = EM_CALL_MLP, .label = "mlp", .stage = stage };
    const float *branch;
    float *h, *dh;

    if (L > FEW_TOKENS && !trains) {
        call.a.mlp = (em_mlp){ .x = x.x, .norm = w->norm, .w1 = w->fc1, .w2 = w->fc2, .bias1 = w->fc1_bias, .bias2 = w->fc2_bias, .L = L };
        em_build_call(b, &call);
        return x;
    }
    branch = em_build_branch(b);
    dh = em_build_back(b, (size_t)L * (size_t)hidden);
    h = em_build_inner(b, (size_t)L * (size_t)hidden);
    em_build_linear(b, "fc1", stage, (em_norm_linear){
        .y = h, .x = x.x, .ldx = (size_t)x.C, .norm = w->norm, .w = w->fc1, .bias = w->fc1_bias,
        .act = trains ? EM_ACT_NONE : EM_ACT_GELU, .L = L, .is_y_inner = true,
        .kept = branch, .dy = dh, .dx = x.dx, .adds_dx = true, .dbias = em_build_grad(b, w->fc1_bias),
    });
    em_build_linear(b, "fc2", stage, (em_norm_linear){
        .y = out.x, .x = h, .ldx = (size_t)hidden, .w = w->fc2, .bias = w->fc2_bias, .residual = x.x, .L = L,
        .is_x_inner = true, .act_before = trains ? EM_ACT_GELU : EM_ACT_NONE,
        .branch = branch, .kept = branch, .dy = out.dx, .dx = dh, .dbias = em_build_grad(b, w->fc2_bias),
    });
    em_build_rewind(b, mark);
    em_build_back_rewind(b, back_mark);
    return out;
}
