/* Composing: powers add, and of a clip alone: where it comes to lie, what of it is rolled, trimmed and made louder. */
#include "check.h"

#include "canvas.h"

#include <limits.h>
#include <math.h>

static void powers_add_and_silence_adds_nothing(void **state)
{
    static const em_frontend_kind kinds[] = { EM_FRONTEND_HTSAT, EM_FRONTEND_KALDI };
    (void)state;

    for (int k = 0; k < 2; k++) {
        em_level level = em_level_of(kinds[k]);
        double unit = (double)level.per_db;

        for (double a = -90; a < 40; a += 7.3)
            for (double b = -95; b < 40; b += 3.1)
                for (double gain = -6; gain <= 6; gain += 6) {
                    float y = (float)(a * unit), x = (float)(b * unit);
                    double want = 10 * log10(pow(10, a / 10) + pow(10, (b + gain) / 10));

                    if (x <= level.floor || y <= level.floor || b * unit + gain * unit <= (double)level.floor)
                        continue;
                    em_level_add(&level, &y, &x, (float)gain, 1);
                    CHECK(fabs((double)y / unit - want) < 2e-5, "%g dB and %g dB: %g, not %g", a, b + gain, (double)y / unit, want);
                }
        {
            float y[] = { level.floor, level.floor, 0, 0 }, x[] = { level.floor, 0, level.floor, level.floor + 1 };

            em_level_add(&level, y, x, -30, 4);
            CHECK(y[0] == level.floor && y[1] == -30 * level.per_db && y[2] == 0 && y[3] == 0, "kind %d: the floor is no power", k);
            em_level_add(&level, y, x, 50, 1);
            CHECK(y[0] == level.floor, "kind %d: no gain lifts it", k);
        }
    }
    CHECK(fabsf(em_level_of(EM_FRONTEND_KALDI).floor - logf(1.1920929e-7f)) < 1e-6f, "kaldi's floor");
}

static void a_plain_window_is_the_clip_and_silence_after_it(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(25);
    (void)state;

    compose(&cfg, 1, &a, NULL, NULL);
    for (int t = 0; t < T; t++)
        CHECK(frame_at(t, -40) == (t < 25 ? t : -1), "frame %d", t);
    for (int k = 0; k < C; k++)
        CHECK(targets[k] == (k == 0 ? 1 : 0) && weights[k] == 1, "class %d", k);
    cfg.place = EM_PLACE_END;
    compose(&cfg, 1, &a, NULL, NULL);
    CHECK(frame_at(T - 1, -40) == 24 && frame_at(T - 25, -40) == 0 && frame_at(T - 26, -40) == -1, "at the end");
}

/* Follows the clip through a window: its frames stand in a row, and all that is not its own is silence. Returns where it begins. */
static int find_clip(uint64_t seed)
{
    int at = INT_MIN, n_seen = 0;

    for (int t = 0; t < T; t++) {
        int i = frame_at(t, -40);

        if (i < 0)
            continue;
        CHECK(at == INT_MIN || t - i == at, "seed %llu: frame %d of the clip at %d", (unsigned long long)seed, i, t);
        at = t - i;
        n_seen++;
    }
    CHECK(n_seen > 0, "seed %llu: the clip is heard", (unsigned long long)seed);
    return at;
}

static void places_are_even_and_keep_to_their_kind(void **state)
{
    static const struct { em_place place; int n, least, most; } rows[] = {
        { EM_PLACE_INSIDE, 25, 0, T - 25 }, { EM_PLACE_INSIDE, T, 0, 0 }, { EM_PLACE_INSIDE, 100, T - 100, 0 },
        { EM_PLACE_END, 100, T - 100, 0 }, { EM_PLACE_START, 100, T - 100, 0 }, { EM_PLACE_ANY, 20, 10 - 20, T - 10 },
        { EM_PLACE_ANY, 100, 30 - 100, T - 30 }, { EM_PLACE_ANY, 1, 0, T - 1 },
    };
    (void)state;

    for (size_t r = 0; r < EM_COUNT(rows); r++) {
        em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
        em_part a = part_a(rows[r].n);
        int n_places = rows[r].most - rows[r].least + 1, low = 0, N = 60 * n_places, seen_least = 0, seen_most = 0;

        cfg.place = rows[r].place;
        cfg.least_inside = .5;
        for (int seed = 0; seed < N; seed++) {
            int at;

            compose(&cfg, (uint64_t)seed, &a, NULL, NULL);
            at = find_clip((uint64_t)seed);
            CHECK(at >= rows[r].least && at <= rows[r].most, "row %zu: at %d", r, at);
            low += 2 * (at - rows[r].least) < n_places - 1;
            seen_least += at == rows[r].least;
            seen_most += at == rows[r].most;
        }
        CHECK(n_places == 1 || abs(low - N / 2 + (n_places % 2 ? N / n_places / 2 : 0)) < N / 15 + 5,
              "row %zu: %d of %d in the lower half", r, low, N);
        CHECK(seen_least > 20 && seen_most > 20, "row %zu: both ends are reached: %d, %d", r, seen_least, seen_most);
    }
}

