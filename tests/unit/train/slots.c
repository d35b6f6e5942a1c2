/* Time slots on clips: where windows lie, what overlaps, which clips count. Slots are made up; no model runs. */
#include "check.h"

#include "train/slots.h"

#include <math.h>

enum { C = 2, BATCH = 2, SLOTS = 32 };

static em_config model;
static em_counts segments[C], events[C];
static int n_clips;

/* A clip with one span of class 0, or (onset < 0) of no class. */
typedef struct made { em_clip clip; em_span span; int label; em_clip_frames frames; } made;

static const em_clip *made_clip(made *m, double seconds, double onset, double offset)
{
    *m = (made){ .span = { 0, onset, offset }, .frames = { .seconds = seconds } };
    m->clip = (em_clip){ .name = "a.wav", .labels = &m->label, .spans = &m->span, .n_labels = onset >= 0, .n_spans = onset >= 0 };
    return &m->clip;
}

static em_slots *begin_with(const float *thresholds, em_activation activation)
{
    em_slots *s;
    em_err err;

    model.activation = activation;
    memset(segments, 0, sizeof segments);
    memset(events, 0, sizeof events);
    CHECK_OK(em_slots_new(&s, &(em_slots_cfg){ &model, BATCH, thresholds, segments, events }, &err));
    return s;
}

/* A window of m in which class 0 has probability p in the slots [from, to), and 0 elsewhere. Returns its slots. */
static float *hear(em_slots *s, int i, made *m, int begin, int from, int to, double p)
{
    float *slots = em_slots_expect(s, i, &m->clip, &m->frames, begin);

    CHECK(slots, "the clip counts");
    for (int k = 0; k < SLOTS; k++) {
        slots[k * C] = k >= from && k < to ? (float)log(p / (1 - p)) : -30;
        slots[k * C + 1] = -30;
    }
    return slots;
}

static void take(em_slots *s, int n)
{
    em_err err;

    CHECK_OK(em_slots_take(s, n, &err));
}

static void end(em_slots *s)
{
    em_err err;

    CHECK_OK(em_slots_end(s, &n_clips, &err));
    em_slots_free(s);
}

static void check_events(int n_hits, int n_false, int n_missed, const char *why)
{
    CHECK(events[0].n_hits == n_hits && events[0].n_false == n_false && events[0].n_missed == n_missed, "%s: %d hits, %d false, %d missed", why,
          events[0].n_hits, events[0].n_false, events[0].n_missed);
}

static void a_short_clip_lies_at_the_end_of_its_window(void **state)
{
    em_slots *s = begin_with(NULL, EM_SIGMOID);
    float *slots;
    made m;
    (void)state;

    made_clip(&m, 5, 1.4, 2.68);                        /* slots 20 to 23 are 6.4 to 7.68 s of the window, which begins 5 s before */
    slots = hear(s, 0, &m, -500, 20, 24, .9);
    for (int k = 0; k < 15; k++)
        slots[k * C] = 9;                               /* before the clip: nobody's sound */
    take(s, 1);
    end(s);
    check_events(1, 0, 0, "the one event");
    CHECK(segments[0].n_hits == 2 && segments[0].n_false == 0 && segments[0].n_missed == 0, "seconds 1 and 2: %d, %d, %d", segments[0].n_hits,
          segments[0].n_false, segments[0].n_missed);
    CHECK(n_clips == 1, "%d clips", n_clips);
}

/* Its last slot would last to 10.24 s, where only the next window hears the clip. */
static void a_window_says_nothing_behind_its_end(void **state)
{
    em_slots *s = begin_with(NULL, EM_SIGMOID);
    made m;
    (void)state;

    made_clip(&m, 15, 10, 15);
    hear(s, 0, &m, 0, 0, 0, .5);
    hear(s, 1, &m, 500, 15, SLOTS, .9);
    take(s, 2);
    end(s);
    check_events(1, 0, 0, "from 10 s on");
}

/* Windows of 0 to 10 and 5 to 15 s. */
static void overlap(double first, double second, const float *thresholds, double offset, const char *why)
{
    em_slots *s = begin_with(thresholds, EM_SIGMOID);
    made m;

    made_clip(&m, 15, 0, offset);
    hear(s, 0, &m, 0, 0, SLOTS, first);
    take(s, 1);
    hear(s, 0, &m, 500, 0, SLOTS, second);
    take(s, 1);
    end(s);
    check_events(1, 0, 0, why);
    CHECK(n_clips == 1, "one clip over two batches");
}

