/* draw.c - streams that are private and repeatable, and the moments of what is drawn. */
#include "check.h"

#include "train/draw.h"

#include <math.h>

static void a_stream_belongs_to_its_numbers_alone(void **state)
{
    const struct { uint64_t seed; em_lane lane; uint64_t epoch, index; } others[] = {
        { 8, EM_LANE_SAMPLE, 3, 5 }, { 7, EM_LANE_ORDER, 3, 5 }, { 7, EM_LANE_SAMPLE, 5, 3 }, { 7, EM_LANE_SAMPLE, 3, 6 },
        { 7, EM_LANE_SAMPLE, 4, 5 },
    };
    em_rng a = em_draw_stream(7, EM_LANE_SAMPLE, 3, 5), b = em_draw_stream(7, EM_LANE_SAMPLE, 3, 5);

    (void)state;
    CHECK(a.state == b.state, "the same numbers give the same stream");
    for (size_t i = 0; i < EM_COUNT(others); i++) {
        b = em_draw_stream(others[i].seed, others[i].lane, others[i].epoch, others[i].index);
        CHECK(a.state != b.state, "other numbers give another: %zu", i);
    }
}

static void neighbouring_streams_have_nothing_in_common(void **state)
{
    enum { N = 20000 };
    double sum = 0, product = 0;

    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        em_rng a = em_draw_stream(1, EM_LANE_SAMPLE, 0, i), b = em_draw_stream(1, EM_LANE_SAMPLE, 0, i + 1);
        double x = em_rng_uniform(&a) - .5, y = em_rng_uniform(&b) - .5;

        sum += x;
        product += x * y;
    }
    CHECK(fabs(sum / N) < .01 && fabs(product / N) < .003, "mean %g, product %g", sum / N, product / N);
}

typedef double drawer(em_rng *rng, double a, double b);

static double gamma_of(em_rng *rng, double a, double b)
{
    (void)b;
    return em_draw_gamma(rng, a);
}

static double rough(em_rng *rng, double a, double b)
{
    (void)a;
    (void)b;
    return (double)em_draw_rough_normal(rng);
}

static void what_is_drawn_has_its_moments(void **state)
{
    static const struct { drawer *draw; double a, b, mean, variance; const char *name; } rows[] = {
        { gamma_of, .3, 0, .3, .3, "gamma below 1" }, { gamma_of, 1, 0, 1, 1, "gamma 1" }, { gamma_of, 7.5, 0, 7.5, 7.5, "gamma above 1" },
        { em_draw_beta, .5, .5, .5, .125, "beta .5 .5" }, { em_draw_beta, 1, 1, .5, 1 / 12., "beta 1 1" },
        { em_draw_beta, 10, 10, .5, 1 / 84., "beta 10 10" }, { em_draw_beta, 2, 6, .25, .1875 / 9, "beta 2 6" },
        { em_draw_between, -8, 8, 0, 256 / 12., "between" }, { rough, 0, 0, 0, 1, "rough normal" },
    };
    enum { N = 100000 };

    (void)state;
    for (size_t r = 0; r < EM_COUNT(rows); r++) {
        em_rng rng = { 5 };
        double sum = 0, squares = 0, mean, variance;

        for (int i = 0; i < N; i++) {
            double x = rows[r].draw(&rng, rows[r].a, rows[r].b);

            CHECK(isfinite(x), "%s: %g", rows[r].name, x);
            sum += x;
            squares += x * x;
        }
        mean = sum / N;
        variance = squares / N - mean * mean;
        CHECK(fabs(mean - rows[r].mean) < 5 * sqrt(rows[r].variance / N), "%s: mean %g, not %g", rows[r].name, mean, rows[r].mean);
        CHECK(fabs(variance / rows[r].variance - 1) < .04, "%s: variance %g, not %g", rows[r].name, variance, rows[r].variance);
    }
}

/* Beta(1/2, 1/2) is the arcsine law: a third of it lies below 1/4. */
static void beta_has_its_shape_and_its_range(void **state)
{
    enum { N = 60000 };
    em_rng rng = { 6 };
    int n_low = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        double x = em_draw_beta(&rng, .5, .5), tiny = em_draw_beta(&rng, 1e-4, 1e-4);

        CHECK(x >= 0 && x <= 1 && tiny >= 0 && tiny <= 1, "%g, %g", x, tiny);
        n_low += x < .25;
    }
    CHECK(fabs(n_low / (double)N - 1 / 3.) < .01, "%d below 1/4", n_low);
}

static void whole_numbers_reach_both_ends_and_never_further(void **state)
{
    int seen[7] = { 0 };
    em_rng rng = { 9 };

    (void)state;
    for (int i = 0; i < 7000; i++) {
        int x = em_draw_range(&rng, -3, 3);

        CHECK(x >= -3 && x <= 3, "%d", x);
        seen[x + 3]++;
    }
    for (int i = 0; i < 7; i++)
        CHECK(seen[i] > 850 && seen[i] < 1150, "%d: %d of 7000", i - 3, seen[i]);
    CHECK(em_draw_below(&rng, 0) == 0 && em_draw_below(&rng, 1) == 0 && em_draw_range(&rng, 4, 3) == 4, "nothing to choose from");
}

static void every_order_of_a_shuffle_is_as_likely(void **state)
{
    enum { N = 24000 };
    int seen[24] = { 0 };
    em_rng rng = { 2 };

    (void)state;
    for (int i = 0; i < N; i++) {
        int x[] = { 0, 1, 2, 3 }, code = 0;

        em_draw_shuffle(&rng, x, 4);
        for (int a = 0; a < 4; a++) {
            int n_less = 0;

            for (int b = a + 1; b < 4; b++)
                n_less += x[b] < x[a];
            code = code * (4 - a) + n_less;
        }
        seen[code]++;
    }
    for (int i = 0; i < 24; i++)
        CHECK(abs(seen[i] - N / 24) < 160, "order %d: %d times", i, seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_belongs_to_its_numbers_alone),
        cmocka_unit_test(neighbouring_streams_have_nothing_in_common),
        cmocka_unit_test(what_is_drawn_has_its_moments),
        cmocka_unit_test(beta_has_its_shape_and_its_range),
        cmocka_unit_test(whole_numbers_reach_both_ends_and_never_further),
        cmocka_unit_test(every_order_of_a_shuffle_is_as_likely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
