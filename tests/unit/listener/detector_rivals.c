/* What sounds beside something surer is its shade: whoever's turn comes first, and unless they are kin. */
#include "scene.h"

#include "base/rng.h"

/* What is told of DOG beside RAIN at these scores, all of it. */
static int told_of_dog(float dog, float rain, double rain_to)
{
    const sound both[] = { { DOG, 20, 24, dog }, { RAIN, 20, rain_to, rain } };
    scene s;

    scene_init(&s, both, 2, 60);
    s.classes[DOG].on = s.classes[DOG].off = .2f;
    scene_run(&s);
    check_times(scene_only(&s, RAIN), 20, rain_to, .33, rain_to);
    return scene_count(&s, DOG, EM_DETECTION_END);
}

static void another_sounds_shade_is_not_told(void **state)
{
    (void)state;
    assert_int_equal(told_of_dog(.45f, .9f, 24), 0);
    assert_int_equal(told_of_dog(.45f, .6f, 24), 1);        /* nearly as sure */
    assert_int_equal(told_of_dog(.55f, .95f, 24), 1);       /* sure of itself */
    assert_int_equal(told_of_dog(.45f, .9f, 21.5), 1);      /* longer than the other */
}

static void a_look_says_that_it_is_a_shade(void **state)
{
    static const sound both[] = { { DOG, 20, 24, .45f }, { RAIN, 17, 26, .9f } };
    scene s;

    (void)state;
    scene_init(&s, both, 2, 60);
    s.classes[DOG].on = s.classes[DOG].off = .2f;
    s.step_s = .25;
    s.look_at_s = 24;
    scene_run(&s);
    assert_int_equal(scene_count(&s, DOG, EM_DETECTION_BEGIN), 0);
    CHECK(s.looks[DOG].verdict == EM_VERDICT_SHADE && s.looks[RAIN].verdict == EM_VERDICT_TOLD, "%d beside %d", s.looks[DOG].verdict,
          s.looks[RAIN].verdict);
}

/* Of what is above and below each other the ontology says which is told; and a shade's general class is one, too. */
static void a_shade_has_no_kin_that_is_told(void **state)
{
    static const sound sounds[] = { { BARK, 20, 24, .45f }, { DOG, 20, 24, .9f },
                                    { SIREN, 40, 44, .9f }, { BARK, 40, 44, .3f }, { DOG, 40, 44, .55f } };
    scene s;

    (void)state;
    scene_init(&s, sounds, EM_COUNT(sounds), 60);
    scene_use_ontology(&s);
    s.classes[BARK].on = s.classes[BARK].off = s.classes[DOG].on = s.classes[DOG].off = .2f;
    scene_run(&s);
    check_times(scene_only(&s, BARK), 20, 24, .33, 1);
    check_times(scene_only(&s, SIREN), 40, 44, .33, 1);
    assert_int_equal(s.n_events, 2);
}

/* The other class may come first or last. */
static void a_shade_that_begins_with_the_other_is_never_begun(void **state)
{
    static const int pairs[][2] = { { DOG, RAIN }, { RAIN, DOG } };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(pairs); k++)
        for (size_t i = 0; i < EM_COUNT(steps); i++)
            for (double from = 20; from < 21; from += .21) {
                const sound both[] = { { pairs[k][0], from, 24, .45f }, { pairs[k][1], from, 24, .9f } };
                scene s;

                scene_init(&s, both, 2, 60);
                s.classes[pairs[k][0]].on = s.classes[pairs[k][0]].off = .2f;
                s.step_s = steps[i];
                scene_run(&s);
                check_times(scene_only(&s, -1), from, 24, .33, steps[i]);
                CHECK(s.n_told == 2, "class %d beside %d, step %g: %d told", pairs[k][0], pairs[k][1], steps[i], s.n_told);
            }
}

/* A bark in the middle of what is a dog for longer: the dog's event goes on behind it. */
static void kin_are_no_rivals(void **state)
{
    static const sound both[] = { { DOG, 20, 40, .9f }, { BARK, 27, 30, .4f } }, apart[] = { { DOG, 20, 40, .9f }, { SIREN, 27, 30, .4f } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++)
        for (int is_kin = 0; is_kin < 2; is_kin++) {
            scene s;

            scene_init(&s, is_kin ? both : apart, 2, 70);
            scene_use_ontology(&s);
            s.classes[DOG].gap_s = 8;
            s.classes[BARK].on = s.classes[BARK].off = s.classes[SIREN].on = s.classes[SIREN].off = .2f;
            s.step_s = steps[i];
            scene_run(&s);
            check_times(scene_only(&s, DOG), 20, 40, .33, steps[i]);
            CHECK(s.n_events == 1 + is_kin, "step %g, kin %d: %d events", steps[i], is_kin, s.n_events);
        }
}

