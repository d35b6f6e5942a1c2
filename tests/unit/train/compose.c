/* compose.c - where clips come to lie, what is added to what, which labels are given, and what noise looks like. */
#include "check.h"

#include "train/compose.h"
#include "train/draw.h"

#include <limits.h>
#include <math.h>

enum { T = 60, F = 8, C = 5, MOST = 400 };

static float     frames[T * F], targets[C], weights[C], again[T * F];
static em_canvas canvas = { .frames = frames, .target = targets, .weight = weights, .n_frames = T, .n_mels = F, .n_classes = C };
static float     sound_a[MOST * F], sound_b[MOST * F], sound_c[MOST * F];
static int       label_a[] = { 0 }, label_b[] = { 1 }, label_c[] = { 2 };

/* Frame i of a clip is base + i / 100 in every band, so that a window tells where each of its frames is from. */
static em_part make_part(float *sound, em_clip *clip, int *label, int n, float base)
{
    for (int i = 0; i < n * F; i++)
        sound[i] = base + (float)(i / F) / 100;
    *clip = (em_clip){ .labels = label, .n_labels = 1 };
    return (em_part){ sound, n, clip };
}

static em_clip clip_a, clip_b, clip_c;

static em_part part_a(int n) { return make_part(sound_a, &clip_a, label_a, n, -40); }
static em_part part_b(int n) { return make_part(sound_b, &clip_b, label_b, n, -30); }
static em_part part_c(int n) { return make_part(sound_c, &clip_c, label_c, n, -20); }

static void silence(float *sound, int from, int to)
{
    for (int i = from * F; i < to * F; i++)
        sound[i] = -100;
}

/* The clip's frame that stands at window frame t, -1: silence. */
static int frame_at(int t, float base)
{
    float x = frames[t * F];

    for (int f = 1; f < F; f++)
        CHECK(frames[t * F + f] == x, "frame %d is whole", t);
    return x == -100 ? -1 : (int)lroundf((x - base) * 100);
}

static void compose(const em_compose_cfg *cfg, uint64_t seed, const em_part *a, const em_part *b, const em_part *c)
{
    em_rng rng = { seed };
    em_scene scene = em_scene_draw(cfg, &rng);

    em_compose(&canvas, cfg, &scene, a, b, c);
}

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

/* 40 frames, of which 10..29 are sound: the label follows from how many of these are inside. */
static void labels_are_given_where_enough_of_the_sound_is_inside(void **state)
{
    static const struct { double share; int frames; } rows[] = { { .5, 1000 }, { 1, 1000 }, { 1, 5 }, { .9, 15 }, { 0, 1 } };
    (void)state;

    for (size_t r = 0; r < EM_COUNT(rows); r++) {
        em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
        em_part a = part_a(40);
        int seen[3] = { 0 };

        silence(sound_a, 0, 10);
        silence(sound_a, 30, 40);
        cfg.place = EM_PLACE_ANY;
        cfg.least_inside = .1;
        cfg.least_share = rows[r].share;
        cfg.least_frames = rows[r].frames;
        for (uint64_t seed = 0; seed < 400; seed++) {
            int n = 0, is_given;

            compose(&cfg, seed, &a, NULL, NULL);
            for (int t = 0; t < T; t++)
                n += frame_at(t, -40) >= 0;
            is_given = n > 0 && (n >= rows[r].share * 20 || n >= rows[r].frames);
            CHECK(targets[0] == (is_given ? 1 : 0) && weights[0] == (is_given || n == 0 ? 1 : 0),
                  "row %zu: %d of 20 frames inside: target %g, weight %g", r, n,
                  (double)targets[0], (double)weights[0]);
            CHECK(targets[1] == 0 && weights[1] == 1, "row %zu: other classes", r);
            seen[n == 0 ? 0 : is_given ? 2 : 1]++;
        }
        CHECK(seen[0] > 20 && seen[2] > 100 && (seen[1] > 20 || rows[r].share == 0),
              "row %zu: %d without, %d with too little, %d with enough", r, seen[0], seen[1],
              seen[2]);
    }
}

