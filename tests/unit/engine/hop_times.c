/* hop_times.c - the histogram of how long hops took, against the sorted times themselves. */
#include "check.h"

#include "engine/hop_times.h"

#include <math.h>

enum { N = 1000 };

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void shares_are_those_of_the_sorted_times(void **state)
{
    static const double shares[] = { 0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 1 };
    static em_hop_times t;
    static uint64_t ns[N];
    uint64_t x = 7;

    (void)state;
    for (int i = 0; i < N; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        ns[i] = (uint64_t)exp(10 + 12 * (double)(x >> 40) / (1 << 24));        /* from 22 us to 3.6 s */
        em_hop_times_add(&t, ns[i]);
    }
    qsort(ns, N, sizeof *ns, by_size);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const double want = (double)ns[(int)ceil(shares[i] * N) - 1] / 1e6, got = em_hop_times_within(&t, shares[i]);

        CHECK(got >= want && got <= want * 1.01, "%g: %g ms, not %g", shares[i], got, want);
    }
    assert_true(t.n == N && t.longest_ns == ns[N - 1]);
}

static void the_ends_are_no_trap(void **state)
{
    static em_hop_times t;

    (void)state;
    assert_true(em_hop_times_within(&t, 0.99) == 0);
    em_hop_times_add(&t, 0);
    assert_true(em_hop_times_within(&t, 0.99) == 0);
    em_hop_times_add(&t, UINT64_MAX);
    assert_true(em_hop_times_within(&t, 1) >= 2e6 && em_hop_times_within(&t, 0.5) < 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_of_the_sorted_times),
        cmocka_unit_test(the_ends_are_no_trap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