/* A weak sound for whose end much is waited beside one that turns out a shade itself. */
static void a_shade_has_no_shades(void **state)
{
    static const sound sounds[] = { { DOG, 20, 25, .3f }, { RAIN, 22, 30, .48f }, { SIREN, 26, 33, .9f } };
    scene s;

    (void)state;
    scene_init(&s, sounds, EM_COUNT(sounds), 60);
    for (int c = 0; c < CLASSES; c++)
        s.classes[c] = (em_sound_cfg){ .2f, .2f, .4, 8, true, false };
    scene_run(&s);
    check_times(scene_only(&s, DOG), 20, 25, .33, 1);
    check_times(scene_only(&s, SIREN), 26, 33, .33, 1);
    assert_int_equal(s.n_events, 2);
}

/* ------------------------------------------------------------------ the order of classes */

enum { MOST_SOUNDS = 14, SCENES = 60, ORDERS = 4 };

typedef struct shuffled {
    sound       sounds[MOST_SOUNDS];
    const char *labels[CLASSES];
    int         above[3][2], order[CLASSES];                /* class c is order[c] */
} shuffled;

static void shuffle(int *order, em_rng *rng)
{
    for (int c = CLASSES - 1; c > 0; c--) {
        const int k = (int)(em_rng_u64(rng) % (uint64_t)(c + 1)), was = order[c];

        order[c] = order[k];
        order[k] = was;
    }
}

/* Many weak and strong sounds on top of each other, of classes with settings of their own. */
static void run_in_order(scene *s, shuffled *m, uint64_t seed, double step)
{
    static const int above[][2] = { { BARK, DOG }, { BARK, ANIMAL }, { DOG, ANIMAL } };
    em_rng rng = { seed };

    scene_init(s, m->sounds, MOST_SOUNDS, 60);
    for (int k = 0; k < MOST_SOUNDS; k++) {
        const double from = 50 * em_rng_uniform(&rng);

        m->sounds[k].i_class = m->order[em_rng_u64(&rng) % CLASSES];
        m->sounds[k].from = from;
        m->sounds[k].to = from + .5 + 8 * em_rng_uniform(&rng);
        m->sounds[k].score = (float)(.2 + .8 * em_rng_uniform(&rng));
    }
    for (int c = 0; c < CLASSES; c++) {
        const float on = (float)(.15 + .2 * em_rng_uniform(&rng));

        s->classes[m->order[c]] = (em_sound_cfg){ on, .8f * on, .4, 3 * em_rng_uniform(&rng), c != TICK, c == BUZZER && seed % 5 == 0 };
        m->labels[m->order[c]] = s->cfg.labels[c];
    }
    for (int k = 0; k < 3; k++)
        for (int side = 0; side < 2; side++)
            m->above[k][side] = m->order[above[k][side]];
    s->cfg.labels = m->labels;
    s->cfg.above = (const int (*)[2])m->above;
    s->cfg.n_above = 3;
    s->loud = m->sounds;
    s->n_loud = MOST_SOUNDS / 2;
    s->step_s = step;
    scene_run(s);
}

/* Whether something told is among what another order told. */
static bool has(const scene *s, const shuffled *m, const told *t)
{
    for (int i = 0; i < s->n_told; i++) {
        const told *u = &s->told[i];

        if (u->type == t->type && u->i_class == m->order[t->i_class] && u->onset_s == t->onset_s && u->offset_s == t->offset_s &&
            u->told_s == t->told_s && u->score == t->score && u->mean == t->mean && !strcmp(u->id, t->id))
            return true;
    }
    return false;
}

static void the_order_of_classes_changes_nothing(void **state)
{
    static const shuffled plain = { .order = { DOG, BARK, RAIN, SPEECH, SIREN, BUZZER, TICK, ANIMAL } };
    int n_told = 0;

    (void)state;
    for (int k = 0; k < SCENES; k++) {
        const double step = steps[k % N_STEPS];
        static scene a, b;
        shuffled first = plain, other = plain;
        em_rng rng = { (uint64_t)k + 1000 };

        run_in_order(&a, &first, (uint64_t)k, step);
        n_told += a.n_told;
        for (int i = 0; i < ORDERS; i++) {
            shuffle(other.order, &rng);
            run_in_order(&b, &other, (uint64_t)k, step);
            CHECK(a.n_told == b.n_told, "scene %d, step %g: %d and %d told", k, step, a.n_told, b.n_told);
            for (int j = 0; j < a.n_told; j++)
                CHECK(has(&b, &other, &a.told[j]), "scene %d, step %g: class %d, %d at %g s, is not told in another order", k, step,
                      a.told[j].i_class, a.told[j].type, a.told[j].told_s);
        }
    }
    CHECK(n_told > 10 * SCENES, "%d told: too little to tell", n_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_sounds_shade_is_not_told),
        cmocka_unit_test(a_look_says_that_it_is_a_shade),
        cmocka_unit_test(a_shade_has_no_kin_that_is_told),
        cmocka_unit_test(a_shade_that_begins_with_the_other_is_never_begun),
        cmocka_unit_test(kin_are_no_rivals),
        cmocka_unit_test(a_shade_has_no_shades),
        cmocka_unit_test(the_order_of_classes_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
