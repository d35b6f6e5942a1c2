/* failures.c - what a GPU can do to a program: no driver, no device, no memory, an error in the middle. Each is one sentence
 * with the right status, nothing leaks, and a device that failed stays failed. */
#include "check.h"

#include "emu.h"
#include "model/learner.h"
#include "model/session.h"
#include "ops_cuda.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_says_what_is_missing),
        cmocka_unit_test(any_call_of_a_session_may_fail),
        cmocka_unit_test(any_call_of_a_learner_may_fail),
        cmocka_unit_test(a_model_with_other_states_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
