/* rng.c - the published stream of SplitMix64, ranges and moments, and a state that can be saved. */
#include "check.h"

#include "base/rng.h"

#include <math.h>

static void the_stream_is_splitmix64(void **state)
{
    static const uint64_t want[] = { UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                     UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                     UINT64_C(16408922859458223821) };
    em_rng rng = { 1234567 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(want); i++)
        CHECK(em_rng_u64(&rng) == want[i], "number %zu of seed 1234567", i);
}

static void a_saved_state_goes_on_where_it_was(void **state)
{
    em_rng rng = { 7 }, saved;
    double next;

    (void)state;
    for (int i = 0; i < 10; i++)
        em_rng_normal(&rng);
    saved = rng;
    next = em_rng_normal(&rng);
    CHECK(em_rng_normal(&saved) == next, " ");
}

static void numbers_have_their_range_and_moments(void **state)
{
    enum { N = 200000 };
    em_rng rng = { 1 };
    double sum = 0, sum2 = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        double x = em_rng_uniform(&rng);

        CHECK(x >= 0 && x < 1, "uniform %d: %g", i, x);
        sum += x;
    }
    CHECK(fabs(sum / N - 0.5) < 0.005, "mean %g", sum / N);
    sum = 0;
    for (int i = 0; i < N; i++) {
        double x = em_rng_normal(&rng);

        CHECK(isfinite(x), "normal %d", i);
        sum += x;
        sum2 += x * x;
    }
    CHECK(fabs(sum / N) < 0.01 && fabs(sum2 / N - 1) < 0.02, "mean %g, square %g", sum / N, sum2 / N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_is_splitmix64),
        cmocka_unit_test(a_saved_state_goes_on_where_it_was),
        cmocka_unit_test(numbers_have_their_range_and_moments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
