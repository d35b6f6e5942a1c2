/* failures.c - what a GPU can do to a program: no driver, no device, no memory, an error in the middle. Each is one sentence
 * with the right status, nothing leaks, and a device that failed stays failed. */
#include "check.h"

#include "emu.h"
#include "model/learner.h"
#include "model/session.h"
#include "ops/cpu/ops_cpu.h"
#include "ops_cuda.h"

#include <math.h>

enum { OUT_OF_MEMORY = 2, OLD_DRIVER = 35, NO_DEVICE = 100, ILLEGAL_ADDRESS = 700 };

static void opening_says_what_is_missing(void **state)
{
    static const struct { const char *function; int error; em_status status; const char *part; } cases[] = {
        { "cudaGetDeviceCount", OLD_DRIVER, EM_EDEVICE, "driver" },
        { "cudaGetDeviceCount", NO_DEVICE, EM_EDEVICE, "no NVIDIA GPU" },
        { "cudaGetDeviceCount", ILLEGAL_ADDRESS, EM_EDEVICE, "illegal" },
        { "cudaSetDevice", ILLEGAL_ADDRESS, EM_EDEVICE, "choosing" },
        { "cudaGetDeviceProperties", ILLEGAL_ADDRESS, EM_EDEVICE, "properties" },
        { "cudaStreamCreateWithFlags", OUT_OF_MEMORY, EM_ENOMEM, "stream" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_dev *dev;
        em_err err;

        emu_fail(cases[i].function, 1, cases[i].error);
        CHECK(em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, &err) == cases[i].status && !dev, "%s: %s", cases[i].function, err.msg);
        CHECK(strstr(err.msg, cases[i].part), "%s: %s", cases[i].function, err.msg);
    }
    emu_fail("", 0, 0);
}

static void small_config(em_config *cfg)
{
    em_err err;

    CHECK_OK(em_config_preset(cfg, "nano", &err));
    for (int i = 0; i < EM_STAGES; i++) {
        cfg->dims[i] = 8 << i;
        cfg->depths[i] = 1;
    }
    cfg->n_mels = 32;
    cfg->n_frames = 128;
    cfg->n_hops = 125;
    cfg->n_classes = 5;
}

/* Model, session, two runs. */
static em_status whole_life(em_err *err)
{
    static float frames[256 * 32];
    float logits[5];
    const em_input in = { .frames = frames, .n_frames = 100 };
    em_output out = { .logits = logits };
    em_config cfg;
    em_dev *dev;
    em_model *model = NULL;
    em_session *session = NULL;
    em_status status = em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, err);

    small_config(&cfg);
    if (status == EM_OK)
        status = em_model_random(&model, &cfg, 1, &em_ops_cuda, dev, err);
    if (status == EM_OK)
        status = em_session_new(&session, model, &(em_session_cfg){ .max_batch = 2 }, err);
    for (int i = 0; i < 2 && status == EM_OK; i++)
        status = em_session_run(session, &in, &out, 1, err);
    if (status == EM_OK)
        status = em_session_watch(session, &in, &out, 1, NULL, NULL, err);
    em_session_free(session);
    em_model_free(model);
    if (dev)
        em_ops_cuda.close(dev);
    return status;
}

/* A learner's step: both ways, the gradient's norm, AdamW. Its weights are zeros. */
static em_status one_step(em_learner *l, em_dev *dev, em_err *err)
{
    static const float frames[100 * 32];
    const size_t n = em_learner_params(l)->n_total;
    const em_adamw_range all = { 0, n, 1e-3f, 0.f };
    const em_adamw a = { .w = em_learner_values(l), .m = em_learner_grads(l), .v = em_learner_grads(l), .g = em_learner_grads(l), .ranges = &all,
                         .n_ranges = 1, .beta1 = .9f, .beta2 = .999f, .eps = 1e-8f, .c1 = 1, .c2 = 1, .scale = 1 };
    float logits[5], dlogits[5] = { 1, -1, 1, -1, 1 };
    em_status status = em_learner_refresh(l, err);

    if (status == EM_OK)
        status = em_learner_statistics(l, NULL, NULL, err);
    if (status == EM_OK)
        status = em_learner_forward(l, &(em_input){ .frames = frames, .n_frames = 100 }, logits, NULL, 1, err);
    if (status == EM_OK)
        status = em_learner_backward(l, dlogits, NULL, 1, NULL, NULL, err);
    if (status != EM_OK)
        return status;
    em_ops_cuda.sum_squares(dev, em_learner_grads(l), n);
    em_ops_cuda.adamw(dev, &a);
    return em_learner_refresh(l, err);
}

