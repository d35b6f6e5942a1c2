/* warp.c - what a warped clip is made of: its length, where its frames and bands come from, its tone, and what must not change. */
#include "check.h"

#include "train/compose.h"
#include "train/draw.h"
#include "train/warp.h"

#include <math.h>

enum { N = 200, F = 32, DRAWS = 4000 };

static float          frames[N * F], out[F];
static const em_level level = { .floor = -100, .per_db = 1 };

static em_warp drawn(const em_warp_cfg *cfg, uint64_t seed)
{
    em_rng rng = { seed };
    em_warp w = { 0 };

    em_warp_draw(&w, cfg, F, &rng);
    return w;
}

static void nothing_asked_is_nothing_drawn(void **state)
{
    const em_warp_cfg none = { 0 };
    em_rng rng = { 7 }, untouched = { 7 };
    em_warp w = { 0 };
    (void)state;

    em_warp_draw(&w, &none, F, &rng);
    CHECK(w.is_none && rng.state == untouched.state, "older recipes draw what they drew");
    CHECK(em_warp_length(&w, N) == N && em_warp_source(&w, 17) == 17, "and clips stay as they are");
}

static void clips_are_slower_as_often_as_faster(void **state)
{
    const em_warp_cfg cfg = { .stretch = .25 };
    int n_longer = 0;
    double least = 10, most = 0;
    (void)state;

    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        const em_warp w = drawn(&cfg, seed);
        const int n = em_warp_length(&w, N);
        int last = 0;

        n_longer += n > N;
        least = fmin(least, w.step);
        most = fmax(most, w.step);
        CHECK(n >= N / 1.25 - 1 && n <= N * 1.25 + 1, "%d frames", n);
        for (int i = 0; i < n; i++) {
            const int from = em_warp_source(&w, i);

            CHECK(from >= last && from - last <= 2 && from < N, "frame %d is of %d after %d", i, from, last);
            last = from;
        }
        CHECK(last >= N - 3, "%d: the end is heard, too", last);
    }
    CHECK(abs(n_longer - DRAWS / 2) < DRAWS / 20, "%d of %d are longer", n_longer, DRAWS);
    CHECK(fabs(least - .8) < .01 && fabs(most - 1.25) < .01, "factors %g to %g", least, most);
}

static void one_frame_stays_one(void **state)
{
    const em_warp_cfg cfg = { .stretch = 1 };
    (void)state;

    for (uint64_t seed = 0; seed < 100; seed++) {
        const em_warp w = drawn(&cfg, seed);

        CHECK(em_warp_length(&w, 0) == 0 && em_warp_length(&w, 1) >= 1, "%d", em_warp_length(&w, 1));
        for (int i = 0; i < F; i++)
            frames[i] = -40;
        for (int i = 0; i < em_warp_length(&w, 1); i++) {
            em_warp_frame(out, &w, &level, frames, 1, F, i);
            CHECK(out[0] == -40 && out[F - 1] == -40, "%g", (double)out[0]);
        }
    }
}

/* Where the level of a ramp over time and bands is known between its points. */
static void frames_and_bands_lie_where_they_should(void **state)
{
    const em_warp_cfg cfg = { .stretch = .5, .shift = 4 };
    (void)state;

    for (int t = 0; t < N; t++)
        for (int f = 0; f < F; f++)
            frames[t * F + f] = (float)(-80 + .1 * t + f);
    for (uint64_t seed = 0; seed < 200; seed++) {
        const em_warp w = drawn(&cfg, seed);

        for (int i = 0; i < em_warp_length(&w, N); i += 7) {
            em_warp_frame(out, &w, &level, frames, N, F, i);
            for (int f = 0; f < F; f++) {
                const double t = fmin(i * w.step, N - 1), band = fmin(fmax(f - w.shift, 0), F - 1), want = -80 + .1 * t + band;

                CHECK(fabs((double)out[f] - want) < 1e-4, "frame %d band %d: %g, not %g", i, f, (double)out[f], want);
            }
        }
    }
}