static void slots_that_overlap_are_averaged(void **state)
{
    static const float high[C] = { .6f, .6f };
    (void)state;

    overlap(.9, .2, NULL, 10, "the mean of .9 and .2 is enough");
    overlap(.9, .05, NULL, 5, "that of .9 and .05 is not");
    overlap(.9, .2, high, 5, "the model asks for .6");
    overlap(.9, .9, NULL, 15, "no seam");
}

static void clips_without_times_do_not_count(void **state)
{
    em_slots *s = begin_with(NULL, EM_SIGMOID);
    made strong, weak, none;
    (void)state;

    made_clip(&strong, 10, 0, 10);
    made_clip(&weak, 10, 0, 10);
    weak.clip.n_spans = 0;
    made_clip(&none, 10, -1, -1);
    CHECK(em_slots_can_count(&strong.clip) && !em_slots_can_count(&weak.clip) && em_slots_can_count(&none.clip), "which count");
    hear(s, 0, &strong, 0, 0, SLOTS, .9);
    CHECK(!em_slots_expect(s, 1, &weak.clip, &weak.frames, 0), "a class whose times nobody told");
    take(s, 2);
    hear(s, 0, &none, 0, 0, 4, .9);
    take(s, 1);
    end(s);
    check_events(1, 1, 0, "in a clip of no class all is false");
    CHECK(n_clips == 2, "%d clips", n_clips);
}

static void of_a_cut_file_only_the_part_that_was_heard_counts(void **state)
{
    em_slots *s = begin_with(NULL, EM_SIGMOID);
    made m;
    (void)state;

    made_clip(&m, 10, 8.96, 30);
    m.frames.is_cut = true;
    hear(s, 0, &m, 0, 28, SLOTS, .9);
    take(s, 1);
    end(s);
    check_events(1, 0, 0, "it ends where hearing ends");
}

static void of_one_class_a_clip_the_likeliest_is_found(void **state)
{
    em_slots *s = begin_with(NULL, EM_SOFTMAX);
    made m;
    (void)state;

    made_clip(&m, 10, 0, 10);
    hear(s, 0, &m, 0, 0, 0, .5);                        /* -30 and -30: a half each */
    take(s, 1);
    end(s);
    check_events(1, 0, 0, "softmax, not two sigmoids");
}

static void a_stretched_window_has_slots_of_a_thirty_second_part(void **state)
{
    em_slots *s;
    made m;
    (void)state;

    model.fit = EM_FIT_STRETCH;
    s = begin_with(NULL, EM_SIGMOID);
    made_clip(&m, 10, 9.9, 10);
    hear(s, 0, &m, 0, 31, 32, .9);                      /* 9.69 s: with slots of .32 s it would be 9.92 */
    take(s, 1);
    end(s);
    model.fit = EM_FIT_PAD;
    check_events(0, 1, 1, "behind the collar");
}

static void impossible_times_name_the_clip(void **state)
{
    em_slots *s = begin_with(NULL, EM_SIGMOID);
    em_err err;
    made m;
    (void)state;

    made_clip(&m, 10, 0, 1e9);
    hear(s, 0, &m, 0, 0, 1, .9);
    take(s, 1);
    CHECK(em_slots_end(s, &n_clips, &err) == EM_EINVAL && strstr(err.msg, "a.wav: "), "%s", err.msg);
    em_slots_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_clip_lies_at_the_end_of_its_window),
        cmocka_unit_test(a_window_says_nothing_behind_its_end),
        cmocka_unit_test(slots_that_overlap_are_averaged),
        cmocka_unit_test(clips_without_times_do_not_count),
        cmocka_unit_test(of_a_cut_file_only_the_part_that_was_heard_counts),
        cmocka_unit_test(of_one_class_a_clip_the_likeliest_is_found),
        cmocka_unit_test(a_stretched_window_has_slots_of_a_thirty_second_part),
        cmocka_unit_test(impossible_times_name_the_clip),
    };
    em_err err;

    if (em_config_preset(&model, "nano", &err) != EM_OK)
        return 1;
    model.n_classes = C;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
