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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sigmoid_is_each_class_for_itself),
        cmocka_unit_test(a_softmax_is_one_of_all),
        cmocka_unit_test(what_is_no_number_makes_a_row_of_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
