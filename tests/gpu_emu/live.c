/* live.c - live tagging on the emulated GPU: of each hop only what is new goes to the device, and its scores have the bits of whole
 * windows; by the session alone (follow.c), and by the scheduler with real sound. */
#include "check.h"

#include "base/rng.h"
#include "emu.h"
#include "engine/scheduler.h"
#include "follow.h"
#include "ops_cuda.h"

enum { RATE = 32000, SECONDS = 2, LANES = 2, MOST_HOPS = 512 };

static long allocated(void) { return emu_calls("cudaMalloc") + emu_calls("cudaMallocHost"); }

static void follow(em_precision precision, int order, int n_fits)
{
    emu_set_order(order);
    check_follow(&(follow_target){ &em_ops_cuda, precision, emu_uploaded, allocated, n_fits });
    emu_set_order(0);
}

static void windows_follow_one_another_in_fp32(void **state) { (void)state; follow(EM_PRECISION_FP32, 0, 3); }
static void windows_follow_one_another_in_fp16_shuffled(void **state) { (void)state; follow(EM_PRECISION_FP16, 2, 1); }

/* ---- with real sound ---- */

typedef struct heard { float logits[MOST_HOPS][CLASSES]; int n; } heard;

static em_status keep(void *ctx, const em_scores_row *row, em_err *err)
{
    heard *h = ctx;

    if (h->n == MOST_HOPS)
        return em_fail(err, EM_EINVAL, "more than %d hops", MOST_HOPS);
    memcpy(h->logits[h->n++], row->scores, sizeof h->logits[0]);
    return EM_OK;
}

/* Hops of which one lane alone wants one now and then: nothing is sent of the others. */
static bool want(void *ctx, int lane, const em_hop *hop)
{
    (void)ctx;
    (void)lane;
    return hop->end_frame < 0 || hop->end_frame / 8 % 5 != 3;
}

/* Sound, a gap that is passed over, sound, and an end between two frames. */
static size_t listen(heard *h, const em_model *model, int max_streams, const float *sound)
{
    const size_t n = SECONDS * RATE + 77, before_all = emu_uploaded();
    em_scheduler_cfg how = { .max_batch = LANES, .n_lanes = LANES, .step_samples = 8 * 320, .rate_hz = RATE, .may_skip = true,
                             .take = keep, .want = want, .ctx = h };
    const float *lanes[LANES] = { sound, sound + 1000 };
    em_scheduler *s;
    em_err err;

    h->n = 0;
    CHECK_OK(em_session_new(&how.session, model, &(em_session_cfg){ .max_batch = LANES, .max_streams = max_streams }, &err));
    CHECK_OK(em_scheduler_new(&s, &how, &err));
    for (size_t at = 0, step; at < n; at += step) {
        step = n - at < 700 ? n - at : 700;
        CHECK_OK(em_scheduler_push(s, (const float *const[]){ lanes[0] + at, lanes[1] + at }, step, 0, &err));
        if (at == 700 * 40)
            CHECK_OK(em_scheduler_push(s, NULL, 5 * RATE, 0, &err));
    }
    CHECK_OK(em_scheduler_finish(s, &err));
    em_scheduler_free(s);
    em_session_free(how.session);
    return emu_uploaded() - before_all;
}

static void scores_of_a_stream_have_the_bits_of_whole_windows(void **state)
{
    static heard whole, followed;
    const size_t n = SECONDS * RATE + 2000;
    float *sound = malloc(n * sizeof *sound);
    em_rng rng = { 4 };
    const em_config cfg = follow_config();
    size_t bytes_whole, bytes_followed;
    em_model *model;
    em_dev *dev;
    em_err err;

    (void)state;
    assert_non_null(sound);
    for (size_t i = 0; i < n; i++)
        sound[i] = (float)(0.2 * em_rng_normal(&rng) * (1 + i / 20000 % 3));
    CHECK_OK(em_ops_cuda.open(&dev, &(em_dev_cfg){ .precision = EM_PRECISION_FP32 }, &err));
    CHECK_OK(em_model_random(&model, &cfg, 2, &em_ops_cuda, dev, &err));
    bytes_whole = listen(&whole, model, 0, sound);
    bytes_followed = listen(&followed, model, LANES, sound);
    CHECK(whole.n > 30 && whole.n == followed.n, "%d and %d hops", whole.n, followed.n);
    for (int i = 0; i < whole.n; i++)
        CHECK(!memcmp(whole.logits[i], followed.logits[i], sizeof whole.logits[i]), "record %d", i);
    CHECK(bytes_followed < bytes_whole / 2, "%zu bytes went up, of %zu in whole windows", bytes_followed, bytes_whole);
    em_model_free(model);
    em_ops_cuda.close(dev);
    free(sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_follow_one_another_in_fp32),
        cmocka_unit_test(windows_follow_one_another_in_fp16_shuffled),
        cmocka_unit_test(scores_of_a_stream_have_the_bits_of_whole_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
