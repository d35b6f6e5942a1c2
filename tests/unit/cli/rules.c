/* Options become rules: which classes are told, from which evidence on, how long, in which groups. */
#include "check.h"

#include "lib/rules.h"
#include "reading.h"

#include <math.h>

enum { DOG, BARK, SIREN, ALARM, DOORBELL, UNTRAINED, N };

/* A class without a place in AudioSet among them. */
static const char *const labels[N] = { "Dog", "Bark", "Siren", "Alarm", "my doorbell", "Speech" };
static const char *const mids[N] = { "/m/0bt9lr", "/m/05tny_", "/m/03kmc9", "/m/07pp_mv", "", "/m/09x0r" };
static const bool trained[N] = { true, true, true, true, true, false };
static const float own[N] = { .3f, .4f, .2f, .25f, .9f, .5f };

static const em_known known = { .classes = { labels, mids, N }, .is_trained = trained, .thresholds = own, .rate_hz = 32000,
                                .window_samples = 320000, .n_slots = 32, .slot_s = .32 };

static em_status make(em_rules *rules, const em_known *of, const char *const *args, em_err *err)
{
    em_selection selection = { 0 };
    em_options o;
    em_status status;

    *rules = (em_rules){ 0 };
    if (!(status = read_args(&o, err, args))) {
        const em_settings settings = em_options_settings(&o);

        if (!(status = em_selection_make(&selection, of, &settings, err)))
            status = em_rules_make(rules, of, &selection, &settings, err);
    }
    em_selection_deinit(&selection);
    em_options_deinit(&o);
    return status;
}

static bool is_near(float a, double b)
{
    return fabs((double)a - b) < 1e-6;
}

static void the_nearest_of_the_thresholds_holds(void **state)
{
    em_rules r;
    em_err err;
    (void)state;

    CHECK_OK(make(&r, &known, ARGS("-q"), &err));
    CHECK(is_near(r.sounds[DOG].on, .3) && is_near(r.sounds[DOG].off, .15), "the model's own: %g", (double)r.sounds[DOG].on);
    CHECK(is_near(r.sounds[DOORBELL].off, .75), "0.15 below: %g", (double)r.sounds[DOORBELL].off);
    em_rules_deinit(&r);
    CHECK_OK(make(&r, &known, ARGS("-t", ".6", "--watch", "Dog", "--watch", "Bark=.7", "--watch", "Siren=.8", "--tune", "siren:threshold=.85",
                                   "--hysteresis", ".2"), &err));
    CHECK(is_near(r.sounds[DOG].on, .6) && is_near(r.sounds[DOG].off, .4), "--threshold before the model's");
    CHECK(is_near(r.sounds[BARK].on, .7) && is_near(r.sounds[SIREN].on, .85), "--watch before it, and --tune before that");
    em_rules_deinit(&r);
    em_known without = known;
    without.thresholds = NULL;
    CHECK_OK(make(&r, &without, ARGS("-q"), &err));
    CHECK(is_near(r.sounds[DOG].on, .5), "one half, where nothing is said");
    em_rules_deinit(&r);
}

static void what_is_not_listed_is_not_told(void **state)
{
    em_rules r;
    em_err err;
    (void)state;

    CHECK_OK(make(&r, &known, ARGS("--ignore", "Dog"), &err));
    CHECK(!r.sounds[DOG].is_told && r.sounds[BARK].is_told && r.n == UNTRAINED, "ignored, and not trained");
    em_rules_deinit(&r);
    CHECK_OK(make(&r, &known, ARGS("--all-classes"), &err));
    CHECK(r.n == N && r.sounds[UNTRAINED].is_told, "--all-classes");
    em_rules_deinit(&r);
    CHECK_OK(make(&r, &known, ARGS("-q", "--watch", "bark"), &err));
    CHECK(r.sounds[BARK].is_told && !r.sounds[DOG].is_told && !r.sounds[DOORBELL].is_told, "--watch");
    em_rules_deinit(&r);
}

/* The model's classes are known by their places among its scores. */
static void the_rules_are_about_trained_classes(void **state)
{
    static const bool some[N] = { false, true, false, false, true, false }, none[N] = { false };
    em_known few = known;
    em_rules r;
    em_err err;
    (void)state;

    few.is_trained = some;
    CHECK_OK(make(&r, &few, ARGS("--group", "it=Bark", "--tune", "my doorbell:min-on=2", "--tune", "Dog:min-on=3"), &err));
    CHECK(r.n == 2 && r.watch.n_scores == N && r.classes[0] == BARK && r.classes[1] == DOORBELL, "two of them");
    CHECK(is_near(r.sounds[0].on, .4) && strcmp(r.watch.detector.labels[1], "my doorbell") == 0, "with their own thresholds and names");
    CHECK(r.sounds[1].shortest_s == 2 && r.sounds[0].shortest_s < 1 && r.groups[0].members[0] == 0, "rules find them");
    em_rules_deinit(&r);
    CHECK_OK(make(&r, &few, ARGS("--watch", "Siren", "--ignore", "Bark"), &err));
    CHECK(r.n == 3 && !r.sounds[0].is_told && r.sounds[1].is_told && r.classes[1] == SIREN, "what is watched is one of them");
    em_rules_deinit(&r);
    few.is_trained = none;
    CHECK_OK(make(&r, &few, ARGS("-q"), &err));
    CHECK(r.n == 1 && !r.sounds[0].is_told, "of none nothing is told");
    em_rules_deinit(&r);
}

