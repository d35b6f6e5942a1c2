/* Scores of known sounds become events with their times, once, whatever the hops. An interposed allocator counts what a
 * hop allocates. */
#include "scene.h"

#include "base/rng.h"

#include <math.h>

static int n_allocs;

#ifndef CANNOT_COUNT
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)                          { n_allocs++; return __libc_malloc(n); }
void *calloc(size_t n, size_t size)             { n_allocs++; return __libc_calloc(n, size); }
void *aligned_alloc(size_t align, size_t n)     { n_allocs++; return __libc_memalign(align, n); }
#endif

enum { DOG, BARK, RAIN, SPEECH, SIREN, BUZZER, TICK, ANIMAL };

static const double steps[] = { .25, 1, 2, 5 };

static void check_times(const told *t, double from, double to, double collar, double step)
{
    CHECK(fabs(t->onset_s - from) <= collar && fabs(t->offset_s - to) <= collar, "step %g: %.2f-%.2f s, not %.2f-%.2f", step, t->onset_s,
          t->offset_s, from, to);
}

/* ------------------------------------------------------------------ times */

static void a_sound_is_one_event_with_its_times(void **state)
{
    static const sound lengths[] = { { RAIN, 20.1, 21.1, .9f }, { RAIN, 20.1, 20.7, .95f }, { RAIN, 20.1, 26.3, .9f },
                                     { RAIN, 20.1, 83.3, .9f } };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(lengths); k++)
        for (size_t i = 0; i < EM_COUNT(steps); i++) {
            scene s;
            const told *end;

            scene_init(&s, &lengths[k], 1, 100);
            s.step_s = steps[i];
            scene_run(&s);
            end = scene_only(&s, -1);
            check_times(end, lengths[k].from, lengths[k].to, steps[i] < 2 ? .17 : .33, steps[i]);
            assert_int_equal(s.n_told, 2);
            CHECK(s.told[0].type == EM_DETECTION_BEGIN && !strcmp(s.told[0].id, end->id), "%s, then %s", s.told[0].id, end->id);
            CHECK(s.told[0].told_s - s.told[0].onset_s <= steps[i] + 1.4, "step %g: told after %g s", steps[i],
                  s.told[0].told_s - s.told[0].onset_s);
            CHECK(end->told_s - end->offset_s <= steps[i] + 1.4, "step %g: its end after %g s", steps[i], end->told_s - end->offset_s);
            CHECK(end->score > .8f && end->mean > .5f && end->mean <= end->score, "%g, mean %g", (double)end->score, (double)end->mean);
            CHECK(end->res_s >= .32 && end->res_s < .7, "uncertain by %g s", end->res_s);
        }
}

/* Where the level has edges, times are theirs, to a slice. */
static void levels_make_times_exact(void **state)
{
    static const sound sounds[] = { { RAIN, 20.13, 24.31, .9f }, { RAIN, 20.1, 20.7, .95f }, { RAIN, .81, 3.13, .9f }, { RAIN, 20.1, 83.3, .9f } };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(sounds); k++)
        for (size_t i = 0; i < EM_COUNT(steps); i++) {
            scene s;

            scene_init(&s, &sounds[k], 1, 100);
            s.loud = &sounds[k];
            s.n_loud = 1;
            s.step_s = steps[i];
            scene_run(&s);
            check_times(scene_only(&s, -1), sounds[k].from, sounds[k].to, .041, steps[i]);
            CHECK(fabs(s.told[0].onset_s - sounds[k].from) < .041, "its onset is told so at once: %g s", s.told[0].onset_s);
        }
}

/* A click between two sounds of a class draws the end of one and the beginning of the other, which do not pass each other. */
static void levels_do_not_make_events_overlap(void **state)
{
    static const sound sounds[] = { { RAIN, 20.1, 22.1, .9f }, { RAIN, 23.3, 25.3, .9f } };
    static const sound loud[] = { { RAIN, 20.1, 22.1, 1 }, { RAIN, 22.6, 22.8, 1 }, { RAIN, 23.3, 25.3, 1 } };
    scene s;

    (void)state;
    scene_init(&s, sounds, 2, 60);
    s.classes[RAIN].gap_s = .5;
    s.loud = loud;
    s.n_loud = EM_COUNT(loud);
    scene_run(&s);
    assert_int_equal(s.n_events, 2);
    CHECK(s.events[0].offset_s > 22.3 && s.events[0].offset_s <= s.events[1].onset_s && s.events[1].onset_s < 23, "to %g s, then from %g s",
          s.events[0].offset_s, s.events[1].onset_s);
}