static void what_is_far_below_the_loudest_is_no_sound(void **state)
{
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(100);
    (void)state;

    for (int i = 0; i < 100 * F; i++)
        sound_a[i] = i / F < 30 ? -20 : -51;            /* a hiss behind the sound, 31 dB below */
    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .1;
    for (uint64_t seed = 0; seed < 200; seed++) {
        int n = 0;

        compose(&cfg, seed, &a, NULL, NULL);
        for (int t = 0; t < T; t++)
            n += frames[t * F] == -20;
        CHECK(targets[0] == (n >= 15 ? 1 : 0), "seed %llu: %d of 30 loud frames", (unsigned long long)seed, n);
    }
    for (int i = 0; i < 100 * F; i++)
        sound_a[i] = -90;                               /* only the rounding of silence */
    compose(&cfg, 1, &a, NULL, NULL);
    CHECK(targets[0] == 0, "silence has no label");
}

static void strong_labels_count_only_within_their_spans(void **state)
{
    static int two[] = { 0, 3 };
    em_span spans[] = { { 3, .10, .20 }, { 3, .35, .40 } };
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(40);
    int seen = 0;
    (void)state;

    clip_a = (em_clip){ .labels = two, .n_labels = 2, .spans = spans, .n_spans = 2 };
    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .1;
    cfg.least_share = 1;
    cfg.rolls = true;
    for (uint64_t seed = 0; seed < 400; seed++) {
        int n = 0, n_all = 0;

        compose(&cfg, seed, &a, NULL, NULL);
        for (int t = 0; t < T; t++) {
            int i = frame_at(t, -40);

            n_all += i >= 0;
            n += (i >= 10 && i < 20) || (i >= 35 && i < 40);
        }
        CHECK(targets[3] == (n == 15 ? 1 : 0) && weights[3] == (n == 0 || n == 15 ? 1 : 0), "seed %llu: %d of 15",
              (unsigned long long)seed, n);
        CHECK(targets[0] == (n_all == 40 ? 1 : 0), "seed %llu: the weak one is everywhere: %d of 40", (unsigned long long)seed, n_all);
        seen += n > 0 && n < 15;
    }
    CHECK(seen > 20, "%d in between", seen);
}

static void slots_are_filled_as_far_as_they_have_the_sound(void **state)
{
    enum { S = 4, SLOT = 16 };                          /* 60 frames: the last slot has 12 */
    static float slots[S * C];
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(40), b = part_b(9);
    int n_partly = 0;
    (void)state;

    silence(sound_a, 10, 30);                           /* a pause within the sound */
    silence(sound_a, 35, 40);
    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .1;
    cfg.p_after = 1;
    cfg.most_gap = 5;
    canvas.slots = slots;
    canvas.n_slots = S;
    canvas.slot_frames = SLOT;
    for (uint64_t seed = 0; seed < 300; seed++) {
        int first = INT_MIN;

        compose(&cfg, seed, &a, NULL, &b);
        for (int t = 0; t < T && first == INT_MIN; t++)
            if (frame_at(t, -40) >= 0 && frame_at(t, -40) < 35)
                first = t - frame_at(t, -40);           /* where the clip begins */
        if (first == INT_MIN)
            continue;
        for (int s = 0; s < S; s++) {
            const int end = (s + 1) * SLOT < T ? (s + 1) * SLOT : T;
            int n_a = 0, n_b = 0;

            for (int t = s * SLOT; t < end; t++) {
                n_a += t >= first && t < first + 35;
                n_b += frames[t * F] > -31;
            }
            CHECK(fabsf(slots[s * C] * (float)(end - s * SLOT) - (float)n_a) < 1e-4f, "seed %llu, slot %d: %g of %d frames", (unsigned long long)seed, s,
                  (double)slots[s * C], n_a);
            CHECK(fabsf(slots[s * C + 1] * (float)(end - s * SLOT) - (float)n_b) < 1e-4f, "seed %llu, slot %d: the one behind it", (unsigned long long)seed, s);
            CHECK(slots[s * C + 2] == 0, "seed %llu, slot %d: nobody's", (unsigned long long)seed, s);
            n_partly += n_a > 0 && n_a < SLOT;
        }
    }
    CHECK(n_partly > 100, "%d slots with a part", n_partly);
    canvas.n_slots = 0;
    canvas.slots = NULL;
}