static void a_roll_turns_the_clip_round_and_loses_nothing(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(50);
    int first[50] = { 0 };
    (void)state;

    cfg.rolls = true;
    for (uint64_t seed = 0; seed < 2500; seed++) {
        int begin;

        compose(&cfg, seed, &a, NULL, NULL);
        begin = frame_at(0, -40);
        first[begin]++;
        for (int t = 0; t < 50; t++)
            CHECK(frame_at(t, -40) == (begin + t) % 50, "seed %llu, frame %d", (unsigned long long)seed, t);
        CHECK(targets[0] == 1, "seed %llu", (unsigned long long)seed);
    }
    for (int i = 0; i < 50; i++)
        CHECK(first[i] > 15 && first[i] < 100, "%d times from frame %d", first[i], i);
}

static void digital_silence_is_trimmed_before_a_clip_is_placed(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(50);
    (void)state;

    silence(sound_a, 0, 20);
    silence(sound_a, 25, 27);
    silence(sound_a, 40, 50);
    sound_a[45 * F] = -90;                              /* the rounding of it */
    cfg.trims = true;
    compose(&cfg, 1, &a, NULL, NULL);
    for (int t = 0; t < T; t++)
        CHECK(frame_at(t, -40) == (t >= 20 || t == 5 || t == 6 ? -1 : 20 + t), "frame %d: %d", t, frame_at(t, -40));
    silence(sound_a, 0, 50);
    compose(&cfg, 1, &a, NULL, NULL);
    CHECK(frame_at(0, -40) == -1 && targets[0] == 0 && weights[0] == 1, "nothing is left of it");
}

static void gain_is_even_and_keeps_the_floor(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(30);
    double sum = 0, squares = 0;
    enum { N = 4000 };
    (void)state;

    sound_a[10] = -100;
    sound_a[11] = -99.5f;
    cfg.gain_db = 8;
    for (uint64_t seed = 0; seed < N; seed++) {
        float gain;

        compose(&cfg, seed, &a, NULL, NULL);
        gain = frames[0] + 40;
        CHECK(fabsf(gain) <= 8 && fabsf(frames[20 * F] - sound_a[20 * F] - gain) < 1e-4f, "%g dB", (double)gain);
        CHECK(frames[10] == -100 && fabsf(frames[11] - fmaxf(-100, -99.5f + gain)) < 1e-4f, "floor: %g under %g dB", (double)frames[11],
              (double)gain);
        sum += (double)gain;
        squares += (double)(gain * gain);
    }
    CHECK(fabs(sum / N) < .4 && fabs(squares / N - 64 / 3.) < 1.2, "mean %g, square %g", sum / N, squares / N);
}

static void equal_draws_give_equal_bits(void **state)
{
    em_compose_cfg cfg = em_compose_defaults(EM_FRONTEND_HTSAT);
    em_part a = part_a(30), b = part_b(20), c = part_c(25);
    static float again[T * F];
    (void)state;

    cfg.p_before = cfg.p_after = cfg.p_bed = 1;
    cfg.p_empty = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        compose(&cfg, seed, &a, &b, &c);
        memcpy(again, frames, sizeof again);
        compose(&cfg, seed + 1, &a, &b, &c);
        CHECK(memcmp(again, frames, sizeof again) != 0, "another seed, another window");
        compose(&cfg, seed, &a, &b, &c);
        CHECK(memcmp(again, frames, sizeof again) == 0, "the same seed, the same window");
    }
}

static void settings_out_of_range_are_refused(void **state)
{
    em_compose_cfg good = em_compose_defaults(EM_FRONTEND_KALDI), bad[8];
    em_err err;
    (void)state;

    CHECK_OK(em_compose_check(&good, &err));
    good = em_compose_plain(EM_FRONTEND_HTSAT);
    CHECK_OK(em_compose_check(&good, &err));
    for (int i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].p_empty = 1.1;
    bad[1].least_inside = 0;
    bad[2].gain_db = NAN;
    bad[3].bed_low_db = 10;
    bad[4].most_gap = -1;
    bad[5].least_frames = 0;
    bad[6].unknown_weight = -1;
    bad[7].bed_tilt_db = 1e9;
    for (int i = 0; i < 8; i++)
        CHECK(em_compose_check(&bad[i], &err) == EM_EINVAL && strstr(err.msg, "augmentation: "), "case %d", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_add_and_silence_adds_nothing),
        cmocka_unit_test(a_plain_window_is_the_clip_and_silence_after_it),
        cmocka_unit_test(places_are_even_and_keep_to_their_kind),
        cmocka_unit_test(a_roll_turns_the_clip_round_and_loses_nothing),
        cmocka_unit_test(digital_silence_is_trimmed_before_a_clip_is_placed),
        cmocka_unit_test(gain_is_even_and_keeps_the_floor),
        cmocka_unit_test(equal_draws_give_equal_bits),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