/* What level says is shorter than an event may be has the times of slots. */
static void levels_do_not_make_events_too_short(void **state)
{
    static const sound rain = { RAIN, 20.1, 20.9, .95f }, loud = { RAIN, 20.32, 20.64, 1 };
    const told *end;
    scene s;

    (void)state;
    scene_init(&s, &rain, 1, 60);
    s.loud = &loud;
    s.n_loud = 1;
    scene_run(&s);
    end = scene_only(&s, -1);
    CHECK(end->offset_s - end->onset_s >= .4, "%g-%g s", end->onset_s, end->offset_s);
    check_times(end, rain.from, rain.to, .17, 1);
}

/* A low threshold lets a faint sound in, and makes a loud one no longer. */
static void thresholds_do_not_move_edges(void **state)
{
    static const sound one[] = { { RAIN, 20.1, 23.1, .95f } };
    static const float thresholds[] = { .1f, .3f, .6f };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(thresholds); k++) {
        scene s;

        scene_init(&s, one, 1, 40);
        s.step_s = .25;
        s.classes[RAIN].on = thresholds[k];
        s.classes[RAIN].off = thresholds[k] / 2;
        scene_run(&s);
        check_times(scene_only(&s, -1), 20.1, 23.1, .1, (double)thresholds[k]);
    }
}

static void the_gap_joins_what_is_close(void **state)
{
    static const sound two[] = { { DOG, 20, 21, .9f }, { DOG, 22.5, 23.5, .9f } };
    scene s;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        scene_init(&s, two, 2, 40);
        s.step_s = steps[i];
        s.classes[DOG].gap_s = 2;
        scene_run(&s);
        check_times(scene_only(&s, DOG), 20, 23.5, .33, steps[i]);

        scene_init(&s, two, 2, 40);
        s.step_s = steps[i];
        scene_run(&s);
        CHECK(s.n_events == 2 && s.n_told == 4, "step %g: %d events", steps[i], s.n_events);
        check_times(&s.events[0], 20, 21, .33, steps[i]);
        check_times(&s.events[1], 22.5, 23.5, .33, steps[i]);
    }
}

static void a_sound_at_the_very_start_is_found(void **state)
{
    static const sound start[] = { { SIREN, 0, 1.5, .9f } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++)
        for (int seconds = 5; seconds <= 30; seconds += 25) {
            scene s;

            scene_init(&s, start, 1, seconds);
            s.step_s = steps[i];
            scene_run(&s);
            check_times(scene_only(&s, -1), 0, 1.5, .17, steps[i]);
        }
}

static void the_end_of_the_stream_ends_events(void **state)
{
    static const sound last[] = { { SIREN, 22, 40, .9f }, { DOG, 24.3, 40, .9f } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        scene s;

        scene_init(&s, last, 2, 25.13);
        s.step_s = steps[i];
        scene_run(&s);
        check_times(scene_only(&s, SIREN), 22, 25.13, .33, steps[i]);
        check_times(scene_only(&s, DOG), 24.3, 25.13, .33, steps[i]);
        CHECK(s.events[0].offset_s <= 25.13 && s.events[1].offset_s <= 25.13, "behind the end");
    }
}

/* ------------------------------------------------------------------ thresholds */

static void what_stays_below_the_threshold_is_not_told(void **state)
{
    static const sound faint[] = { { RAIN, 20, 30, .45f } }, brief[] = { { RAIN, 20, 20.2, .9f } };
    scene s;

    (void)state;
    scene_init(&s, faint, 1, 40);
    scene_run(&s);
    assert_int_equal(s.n_told, 0);
    scene_init(&s, brief, 1, 40);
    s.classes[RAIN].shortest_s = 1;
    scene_run(&s);
    assert_int_equal(s.n_told, 0);
    scene_init(&s, faint, 1, 40);
    s.classes[RAIN].on = .3f;
    s.classes[RAIN].off = .2f;
    scene_run(&s);
    check_times(scene_only(&s, RAIN), 20, 30, .2, 1);
}

