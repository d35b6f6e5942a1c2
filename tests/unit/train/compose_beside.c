/* Composing: what is beside the main clip, be it other clips, nothing at all, or a bed of noise. */
#include "check.h"

#include "canvas.h"
#include "train/draw.h"

#include <math.h>

static void other_clips_stand_beside_and_never_on_the_main_one(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(10), b = part_b(20), c = part_c(30);
    int n_before = 0, n_after = 0, n_gaps[6] = { 0 };
    enum { N = 1500 };
    (void)state;

    cfg.place = EM_PLACE_INSIDE;
    cfg.p_before = .25;
    cfg.p_after = .5;
    cfg.most_gap = 5;
    for (uint64_t seed = 0; seed < N; seed++) {
        em_rng rng = { seed };
        em_scene scene = em_scene_draw(&cfg, &rng);
        int at_a = -1, last_b = -1, first_c = -1, n_b = 0, n_c = 0;

        em_compose(&canvas, &cfg, &scene, &a, &b, &c);
        n_before += scene.has_before;
        n_after += scene.has_after;
        for (int t = T - 1; t >= 0; t--) {
            float x = frames[t * F];

            at_a = x >= -40 && x < -39 ? t : at_a;
            last_b = x >= -30 && x < -29 && last_b < 0 ? t : last_b;
            first_c = x >= -20 && x < -19 ? t : first_c;
            n_b += x >= -30 && x < -29;
            n_c += x >= -20 && x < -19;
        }
        CHECK(at_a >= 0 && frames[(at_a + 9) * F] < -39, "seed %llu: all of the main clip", (unsigned long long)seed);
        CHECK(last_b < at_a && (first_c < 0 || first_c >= at_a + 10), "seed %llu: order", (unsigned long long)seed);
        CHECK((last_b < 0 || scene.has_before) && (first_c < 0 || scene.has_after), "seed %llu: only who was asked for",
              (unsigned long long)seed);
        CHECK(targets[1] == (n_b >= 10 ? 1 : 0) && targets[2] == (n_c >= 15 ? 1 : 0) && targets[0] == 1,
              "seed %llu: labels of %d, %d frames",
              (unsigned long long)seed, n_b, n_c);
        if (last_b >= 0) {
            CHECK(at_a - last_b - 1 <= 5, "gap %d", at_a - last_b - 1);
            n_gaps[at_a - last_b - 1]++;
        }
    }
    CHECK(abs(n_before - N / 4) < 90 && abs(n_after - N / 2) < 100 && n_gaps[0] > 15 && n_gaps[5] > 15, "%d before, %d after", n_before,
          n_after);
}

static void empty_windows_hold_nothing_and_say_so(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(30);
    int n_empty = 0;
    (void)state;

    cfg.p_empty = .2;
    cfg.p_before = 1;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        em_rng rng = { seed };
        em_scene scene = em_scene_draw(&cfg, &rng);
        bool is_silent = true;

        em_compose(&canvas, &cfg, &scene, scene.is_empty ? NULL : &a, NULL, NULL);
        for (int i = 0; i < T * F; i++)
            is_silent &= frames[i] == -100;
        CHECK(is_silent == scene.is_empty && targets[0] == (is_silent ? 0 : 1) && weights[0] == 1, "seed %llu", (unsigned long long)seed);
        CHECK(!scene.is_empty || !scene.has_before, "seed %llu: no clip is wanted", (unsigned long long)seed);
        n_empty += scene.is_empty;
    }
    CHECK(abs(n_empty - 400) < 90, "%d of 2000", n_empty);
}

static void an_empty_clip_is_never_heard(void **state)
{
    em_compose_cfg cfg = em_compose_defaults(EM_FRONTEND_HTSAT);
    em_part a = part_a(30), none = { NULL, 0, &clip_b }, c = part_c(10);
    (void)state;

    cfg.p_empty = 0;
    cfg.p_before = cfg.p_after = 1;
    cfg.p_bed = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        compose(&cfg, seed, &a, &none, &none);
        CHECK(targets[1] == 0 && weights[1] == 1, "beside the main one");
        compose(&cfg, seed, &none, &c, &none);
        CHECK(targets[1] == 0, "as the main one");
    }
}

