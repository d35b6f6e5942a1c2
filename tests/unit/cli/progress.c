/* When progress is told: by tenths and half minutes, nothing of short runs, and never in floods. */
#include "check.h"

#include "cli/progress.h"

static const uint64_t SECOND = 1000000000ull;

/* How many times a run of so many seconds, asked ten times a second, is told; of unknown length with is_open. */
static int told(em_progress_kind kind, int seconds, bool is_open)
{
    em_progress p = { .kind = kind, .begin_ns = 7 * SECOND };
    int n = 0;

    for (int i = 1; i <= 10 * seconds; i++)
        n += em_progress_is_due(&p, is_open ? -1 : i / (10.0 * seconds), p.begin_ns + (uint64_t)i * SECOND / 10);
    return n;
}

static void lines_and_records_come_by_tenths_and_half_minutes(void **state)
{
    static const struct { em_progress_kind kind; int seconds; bool is_open; int want; const char *why; } cases[] = {
        { EM_PROGRESS_NONE, 1000, false, 0, "nobody asked" },
        { EM_PROGRESS_REDRAWN, 10, false, 100, "a terminal is redrawn" },
        { EM_PROGRESS_PLAIN, 4, false, 0, "a short run says nothing" },
        { EM_PROGRESS_PLAIN, 10, false, 6, "from the fifth second, 50 % to 100 %" },
        { EM_PROGRESS_PLAIN, 100, false, 10, "by tenths" },
        { EM_PROGRESS_PLAIN, 3000, false, 100, "by half minutes" },
        { EM_PROGRESS_PLAIN, 100, true, 3, "a pipe has no tenths" },
        { EM_PROGRESS_RECORDS, 1, false, 10, "a program hears of short runs, too" },
        { EM_PROGRESS_RECORDS, 3000, false, 100, "by half minutes" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(told(cases[i].kind, cases[i].seconds, cases[i].is_open) == cases[i].want, "%s: %d times, not %d", cases[i].why,
              told(cases[i].kind, cases[i].seconds, cases[i].is_open), cases[i].want);
}

/* Three of three files: the shares of the run may end a little below 1. */
static void the_end_is_told(void **state)
{
    em_progress p = { .kind = EM_PROGRESS_RECORDS };
    (void)state;

    CHECK(em_progress_is_due(&p, 0.95, 1), "nine tenths");
    CHECK(em_progress_is_due(&p, 1 - 1e-12, 2) && !em_progress_is_due(&p, 1, 3), "the whole, once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_records_come_by_tenths_and_half_minutes),
        cmocka_unit_test(the_end_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