/* Evidence that comes and goes between the thresholds holds an event, and begins none. */
static void between_the_thresholds_nothing_changes(void **state)
{
    sound flicker[16];
    scene s;

    (void)state;
    for (int i = 0; i < 16; i++)
        flicker[i] = (sound){ RAIN, 20 + i, 21 + i, i % 2 ? .45f : .7f };
    scene_init(&s, flicker, 16, 60);
    s.classes[RAIN].gap_s = 0;
    scene_run(&s);
    check_times(scene_only(&s, RAIN), 20, 36, .2, 1);
    for (int i = 0; i < 16; i++)
        flicker[i].score = i % 2 ? .45f : .38f;
    scene_init(&s, flicker, 16, 60);
    scene_run(&s);
    assert_int_equal(s.n_told, 0);
}

/* One window's slots are sure of it; the window as a whole is not. */
static void slots_that_their_window_does_not_believe_are_no_event(void **state)
{
    em_detector *d;
    scene s;
    em_err err;
    static float clip[CLASSES], slots[SLOTS][CLASSES];

    (void)state;
    scene_init(&s, NULL, 0, 0);
    s.cfg.classes = s.classes;
    s.cfg.ctx = &s;
    CHECK_OK(em_detector_new(&d, &s.cfg, &err));         /* without `take`: to tell something would crash */
    for (int i = 0; i < SLOTS; i++)
        slots[i][DOG] = .99f;
    clip[DOG] = .15f;
    for (int i = 1; i <= 30; i++) {
        const em_detector_hop hop = { .end_sample = (int64_t)i * RATE, .filled = 1, .scores = clip, .slots = slots[0] };
        em_look look;

        CHECK_OK(em_detector_push(d, &hop, &err));
        em_detector_look(&look, d, DOG);
        CHECK(look.verdict == EM_VERDICT_QUIET && fabsf(look.now - .297f) < 1e-3f, "%d: %g", look.verdict, (double)look.now);
    }
    CHECK_OK(em_detector_finish(d, &err));
    em_detector_free(d);
}

/* ------------------------------------------------------------------ hops that are missing */

static void what_no_window_held_is_silence(void **state)
{
    static const sound one[] = { { RAIN, 20, 100, .9f } };
    scene s;

    (void)state;
    scene_init(&s, one, 1, 110);
    s.skipped[0] = (stretch_s){ 30.5, 69.5 };
    scene_run(&s);
    CHECK(s.n_events == 2 && s.n_told == 4, "%d events", s.n_events);
    check_times(&s.events[0], 20, 30, .2, 1);
    check_times(&s.events[1], 60, 100, .2, 1);
}

static void hops_may_be_skipped_within_a_window(void **state)
{
    static const sound two[] = { { RAIN, 20, 21, .9f }, { DOG, 27, 40, .9f } };

    (void)state;
    for (double from = 15.5; from < 30; from++) {
        scene s;

        scene_init(&s, two, 2, 60);
        s.skipped[0] = (stretch_s){ from, from + 7 };
        scene_run(&s);
        check_times(scene_only(&s, RAIN), 20, 21, .33, 1);
        check_times(scene_only(&s, DOG), 27, 40, .33, 1);
    }
}

/* Whatever a model makes of an outage. */
static void windows_without_sound_are_silence(void **state)
{
    static const sound one[] = { { RAIN, 20, 100, .9f } };
    scene s;

    (void)state;
    scene_init(&s, one, 1, 100);
    s.silent_from = 40;
    scene_run(&s);
    CHECK(scene_only(&s, RAIN)->offset_s <= 40, "until %g s", s.events[0].offset_s);
    CHECK(s.events[0].told_s < 60, "at %g s", s.events[0].told_s);
}

/* ------------------------------------------------------------------ classes and each other */

static const int above[][2] = { { BARK, DOG }, { BARK, ANIMAL }, { DOG, ANIMAL } };

static void use_ontology(scene *s)
{
    s->cfg.above = above;
    s->cfg.n_above = EM_COUNT(above);
}

