/* Scores of known sounds become events with their times, once, whatever the hops: thresholds, gaps, hops that are missing, ids. */
#include "scene.h"

#include <math.h>

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

/* A click between two sounds of a class draws the beginning of the second; the end of the first is where its pause begins. */
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
    CHECK(fabs(s.events[0].offset_s - 22.1) < .041 && s.events[1].onset_s > 22.5 && s.events[1].onset_s < 23, "to %g s, then from %g s",
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
    check_times(end, rain.from, rain.to, .33, 1);
}

/* ------------------------------------------------------------------ pauses */

/* A window that holds a sound believes in it for some seconds around: only levels know of the silence. */
static void a_pause_ends_a_sound_whatever_scores_say(void **state)
{
    static const sound bark = { DOG, 20.1, 30.3, .9f };
    static const sound loud[] = { { DOG, 20.1, 23.3, 1 }, { DOG, 26.1, 28.5, 1 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        scene s;

        scene_init(&s, &bark, 1, 100);
        s.classes[DOG].gap_s = 2;
        s.loud = loud;
        s.n_loud = EM_COUNT(loud);
        s.step_s = steps[i];
        scene_run(&s);
        CHECK(s.n_events == 2, "step %g: %d events", steps[i], s.n_events);
        check_times(&s.events[0], loud[0].from, loud[0].to, .09, steps[i]);
        check_times(&s.events[1], loud[1].from, loud[1].to, .09, steps[i]);
    }
}

/* Rain that nothing is quieter than has no pauses, though a bark is 30 dB louder. */
static void what_is_the_background_goes_on(void **state)
{
    static const sound both[] = { { RAIN, 5, 95, .9f }, { DOG, 40.1, 43.3, .9f } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        scene s;

        scene_init(&s, both, 2, 100);
        s.loud = &both[1];
        s.n_loud = 1;
        s.step_s = steps[i];
        scene_run(&s);
        check_times(scene_only(&s, RAIN), 5, 95, .33, steps[i]);
        check_times(scene_only(&s, DOG), 40.1, 43.3, .09, steps[i]);
    }
}

/* What scores find late and lose early was there from one pause to the next; but not what somebody else, no kin of it, was heard in. */
static void soft_ends_reach_to_the_pauses(void **state)
{
    static const sound loud = { BARK, 20.1, 26.3, 1 };
    static const struct { sound sounds[2]; int n; double gap_s, from, to; } cases[] = {
        { { { BARK, 22.1, 24.3, .9f } }, 1, 2, 20.1, 26.3 },
        { { { BARK, 22.1, 24.3, .9f }, { RAIN, 19.9, 21.7, .9f } }, 2, 2, 22.1, 26.3 },
        { { { BARK, 22.1, 24.3, .9f } }, 1, .5, 20.1, 24.3 },           /* it is over before the pause is heard */
        { { { BARK, 22.1, 24.3, .9f }, { DOG, 19.9, 21.7, .9f } }, 2, .5, 20.1, 24.3 },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const told *bark;
        scene s;

        scene_init(&s, cases[i].sounds, cases[i].n, 60);
        scene_use_ontology(&s);
        s.classes[BARK].gap_s = cases[i].gap_s;
        s.loud = &loud;
        s.n_loud = 1;
        scene_run(&s);
        bark = scene_only(&s, BARK);
        check_times(bark, cases[i].from, cases[i].to, .33, (double)i);
        CHECK(cases[i].from != loud.from || fabs(bark->onset_s - loud.from) < .09, "case %zu: from %g s", i, bark->onset_s);
        CHECK(cases[i].to != loud.to || fabs(bark->offset_s - loud.to) < .09, "case %zu: to %g s", i, bark->offset_s);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_is_one_event_with_its_times),
        cmocka_unit_test(levels_make_times_exact),
        cmocka_unit_test(levels_do_not_make_events_overlap),
        cmocka_unit_test(levels_do_not_make_events_too_short),
        cmocka_unit_test(a_pause_ends_a_sound_whatever_scores_say),
        cmocka_unit_test(what_is_the_background_goes_on),
        cmocka_unit_test(soft_ends_reach_to_the_pauses),
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
        cmocka_unit_test(ids_come_from_source_sound_and_onset_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
