/* downsample.c - half the grid, twice the channels, between two stages.
 *
 *   v1  patch merging: four corners side by side, norm over 4d, linear without bias; an odd grid gets a zero edge
 *   v2  conv 2x2 stride 2, norm          v3  conv 3x3 stride 2, norm */
#include "model/plan.h"

void em_down_bind(em_down_w *w, em_binder *b, const em_config *cfg, int stage)
{
    *w = (em_down_w){ 0 };
    if (cfg->down == EM_DOWN_V1) {
        w->norm_before = em_bind_norm(b, &em_layout_merge, "layers.%d.downsample.norm", stage);
        w->conv = em_bind_matrix(b, &em_layout_merge, "layers.%d.downsample.reduction.weight", stage);
        return;
    }
    w->conv = em_bind_matrix(b, &em_layout_conv, "layers.%d.downsample.1.weight", stage);
    w->bias = em_bind(b, NULL, "layers.%d.downsample.1.bias", stage);
    w->norm_after = em_bind_norm(b, NULL, "layers.%d.downsample.3", stage);
}

em_grid em_down_build(em_builder *b, const em_down_w *w, em_grid x, int stage)
{
    const bool is_3x3 = b->cfg->down == EM_DOWN_V3, drops_edge = b->cfg->down == EM_DOWN_V2;
    em_grid out = { .H = (x.H + !drops_edge) / 2, .W = (x.W + !drops_edge) / 2, .C = b->cfg->dims[stage + 1] };
    em_call call = { .kind = EM_CALL_CONV, .label = "downsample", .stage = stage };

    out.x = em_build_floats(b, (size_t)out.H * (size_t)out.W * (size_t)out.C);
    out.dx = em_build_back(b, (size_t)out.H * (size_t)out.W * (size_t)out.C);
    call.a.conv = (em_conv){
        .y = out.x, .x = x.x, .H = x.H, .W = x.W, .C = x.C, .Ho = out.H, .Wo = out.W, .kh = is_3x3 ? 3 : 2, .kw = is_3x3 ? 3 : 2,
        .stride = 2, .pad_y = is_3x3, .pad_x = is_3x3, .norm_before = w->norm_before, .norm_after = w->norm_after,
        .w = w->conv, .bias = w->bias,
        .raw = b->practice && w->norm_after.weight ? em_build_floats(b, (size_t)out.H * (size_t)out.W * (size_t)out.C) : NULL,
        .dy = out.dx, .dx = x.dx, .dbias = em_build_grad(b, w->bias),
    };
    em_build_call(b, &call);
    return out;
}