static void the_most_specific_class_is_told_once(void **state)
{
    static const sound branch[] = { { ANIMAL, 19.9, 23, .95f }, { DOG, 20, 23, .9f }, { BARK, 20, 23, .8f } };

    (void)state;
    for (int first = 0; first < 3; first++)
        for (size_t i = 0; i < EM_COUNT(steps); i++) {
            scene s;

            scene_init(&s, branch, first + 1, 40);
            use_ontology(&s);
            s.step_s = steps[i];
            scene_run(&s);
            check_times(scene_only(&s, -1), 20, 23, .33, steps[i]);
            CHECK(s.events[0].i_class == branch[first].i_class && s.n_told == 2, "class %d", s.events[0].i_class);
        }
}

static void a_general_class_told_too_early_is_retracted(void **state)
{
    static const sound both[] = { { DOG, 20, 24, .9f }, { BARK, 20, 24, .9f } };
    scene s;

    (void)state;
    scene_init(&s, both, 2, 40);
    use_ontology(&s);
    s.believed.from = 3;
    scene_run(&s);
    check_times(scene_only(&s, -1), 20, 24, .33, 1);
    assert_int_equal(s.events[0].i_class, BARK);
    assert_int_equal(scene_count(&s, DOG, EM_DETECTION_BEGIN), 1);
    assert_int_equal(scene_count(&s, DOG, EM_DETECTION_RETRACT), 1);
    for (int i = 0; i < s.n_told; i++)
        CHECK(s.told[i].type != EM_DETECTION_RETRACT || s.told[i].told_s <= 25, "at %g s", s.told[i].told_s);
}

/* What hid the general class was not borne out. */
static void a_specific_class_that_goes_leaves_the_general_one(void **state)
{
    static const sound both[] = { { DOG, 20, 24, .9f }, { BARK, 20, 24, .9f } };
    scene s;

    (void)state;
    scene_init(&s, both, 2, 40);
    use_ontology(&s);
    s.believed.to = 1;
    scene_run(&s);
    check_times(scene_only(&s, -1), 20, 24, .33, 1);
    assert_int_equal(s.events[0].i_class, DOG);
    assert_int_equal(scene_count(&s, BARK, EM_DETECTION_RETRACT), 1);
}

static void a_general_class_is_told_where_no_specific_one_is(void **state)
{
    static const sound both[] = { { DOG, 20, 60, .9f }, { BARK, 40, 42, .9f } };
    scene s;

    (void)state;
    scene_init(&s, both, 2, 80);
    use_ontology(&s);
    scene_run(&s);
    check_times(scene_only(&s, BARK), 40, 42, .33, 1);
    assert_int_equal(scene_count(&s, DOG, EM_DETECTION_END), 2);
    assert_int_equal(scene_count(&s, DOG, EM_DETECTION_RETRACT), 0);
    for (int i = 0; i < s.n_events; i++)
        if (s.events[i].i_class == DOG)
            check_times(&s.events[i], s.events[i].onset_s < 30 ? 20 : 42.5, s.events[i].onset_s < 30 ? 39.5 : 60, .4, 1);
}

static void an_ignored_class_hides_nothing(void **state)
{
    static const sound both[] = { { DOG, 20, 24, .9f }, { BARK, 20, 24, .9f } };
    scene s;

    (void)state;
    scene_init(&s, both, 2, 40);
    use_ontology(&s);
    s.classes[BARK].is_told = false;
    scene_run(&s);
    check_times(scene_only(&s, -1), 20, 24, .33, 1);
    assert_int_equal(s.events[0].i_class, DOG);
}

static void a_group_is_one_event_for_its_members(void **state)
{
    static const int members[] = { SIREN, BUZZER, BARK };
    static const sound turns[] = { { SIREN, 20, 22, .9f }, { BUZZER, 22, 24, .9f }, { BARK, 23, 25, .9f }, { DOG, 23, 25, .9f } };
    em_group_cfg group = { .name = "alarm", .members = members, .n_members = 3 };
    scene s;

    (void)state;
    group.sound = em_sound_default(0);
    scene_init(&s, turns, 4, 40);
    use_ontology(&s);
    s.cfg.groups = &group;
    s.cfg.n_groups = 1;
    for (int m = 0; m < 3; m++)
        s.classes[members[m]].is_told = false;
    scene_run(&s);
    check_times(scene_only(&s, -1), 20, 25, .2, 1);
    CHECK(s.events[0].i_group == 0 && s.events[0].i_class == -1, "group %d", s.events[0].i_group);
    assert_int_equal(s.n_told, 2);
}

