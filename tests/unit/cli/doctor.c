/* The doctor's verdicts at their limits, and its ears on the synthetic source. */
#include "check.h"

#include "cli/doctor.h"
#include "cli/exit_codes.h"

#include <math.h>

static em_check last;
static int n_taken;

static void take(void *ctx, const em_check *check)
{
    (void)ctx;
    last = *check;
    n_taken++;
}

static em_checkup checkup(const em_options *o)
{
    n_taken = 0;
    return (em_checkup){ .o = o, .take = take };
}

static bool is_last(const char *name, em_check_result result, const char *words)
{
    return strcmp(last.name, name) == 0 && last.result == result && strstr(last.text, words) && (result == EM_CHECK_FAIL) == (last.code != 0);
}

static void each_verdict_has_its_limit(void **state)
{
    em_options o = { 0 };
    em_checkup c = checkup(&o);
    (void)state;

    em_check_rate(&c, 48000 * 1.0049, 48000);
    CHECK(is_last("rate", EM_CHECK_PASS, "48000"), "%s", last.text);
    em_check_level(&c, &(em_level){ -69.9, -40 });
    CHECK(is_last("level", EM_CHECK_PASS, "-69.9"), "%s", last.text);
    em_check_clipping(&c, 1e-4);
    CHECK(is_last("clipping", EM_CHECK_PASS, "hardly"), "%s", last.text);
    em_check_hum(&c, &(em_hum){ 50, .25, -10 });
    CHECK(is_last("hum", EM_CHECK_PASS, "25.0 %"), "%s", last.text);
    em_check_hum(&c, &(em_hum){ 60, 1, -60 });
    CHECK(is_last("hum", EM_CHECK_PASS, "100.0 %"), "hum that nobody hears: %s", last.text);
    em_check_hum(&c, &(em_hum){ 0, 0, -INFINITY });
    CHECK(is_last("hum", EM_CHECK_SKIP, "less than a second"), "%s", last.text);
    CHECK(c.code == 0 && n_taken == 6, "nothing failed");

    em_check_level(&c, &(em_level){ -INFINITY, -INFINITY });
    CHECK(is_last("level", EM_CHECK_FAIL, "unmute"), "%s", last.text);
    em_check_level(&c, &(em_level){ -70.1, -40 });
    CHECK(is_last("level", EM_CHECK_FAIL, "gain up"), "%s", last.text);
    em_check_rate(&c, 48000 * .9949, 48000);
    CHECK(is_last("rate", EM_CHECK_FAIL, "47755 frames a second"), "%s", last.text);
    em_check_clipping(&c, .02);
    CHECK(is_last("clipping", EM_CHECK_FAIL, "2 % of the sound is cut off"), "%s", last.text);
    em_check_hum(&c, &(em_hum){ 60, .251, -59 });
    CHECK(is_last("hum", EM_CHECK_FAIL, "60 Hz and its multiples are 25 %"), "%s", last.text);
    CHECK(c.code == EM_EXIT_INPUT, "%d", c.code);
}

static void the_first_failure_is_the_exit_code(void **state)
{
    em_options o = { 0 };
    em_checkup c = checkup(&o);
    (void)state;

    em_check_fail(&c, "folder", EM_EXIT_OUTPUT, "%s", "x");
    em_check_fail(&c, "model", EM_EXIT_MODEL, "%s", "y");
    em_check_pass(&c, "hum", "%d", 3);
    CHECK(c.code == EM_EXIT_OUTPUT && is_last("hum", EM_CHECK_PASS, "3"), "%d", c.code);
}

static em_status hear(em_heard *h, const char *what, bool is_live, int channel, double seconds, em_err *err)
{
    const em_source_cfg cfg = { .kind = "synth", .name = what, .is_paced = is_live, .is_live = is_live };

    return em_heard_take(h, &cfg, channel, seconds, NULL, err);
}

static void a_source_is_heard_for_a_while(void **state)
{
    em_heard h;
    em_err err;
    em_hum hum;
    double rate;
    (void)state;

    CHECK_OK(hear(&h, "sine:50", false, 1, 2, &err));
    hum = em_examine_hum(h.x, h.n, h.info.rate_hz);
    CHECK(h.n == 64000 && fabs(hum.share - 1) < .01 && fabs(em_examine_level(h.x, h.n).rms_dbfs + 9.03) < .01, "%zu samples, %g", h.n, hum.share);
    em_heard_deinit(&h);
    CHECK_OK(hear(&h, "ramp:1:32000:2", false, 2, 5, &err));
    CHECK(h.n == 32000 && h.x[1] == 65537 / 8388608.f, "the second channel, to the end of the source");
    em_heard_deinit(&h);
    CHECK_OK(hear(&h, "ramp:1:32000:2", false, 0, 5, &err));
    CHECK(h.x[1] == 32769 / 8388608.f, "the mean");
    em_heard_deinit(&h);
    CHECK_OK(hear(&h, "noise:1::48000", true, 1, 2, &err));
    rate = em_examine_rate(h.points, h.n_points);
    CHECK(h.n_points > 20 && fabs(rate / 48000 - 1) < .005, "%d looks: %g Hz", h.n_points, rate);
    em_heard_deinit(&h);
    CHECK(hear(&h, "ramp:1:32000:2", false, 3, 5, &err) == EM_EINVAL && strstr(err.msg, "there are only 2"), "%s", err.msg);
    em_heard_deinit(&h);
    CHECK(hear(&h, "whistle", false, 1, 5, &err) == EM_EINVAL, "%s", err.msg);
    em_heard_deinit(&h);
}

static void sound_has_five_checks(void **state)
{
    em_options o = { .channel = (char *)(uintptr_t)"1", .duration = 1 };
    em_checkup c = checkup(&o);
    em_source_cfg cfg = { .kind = "synth", .name = "noise:1" };
    (void)state;

    em_doctor_sound(&c, &cfg, 1);
    CHECK(n_taken == 5 && c.code == 0 && is_last("hum", EM_CHECK_PASS, "%"), "%d checks, %d", n_taken, c.code);
    cfg.name = "silence:3";
    c = checkup(&o);
    em_doctor_sound(&c, &cfg, 1);
    CHECK(n_taken == 5 && c.code == EM_EXIT_INPUT && is_last("hum", EM_CHECK_SKIP, "no sound"), "%d checks, %d", n_taken, c.code);
    cfg.name = "whistle";
    c = checkup(&o);
    em_doctor_sound(&c, &cfg, 1);
    CHECK(n_taken == 5 && c.code == EM_EXIT_INPUT && is_last("hum", EM_CHECK_SKIP, "no sound"), "%d checks, %d", n_taken, c.code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_verdict_has_its_limit),
        cmocka_unit_test(the_first_failure_is_the_exit_code),
        cmocka_unit_test(a_source_is_heard_for_a_while),
        cmocka_unit_test(sound_has_five_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
