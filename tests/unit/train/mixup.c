/* mixup.c - partners, lambdas, what two windows become when they are mixed, and stripes. */
#include "check.h"

#include "train/draw.h"
#include "train/mixup.h"
#include "train/specaugment.h"

#include <math.h>

enum { T = 40, F = 16, C = 3 };

static float          frames_a[T * F], frames_b[T * F], frames_out[T * F];
static float          target_a[C], target_b[C], target_out[C], weight_a[C], weight_b[C], weight_out[C];
static em_canvas      a = { .frames = frames_a, .target = target_a, .weight = weight_a, .n_frames = T, .n_mels = F, .n_classes = C },
                      b = { .frames = frames_b, .target = target_b, .weight = weight_b, .n_frames = T, .n_mels = F, .n_classes = C },
                      out = { .frames = frames_out, .target = target_out, .weight = weight_out, .n_frames = T, .n_mels = F, .n_classes = C };
static const em_level  level = { -100, 1 };

static void fill(void)
{
    em_rng rng = { 1 };

    for (int i = 0; i < T * F; i++) {
        frames_a[i] = (float)em_draw_between(&rng, -60, 0);
        frames_b[i] = (float)em_draw_between(&rng, -60, 0);
    }
    memcpy(target_a, (float[]){ 1, 0, 0 }, sizeof target_a);
    memcpy(target_b, (float[]){ 0, 1, 0 }, sizeof target_b);
    memcpy(weight_a, (float[]){ 1, 1, 0 }, sizeof weight_a);
    memcpy(weight_b, (float[]){ 1, 1, 1 }, sizeof weight_b);
}

static void the_mirror_pairs_the_ends_of_the_batch(void **state)
{
    em_rng rng = { 3 };
    int partner[5];
    (void)state;

    em_partners(partner, 5, EM_PARTNER_MIRROR, &rng);
    for (int i = 0; i < 5; i++)
        CHECK(partner[i] == 4 - i, "%d", i);
    CHECK(rng.state == 3, "nothing is drawn");
}

static void random_partners_are_everybody_once_and_nobodys_own(void **state)
{
    int seen[6][6] = { { 0 } }, partner[6];
    em_rng rng = { 3 };
    (void)state;

    for (int round = 0; round < 3000; round++) {
        int of[6] = { 0 };

        em_partners(partner, 6, EM_PARTNER_RANDOM, &rng);
        for (int i = 0; i < 6; i++) {
            CHECK(partner[i] != i && of[partner[i]]++ == 0, "round %d, %d", round, i);
            seen[i][partner[i]]++;
        }
    }
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            CHECK(i == j || abs(seen[i][j] - 600) < 120, "%d with %d: %d times", i, j, seen[i][j]);
    em_partners(partner, 1, EM_PARTNER_RANDOM, &rng);
    CHECK(partner[0] == 0, "alone");
}

static void linear_mixing_is_linear_in_levels_and_labels(void **state)
{
    const em_mix_cfg cfg = { .form = EM_MIX_LINEAR };
    const em_mix mix = { .lambda = .3 };
    (void)state;

    fill();
    em_mix_apply(&out, &a, &b, &mix, &cfg, &level);
    for (int i = 0; i < T * F; i++)
        CHECK(fabs((double)frames_out[i] - (.3 * (double)frames_a[i] + .7 * (double)frames_b[i])) < 1e-5, "%d", i);
    CHECK(target_out[0] == .3f && target_out[1] == .7f && target_out[2] == 0, "targets");
    CHECK(weight_out[0] == 1 && weight_out[2] == .7f, "weights");
}

static void kept_labels_are_those_of_the_first(void **state)
{
    const em_mix_cfg cfg = { .form = EM_MIX_LINEAR, .keeps_labels = true };
    const em_mix mix = { .lambda = .3 };
    (void)state;

    fill();
    em_mix_apply(&out, &a, &b, &mix, &cfg, &level);
    CHECK(memcmp(target_out, target_a, sizeof target_a) == 0 && memcmp(weight_out, weight_a, sizeof weight_a) == 0, "kept");
    CHECK(frames_out[5] != frames_a[5], "the frames are mixed");
}