static em_status life_of_a_learner(em_err *err)
{
    em_config cfg;
    em_dev *dev;
    em_learner *l = NULL;
    em_status status = em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, err);

    small_config(&cfg);
    if (status == EM_OK)
        status = em_learner_new(&l, &cfg, &(em_learner_cfg){ .ops = &em_ops_cuda, .dev = dev, .max_batch = 1, .drops_paths = true }, err);
    if (status == EM_OK)
        status = one_step(l, dev, err);
    em_learner_free(l);
    if (dev)
        em_ops_cuda.close(dev);
    return status;
}

/* Every call of every function of the runtime fails once, until none is left to fail. */
static void any_call_may_fail(em_status (*life)(em_err *err), bool is_captured)
{
    static const char *const functions[] = {
        "cudaMalloc", "cudaMallocHost", "cudaMemsetAsync", "cudaMemcpyAsync", "cudaStreamSynchronize", "emu_launch", "cudaStreamBeginCapture",
        "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphUpload", "cudaGraphLaunch",
    };
    enum { N_CAPTURING = 5 };                               /* the last ones: a learner records no graph */

    for (size_t i = 0; i < EM_COUNT(functions) - (is_captured ? 0 : N_CAPTURING); i++) {
        int n = 1, step = 1;
        em_err err = { 0 };

        for (; n < 2000; n += step, step = n > 20 ? 37 : 1) {
            em_status status;

            err.msg[0] = '\0';
            emu_fail(functions[i], n, strcmp(functions[i], "cudaMalloc") == 0 ? OUT_OF_MEMORY : ILLEGAL_ADDRESS);
            status = life(&err);
            if (status == EM_OK)
                break;
            CHECK((status == EM_EDEVICE || status == EM_ENOMEM) && err.msg[0], "%s, call %d: %d, %s", functions[i], n, (int)status, err.msg);
        }
        CHECK(n > 1 && n < 2000, "%s: %d calls", functions[i], n);
    }
    emu_fail("", 0, 0);
}

static void any_call_of_a_session_may_fail(void **state) { (void)state; any_call_may_fail(whole_life, true); }
static void any_call_of_a_learner_may_fail(void **state) { (void)state; any_call_may_fail(life_of_a_learner, false); }

static void a_model_with_other_states_is_refused(void **state)
{
    em_config cfg;
    em_dev *dev;
    em_model *model;
    em_session *session;
    em_err err;

    (void)state;
    small_config(&cfg);
    cfg.d_state = 3;
    CHECK_OK(em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, &err));
    CHECK_OK(em_model_random(&model, &cfg, 1, &em_ops_cuda, dev, &err));
    CHECK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = 1 }, &err) == EM_EUNSUPPORTED && !session, "%s", err.msg);
    CHECK(strstr(err.msg, "d_state 3"), "%s", err.msg);
    em_model_free(model);
    em_ops_cuda.close(dev);
}

/* ---- another device ---- */

typedef struct cpu { em_config cfg; em_dev *dev; em_model *model; int n_asked; } cpu;

static const em_model *on_cpu(void *ctx, const em_err *why)
{
    cpu *c = ctx;
    em_err err;

    CHECK(why->msg[0], "asked without a reason");
    c->n_asked++;
    CHECK_OK(em_ops_cpu.open(&c->dev, &(em_dev_cfg){ .n_threads = 1 }, &err));
    CHECK_OK(em_model_random(&c->model, &c->cfg, 1, &em_ops_cpu, c->dev, &err));
    return c->model;
}