static void a_tone_is_smooth_within_its_bounds_and_makes_no_sound_of_silence(void **state)
{
    const em_warp_cfg cfg = { .tone_db = 8 };
    double squares = 0;
    (void)state;

    for (int i = 0; i < F; i++)
        frames[i] = i == 5 ? -100 : -40;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        const em_warp w = drawn(&cfg, seed);

        em_warp_frame(out, &w, &level, frames, 1, F, 0);
        CHECK(out[5] == -100, "silence: %g", (double)out[5]);
        for (int f = 0; f < F; f++) {
            CHECK(fabsf(w.tone_db[f]) <= 8, "%g dB", (double)w.tone_db[f]);
            CHECK(f == 0 || fabsf(w.tone_db[f] - w.tone_db[f - 1]) < 16.f * 4 / (F - 1) + 1e-4f, "a step at band %d", f);
            CHECK(f == 5 || fabsf(out[f] + 40 - w.tone_db[f]) < 1e-4f, "band %d", f);
        }
        squares += pow((double)w.tone_db[0], 2);
    }
    CHECK(fabs(squares / DRAWS - 64 / 3.) < 1.2, "%g: even at the points", squares / DRAWS);
}

/* Half a clip of sound is half of what it becomes, and the label is where the sound is. */
static void labels_go_with_the_sound(void **state)
{
    enum { T = 400, SLOTS = 10 };
    static float window[T * F], target[1], weight[1], slots[SLOTS];
    em_canvas canvas = { .frames = window, .target = target, .weight = weight, .n_frames = T, .n_mels = F, .n_classes = 1,
                         .slots = slots, .n_slots = SLOTS, .slot_frames = T / (double)SLOTS };
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    int label = 0, n_other = 0;
    em_span half = { .label = 0, .onset = 0, .offset = N / 2 / 100. };
    const em_clip clip = { .labels = &label, .n_labels = 1, .spans = &half, .n_spans = 1 };
    const em_part part = { frames, N, &clip };
    (void)state;

    for (int i = 0; i < N * F; i++)
        frames[i] = i / F < N / 2 ? -20 : -30;
    cfg.warp.stretch = .5;
    for (uint64_t seed = 0; seed < 200; seed++) {
        em_rng rng = { seed };
        const em_scene scene = em_scene_draw(&cfg, &rng);
        double n_loud = 0, n_labelled = 0;

        em_compose(&canvas, &cfg, &scene, &part, NULL, NULL);
        for (int t = 0; t < T; t++)
            n_loud += window[t * F] > -25;
        for (int s = 0; s < SLOTS; s++)
            n_labelled += (double)slots[s] * canvas.slot_frames;
        CHECK(fabs(n_loud - n_labelled) < 2, "%g frames are loud, %g labelled", n_loud, n_labelled);
        n_other += fabs(n_loud - N / 2) > 5;
    }
    CHECK(n_other > 150, "%d of 200 are of another length", n_other);
}

static void bounds_are_kept(void **state)
{
    static const em_warp_cfg bad[] = { { .stretch = -.1 }, { .stretch = 1.1 }, { .shift = 65 }, { .tone_db = NAN }, { .tone_db = 41 } };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(em_warp_check(&bad[i], &err) == EM_EINVAL, "%zu", i);
    CHECK(em_warp_check(&(em_warp_cfg){ 1, 64, 40 }, &err) == EM_OK, "the largest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_nothing_drawn),
        cmocka_unit_test(clips_are_slower_as_often_as_faster),
        cmocka_unit_test(one_frame_stays_one),
        cmocka_unit_test(frames_and_bands_lie_where_they_should),
        cmocka_unit_test(a_tone_is_smooth_within_its_bounds_and_makes_no_sound_of_silence),
        cmocka_unit_test(labels_go_with_the_sound),
        cmocka_unit_test(bounds_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