static void lambda_one_is_the_first_and_zero_the_second(void **state)
{
    (void)state;
    for (int form = EM_MIX_LINEAR; form <= EM_MIX_POWER; form++) {
        const em_mix_cfg cfg = { .form = (em_mix_form)form };

        fill();
        em_mix_apply(&out, &a, &b, &(em_mix){ .lambda = 1 }, &cfg, &level);
        CHECK(memcmp(frames_out, frames_a, sizeof frames_a) == 0 && memcmp(target_out, target_a, sizeof target_a) == 0 &&
              memcmp(weight_out, weight_a, sizeof weight_a) == 0,
              "form %d, lambda 1", form);
        em_mix_apply(&out, &a, &b, &(em_mix){ .lambda = 0 }, &cfg, &level);
        CHECK(memcmp(frames_out, frames_b, sizeof frames_b) == 0 && memcmp(target_out, target_b, sizeof target_b) == 0,
              "form %d, lambda 0", form);
        em_mix_apply(&out, &a, &b, &(em_mix){ .lambda = 1e-300 }, &cfg, &level);
        CHECK(fabsf(frames_out[7] - frames_b[7]) < 1e-3f, "form %d, lambda 1e-300: %g", form, (double)frames_out[7]);
        em_mix_apply(&out, &a, &b, &(em_mix){ .lambda = 1 - 1e-16 }, &cfg, &level);
        CHECK(fabsf(frames_out[7] - frames_a[7]) < 1e-3f, "form %d, nearly 1", form);
    }
}

/* Two steady sounds of -10 and -30 dB: brought to one loudness, they are mixed in the ratio lambda to 1 - lambda. */
static void powers_are_mixed_as_loud_as_their_labels_say(void **state)
{
    static const double lambdas[] = { .5, .2, .9 };
    const em_mix_cfg cfg = { .form = EM_MIX_POWER };
    (void)state;

    for (size_t k = 0; k < EM_COUNT(lambdas); k++) {
        double lambda = lambdas[k], p = 1 / (1 + pow(10, 20 / 20.) * (1 - lambda) / lambda), rms = sqrt(p * p + (1 - p) * (1 - p)), x, y;

        fill();
        for (int i = 0; i < T * F; i++) {
            frames_a[i] = i % F < 8 ? -10 : -100;
            frames_b[i] = i % F < 8 ? -100 : -30;
        }
        em_mix_apply(&out, &a, &b, &(em_mix){ .lambda = lambda }, &cfg, &level);
        x = -10 + 20 * log10(p / rms);
        y = -30 + 20 * log10((1 - p) / rms);
        CHECK(fabs((double)frames_out[3] - x) < 1e-4 && fabs((double)frames_out[9] - y) < 1e-4, "lambda %g: %g and %g, not %g and %g",
              lambda, (double)frames_out[3],
              (double)frames_out[9], x, y);
        CHECK(fabs((x - y) - 20 * log10(lambda / (1 - lambda))) < 1e-9, "what is wanted is the ratio of the labels");
        CHECK(fabs((double)target_out[0] - lambda) < 1e-6 && fabs((double)target_out[1] - (1 - lambda)) < 1e-6, "labels");
    }
}

static void silence_in_the_power_form_leaves_the_other_heard(void **state)
{
    const em_mix_cfg cfg = { .form = EM_MIX_POWER };
    (void)state;

    fill();
    for (int i = 0; i < T * F; i++)
        frames_a[i] = -100;
    em_mix_apply(&out, &a, &b, &(em_mix){ .lambda = .5 }, &cfg, &level);
    for (int i = 0; i < T * F; i++)
        CHECK(fabs((double)(frames_out[i] - frames_b[i]) + 10 * log10(2)) < 1e-4, "%d: %g of %g", i, (double)frames_out[i],
              (double)frames_b[i]);
}

