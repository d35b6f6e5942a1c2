/* clock.c - time only goes on, sleeps are whole, and UTC is written as everybody reads it. */
#include "check.h"

#include "base/clock.h"

#include <math.h>
#include <signal.h>
#include <sys/time.h>

static void monotonic_time_never_goes_back(void **state)
{
    uint64_t last = em_now_ns();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = em_now_ns();

        CHECK(now >= last, "call %d", i);
        last = now;
    }
    CHECK(em_wall_ms() > INT64_C(1577836800000), "the wall clock says it is before 2020");
}

static volatile sig_atomic_t n_signals;

static void count_signal(int sig)
{
    (void)sig;
    n_signals++;
}

static void a_sleep_is_whole_also_across_signals(void **state)
{
    struct sigaction action = { .sa_handler = count_signal }, old;
    struct itimerval every_2_ms = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
    uint64_t start;

    (void)state;
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &every_2_ms, NULL);
    start = em_now_ns();
    em_sleep_ms(30.5);
    CHECK(em_now_ns() - start >= 30500000, "slept %llu ns", (unsigned long long)(em_now_ns() - start));
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &old, NULL);
    CHECK(n_signals > 0, "no signal came: the test shows nothing");
}

static void no_time_to_sleep_returns(void **state)
{
    static const double none[] = { 0, -0.0, -1, -1e300, (double)-INFINITY, (double)NAN };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(none); i++)
        em_sleep_ms(none[i]);
}

static void utc_is_written_to_the_millisecond(void **state)
{
    static const struct { int64_t ms; const char *text; } rows[] = {
        { 0,                         "1970-01-01T00:00:00.000Z" },
        { 1,                         "1970-01-01T00:00:00.001Z" },
        { 999,                       "1970-01-01T00:00:00.999Z" },
        { -1,                        "1969-12-31T23:59:59.999Z" },
        { -1000,                     "1969-12-31T23:59:59.000Z" },
        { INT64_C(951782400000),     "2000-02-29T00:00:00.000Z" },
        { INT64_C(1756684800123),    "2025-09-01T00:00:00.123Z" },
        { INT64_C(2147483648000),    "2038-01-19T03:14:08.000Z" },
        { INT64_C(253402300799999),  "9999-12-31T23:59:59.999Z" },
        { INT64_C(-62167219200000),  "0000-01-01T00:00:00.000Z" },
    };
    char out[EM_UTC_CHARS];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        em_utc_text(out, rows[i].ms);
        CHECK(strcmp(out, rows[i].text) == 0, "%lld: %s, not %s", (long long)rows[i].ms, out, rows[i].text);
    }
}

static void times_outside_the_years_stay_within_the_text(void **state)
{
    static const int64_t far[] = { INT64_MAX, INT64_MIN, INT64_MAX / 2, INT64_MIN / 2, INT64_C(253402300800000) };
    char out[EM_UTC_CHARS];

    (void)state;
    for (size_t i = 0; i < EM_COUNT(far); i++) {
        em_utc_text(out, far[i]);
        CHECK(strlen(out) == EM_UTC_CHARS - 1, "case %zu: %s", i, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(a_sleep_is_whole_also_across_signals),
        cmocka_unit_test(no_time_to_sleep_returns),
        cmocka_unit_test(utc_is_written_to_the_millisecond),
        cmocka_unit_test(times_outside_the_years_stay_within_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