static void one_class_can_be_tuned(void **state)
{
    em_rules r;
    em_err err;
    (void)state;

    CHECK_OK(make(&r, &known, ARGS("--min-on", "1", "--min-off", "3", "--tune", "my doorbell:min-on=0", "--tune", "Dog:min-off=9",
                                   "--tune", "Dog:hysteresis=0", "--tune", "Alarm:gate=yes"), &err));
    CHECK(r.sounds[DOORBELL].shortest_s == 0 && r.sounds[DOG].shortest_s == 1, "min-on");
    CHECK(r.sounds[DOG].gap_s == 9 && r.sounds[BARK].gap_s == 3, "min-off");
    CHECK(is_near(r.sounds[DOG].off, .3) && r.sounds[ALARM].is_gate && !r.sounds[DOG].is_gate, "hysteresis and gate");
    em_rules_deinit(&r);
}

/* Members are classes and all that is below them; a branch need not be a class. */
static void groups_have_branches_as_members(void **state)
{
    static const struct { const char *member; int n, first; } cases[] = {
        { "Siren", 1, SIREN }, { "Alarm", 2, SIREN }, { "/m/07pp_mv", 2, SIREN }, { "dog", 2, DOG }, { "Animal", 2, DOG },
        { "my_doorbell", 1, DOORBELL }, { "Domestic animals, pets", 2, DOG }, { "Human sounds", 0, 0 },
    };
    em_rules r;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        char text[80];

        snprintf(text, sizeof text, "it=%s", cases[i].member);
        CHECK_OK(make(&r, &known, ARGS("--group", text), &err));
        CHECK(r.watch.detector.n_groups == 1 && r.groups[0].n_members == cases[i].n && (!cases[i].n || r.groups[0].members[0] == cases[i].first),
              "%s: %d members", text, r.groups[0].n_members);
        em_rules_deinit(&r);
    }
    CHECK_OK(make(&r, &known, ARGS("--group", "it=Human sounds", "--all-classes"), &err));
    CHECK(r.groups[0].n_members == 1 && r.groups[0].members[0] == UNTRAINED, "what was not trained belongs to it on demand only");
    em_rules_deinit(&r);
    CHECK_OK(make(&r, &known, ARGS("--group", "a=Dog", "--group", "b=Siren", "--group", "a=Bark", "--group", "a=my doorbell", "-t", ".35",
                                   "--tune", "a:min-on=7", "--explain", "b", "--explain", "bark", "--explain", "Speech"), &err));
    CHECK(r.watch.n_explained == 2 && r.explained[0] == r.n + 1 && r.explained[1] == BARK, "a group and a class are explained");
    CHECK(r.watch.detector.n_groups == 2 && r.groups[0].n_members == 3 && r.groups[1].n_members == 1, "each member once");
    CHECK(r.groups[0].sound.shortest_s == 7 && is_near(r.groups[1].sound.on, .35) && r.groups[0].sound.is_told, "with rules of their own");
    em_rules_deinit(&r);
}

static void the_rules_make_a_detector(void **state)
{
    em_detector *d;
    em_rules r;
    em_err err;
    (void)state;

    CHECK_OK(make(&r, &known, ARGS("--group", "alarm=Alarm", "--tune", "Dog:threshold=1", "--min-on", "86400"), &err));
    CHECK(r.watch.detector.n_above == 2, "Bark below Dog, Siren below Alarm: %d", r.watch.detector.n_above);
    CHECK_OK(em_detector_new(&d, &r.watch.detector, &err));
    em_detector_free(d);
    em_rules_deinit(&r);
}

static void unknown_names_are_told_with_the_nearest(void **state)
{
    static const struct { const char *args[3]; const char *word; } cases[] = {
        { { "--watch", "Dogg" }, "\"Dog\"" },           { { "--ignore", "sirn" }, "\"Siren\"" },
        { { "--tune", "Barc:min-on=1" }, "\"Bark\"" },  { { "--group", "alarm=Alarn" }, "\"Alarm\"" },
        { { "--explain", "Syren" }, "\"Siren\"" },
        { { "--watch", "Dog=2" }, "0 to 1" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_rules r;
        em_err err;

        CHECK(make(&r, &known, cases[i].args, &err) == EM_EINVAL && strstr(err.msg, cases[i].word), "%s: %s", cases[i].args[1], err.msg);
        em_rules_deinit(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_of_the_thresholds_holds),
        cmocka_unit_test(what_is_not_listed_is_not_told),
        cmocka_unit_test(the_rules_are_about_trained_classes),
        cmocka_unit_test(one_class_can_be_tuned),
        cmocka_unit_test(groups_have_branches_as_members),
        cmocka_unit_test(the_rules_make_a_detector),
        cmocka_unit_test(unknown_names_are_told_with_the_nearest),
    };

    setenv("XDG_CONFIG_HOME", "/dev/null", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