static void a_window_may_be_mixed_in_place(void **state)
{
    (void)state;
    for (int form = EM_MIX_LINEAR; form <= EM_MIX_CUT; form++) {
        const em_mix_cfg cfg = { .form = (em_mix_form)form };
        const em_mix mix = { .lambda = .4, .t0 = 3, .t1 = 20, .f0 = 1, .f1 = 9 };

        fill();
        em_mix_apply(&out, &a, &b, &mix, &cfg, &level);
        em_mix_apply(&a, &a, &b, &mix, &cfg, &level);
        CHECK(memcmp(frames_out, frames_a, sizeof frames_a) == 0 && memcmp(target_out, target_a, sizeof target_a) == 0, "form %d", form);
    }
}

static void a_cut_is_a_box_of_the_other_and_labels_are_areas(void **state)
{
    em_rng rng = { 4 };
    (void)state;

    for (int round = 0; round < 500; round++) {
        const em_mix_cfg cfg = { .form = EM_MIX_CUT, .p = 1, .alpha = 1, .is_time_only = round % 2 };
        em_mix mix = em_mix_draw(&cfg, T, F, &rng);
        int n_other = 0;

        fill();
        em_mix_apply(&out, &a, &b, &mix, &cfg, &level);
        for (int t = 0; t < T; t++)
            for (int f = 0; f < F; f++) {
                bool is_other = t >= mix.t0 && t < mix.t1 && f >= mix.f0 && f < mix.f1;

                CHECK(frames_out[t * F + f] == (is_other ? frames_b : frames_a)[t * F + f], "round %d at %d, %d", round, t, f);
                n_other += is_other;
            }
        CHECK(fabs(mix.lambda - (1 - n_other / (double)(T * F))) < 1e-12 && fabs((double)target_out[1] - (1 - mix.lambda)) < 1e-6,
              "round %d: area", round);
        CHECK(!cfg.is_time_only || n_other == (mix.t1 - mix.t0) * F, "round %d: all bands", round);
    }
}

/* The paper's rule, drawn again by hand: sides sqrt(1 - lambda), lambda even, centre even, clipped; mean area from the same sums. */
/* Three slots of 16, 16 and 8 frames; classes as the clips' own. */
static void slots_are_mixed_by_what_of_them_is_whose(void **state)
{
    enum { S = 3 };
    float of_a[S * C] = { 0 }, of_b[S * C] = { 0 }, of_out[S * C];
    const em_mix_cfg linear = { .form = EM_MIX_LINEAR, .p = 1, .alpha = 1 }, cut = { .form = EM_MIX_CUT, .p = 1, .alpha = 1 };
    const em_mix half = { .lambda = .5 }, box = { .lambda = .9, .t0 = 8, .t1 = 36, .f0 = 4, .f1 = 12 };
    em_canvas sa = a, sb = b, so = out;
    (void)state;

    fill();
    sa.slots = of_a;
    sb.slots = of_b;
    so.slots = of_out;
    sa.n_slots = sb.n_slots = so.n_slots = S;
    sa.slot_frames = sb.slot_frames = so.slot_frames = 16;
    for (int s = 0; s < S; s++)
        of_a[s * C] = of_b[s * C + 1] = 1;
    em_mix_apply(&so, &sa, &sb, &half, &linear, &level);
    for (int s = 0; s < S; s++)
        CHECK(of_out[s * C] == .5f && of_out[s * C + 1] == .5f && of_out[s * C + 2] == 0, "slot %d, half and half", s);
    em_mix_apply(&so, &sa, &sb, &box, &cut, &level);
    for (int s = 0; s < S; s++) {
        const float share = (float[]){ .25f, .5f, .25f }[s];    /* half the bands of 8 of 16, 16 of 16, 4 of 8 frames */

        CHECK(of_out[s * C + 1] == share && of_out[s * C] == 1 - share, "slot %d: %g of the other", s, (double)of_out[s * C + 1]);
    }
}

