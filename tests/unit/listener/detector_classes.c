/* Classes and each other: the most specific one is told, groups, gates, and why something is or is not an event. */
#include "scene.h"

/* ------------------------------------------------------------------ classes and each other */

static void the_most_specific_class_is_told_once(void **state)
{
    static const sound branch[] = { { ANIMAL, 19.9, 23, .95f }, { DOG, 20, 23, .9f }, { BARK, 20, 23, .8f } };

    (void)state;
    for (int first = 0; first < 3; first++)
        for (size_t i = 0; i < EM_COUNT(steps); i++) {
            scene s;

            scene_init(&s, branch, first + 1, 40);
            scene_use_ontology(&s);
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
    scene_use_ontology(&s);
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
    scene_use_ontology(&s);
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
    scene_use_ontology(&s);
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
    scene_use_ontology(&s);
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
    scene_use_ontology(&s);
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
        scene_use_ontology(&s);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_class_is_told_once),
        cmocka_unit_test(a_general_class_told_too_early_is_retracted),
        cmocka_unit_test(a_specific_class_that_goes_leaves_the_general_one),
        cmocka_unit_test(a_general_class_is_told_where_no_specific_one_is),
        cmocka_unit_test(an_ignored_class_hides_nothing),
        cmocka_unit_test(a_group_is_one_event_for_its_members),
        cmocka_unit_test(a_gate_silences_the_others),
        cmocka_unit_test(a_look_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