/* Two windows of a stream that has joined; which of the two runs failed is no matter to the answers. */
static void hear_two(float *logits, const em_config *cfg, const char *function, int n, int n_asked)
{
    static float frames[256 * 32];
    cpu c = { .cfg = *cfg };
    const em_session_cfg how = { .max_batch = 2, .max_streams = 1, .other = on_cpu, .other_ctx = &c };
    em_session *session;
    em_model *model;
    em_dev *dev;
    em_err err;
    int stream;

    for (size_t i = 0; i < EM_COUNT(frames); i++)
        frames[i] = (float)(i * 37 % 101) - 80;
    CHECK_OK(em_ops_cuda.open(&dev, &(em_dev_cfg){ .precision = EM_PRECISION_FP32 }, &err));
    CHECK_OK(em_model_random(&model, cfg, 1, &em_ops_cuda, dev, &err));
    emu_fail(function, n, ILLEGAL_ADDRESS);
    CHECK_OK(em_session_new(&session, model, &how, &err));
    stream = em_session_join(session);
    for (int i = 0; i < 2; i++) {
        const em_input in = { .frames = frames + 32 * i, .n_frames = 100, .stream = stream, .end = 100 + i, .inner_first = 2, .inner_end = 98 };
        em_output out = { .logits = logits + 5 * i };

        CHECK_OK(em_session_run(session, &in, &out, 1, &err));
    }
    emu_fail("", 0, 0);
    CHECK(c.n_asked == n_asked, "%s, call %d: asked %d times for another device", function, n, c.n_asked);
    em_session_leave(session, stream);
    em_session_free(session);
    em_model_free(model);
    em_ops_cuda.close(dev);
    em_model_free(c.model);
    if (c.dev)
        em_ops_cpu.close(c.dev);
}

static void another_device_takes_over(void **state)
{
    static const struct { const char *function; int n; } cases[] = {
        { "cudaMalloc", 1 }, { "cudaMallocHost", 2 }, { "cudaGraphInstantiate", 2 }, { "cudaGraphLaunch", 1 }, { "cudaGraphLaunch", 2 },
    };
    float want[10], got[10];
    em_config cfg;

    (void)state;
    small_config(&cfg);
    hear_two(want, &cfg, "", 0, 0);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        for (int k = 0; k < 10; k++)
            got[k] = NAN;
        hear_two(got, &cfg, cases[i].function, cases[i].n, 1);
        for (int k = 0; k < 10; k++)
            CHECK(fabsf(got[k] - want[k]) < 1e-4f, "%s, call %d: logit %d is %g, not %g", cases[i].function, cases[i].n, k, (double)got[k],
                  (double)want[k]);
    }
    cfg.d_state = 3;
    hear_two(got, &cfg, "", 0, 1);
}

static void wide_heads(em_config *cfg, int dim)
{
    small_config(cfg);
    cfg->block = EM_BLOCK_SS2D_ATTN;
    cfg->window = 8;
    for (int i = 0; i < EM_STAGES; i++) {
        cfg->dims[i] = dim << i;
        cfg->heads[i] = 1;
    }
}

/* A window of attention that does not fit into shared memory: said when the plan is made. The way back needs more than forward does. */
static void heads_that_are_too_wide_are_refused(void **state)
{
    em_config cfg;
    em_dev *dev;
    em_model *model;
    em_session *session;
    em_learner *l;
    em_err err;

    (void)state;
    CHECK_OK(em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, &err));
    wide_heads(&cfg, 32);
    CHECK_OK(em_model_random(&model, &cfg, 1, &em_ops_cuda, dev, &err));
    CHECK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = 1 }, &err) == EM_EUNSUPPORTED && !session, "%s", err.msg);
    CHECK(strstr(err.msg, "256 channels a head") && strstr(err.msg, "--backend cpu"), "%s", err.msg);
    em_model_free(model);

    wide_heads(&cfg, 24);
    CHECK_OK(em_model_random(&model, &cfg, 1, &em_ops_cuda, dev, &err));
    CHECK_OK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = 1 }, &err));
    em_session_free(session);
    em_model_free(model);
    CHECK(em_learner_new(&l, &cfg, &(em_learner_cfg){ &em_ops_cuda, dev, 1, false, false, false }, &err) == EM_EUNSUPPORTED && !l, "%s", err.msg);
    CHECK(strstr(err.msg, "192 channels a head"), "%s", err.msg);
    em_ops_cuda.close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_says_what_is_missing),
        cmocka_unit_test(any_call_of_a_session_may_fail),
        cmocka_unit_test(any_call_of_a_learner_may_fail),
        cmocka_unit_test(a_model_with_other_states_is_refused),
        cmocka_unit_test(another_device_takes_over),
        cmocka_unit_test(heads_that_are_too_wide_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