static void a_long_pause_parts_a_sound_in_two(void **state)
{
    enum { LONG = 300, SLOT = 50, S = LONG / SLOT };
    static float wide[LONG * F], slots[S];
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_rng rng = { 1 };
    em_scene scene = em_scene_draw(&cfg, &rng);
    float target, weight;
    em_canvas c = { wide, &target, &weight, LONG, F, 1, slots, S, SLOT };
    em_part a = part_a(LONG);
    (void)state;

    for (int longest = 100; longest <= 101; longest++) {
        a = part_a(LONG);
        silence(sound_a, 50, 50 + longest);
        silence(sound_a, 200, LONG);
        em_compose(&c, &cfg, &scene, &a, NULL, NULL);
        CHECK(slots[0] == 1 && slots[3] > .9f && slots[4] == 0 && slots[5] == 0, "%d frames: ends", longest);
        CHECK(slots[1] == (longest == 100 ? 1 : 0) && slots[2] == slots[1], "%d frames of pause: %g", longest, (double)slots[1]);
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

static void unknown_classes_weigh_what_they_are_told_to(void **state)
{
    static int negatives[] = { 4 };
    em_compose_cfg cfg = em_compose_plain(EM_FRONTEND_HTSAT);
    em_part a = part_a(10), b = part_b(10);
    (void)state;

    cfg.unknown_weight = .25f;
    cfg.place = EM_PLACE_END;
    clip_a.negatives = clip_b.negatives = negatives;
    clip_a.n_negatives = clip_b.n_negatives = 1;
    compose(&cfg, 1, &a, NULL, NULL);
    CHECK(weights[0] == 1 && weights[1] == .25f && weights[4] == 1 && targets[4] == 0, "one clip");
    cfg.p_before = 1;
    compose(&cfg, 1, &a, &b, NULL);
    CHECK(weights[0] == 1 && weights[1] == 1 && weights[2] == .25f && weights[4] == 1, "two clips");
    cfg.p_empty = 1;
    compose(&cfg, 1, NULL, NULL, NULL);
    CHECK(weights[0] == 1 && weights[2] == 1, "of silence all is known");
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

static void equal_draws_give_equal_bits(void **state)
{
    em_compose_cfg cfg = em_compose_defaults(EM_FRONTEND_HTSAT);
    em_part a = part_a(30), b = part_b(20), c = part_c(25);
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
        cmocka_unit_test(labels_are_given_where_enough_of_the_sound_is_inside),
        cmocka_unit_test(what_is_far_below_the_loudest_is_no_sound),
        cmocka_unit_test(strong_labels_count_only_within_their_spans),
        cmocka_unit_test(slots_are_filled_as_far_as_they_have_the_sound),
        cmocka_unit_test(a_long_pause_parts_a_sound_in_two),
        cmocka_unit_test(a_roll_turns_the_clip_round_and_loses_nothing),
        cmocka_unit_test(digital_silence_is_trimmed_before_a_clip_is_placed),
        cmocka_unit_test(gain_is_even_and_keeps_the_floor),
        cmocka_unit_test(other_clips_stand_beside_and_never_on_the_main_one),
        cmocka_unit_test(empty_windows_hold_nothing_and_say_so),
        cmocka_unit_test(an_empty_clip_is_never_heard),
        cmocka_unit_test(what_is_not_heard_changes_neither_noise_nor_weights),
        cmocka_unit_test(unknown_classes_weigh_what_they_are_told_to),
        cmocka_unit_test(a_bed_is_white_noise_of_its_level_and_tilt),
        cmocka_unit_test(a_bed_hides_no_clip),
        cmocka_unit_test(equal_draws_give_equal_bits),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
