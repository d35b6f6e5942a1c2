/* What a picture is drawn of: a grid that keeps what is strong however long the stream gets, and colours in even steps. */
#include "check.h"

#include "base/rng.h"
#include "sinks/heat.h"
#include "sinks/timeline.h"

#include <math.h>

enum { ROWS = 3, CELLS = 64, MARKS = 400 };

typedef struct mark { int row; double from_s, to_s; uint8_t byte; } mark;

static double uniform(em_rng *rng)
{
    return (double)(em_rng_u64(rng) >> 11) * 0x1p-53;
}

/* What a row should have been between two times, to the cells of the grid as it is. */
static uint8_t expected(const mark *marks, int n, int row, double from_s, double to_s, double cell_s)
{
    const double first = floor(from_s / cell_s + 1e-6) * cell_s, end = ceil(to_s / cell_s - 1e-6) * cell_s;
    uint8_t most = 0;

    for (int i = 0; i < n; i++) {
        const double begin = floor(marks[i].from_s / cell_s + 1e-6) * cell_s;
        const double over = fmax(ceil(marks[i].to_s / cell_s - 1e-6) * cell_s, begin + cell_s);

        if (marks[i].row == row && begin < end - cell_s / 2 && over > first + cell_s / 2 && marks[i].byte > most)
            most = marks[i].byte;
    }
    return most;
}

/* From a moment to a year, in any order within what is new: the answer is the brute one at every size of a cell. */
static void the_strongest_stays_at_any_length(void **state)
{
    static const double lengths[] = { 0.5, 1, 10, 60, 3600, 86400, 3e7 };
    em_err err;
    (void)state;

    for (size_t k = 0; k < EM_COUNT(lengths); k++) {
        em_rng rng = { 5 + k };
        mark marks[MARKS];
        em_timeline t;

        CHECK_OK(em_timeline_init(&t, ROWS, CELLS, 0.01, &err));
        for (int i = 0; i < MARKS; i++) {
            const double at = lengths[k] * (i + uniform(&rng)) / MARKS;

            marks[i] = (mark){ i % ROWS, at, at + lengths[k] * uniform(&rng) / 50, (uint8_t)(1 + em_rng_u64(&rng) % 255) };
            em_timeline_mark(&t, marks[i].row, marks[i].from_s, marks[i].to_s, marks[i].byte);
        }
        CHECK(t.n_used <= CELLS && t.n_used * t.cell_s >= lengths[k] * 0.9, "%g s: %d cells of %g s", lengths[k], t.n_used, t.cell_s);
        CHECK(t.n_used > CELLS / 4, "%g s: only %d cells are used", lengths[k], t.n_used);
        for (int i = 0; i < 1000; i++) {
            const double from_s = lengths[k] * uniform(&rng), to_s = from_s + lengths[k] * uniform(&rng) / 20;
            const uint8_t got = em_timeline_most(&t, i % ROWS, from_s, to_s);
            const uint8_t want = expected(marks, MARKS, i % ROWS, from_s, to_s, t.cell_s);

            CHECK(got == want, "%g s: row %d from %g to %g: %d, not %d", lengths[k], i % ROWS, from_s, to_s, got, want);
        }
        em_timeline_deinit(&t);
    }
}

static void a_row_of_bytes_is_a_mark_for_each(void **state)
{
    static const uint8_t bytes[ROWS] = { 7, 0, 255 };
    em_timeline t;
    em_err err;
    (void)state;

    CHECK_OK(em_timeline_init(&t, ROWS, CELLS, 1, &err));
    em_timeline_put(&t, 2, 5, bytes);
    for (int i = 0; i < ROWS; i++) {
        CHECK(em_timeline_most(&t, i, 2, 5) == bytes[i] && em_timeline_most(&t, i, 4, 5) == bytes[i], "row %d", i);
        CHECK(em_timeline_most(&t, i, 0, 2) == 0 && em_timeline_most(&t, i, 5, 60) == 0, "row %d: before and behind", i);
    }
    em_timeline_deinit(&t);
}

static void what_is_no_time_is_left_out(void **state)
{
    static const double bad[][2] = { { NAN, 1 }, { 0, NAN }, { 0, INFINITY }, { -INFINITY, -1 }, { 2, 1 }, { 0, 1e300 }, { INFINITY, INFINITY } };
    em_timeline t;
    em_err err;
    (void)state;

    CHECK_OK(em_timeline_init(&t, 1, CELLS, 0.01, &err));
    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        em_timeline_mark(&t, 0, bad[i][0], bad[i][1], 9);
        CHECK(t.n_used == 0 && em_timeline_most(&t, 0, bad[i][0], bad[i][1]) == 0, "case %zu", i);
    }
    em_timeline_mark(&t, 0, -3, 0.005, 9);                      /* its part before the beginning is cut */
    CHECK(t.n_used == 1 && em_timeline_most(&t, 0, 0, 0) == 9, "%d cells", t.n_used);
    em_timeline_deinit(&t);
}

/* In Oklab every step of level is as far as any other, to a fifth; what is louder is darker, in grey too. */
static void colours_go_in_even_steps(void **state)
{
    enum { STEPS = 256 };
    unsigned char rgb[3];
    double before[3], lab[3], least = INFINITY, most = 0, grey, grey_before = 256;
    (void)state;

    em_heat_lab(before, 0);
    for (int i = 0; i <= STEPS; i++) {
        const double level = (double)i / STEPS;
        double far = 0;

        em_heat_lab(lab, level);
        em_heat(rgb, level);
        grey = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
        CHECK(grey <= grey_before + 0.5, "step %d is lighter than the one before: %g, %g", i, grey, grey_before);
        for (int k = 0; k < 3; k++)
            far += (lab[k] - before[k]) * (lab[k] - before[k]);
        if (i > 0) {
            least = fmin(least, sqrt(far));
            most = fmax(most, sqrt(far));
        }
        memcpy(before, lab, sizeof before);
        grey_before = grey;
    }
    CHECK(most < 1.44 * least, "steps from %g to %g", least, most);
    em_heat(rgb, 0);
    CHECK(rgb[0] > 245 && rgb[1] > 245 && rgb[2] > 245, "nothing is %d %d %d", rgb[0], rgb[1], rgb[2]);
    em_heat(rgb, 2);
    CHECK(rgb[0] < 50 && rgb[1] < 50 && rgb[2] < 60, "all is %d %d %d", rgb[0], rgb[1], rgb[2]);
    em_heat(rgb, NAN);
    CHECK(rgb[0] > 245, "NAN counts as nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_stays_at_any_length),
        cmocka_unit_test(a_row_of_bytes_is_a_mark_for_each),
        cmocka_unit_test(what_is_no_time_is_left_out),
        cmocka_unit_test(colours_go_in_even_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