static void what_is_not_heard_changes_neither_noise_nor_weights(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(T), b = part_b(10), silent = part_c(10);
    (void)state;

    cfg.p_before = cfg.p_bed = 1;
    cfg.bed_low_db = cfg.bed_high_db = -60;
    cfg.unknown_weight = .25f;
    for (int i = 0; i < 10 * F; i++)
        sound_b[i] = -90;                               /* it would hold the noise down to -100 dB */
    clip_a.n_labels = 0;
    clip_a.negatives = (int[]){ 0, 1, 2, 3 };
    clip_a.n_negatives = 4;
    compose(&cfg, 1, &a, &b, NULL);
    CHECK(frames[0] > -40 && weights[0] == 1 && weights[4] == .25f, "a clip that ends before the window: %g", (double)frames[0]);
    silence(sound_c, 0, 10);
    compose(&cfg, 1, &silent, NULL, NULL);
    CHECK(frames[(T - 1) * F] > -80 && weights[0] == 1, "a clip of silence: %g dB", (double)frames[(T - 1) * F]);
}

enum { LONG = 3000, MELS = 64 };

static void a_bed_is_white_noise_of_its_level_and_tilt(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    float *long_frames = malloc(LONG * MELS * sizeof *long_frames), target, weight;
    em_canvas wide = { .frames = long_frames, .target = &target, .weight = &weight, .n_frames = LONG, .n_mels = MELS, .n_classes = 1 };
    double tilts = 0;
    (void)state;

    cfg.p_empty = cfg.p_bed = 1;
    cfg.bed_low_db = cfg.bed_high_db = -40;
    cfg.bed_tilt_db = 20;
    for (uint64_t seed = 0; seed < 20; seed++) {
        double mean[MELS] = { 0 }, square[MELS] = { 0 }, next[MELS] = { 0 }, tilt;
        em_rng rng = { seed };
        em_scene scene = em_scene_draw(&cfg, &rng);

        em_compose(&wide, &cfg, &scene, NULL, NULL, NULL);
        for (int f = 0; f < MELS; f++) {
            for (int t = 0; t < LONG; t++)
                mean[f] += (double)long_frames[t * MELS + f] / LONG;
            for (int t = 0; t + 1 < LONG; t++) {
                double x = (double)long_frames[t * MELS + f] - mean[f], y = (double)long_frames[(t + 1) * MELS + f] - mean[f];

                square[f] += x * x / LONG;
                next[f] += x * y / LONG;
            }
            CHECK(fabs(next[f] / square[f] - .33) < .1, "band %d: %g is kept of the frame before", f, next[f] / square[f]);
        }
        tilt = mean[MELS - 1] - mean[0];
        tilts = fmax(tilts, fabs(tilt));
        CHECK(fabs(tilt) < 20.5 && fabs((mean[0] + mean[MELS - 1]) / 2 + 40) < .3 && fabs(mean[31] - mean[0] - tilt * 31 / 63) < .6,
              "tilt %g, middle %g", tilt,
              mean[31]);
        CHECK(fabs(sqrt(square[5]) - 3.5) < .3 && fabs(sqrt(square[MELS - 1]) - 1) < .1, "deviations %g, %g", sqrt(square[5]),
              sqrt(square[MELS - 1]));
    }
    CHECK(tilts > 12, "largest tilt %g", tilts);
    free(long_frames);
}

static void a_bed_hides_no_clip(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(20);
    double loudest = -100;
    (void)state;

    cfg.p_bed = 1;
    cfg.bed_low_db = -60;
    cfg.bed_high_db = 0;
    cfg.bed_below_db = 15;
    cfg.bed_tilt_db = 6;
    for (uint64_t seed = 0; seed < 300; seed++) {
        double sum = 0;

        compose(&cfg, seed, &a, NULL, NULL);
        for (int t = 20; t < T; t++)
            sum += (double)frames[t * F] / (T - 20);
        CHECK(sum < -40 - 15 + .2 + 2.5, "seed %llu: %g dB behind a clip of -40", (unsigned long long)seed, sum);
        CHECK(frames[0] >= -40, "seed %llu: it adds to the clip", (unsigned long long)seed);
        loudest = fmax(loudest, sum);
    }
    CHECK(loudest > -58, "and comes near it: %g", loudest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_clips_stand_beside_and_never_on_the_main_one),
        cmocka_unit_test(empty_windows_hold_nothing_and_say_so),
        cmocka_unit_test(an_empty_clip_is_never_heard),
        cmocka_unit_test(what_is_not_heard_changes_neither_noise_nor_weights),
        cmocka_unit_test(a_bed_is_white_noise_of_its_level_and_tilt),
        cmocka_unit_test(a_bed_hides_no_clip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
