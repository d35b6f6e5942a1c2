/* Thresholds for a model file: chosen where there are clips enough, else as they were; floors; and the words for it. */
#include "check.h"

#include "train/thresholds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 20, CLASSES = 3 };

static char *labels[] = { (char *)"Bark", (char *)"Dog", (char *)"Rain", NULL };

/* Bark's ten clips score .5 to .95, what is no Bark less; Dog has four clips; Rain's scores are upside down. */
typedef struct made { float scores[N][CLASSES]; unsigned char targets[N][CLASSES]; em_scored set; em_card card; int trained[2]; } made;

static void make(made *m)
{
    *m = (made){ .set = { .n = N, .n_classes = CLASSES }, .card = { .labels = labels, .n_trained = 2 }, .trained = { 0, 2 } };
    for (int i = 0; i < N; i++) {
        m->scores[i][0] = (float)i / N;
        m->targets[i][0] = i >= 10;
        m->targets[i][1] = i < 4;
        m->scores[i][1] = .2f;
        m->targets[i][2] = i < 10;
        m->scores[i][2] = (float)i / N;
    }
    m->set.scores = m->scores[0];
    m->set.targets = m->targets[0];
    m->card.trained = m->trained;
}

static int choose(made *m, float *thresholds, em_threshold_rule rule)
{
    int n = -1;
    em_err err;

    CHECK_OK(em_thresholds_of(thresholds, &n, &m->set, &m->card, &rule, &err));
    return n;
}

static void check_words(const made *m, em_threshold_rule rule, int n_chosen, const char *wanted)
{
    char *text = em_thresholds_tell(&rule, "valid clips", &m->set, &m->card, n_chosen);

    CHECK(text && strcmp(text, wanted) == 0, "%s", text ? text : "no memory");
    free(text);
}

static void what_cannot_be_chosen_stays(void **state)
{
    float t[CLASSES], old[CLASSES] = { .9f, .7f, .8f };
    made m;
    (void)state;

    make(&m);
    CHECK(choose(&m, t, (em_threshold_rule){ 0 }) == 2, "Bark and Rain");
    CHECK(t[0] == .5f && t[1] == .5f && t[2] == 0, "%g %g %g", (double)t[0], (double)t[1], (double)t[2]);
    m.card.thresholds = old;
    CHECK(choose(&m, t, (em_threshold_rule){ .precision = .9 }) == 1, "Rain is never so precise");
    CHECK(t[0] == .45f && t[1] == .7f && t[2] == .8f, "one in eleven is wrong: %g %g %g", (double)t[0], (double)t[1], (double)t[2]);
}

static void floors_hold(void **state)
{
    float t[CLASSES];
    made m;
    (void)state;

    make(&m);
    choose(&m, t, (em_threshold_rule){ .least = .3, .least_general = .6 });
    CHECK(t[0] == .5f && t[1] == .6f && t[2] == .3f, "Dog stands over Bark: %g %g %g", (double)t[0], (double)t[1], (double)t[2]);
    m.card.n_trained = 1;
    m.trained[0] = 2;
    choose(&m, t, (em_threshold_rule){ .least_general = .6 });
    CHECK(t[1] == .5f, "what is below Dog was not trained: %g", (double)t[1]);
    m.card.trained = NULL;
    choose(&m, t, (em_threshold_rule){ .least_general = .6 });
    CHECK(t[1] == .6f, "nothing is said of what was trained: %g", (double)t[1]);
}

static void a_score_that_is_no_number_is_refused(void **state)
{
    float t[CLASSES];
    made m;
    int n;
    em_err err;
    (void)state;

    make(&m);
    m.scores[3][1] = NAN;
    CHECK(em_thresholds_of(t, &n, &m.set, &m.card, &(em_threshold_rule){ 0 }, &err) == EM_EINVAL, "NAN");
}

static void the_words_say_on_what_and_how(void **state)
{
    float old[CLASSES] = { 0 };
    made m;
    (void)state;

    make(&m);
    check_words(&m, (em_threshold_rule){ 0 }, 3, "best F1 on 20 clips (valid clips)");
    check_words(&m, (em_threshold_rule){ .precision = .95, .least = .3, .least_general = .6 }, 2,
                "precision 0.95 on 20 clips (valid clips), at least 0.3, of general classes 0.6: 2 of 3 classes; the others: 0.5");
    m.card.thresholds = old;
    check_words(&m, (em_threshold_rule){ 0 }, 1, "best F1 on 20 clips (valid clips): 1 of 3 classes; the others: as they were");
    m.card.thresholds_from = (char *)"by hand %s";
    check_words(&m, (em_threshold_rule){ 0 }, 1, "best F1 on 20 clips (valid clips): 1 of 3 classes; the others: by hand %s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_chosen_stays),
        cmocka_unit_test(floors_hold),
        cmocka_unit_test(a_score_that_is_no_number_is_refused),
        cmocka_unit_test(the_words_say_on_what_and_how),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