static void a_gate_silences_the_others(void **state)
{
    static const sound three[] = { { SPEECH, 30, 40, .9f }, { DOG, 34, 36, .9f }, { RAIN, 20, 50, .9f } };
    scene s;

    (void)state;
    for (int is_told = 0; is_told < 2; is_told++) {
        scene_init(&s, three, 3, 70);
        s.classes[SPEECH].is_gate = true;
        s.classes[SPEECH].is_told = is_told;
        scene_run(&s);
        assert_int_equal(scene_count(&s, DOG, EM_DETECTION_END), 0);
        assert_int_equal(scene_count(&s, SPEECH, EM_DETECTION_END), is_told);
        assert_int_equal(scene_count(&s, RAIN, EM_DETECTION_END), 2);
        for (int i = 0; i < s.n_events; i++)
            CHECK(s.events[i].i_class != RAIN || s.events[i].offset_s <= 30 || s.events[i].onset_s >= 40, "rain from %g to %g s",
                  s.events[i].onset_s, s.events[i].offset_s);
    }
}

static void a_look_says_why(void **state)
{
    static const sound all[] = { { BARK, 20, 30, .9f }, { DOG, 20, 30, .9f }, { RAIN, 20, 30, .45f }, { SIREN, 20, 30, .9f },
                                 { TICK, 20, 30, .9f }, { BUZZER, 20, 30, .1f } };
    static const struct { int i_class; em_verdict open, gated; } wanted[] = {
        { BARK, EM_VERDICT_TOLD, EM_VERDICT_GATED }, { DOG, EM_VERDICT_HIDDEN, EM_VERDICT_GATED },
        { RAIN, EM_VERDICT_WEAK, EM_VERDICT_WEAK },
        { SIREN, EM_VERDICT_SHORT, EM_VERDICT_GATED }, { TICK, EM_VERDICT_IGNORED, EM_VERDICT_TOLD },
        { BUZZER, EM_VERDICT_QUIET, EM_VERDICT_QUIET },
    };

    (void)state;
    for (int is_gated = 0; is_gated < 2; is_gated++) {
        scene s;

        scene_init(&s, all, EM_COUNT(all), 40);
        use_ontology(&s);
        s.classes[SIREN].shortest_s = 20;
        s.classes[TICK].is_told = is_gated;
        s.classes[TICK].is_gate = is_gated;
        s.look_at_s = 25;
        scene_run(&s);
        for (size_t i = 0; i < EM_COUNT(wanted); i++) {
            const em_look *look = &s.looks[wanted[i].i_class];

            CHECK(look->verdict == (is_gated ? wanted[i].gated : wanted[i].open), "class %d: %d", wanted[i].i_class, look->verdict);
            CHECK(wanted[i].i_class == BUZZER || (look->peak > .19f && look->peak_s > 19.9 && look->peak_s < 25), "class %d: %g at %g s",
                  wanted[i].i_class, (double)look->peak, look->peak_s);
        }
    }
}

/* ------------------------------------------------------------------ ids */

static void ids_come_from_source_sound_and_onset_alone(void **state)
{
    static const sound one[] = { { RAIN, 20.1, 25, .9f } };
    char id[EM_EVENT_ID_CHARS], other[EM_EVENT_ID_CHARS];
    scene a, b;

    (void)state;
    em_event_id(id, "porch", "class", "Bark", 32000 * 12, 32000);
    assert_string_equal(id, "0000000BQ09DDNV6ZF791ZPGV8");       /* 12,000 ms; SHA-256 by Python's hashlib */
    em_event_id(other, "porch", "group", "Bark", 32000 * 12, 32000);
    CHECK(strcmp(id, other) && !strncmp(id, other, 10), "%s, %s", id, other);
    em_event_id(other, "porch", "class", "Bark", INT64_MAX, 1);
    assert_int_equal(strlen(other), 26);
    scene_init(&a, one, 1, 40);
    scene_init(&b, one, 1, 60);
    scene_run(&a);
    scene_run(&b);
    assert_string_equal(scene_only(&a, -1)->id, scene_only(&b, -1)->id);
    scene_init(&b, one, 1, 40);
    b.cfg.source = "garden";
    scene_run(&b);
    CHECK(strcmp(a.events[0].id, b.events[0].id), "%s for another source", b.events[0].id);
}

