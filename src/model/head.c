/* head.c - scores from the last tokens, per time slot and for the clip: clip logit = mean of its slots' logits.
 *
 *   tscam   norm, regroup the fold's rows into time, conv (bands, 3): one slot a column and fold
 *   linear  norm, mean over rows, linear: one slot a column (the mean over columns is the official pooled answer,
 *           because a linear layer and a mean may change places) */
#include "model/plan.h"

void em_head_bind(em_head_w *w, em_binder *b, const em_config *cfg)
{
    const bool is_tscam = cfg->head == EM_HEAD_TSCAM;

    w->norm = em_bind_norm(b, NULL, "classifier.norm");
    if (cfg->n_classes == 0)                            /* such a model is looked at and trained, and has no session */
        return;
    w->w = em_bind_matrix(b, is_tscam ? &em_layout_conv : NULL, "%s.weight", is_tscam ? "tscam_conv" : "classifier.head");
    w->bias = em_bind(b, NULL, "%s.bias", is_tscam ? "tscam_conv" : "classifier.head");
}

/* y[B][S][n_classes] from the tokens as em_tokens leaves them. */
static void classify(em_builder *b, const em_head_w *w, float *y, const float *dy, const float *tokens, float *dtokens, int bands, int S, int C)
{
    em_call call = { .label = "head", .stage = -1 };

    if (b->cfg->head == EM_HEAD_TSCAM) {
        call.kind = EM_CALL_CONV;
        call.a.conv = (em_conv){ .y = y, .x = tokens, .H = bands, .W = S, .C = C, .Ho = 1, .Wo = S, .kh = bands, .kw = 3,
                                 .stride = 1, .pad_x = 1, .w = w->w, .bias = w->bias, .is_x_inner = true,
                                 .dy = dy, .dx = dtokens, .dbias = em_build_grad(b, w->bias) };
    } else {
        call.kind = EM_CALL_NORM_LINEAR;
        call.a.norm_linear = (em_norm_linear){ .y = y, .x = tokens, .ldx = (size_t)C, .w = w->w, .bias = w->bias, .L = S,
                                               .is_x_inner = true, .dy = dy, .dx = dtokens, .dbias = em_build_grad(b, w->bias) };
    }
    em_build_call(b, &call);
}

/* Side by side, so that all windows' answers can leave in one copy. */
static em_outputs place_outputs(em_builder *b, size_t latent, size_t slots, size_t logits)
{
    const size_t most = (size_t)b->needs.max_batch;
    float *room = em_build_floats(b, logits + latent + slots);

    return room ? (em_outputs){ .logits = room, .latent = room + most * logits, .slots = room + most * (logits + latent) } : (em_outputs){ 0 };
}

em_outputs em_head_build(em_builder *b, const em_head_w *w, em_grid x)
{
    const bool is_columns = b->cfg->head == EM_HEAD_LINEAR;
    const int fold = is_columns ? 1 : b->cfg->fold, S = fold * x.W;
    const size_t C = (size_t)x.C, classes = (size_t)b->cfg->n_classes;
    const size_t n_tokens = C * (size_t)(is_columns ? x.W : x.H * x.W);
    float *tokens = em_build_inner(b, n_tokens), *dtokens = em_build_back(b, n_tokens), *dslots = em_build_back(b, (size_t)S * classes);
    em_outputs out = place_outputs(b, C, (size_t)S * classes, classes);
    em_call call = { .kind = EM_CALL_TOKENS, .label = "tokens", .stage = -1 }, mean = { .kind = EM_CALL_MEAN, .label = "logits", .stage = -1 };

    out.dlogits = em_build_back(b, classes);
    if (b->practice && b->practice->has_slots)
        out.dslots = em_build_back(b, (size_t)S * classes);
    call.a.tokens = (em_tokens){ .y = tokens, .latent = out.latent, .x = x.x, .H = x.H, .W = x.W, .C = x.C, .fold = fold,
                                 .is_columns = is_columns, .norm = w->norm, .dy = dtokens, .dx = x.dx };
    em_build_call(b, &call);
    classify(b, w, out.slots, dslots, tokens, dtokens, x.H / fold, S, x.C);
    mean.a.mean = (em_mean){ .y = out.logits, .x = out.slots, .S = S, .C = (int)classes, .dy = out.dlogits,
                            .own = out.dslots, .dx = dslots };
    em_build_call(b, &mean);
    return out;
}
