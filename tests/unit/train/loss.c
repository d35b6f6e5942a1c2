/* loss.c - values and gradients of the official code, finite differences, parts of a batch, teachers. */
#include "check.h"

#include "golden/tensors.h"
#include "train/draw.h"
#include "train/loss.h"

#include <math.h>

enum { B = 4, C = 9 };

static double largest(const float *x, int n)
{
    double most = 0;

    for (int i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

static void check_against(em_st *st, const char *name, const em_loss_batch *batch, const em_loss_cfg *cfg)
{
    float *y = golden_read(st, NULL, NULL, "loss.%s.y", name), *dz = golden_read(st, NULL, NULL, "loss.%s.dz", name), got[B * C];
    double loss = em_loss(got, batch, cfg);

    CHECK(fabs(loss - (double)y[0]) < 1e-6 * fabs((double)y[0]), "%s: %.9g, not %.9g", name, loss, (double)y[0]);
    CHECK(golden_difference(got, dz, B * C) < 1e-6 * largest(dz, B * C), "%s: gradient off by %g", name,
          golden_difference(got, dz, B * C));
    free(y);
    free(dz);
}

static void losses_are_those_of_the_official_code(void **state)
{
    static const int labels[B] = { 1, 0, 8, 3 };
    const em_loss_cfg bce = { EM_LOSS_BCE, 0, 0, 0 }, ce = { EM_LOSS_CE, 0, 0, 0 }, ce_smooth = { EM_LOSS_CE, .1, 0, 0 },
                      kd = { EM_LOSS_BCE, 0, 1, 0 };
    em_st *st = golden_open("ops.safetensors");
    float *z, *target, *soft, *teacher, one_hot[B * C] = { 0 };
    const float *rows[B];

    (void)state;
    if (!st)
        skip();
    z = golden_read(st, NULL, NULL, "loss.z");
    target = golden_read(st, NULL, NULL, "loss.target");
    soft = golden_read(st, NULL, NULL, "loss.soft_target");
    teacher = golden_read(st, NULL, NULL, "loss.teacher");
    for (int b = 0; b < B; b++) {
        one_hot[b * C + labels[b]] = 1;
        rows[b] = teacher + b * C;
    }
    check_against(st, "bce", &(em_loss_batch){ z, target, NULL, NULL, B, C, B }, &bce);
    check_against(st, "bce_soft", &(em_loss_batch){ z, soft, NULL, NULL, B, C, B }, &bce);
    check_against(st, "ce", &(em_loss_batch){ z, one_hot, NULL, NULL, B, C, B }, &ce);
    check_against(st, "ce_smooth", &(em_loss_batch){ z, one_hot, NULL, NULL, B, C, B }, &ce_smooth);
    check_against(st, "kd", &(em_loss_batch){ z, target, NULL, rows, B, C, B }, &kd);
    free(z);
    free(target);
    free(soft);
    free(teacher);
    em_st_close(st);
}

static float z[B * C], y[B * C], w[B * C], t[B * C];
static const float *teachers[B] = { t, NULL, t + 2 * C, t + 3 * C };

static void fill(uint64_t seed)
{
    em_rng rng = { seed };

    for (int i = 0; i < B * C; i++) {
        z[i] = (float)(3 * em_rng_normal(&rng));
        y[i] = i % 4 == 0 ? (float)em_rng_uniform(&rng) : 0;
        w[i] = i % 5 == 0 ? 0 : i % 5 == 1 ? .5f : 1;
        t[i] = (float)(2 * em_rng_normal(&rng));
    }
}

static const em_loss_cfg cfgs[] = {
    { EM_LOSS_BCE, 0, 0, 0 }, { EM_LOSS_BCE, .1, .5, 0 }, { EM_LOSS_CE, 0, 0, 0 }, { EM_LOSS_CE, .1, .3, 0 }, { EM_LOSS_BCE, 0, 1, 0 },
};

static void gradients_are_those_of_finite_differences(void **state)
{
    const em_loss_batch batch = { z, y, w, teachers, B, C, B };
    float dz[B * C], scratch[B * C];

    (void)state;
    fill(3);
    for (size_t k = 0; k < EM_COUNT(cfgs); k++) {
        em_loss(dz, &batch, &cfgs[k]);
        for (int i = 0; i < B * C; i++) {
            float kept = z[i];
            double up, down, step, want;

            z[i] = kept + 1e-2f;
            up = em_loss(scratch, &batch, &cfgs[k]);
            step = (double)z[i];
            z[i] = kept - 1e-2f;
            down = em_loss(scratch, &batch, &cfgs[k]);
            want = (up - down) / (step - (double)z[i]);
            z[i] = kept;
            CHECK(fabs((double)dz[i] - want) < 2e-6, "case %zu, logit %d: %g, not %g", k, i, (double)dz[i], want);
        }
    }
}

static void parts_of_a_batch_add_up_to_the_whole(void **state)
{
    float whole[B * C], parts[B * C];

    (void)state;
    fill(4);
    for (size_t k = 0; k < EM_COUNT(cfgs); k++)
        for (int n = 1; n < B; n++) {
            const em_loss_batch all = { z, y, w, teachers, B, C, B }, first = { z, y, w, teachers, n, C, B },
                                rest = { z + n * C, y + n * C, w + n * C, teachers + n, B - n, C, B };
            double loss = em_loss(whole, &all, &cfgs[k]), sum = em_loss(parts, &first, &cfgs[k]);

            sum += em_loss(parts + n * C, &rest, &cfgs[k]);
            CHECK(fabs(sum - loss) < 1e-12, "case %zu, %d of %d: %.17g, not %.17g", k, n, B, sum, loss);
            CHECK(memcmp(whole, parts, sizeof whole) == 0, "case %zu, %d of %d: the gradients' bits", k, n, B);
        }
}

/* The slots of a window are samples like any other, which share its weights. */
static void slots_cost_what_samples_cost(void **state)
{
    enum { S = 2, WINDOWS = B / S };
    float dz[B * C], dslots[B * C], spread[B * C];

    (void)state;
    fill(6);
    for (int i = 0; i < B * C; i++)
        spread[i] = w[i / C / S * C + i % C];
    for (size_t k = 0; k < EM_COUNT(cfgs); k++) {
        const em_loss_cfg alone = { cfgs[k].kind, cfgs[k].smoothing, 0, 0 }, cfg = { cfgs[k].kind, cfgs[k].smoothing, 0, .25 };
        const double want = em_loss(dz, &(em_loss_batch){ z, y, spread, NULL, B, C, B }, &alone);
        const double got = em_loss_of_slots(dslots, &(em_loss_slots){ z, y, w, WINDOWS, S, C, WINDOWS }, &cfg);
        const double part = em_loss_of_slots(dslots, &(em_loss_slots){ z, y, w, 1, S, C, WINDOWS }, &cfg);
        const double rest = em_loss_of_slots(dslots + S * C, &(em_loss_slots){ z + S * C, y + S * C, w + C, 1, S, C, WINDOWS }, &cfg);

        CHECK(fabs(got - .25 * want) < 1e-12 && fabs(part + rest - got) < 1e-12, "case %zu: %g, %g and %g, not %g", k, got, part, rest, .25 * want);
        for (int i = 0; i < B * C; i++)
            CHECK(fabsf(dslots[i] - .25f * dz[i]) < 1e-8f, "case %zu, slot %d: %g, not %g", k, i / C, (double)dslots[i], .25 * (double)dz[i]);
    }
}

static void what_has_no_weight_counts_for_nothing(void **state)
{
    const float logits[] = { 3, -50, 2 }, target[] = { 1, 1, 0 }, weight[] = { 1, 0, 1 };
    const em_loss_cfg bce = { EM_LOSS_BCE, 0, 0, 0 };
    float dz[3];
    double loss = em_loss(dz, &(em_loss_batch){ logits, target, weight, NULL, 1, 3, 1 }, &bce);

    (void)state;
    CHECK(fabs(loss - (log1p(exp(-3.)) + 2 + log1p(exp(-2.))) / 3) < 1e-12 && dz[1] == 0, "%g, gradient %g", loss, (double)dz[1]);
}

static void smoothing_moves_targets_towards_a_half(void **state)
{
    const float logits[] = { 3, -2 }, target[] = { 1, 0 }, smoothed[] = { .95f, .05f };
    const em_loss_cfg smooth = { EM_LOSS_BCE, .1, 0, 0 }, plain = { EM_LOSS_BCE, 0, 0, 0 };
    float dz[2];
    double got = em_loss(dz, &(em_loss_batch){ logits, target, NULL, NULL, 1, 2, 1 }, &smooth);

    (void)state;
    CHECK(fabs(got - em_loss(dz, &(em_loss_batch){ logits, smoothed, NULL, NULL, 1, 2, 1 }, &plain)) < 1e-7, "%g", got);
}

static void a_sample_without_a_teacher_learns_from_its_labels_alone(void **state)
{
    const float *const none[] = { NULL }, *const some[] = { t };
    const em_loss_cfg half = { EM_LOSS_BCE, 0, .5, 0 }, plain = { EM_LOSS_BCE, 0, 0, 0 }, full = { EM_LOSS_BCE, 0, 1, 0 };
    float with[C], without[C], taught[C];
    double a, b, kd;

    (void)state;
    fill(5);
    a = em_loss(with, &(em_loss_batch){ z, y, NULL, none, 1, C, 1 }, &half);
    b = em_loss(without, &(em_loss_batch){ z, y, NULL, some, 1, C, 1 }, &plain);
    CHECK(a == b && memcmp(with, without, sizeof with) == 0, "%g, not %g", a, b);
    kd = em_loss(taught, &(em_loss_batch){ z, y, NULL, some, 1, C, 1 }, &full);
    a = em_loss(with, &(em_loss_batch){ z, y, NULL, some, 1, C, 1 }, &half);
    CHECK(fabs(a - .5 * b - .5 * kd) < 1e-12, "with one, half and half: %g", a);
}

static void large_logits_neither_overflow_nor_lose_their_gradient(void **state)
{
    const float logits[] = { 1e30f, -1e30f, 200, -200 }, target[] = { 1, 0, 0, 1 };
    const em_loss_cfg bce = { EM_LOSS_BCE, 0, 0, 0 }, ce = { EM_LOSS_CE, 0, 0, 0 };
    const em_loss_batch batch = { logits, target, NULL, NULL, 1, 4, 1 }, moderate = { logits + 2, target + 2, NULL, NULL, 1, 2, 1 };
    float dz[4];
    double loss = em_loss(dz, &batch, &bce);

    (void)state;
    CHECK(loss == 100 && dz[0] == 0 && dz[1] == 0 && dz[2] == .25f && dz[3] == -.25f, "bce %g", loss);
    loss = em_loss(dz, &moderate, &ce);
    CHECK(loss == 400 && dz[0] == 1 && dz[1] == -1, "ce %g", loss);
}

static void a_logit_that_is_no_number_is_never_hidden(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    const float target[] = { 0, 0 }, one[] = { 0, 1 }, weight[] = { 1, 0 };
    float dz[2];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        for (int at = 0; at < 2; at++)
            for (int kind = 0; kind < 2; kind++) {
                float logits[] = { 0, 0 };
                const em_loss_cfg cfg = { kind ? EM_LOSS_CE : EM_LOSS_BCE, 0, 0, 0 };

                logits[at] = bad[i];
                CHECK(!isfinite(em_loss(dz, &(em_loss_batch){ logits, kind ? one : target, weight, NULL, 1, 2, 1 }, &cfg)),
                      "%g at %d, kind %d",
                      (double)bad[i], at, kind);
            }
}

static void one_class_and_no_class_are_legal(void **state)
{
    const float logit = 2, none = 0, full = 1, logits[] = { 1, 2, 3 }, nothing[] = { 0, 0, 0 };
    const em_loss_cfg bce = { EM_LOSS_BCE, 0, 0, 0 }, ce = { EM_LOSS_CE, .1, 0, 0 };
    float dz[3];

    (void)state;
    CHECK(fabs(em_loss(dz, &(em_loss_batch){ &logit, &none, NULL, NULL, 1, 1, 1 }, &bce) - (2 + log1p(exp(-2.)))) < 1e-12,
          "bce of one class");
    CHECK(em_loss(dz, &(em_loss_batch){ &logit, &full, NULL, NULL, 1, 1, 1 }, &ce) == 0 && dz[0] == 0, "ce of one class");
    CHECK(em_loss(dz, &(em_loss_batch){ logits, nothing, NULL, NULL, 1, 3, 1 }, &ce) == 0 && dz[0] == 0 && dz[2] == 0,
          "ce of a window of no class");
    CHECK(em_loss(dz, &(em_loss_batch){ logits, nothing, NULL, NULL, 0, 3, 1 }, &bce) == 0, "a rank without samples");
}

static void mixed_teachers_answer_with_mixed_probabilities(void **state)
{
    const float a[] = { 1, 2, -300 }, b[] = { 0, 0, 0 };
    double sum = exp(1.) + exp(2.);
    const float sure[] = { 0, -2000, -2000 };
    float out[3];

    (void)state;
    em_loss_mix_teachers(out, sure, sure, .5, 3);
    CHECK(out[0] == 0 && out[1] < -60 && isfinite(out[1]), "what both exclude: %g", (double)out[1]);
    em_loss_mix_teachers(out, a, b, .25, 3);
    CHECK(fabs(exp((double)out[0]) - (.25 * exp(1.) / sum + .25)) < 1e-6 && fabs(exp((double)out[2]) - .25) < 1e-6, "%g %g",
          (double)out[0], (double)out[2]);
    em_loss_mix_teachers(out, a, b, 1, 3);
    CHECK(fabs((double)(out[1] - out[0]) - 1) < 1e-6 && isfinite(out[2]), "lambda 1 is a, up to a constant");
    em_loss_mix_teachers(out, a, b, 0, 3);
    CHECK(fabs((double)(out[1] - out[0])) < 1e-6, "lambda 0 is b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_those_of_the_official_code),
        cmocka_unit_test(gradients_are_those_of_finite_differences),
        cmocka_unit_test(parts_of_a_batch_add_up_to_the_whole),
        cmocka_unit_test(slots_cost_what_samples_cost),
        cmocka_unit_test(what_has_no_weight_counts_for_nothing),
        cmocka_unit_test(smoothing_moves_targets_towards_a_half),
        cmocka_unit_test(a_sample_without_a_teacher_learns_from_its_labels_alone),
        cmocka_unit_test(large_logits_neither_overflow_nor_lose_their_gradient),
        cmocka_unit_test(a_logit_that_is_no_number_is_never_hidden),
        cmocka_unit_test(one_class_and_no_class_are_legal),
        cmocka_unit_test(mixed_teachers_answer_with_mixed_probabilities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
