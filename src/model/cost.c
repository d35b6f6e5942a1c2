/* cost.c - what one call of a plan costs and leaves, for one window: the roofline's two axes, and where to look. */
#include "model/plan.h"

typedef struct cost { double macs, floats; const float *result; size_t n_result; } cost;

static cost product_cost(const em_matrix *w, double rows)
{
    return (cost){ .macs = rows * w->n * w->k, .floats = (double)w->n * w->k };
}

static cost conv_cost(const em_conv *a)
{
    cost c = product_cost(&a->w, (double)a->Ho * a->Wo);

    c.result = a->y;
    c.n_result = (size_t)a->Ho * (size_t)a->Wo * (size_t)a->w.n;
    c.floats += (double)a->H * a->W * a->C;
    return c;
}

static cost linear_cost(const em_norm_linear *a)
{
    cost c = product_cost(&a->w, a->L);

    c.result = a->y;
    c.n_result = (size_t)a->L * (size_t)a->w.n;
    c.floats += (double)a->L * a->w.k * (1 + !!a->x_more[0] + !!a->gate) + (a->residual ? (double)c.n_result : 0);
    return c;
}

static cost mlp_cost(const em_mlp *a)
{
    const double d = a->w1.k, hidden = a->w1.n;

    return (cost){ .macs = 2 * a->L * d * hidden, .floats = 2 * d * hidden + a->L * d, .result = a->x,
                   .n_result = (size_t)a->L * (size_t)a->w1.k };
}

static cost xproj_cost(const em_conv_silu_xproj *a)
{
    const double L = (double)a->H * a->W;
    cost c = product_cost(&a->w, L);

    c.macs += L * a->D * 9;
    c.result = a->u;
    c.n_result = (size_t)L * (size_t)a->D;
    c.floats += L * a->D + L * a->w.n;
    return c;
}

/* The recurrence itself is counted as the dt projection and 3 multiply-adds a state. */
static cost scan_cost(const em_scan4 *a)
{
    const double L = (double)a->H * a->W;

    return (cost){
        .macs = EM_DIRECTIONS * L * a->D * (a->R + 3.0 * a->N),
        .floats = L * a->D * 2 + L * EM_DIRECTIONS * (a->R + 2.0 * a->N),
        .result = a->y[0], .n_result = (size_t)L * (size_t)a->D,
    };
}

static cost attention_cost(const em_attention *a)
{
    const double L = (double)a->H * a->W, keys = (double)a->side * a->side;

    return (cost){ .macs = 2 * L * keys * a->C, .floats = 3 * L * a->C, .result = a->y, .n_result = (size_t)L * (size_t)a->C };
}

static cost tokens_cost(const em_tokens *a)
{
    return (cost){ .floats = (double)a->H * a->W * a->C, .result = a->latent, .n_result = (size_t)a->C };
}

static cost cost_of(const em_call *call)
{
    switch (call->kind) {
    case EM_CALL_CONV:            return conv_cost(&call->a.conv);
    case EM_CALL_NORM_LINEAR:     return linear_cost(&call->a.norm_linear);
    case EM_CALL_MLP:             return mlp_cost(&call->a.mlp);
    case EM_CALL_CONV_SILU_XPROJ: return xproj_cost(&call->a.conv_silu_xproj);
    case EM_CALL_SCAN4:           return scan_cost(&call->a.scan4);
    case EM_CALL_ATTENTION:       return attention_cost(&call->a.attention);
    case EM_CALL_TOKENS:          return tokens_cost(&call->a.tokens);
    case EM_CALL_IMAGE:           return (cost){ .floats = (double)call->a.image.F * call->a.image.cols, .result = call->a.image.y,
                                                 .n_result = (size_t)call->a.image.F * (size_t)call->a.image.cols };
    case EM_CALL_MEAN:            return (cost){ .floats = (double)call->a.mean.S * call->a.mean.C, .result = call->a.mean.y,
                                                 .n_result = (size_t)call->a.mean.C };
    }
    return (cost){ 0 };
}

double em_call_macs(const em_call *call) { return cost_of(call).macs; }

double em_call_bytes(const em_call *call)
{
    cost c = cost_of(call);

    return sizeof(float) * (c.floats + (double)c.n_result);
}

const float *em_call_result(const em_call *call, size_t *n)
{
    cost c = cost_of(call);

    *n = c.n_result;
    return c.result;
}
