/* Logits to probabilities: each for itself or one of all, far out too, and what is no number. */
#include "check.h"

#include "model/activation.h"

#include <math.h>

static void a_sigmoid_is_each_class_for_itself(void **state)
{
    float x[] = { 0, 1, -1, 500, -500, INFINITY, -INFINITY };
    const double want[] = { .5, .7310585786300049, .2689414213699951, 1, 0, 1, 0 };
    (void)state;

    CHECK(em_activate(x, EM_COUNT(x), EM_SIGMOID), "numbers");
    for (size_t i = 0; i < EM_COUNT(x); i++)
        CHECK(fabs((double)x[i] - want[i]) < 1e-7, "%zu: %g", i, (double)x[i]);
}

static void a_softmax_is_one_of_all(void **state)
{
    static const struct { float x[3]; double want[3]; } cases[] = {
        { { 0, 0, 0 }, { 1 / 3., 1 / 3., 1 / 3. } },
        { { 1, 2, 3 }, { .0900305731703805, .2447284710547977, .6652409557748219 } },
        { { 3e38f, -3e38f, 3e38f }, { .5, 0, .5 } },
        { { -1000, -1001, -INFINITY }, { .7310585786300049, .2689414213699951, 0 } },
    };
    (void)state;

    for (size_t k = 0; k < EM_COUNT(cases); k++) {
        float x[3];

        memcpy(x, cases[k].x, sizeof x);
        CHECK(em_activate(x, 3, EM_SOFTMAX), "case %zu", k);
        for (int i = 0; i < 3; i++)
            CHECK(fabs((double)x[i] - cases[k].want[i]) < 1e-7, "case %zu, %d: %g", k, i, (double)x[i]);
    }
}

static void what_is_no_number_makes_a_row_of_zeros(void **state)
{
    static const struct { float bad; em_activation activation; } cases[] = {
        { NAN, EM_SIGMOID }, { NAN, EM_SOFTMAX }, { INFINITY, EM_SOFTMAX },
    };
    (void)state;

    for (size_t k = 0; k < EM_COUNT(cases); k++) {
        float x[3] = { 4, cases[k].bad, 4 };

        CHECK(!em_activate(x, 3, cases[k].activation), "case %zu", k);
        CHECK(x[0] == 0 && x[1] == 0 && x[2] == 0, "case %zu: %g %g %g", k, (double)x[0], (double)x[1], (double)x[2]);
    }
}

/* A model with a NaN in one place, and one that is whole. */
static void a_whole_answer_is_activated_and_judged(void **state)
{
    em_config cfg;
    em_err err;
    (void)state;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    cfg.n_classes = 2;
    for (int bad = 0; bad < 3; bad++) {
        float logits[2] = { 0, bad == 1 ? NAN : 0 }, slots[64] = { 0 }, latent[4096] = { 0 };
        em_output out = { logits, slots, latent };

        latent[cfg.dims[EM_STAGES - 1] - 1] = bad == 2 ? INFINITY : 1;
        CHECK(em_config_slots(&cfg) == 32 && em_activate_output(&out, &cfg) == (bad == 0), "case %d", bad);
        CHECK(logits[0] == (bad == 1 ? 0 : .5f) && slots[0] == .5f && slots[63] == .5f, "case %d: every row", bad);
        CHECK(latent[cfg.dims[EM_STAGES - 1] - 1] == (bad == 2 ? 0 : 1), "case %d: latents are finite", bad);
        out.slots = out.latent = NULL;
        CHECK(em_activate_output(&out, &cfg), "without slots and latents");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sigmoid_is_each_class_for_itself),
        cmocka_unit_test(a_softmax_is_one_of_all),
        cmocka_unit_test(a_whole_answer_is_activated_and_judged),
        cmocka_unit_test(what_is_no_number_makes_a_row_of_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