/* ------------------------------------------------------------------ random streams */

/* Short windows, so that ten thousand streams are quick. */
enum { SHORT_RATE = 1000, SHORT_WINDOW = 2560, SHORT_SLOTS = 8, FEW = 4, STREAMS = 10000, HOPS = 40 };

typedef struct open_event { bool is_open; double onset, last_end; char id[EM_EVENT_ID_CHARS]; } open_event;

typedef struct watch {
    open_event lanes[FEW + 1];
    double gap_s[FEW + 1], shortest_s[FEW + 1], now, step;
    int    stream, n_begun, n_ended, n_retracted;
    uint64_t sum;                   /* of all that was told */
} watch;

static em_status check_told(void *ctx, const em_detection *d, em_err *err)
{
    watch *w = ctx;
    const int i = d->i_class >= 0 ? d->i_class : FEW + d->i_group;
    open_event *e = &w->lanes[i];
    const bool is_begin = d->type == EM_DETECTION_BEGIN;

    (void)err;
    CHECK(d->told_s == w->now && d->onset_s < d->offset_s && d->offset_s <= d->told_s && d->onset_s >= 0, "stream %d: %g to %g at %g",
          w->stream, d->onset_s, d->offset_s, d->told_s);
    CHECK(e->is_open != is_begin, "stream %d, lane %d: %d when %d", w->stream, i, d->type, e->is_open);
    CHECK(d->onset_s >= e->last_end - 1e-9, "stream %d, lane %d: from %g s, the last one until %g", w->stream, i,
          d->onset_s, e->last_end);
    e->is_open = is_begin;
    if (is_begin) {
        CHECK(d->told_s - d->onset_s <= 2.56 + w->shortest_s[i] + .32 + w->step, "stream %d: told after %g s", w->stream,
              d->told_s - d->onset_s);
        snprintf(e->id, sizeof e->id, "%s", d->id);
    }
    CHECK(!strcmp(d->id, e->id), "stream %d: %s ends as %s", w->stream, e->id, d->id);
    if (d->type == EM_DETECTION_END) {
        CHECK(d->offset_s - d->onset_s >= w->shortest_s[i] - .08, "stream %d: %g s long", w->stream, d->offset_s - d->onset_s);
        CHECK(d->score >= d->threshold * .9999f && d->mean <= d->score * 1.0001f, "stream %d: %g", w->stream, (double)d->score);
        e->last_end = d->offset_s + w->gap_s[i];
    }
    w->n_begun += is_begin;
    w->n_ended += d->type == EM_DETECTION_END;
    w->n_retracted += d->type == EM_DETECTION_RETRACT;
    w->sum = w->sum * 31 + (uint64_t)d->type + (uint64_t)(d->onset_s * 1000) * 7 + (uint64_t)(d->offset_s * 1000);
    return EM_OK;
}

/* Scores that wander, with jumps. */
static void wander(em_rng *rng, float *clip, float (*slots)[FEW])
{
    for (int c = 0; c < FEW; c++) {
        double x = em_rng_uniform(rng);

        clip[c] = (float)em_rng_uniform(rng);
        for (int i = 0; i < SHORT_SLOTS; i++) {
            x = em_rng_uniform(rng) < .2 ? em_rng_uniform(rng) : fmin(1, fmax(0, x + .1 * em_rng_normal(rng)));
            slots[i][c] = (float)x;
        }
    }
}