static void boxes_have_the_sides_of_the_paper(void **state)
{
    enum { N = 40000, W = 200 };
    const em_mix_cfg cfg = { .form = EM_MIX_CUT, .p = 1, .alpha = 1 },
                     time_only = { .form = EM_MIX_CUT, .p = 1, .alpha = 1, .is_time_only = true };
    double area = 0, length = 0, want_area = 0, want_length = 0;
    em_rng rng = { 8 };
    (void)state;

    for (int i = 0; i < N; i++) {
        area += 1 - em_mix_draw(&cfg, W, W, &rng).lambda;
        length += 1 - em_mix_draw(&time_only, W, W, &rng).lambda;
    }
    for (int i = 0; i < 1000; i++) {                    /* a side s round an even centre keeps s - s^2/4 on the average */
        double left = (i + .5) / 1000, s = sqrt(left);

        want_area += pow(s - s * s / 4, 2) / 1000;
        want_length += (left - left * left / 4) / 1000;
    }
    CHECK(fabs(area / N - want_area) < .01 && fabs(length / N - want_length) < .01, "area %g, not %g; length %g, not %g", area / N,
          want_area, length / N, want_length);
}

static void lambdas_follow_their_settings(void **state)
{
    enum { N = 20000 };
    em_rng rng = { 5 };
    int n_mixed = 0;
    double sum = 0;
    (void)state;

    for (int i = 0; i < N; i++) {
        em_mix some = em_mix_draw(&(em_mix_cfg){ .p = .25, .alpha = 1 }, T, F, &rng),
               major = em_mix_draw(&(em_mix_cfg){ .p = 1, .alpha = .3, .is_major = true }, T, F, &rng);

        n_mixed += some.lambda < 1;
        sum += em_mix_draw(&(em_mix_cfg){ .p = 1, .alpha = .5 }, T, F, &rng).lambda;
        CHECK(major.lambda >= .5 && major.lambda <= 1, "%g", major.lambda);
        CHECK(em_mix_draw(&(em_mix_cfg){ .p = 0, .alpha = 1 }, T, F, &rng).lambda == 1, "never");
    }
    CHECK(abs(n_mixed - N / 4) < 300 && fabs(sum / N - .5) < .015, "%d mixed, mean %g", n_mixed, sum / N);
}

static void equal_draws_give_equal_mixtures(void **state)
{
    const em_mix_cfg cfg = { .form = EM_MIX_CUT, .p = .5, .alpha = 1 };
    (void)state;

    for (uint64_t seed = 0; seed < 100; seed++) {
        em_rng r1 = { seed }, r2 = { seed };
        em_mix m1 = em_mix_draw(&cfg, T, F, &r1), m2 = em_mix_draw(&cfg, T, F, &r2);

        CHECK(m1.lambda == m2.lambda && m1.t0 == m2.t0 && m1.f1 == m2.f1 && r1.state == r2.state, "seed %d", (int)seed);
    }
}

static void settings_out_of_range_are_refused(void **state)
{
    em_err err;
    (void)state;

    CHECK_OK(em_mix_check(&(em_mix_cfg){ .p = 1, .alpha = .5 }, &err));
    CHECK(em_mix_check(&(em_mix_cfg){ .p = 2, .alpha = .5 }, &err) == EM_EINVAL, "p");
    CHECK(em_mix_check(&(em_mix_cfg){ .p = 1, .alpha = 0 }, &err) == EM_EINVAL, "alpha");
    CHECK(em_mix_check(&(em_mix_cfg){ .p = 1, .alpha = NAN }, &err) == EM_EINVAL, "NaN");
    CHECK_OK(em_specaugment_check(&(em_specaugment_cfg){ 0, 1, 0, 1 }, &err));
    CHECK(em_specaugment_check(&(em_specaugment_cfg){ 1, 0, 0, 1 }, &err) == EM_EINVAL, "width");
    CHECK(em_specaugment_check(&(em_specaugment_cfg){ 101, 1, 0, 1 }, &err) == EM_EINVAL, "stripes");
}

