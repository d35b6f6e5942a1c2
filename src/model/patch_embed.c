/* patch_embed.c - frames' affine map, and the image cut into tokens: v1 one 4x4 convolution, v2 two of 3x3.
 *
 *   v1  conv 4x4 stride 4, norm                          v2  conv 3x3 stride 2, norm, GELU, conv 3x3 stride 2, norm */
#include "model/plan.h"

#include <math.h>
#include <stdlib.h>

/* bn0 at rest is one scale and shift a bin; the padding is silence (-100 dB) through the same map. With Kaldi
 * frames it is (x - mean) / (2 std), and the padding a raw 0. */
static void affine(float *scale, float *shift, float *quiet, const em_config *cfg, const float *const bn[4], int n)
{
    for (int i = 0; i < n; i++) {
        if (cfg->frontend == EM_FRONTEND_KALDI) {
            scale[i] = (float)(0.5 / (double)cfg->std);
            shift[i] = (float)(-(double)cfg->mean * 0.5 / (double)cfg->std);
            quiet[i] = shift[i];
        } else {
            double s = (double)bn[0][i] / sqrt((double)bn[3][i] + 1e-5);

            scale[i] = (float)s;
            shift[i] = (float)((double)bn[1][i] - (double)bn[2][i] * s);
            quiet[i] = (float)((double)bn[1][i] + (-100.0 - (double)bn[2][i]) * s);
        }
    }
}

/* What a model that learns sets anew for each batch (em_frontend_maps), and the parameters of bn0. */
static void bind_statistics(em_weights *w, em_binder *b, const em_config *cfg, float *place)
{
    const size_t n = (size_t)cfg->n_mels;

    w->maps = place;
    w->centre = place ? place + 3 * n : NULL;
    w->spread = place ? place + 4 * n : NULL;
    w->quiet_frame = place ? place + 5 * n : NULL;
    if (cfg->frontend != EM_FRONTEND_HTSAT)
        return;
    w->bn_weight = em_bind(b, NULL, "bn0.weight");
    w->bn_bias = em_bind(b, NULL, "bn0.bias");
    em_bind(b, NULL, "bn0.running_mean");
    em_bind(b, NULL, "bn0.running_var");
}

void em_frontend_maps(float *maps, const em_config *cfg, const float *const bn[4])
{
    const size_t n = (size_t)cfg->n_mels;
    float *centre = maps + 3 * n, *spread = maps + 4 * n, *quiet_frame = maps + 5 * n;

    affine(maps, maps + n, maps + 2 * n, cfg, bn, cfg->n_mels);
    for (size_t i = 0; i < n && cfg->frontend == EM_FRONTEND_HTSAT; i++) {
        centre[i] = bn[2][i];
        spread[i] = (float)(1.0 / sqrt((double)bn[3][i] + 1e-5));
        quiet_frame[i] = -100.f;
    }
}

void em_frontend_bind(em_weights *w, em_binder *b, const em_config *cfg)
{
    static const char *const names[4] = { "bn0.weight", "bn0.bias", "bn0.running_mean", "bn0.running_var" };
    const size_t n = (size_t)cfg->n_mels;
    float *place = em_arena_alloc(&b->arena, (b->lesson ? EM_MAPS : 3) * n * sizeof *place), *maps, *bn[4];

    w->scale = place;
    w->shift = place ? place + n : NULL;
    w->quiet = place ? place + 2 * n : NULL;
    if (b->lesson)
        bind_statistics(w, b, cfg, place);
    if (!place || b->status != EM_OK || b->lesson)
        return;
    maps = malloc(7 * n * sizeof *maps);
    if (!maps) {
        b->status = em_fail(b->err, EM_ENOMEM, "no memory for the frontend's statistics");
        return;
    }
    for (int i = 0; i < 4; i++) {
        bn[i] = maps + (3 + (size_t)i) * n;
        if (cfg->frontend == EM_FRONTEND_HTSAT && b->status == EM_OK)
            b->status = b->from->read(b->from->ctx, bn[i], em_params_find(b->params, names[i]), b->err);
    }
    if (b->status == EM_OK) {
        affine(maps, maps + n, maps + 2 * n, cfg, (const float *const *)bn, cfg->n_mels);
        b->status = b->ops->upload(b->dev, place, maps, 3 * n, b->err);
    }
    free(maps);
}

void em_embed_bind(em_embed_w *w, em_binder *b, const em_config *cfg)
{
    const int n = cfg->embed == EM_EMBED_V1 ? 1 : 2;

    for (int i = 0; i < n; i++) {
        w->conv[i] = em_bind_matrix(b, &em_layout_conv, "patch_embed.%d.weight", 5 * i);
        w->bias[i] = em_bind(b, NULL, "patch_embed.%d.bias", 5 * i);
        w->norm[i] = em_bind_norm(b, NULL, "patch_embed.%d", 5 * i + 2);
    }
}

/* Between two convolutions the grid is an inner activation. */
static void conv(em_builder *b, const em_embed_w *w, int i, em_grid in, em_grid out, int size, int stride, int pad, em_act act)
{
    em_call call = { .kind = EM_CALL_CONV, .label = "embed", .stage = -1 };

    call.a.conv = (em_conv){
        .y = out.x, .x = in.x, .H = in.H, .W = in.W, .C = in.C, .Ho = out.H, .Wo = out.W, .kh = size, .kw = size,
        .stride = stride, .pad_y = pad, .pad_x = pad, .norm_after = w->norm[i], .w = w->conv[i], .bias = w->bias[i], .act = act,
        .raw = b->practice ? em_build_floats(b, (size_t)out.H * (size_t)out.W * (size_t)out.C) : NULL,
        .dy = out.dx, .dx = in.dx, .dbias = em_build_grad(b, w->bias[i]),
        .is_x_inner = i == 1, .is_y_inner = i == 0 && b->cfg->embed == EM_EMBED_V2,
    };
    em_build_call(b, &call);
}

static int half_of(int n) { return (n + 1) / 2; }

em_grid em_embed_room(em_builder *b, int H, int W)
{
    const bool is_v1 = b->cfg->embed == EM_EMBED_V1;
    em_grid out = { .H = is_v1 ? H / 4 : half_of(half_of(H)), .W = is_v1 ? W / 4 : half_of(half_of(W)), .C = b->cfg->dims[0] };

    out.x = em_build_floats(b, (size_t)out.H * (size_t)out.W * (size_t)out.C);
    out.dx = em_build_back(b, (size_t)out.H * (size_t)out.W * (size_t)out.C);
    return out;
}

void em_embed_build(em_builder *b, const em_embed_w *w, em_grid image, em_grid out)
{
    em_grid half = { .H = half_of(image.H), .W = half_of(image.W), .C = out.C / 2 };

    if (b->cfg->embed == EM_EMBED_V1) {
        conv(b, w, 0, image, out, 4, 4, 0, EM_ACT_NONE);
        return;
    }
    half.x = em_build_inner(b, (size_t)half.H * (size_t)half.W * (size_t)half.C);
    half.dx = em_build_back(b, (size_t)half.H * (size_t)half.W * (size_t)half.C);
    conv(b, w, 0, image, half, 3, 2, 1, EM_ACT_GELU);
    conv(b, w, 1, half, out, 3, 2, 1, EM_ACT_NONE);
}