static void run_random(watch *w, em_rng rng)
{
    static const char *const labels[FEW] = { "a", "b", "c", "d" };
    static const int members[] = { 1, 3 }, pairs[][2] = { { 0, 1 }, { 0, 2 }, { 1, 2 } };
    float clip[FEW], slots[SHORT_SLOTS][FEW];
    em_sound_cfg classes[FEW + 1];
    em_group_cfg group = { .name = "group", .members = members, .n_members = 2 };
    em_detector_cfg cfg = em_detector_default();
    em_detector *d;
    em_err err;
    int64_t end = 0;

    for (int i = 0; i <= FEW; i++) {
        classes[i] = em_sound_default((float)(.2 + .5 * em_rng_uniform(&rng)));
        classes[i].gap_s = w->gap_s[i] = .08 * (double)(em_rng_u64(&rng) % 20);
        classes[i].shortest_s = w->shortest_s[i] = .08 * (double)(em_rng_u64(&rng) % 8);
        classes[i].is_gate = i == 3 && em_rng_uniform(&rng) < .3;
    }
    group.sound = classes[FEW];
    cfg.source = "random";
    cfg.rate_hz = SHORT_RATE;
    cfg.window_samples = SHORT_WINDOW;
    cfg.n_slots = SHORT_SLOTS;
    cfg.slot_s = .32;
    cfg.labels = labels;
    cfg.classes = classes;
    cfg.n_classes = FEW;
    cfg.groups = &group;
    cfg.n_groups = em_rng_uniform(&rng) < .5;
    cfg.above = pairs;
    cfg.n_above = em_rng_uniform(&rng) < .5 ? 3 : 0;
    cfg.ramp_s = .64;
    cfg.settle_s = .32 * (double)(em_rng_u64(&rng) % 3);
    cfg.take = check_told;
    cfg.ctx = w;
    CHECK_OK(em_detector_new(&d, &cfg, &err));
    for (int h = 0; h < HOPS; h++) {
        const double jump = em_rng_uniform(&rng);
        const int64_t step = jump < .9 ? 250 : (int64_t)(1 + 9000 * (jump - .9)) * 10;
        const em_detector_hop hop = { .end_sample = end += step, .filled = em_rng_uniform(&rng) < .03 ? 0 : 1, .scores = clip, .slots = slots[0] };

        wander(&rng, clip, slots);
        w->now = (double)end / SHORT_RATE;
        w->step = (double)step / SHORT_RATE;
        CHECK_OK(em_detector_push(d, &hop, &err));
    }
    CHECK_OK(em_detector_finish(d, &err));
    em_detector_free(d);
    for (int i = 0; i <= FEW; i++)
        CHECK(!w->lanes[i].is_open, "stream %d: lane %d is open at the end", w->stream, i);
}

static void ten_thousand_streams_keep_the_rules(void **state)
{
    watch all = { 0 };

    (void)state;
    for (int i = 0; i < STREAMS; i++) {
        watch w = { .stream = i };

        run_random(&w, (em_rng){ (uint64_t)i });
        if (i % 50 == 0) {          /* the same scores, the same events */
            watch again = { .stream = i };

            run_random(&again, (em_rng){ (uint64_t)i });
            CHECK(again.sum == w.sum && again.n_begun == w.n_begun, "stream %d", i);
        }
        CHECK(w.n_begun == w.n_ended + w.n_retracted, "stream %d", i);
        all.n_ended += w.n_ended;
        all.n_retracted += w.n_retracted;
    }
    CHECK(all.n_ended > STREAMS && all.n_retracted > STREAMS / 10, "%d events, %d retracted: too few to tell", all.n_ended,
          all.n_retracted);
}

/* ------------------------------------------------------------------ what is wrong */

static void hostile_scores_are_taken(void **state)
{
    static float clip[CLASSES], slots[SLOTS][CLASSES];
    em_detector_hop hop = { .filled = 1, .scores = clip, .slots = slots[0] };
    em_detector *d;
    scene s;
    em_err err;

    (void)state;
    scene_init(&s, NULL, 0, 0);
    s.cfg.classes = s.classes;
    for (int c = 0; c < CLASSES; c++) {
        clip[c] = c % 2 ? NAN : -INFINITY;
        for (int i = 0; i < SLOTS; i++)
            slots[i][c] = i % 2 ? NAN : INFINITY;
    }
    CHECK_OK(em_detector_new(&d, &s.cfg, &err));
    for (int i = 0; i < 20; i++) {
        static const int64_t ends[] = { 320, -5, 0, 320000, 319999, INT64_C(1) << 40, (INT64_C(1) << 40) + 1 };

        hop.end_sample = ends[i % 7];
        CHECK_OK(em_detector_push(d, &hop, &err));
    }
    CHECK_OK(em_detector_finish(d, &err));
    em_detector_free(d);
    em_detector_free(NULL);
}