/* One stripe along time in a window of T frames: its width and start. */
static void stripes_are_as_wide_as_torchlibrosa_makes_them(void **state)
{
    enum { N = 20000, WIDTH = 8 };
    const em_specaugment_cfg cfg = { 1, WIDTH, 0, 1 };
    float fill_with[F];
    int seen[WIDTH + 1] = { 0 }, first[T] = { 0 };
    em_rng rng = { 6 };
    (void)state;

    for (int f = 0; f < F; f++)
        fill_with[f] = (float)(-200 - f);
    for (int i = 0; i < N; i++) {
        int begin = -1, n = 0;

        fill();
        em_specaugment(&a, &cfg, fill_with, &rng);
        for (int t = 0; t < T; t++) {
            bool is_blotted = frames_a[t * F] == -200;

            CHECK((frames_a[t * F + F - 1] == -200 - F + 1) == is_blotted, "frame %d: all bands, each its own fill", t);
            CHECK(!is_blotted || begin < 0 || t == begin + n, "frame %d: one piece", t);
            begin = is_blotted && begin < 0 ? t : begin;
            n += is_blotted;
        }
        CHECK(n < WIDTH && target_a[0] == 1, "%d wide", n);
        seen[n]++;
        if (n == 3)
            first[begin]++;
    }
    for (int n = 0; n < WIDTH; n++)
        CHECK(abs(seen[n] - N / WIDTH) < 250, "width %d: %d times", n, seen[n]);
    for (int t = 0; t < T; t++)
        CHECK(t < T - 3 ? first[t] > 30 && first[t] < 110 : first[t] == 0, "start %d: %d times", t, first[t]);
}

static void stripes_of_bands_have_all_frames(void **state)
{
    const em_specaugment_cfg cfg = { 0, 1, 2, 4 };
    static const float fill_with[F];
    em_rng rng = { 7 };
    int most = 0;
    (void)state;

    for (int i = 0; i < 300; i++) {
        int n = 0;

        fill();
        em_specaugment(&a, &cfg, fill_with, &rng);
        for (int f = 0; f < F; f++) {
            bool is_blotted = frames_a[f] == 0;

            for (int t = 0; t < T; t++)
                CHECK((frames_a[t * F + f] == 0) == is_blotted, "band %d, frame %d", f, t);
            n += is_blotted;
        }
        most = n > most ? n : most;
    }
    CHECK(most == 6, "two stripes of 3 at most: %d", most);
}

static void stripes_wider_than_the_window_fit_it(void **state)
{
    const em_specaugment_cfg cfg = { 3, 1000, 3, 1000 };
    static const float fill_with[F];
    em_canvas one = { .frames = frames_a, .target = target_a, .weight = weight_a, .n_frames = 1, .n_mels = 1, .n_classes = 1 };
    em_rng rng = { 7 };
    (void)state;

    fill();
    for (int i = 0; i < 100; i++) {
        em_specaugment(&a, &cfg, fill_with, &rng);
        em_specaugment(&one, &cfg, fill_with, &rng);
    }
    CHECK(em_specaugment_defaults().time_width == 64 && em_specaugment_defaults().mel_width == 8, "HTS-AT's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mirror_pairs_the_ends_of_the_batch),
        cmocka_unit_test(random_partners_are_everybody_once_and_nobodys_own),
        cmocka_unit_test(linear_mixing_is_linear_in_levels_and_labels),
        cmocka_unit_test(kept_labels_are_those_of_the_first),
        cmocka_unit_test(lambda_one_is_the_first_and_zero_the_second),
        cmocka_unit_test(powers_are_mixed_as_loud_as_their_labels_say),
        cmocka_unit_test(silence_in_the_power_form_leaves_the_other_heard),
        cmocka_unit_test(a_window_may_be_mixed_in_place),
        cmocka_unit_test(a_cut_is_a_box_of_the_other_and_labels_are_areas),
        cmocka_unit_test(slots_are_mixed_by_what_of_them_is_whose),
        cmocka_unit_test(boxes_have_the_sides_of_the_paper),
        cmocka_unit_test(lambdas_follow_their_settings),
        cmocka_unit_test(equal_draws_give_equal_mixtures),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(stripes_are_as_wide_as_torchlibrosa_makes_them),
        cmocka_unit_test(stripes_of_bands_have_all_frames),
        cmocka_unit_test(stripes_wider_than_the_window_fit_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
