/* Bad steps are skipped, five in a row lead back once, and then to the end. */
#include "check.h"

#include "train/guard.h"

/* steps: '.' finite, 'x' not, 'l' finite, but the weights are lost by it, 's' a state is saved. verdicts: T take, S skip, R reload,
 * G give up; one for each but 's'. */
static void check(em_guard *g, const char *steps, const char *verdicts)
{
    const char *want = verdicts;

    for (const char *s = steps; *s; s++) {
        if (*s == 's') {
            em_guard_saved(g);
            continue;
        }
        CHECK("TSRG"[*s == 'l' ? em_guard_lost(g) : em_guard_step(g, *s == '.')] == *want, "%s: step %d", steps, (int)(s - steps));
        want++;
    }
    CHECK(!*want, "%s", verdicts);
}

static void bad_steps_are_skipped_and_counted(void **state)
{
    em_guard g = { 0 };
    (void)state;

    check(&g, ".x.xx.xxx.xxxx..", "TSTSSTSSSTSSSSTT");
    CHECK(g.n_skipped == 10 && g.n_reloads == 0 && em_guard_rate(&g) == 1, "%lld", (long long)g.n_skipped);
}

static void five_in_a_row_go_back_at_half_the_rate(void **state)
{
    em_guard g = { 0 };
    (void)state;

    check(&g, "s..xxxxx", "TTSSSSR");
    CHECK(em_guard_rate(&g) == 0.5 && g.n_skipped == 5 && g.n_in_row == 0, "rate %g", em_guard_rate(&g));
    check(&g, "..xxxx.", "TTSSSST");
}

static void five_more_before_a_state_is_saved_end_the_run(void **state)
{
    em_guard g = { 0 };
    (void)state;

    check(&g, "xxxxx....xxxxx", "SSSSRTTTTSSSSG");
    CHECK(g.n_skipped == 10, "%lld", (long long)g.n_skipped);
    check(&g, "x", "G");
}

static void a_state_saved_between_bad_steps_proves_nothing(void **state)
{
    em_guard g = { 0 };
    (void)state;

    check(&g, "xxxxxxxsxsxx", "SSSSRSSSSG");
}

static void a_state_saved_in_between_allows_another_way_back(void **state)
{
    em_guard g = { 0 };
    (void)state;

    for (int i = 0; i < EM_GUARD_RELOADS; i++)
        check(&g, "xxxxx.s", "SSSSRT");
    CHECK(em_guard_rate(&g) == 1.0 / 256, "rate %g", em_guard_rate(&g));
    check(&g, "xxxxx", "SSSSG");
}

static void lost_weights_lead_back_at_once(void **state)
{
    em_guard g = { 0 };
    (void)state;

    check(&g, "s..l.xxxx.sl", "TTRTSSSSTR");
    CHECK(em_guard_rate(&g) == 0.25 && g.n_skipped == 6 && g.n_in_row == 0, "rate %g", em_guard_rate(&g));
    check(&g, ".l", "TG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_steps_are_skipped_and_counted),
        cmocka_unit_test(five_in_a_row_go_back_at_half_the_rate),
        cmocka_unit_test(five_more_before_a_state_is_saved_end_the_run),
        cmocka_unit_test(a_state_saved_between_bad_steps_proves_nothing),
        cmocka_unit_test(a_state_saved_in_between_allows_another_way_back),
        cmocka_unit_test(lost_weights_lead_back_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