static void a_hop_allocates_nothing(void **state)
{
    static const sound all[] = { { DOG, 5, 25, .9f }, { BARK, 10, 12, .9f }, { RAIN, 12, 14, .9f }, { SPEECH, 20, 22, .9f } };
    int before = n_allocs, made;
    em_detector *d;
    em_err err;
    scene s;

    (void)state;
#ifdef CANNOT_COUNT
    skip();                                     /* the sanitizer has the allocator */
#endif
    scene_init(&s, all, 4, 40);
    use_ontology(&s);
    s.cfg.classes = s.classes;
    CHECK_OK(em_detector_new(&d, &s.cfg, &err));
    made = n_allocs - before;
    em_detector_free(d);
    CHECK(made > 0, "the allocator is not counted");
    before = n_allocs;
    scene_run(&s);
    CHECK(s.n_events > 3 && n_allocs - before == made, "%d, and %d when it was made", n_allocs - before, made);
}

static void impossible_settings_are_refused(void **state)
{
    static const int wrong[][2] = { { 0, CLASSES } };
    static const int member[] = { -1 };
    const em_group_cfg group = { "g", member, 1, { .5f, .3f, 0, 0, true, false } };
    em_detector *d;
    em_err err;

    (void)state;
    for (int i = 0; i < 12; i++) {
        scene s;

        scene_init(&s, NULL, 0, 0);
        s.cfg.classes = s.classes;
        switch (i) {
        case 0: s.cfg.n_classes = 0; break;
        case 1: s.cfg.n_slots = 31; break;              /* 9.92 s of 10 */
        case 2: s.cfg.slot_s = NAN; break;
        case 3: s.cfg.settle_s = 10; break;
        case 4: s.classes[1].off = 0; break;
        case 5: s.classes[1].off = .6f; break;
        case 6: s.classes[1].on = NAN; break;
        case 7: s.classes[7].gap_s = -1; break;
        case 8: s.classes[7].shortest_s = INFINITY; break;
        case 9: s.cfg.above = wrong; s.cfg.n_above = 1; break;
        case 10: s.cfg.groups = &group; s.cfg.n_groups = 1; break;
        default: s.cfg.window_samples = 0;
        }
        CHECK(em_detector_new(&d, &s.cfg, &err) == EM_EINVAL && !d && err.msg[0], "case %d", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_is_one_event_with_its_times),
        cmocka_unit_test(levels_make_times_exact),
        cmocka_unit_test(levels_do_not_make_events_overlap),
        cmocka_unit_test(levels_do_not_make_events_too_short),
        cmocka_unit_test(thresholds_do_not_move_edges),
        cmocka_unit_test(the_gap_joins_what_is_close),
        cmocka_unit_test(a_sound_at_the_very_start_is_found),
        cmocka_unit_test(the_end_of_the_stream_ends_events),
        cmocka_unit_test(what_stays_below_the_threshold_is_not_told),
        cmocka_unit_test(between_the_thresholds_nothing_changes),
        cmocka_unit_test(slots_that_their_window_does_not_believe_are_no_event),
        cmocka_unit_test(what_no_window_held_is_silence),
        cmocka_unit_test(hops_may_be_skipped_within_a_window),
        cmocka_unit_test(windows_without_sound_are_silence),
        cmocka_unit_test(the_most_specific_class_is_told_once),
        cmocka_unit_test(a_general_class_told_too_early_is_retracted),
        cmocka_unit_test(a_specific_class_that_goes_leaves_the_general_one),
        cmocka_unit_test(a_general_class_is_told_where_no_specific_one_is),
        cmocka_unit_test(an_ignored_class_hides_nothing),
        cmocka_unit_test(a_group_is_one_event_for_its_members),
        cmocka_unit_test(a_gate_silences_the_others),
        cmocka_unit_test(a_look_says_why),
        cmocka_unit_test(ids_come_from_source_sound_and_onset_alone),
        cmocka_unit_test(ten_thousand_streams_keep_the_rules),
        cmocka_unit_test(a_hop_allocates_nothing),
        cmocka_unit_test(hostile_scores_are_taken),
        cmocka_unit_test(impossible_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
