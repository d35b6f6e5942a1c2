/* AudioSet's tree: whole, and with the ways up that the detector asks for. */
#include "check.h"

#include "model/labels.h"
#include "model/ontology.h"

extern const char em_ontology_csv[];

static em_labels labels;

static int load(void **state)
{
    em_err err;

    (void)state;
    return em_labels_audioset(&labels, &err);
}

static int unload(void **state)
{
    (void)state;
    em_labels_deinit(&labels);
    return 0;
}

static const char *const *mids(void) { return (const char *const *)labels.mids; }

static int find(const char *name) { return em_labels_find((const char *const *)labels.names, mids(), labels.n, name); }

static bool has(const int (*pairs)[2], int n, const char *specific, const char *general)
{
    const int a = find(specific), b = find(general);

    CHECK(a >= 0 && b >= 0, "%s, %s", specific, general);
    for (int i = 0; i < n; i++)
        if (pairs[i][0] == a && pairs[i][1] == b)
            return true;
    return false;
}

static void the_table_is_sorted_and_whole(void **state)
{
    char last[64] = "", mid[64];
    int n = 0;

    (void)state;
    for (const char *at = strchr(em_ontology_csv, '\n') + 1; *at; at = strchr(at, '\n') + 1, n++) {
        snprintf(mid, sizeof mid, "%.*s", (int)strcspn(at, ","), at);
        CHECK(strcmp(last, mid) < 0, "%s behind %s", mid, last);
        snprintf(last, sizeof last, "%s", mid);
        CHECK(strcspn(strchr(at, '"') + 1, "\"") < 64, "%s: its name is too long", mid);
    }
    assert_int_equal(n, 632);
    for (int c = 0; c < labels.n; c++)
        CHECK(strstr(em_ontology_csv, labels.mids[c]), "%s is no node", labels.mids[c]);
}

static void the_ways_up_are_those_of_audioset(void **state)
{
    static const struct { const char *specific, *general; bool is_above; } cases[] = {
        { "Bark", "Dog", true }, { "Bark", "Animal", true }, { "Dog", "Bark", false }, { "Bark", "Bark", false },
        { "Growling", "Dog", true }, { "Growling", "Cat", true },       /* two parents              */
        { "Crackle", "Fire", true }, { "Crowing, cock-a-doodle-doo", "Chicken, rooster", true },
        { "Tick", "Tick-tock", false }, { "Tick", "Clock", true }, { "Speech", "Singing", false },
        { "Environmental noise", "Noise", true },                       /* through a node that is no class */
    };
    int (*pairs)[2], n;
    em_err err;

    (void)state;
    CHECK_OK(em_ontology_above(&pairs, &n, mids(), labels.n, &err));
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(has((const int (*)[2])pairs, n, cases[i].specific, cases[i].general) == cases[i].is_above, "%s, %s", cases[i].specific,
              cases[i].general);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            CHECK(i == k || pairs[i][0] != pairs[k][0] || pairs[i][1] != pairs[k][1], "%d above %d, twice", pairs[i][1], pairs[i][0]);
    free(pairs);
}

/* Classes of another model: some of AudioSet's in another order, one without a mid, one that is unknown. */
static void other_classes_stand_alone(void **state)
{
    const char *const some[] = { "/m/0bt9lr", "", "/m/05tny_", "/m/nothing", "/m/0jbk" };
    static const int wanted[][2] = { { 2, 0 }, { 2, 4 }, { 0, 4 } };
    int (*pairs)[2], n;
    em_err err;

    (void)state;
    CHECK_OK(em_ontology_above(&pairs, &n, some, 5, &err));
    assert_int_equal(n, 3);
    for (int w = 0; w < 3; w++) {
        bool is_there = false;

        for (int i = 0; i < n; i++)
            is_there |= pairs[i][0] == wanted[w][0] && pairs[i][1] == wanted[w][1];
        CHECK(is_there, "pair %d", w);
    }
    free(pairs);
}

static void a_branch_is_a_node_and_all_below(void **state)
{
    bool is_in[1024];
    em_err err;
    int n = 0;

    (void)state;
    CHECK_OK(em_ontology_branch(is_in, "dog", mids(), labels.n, &err));
    for (int c = 0; c < labels.n; c++)
        n += is_in[c];
    CHECK(n == 7 && is_in[find("Dog")] && is_in[find("Growling")] && !is_in[find("Animal")], "%d classes", n);
    CHECK_OK(em_ontology_branch(is_in, "Human voice", mids(), labels.n, &err));         /* no class itself */
    CHECK(is_in[find("Whispering")] && !is_in[find("Whistling")], "a voice");
    CHECK(em_ontology_branch(is_in, "Doggy", mids(), labels.n, &err) == EM_EINVAL && strstr(err.msg, "Doggy"), "%s", err.msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_whole),
        cmocka_unit_test(the_ways_up_are_those_of_audioset),
        cmocka_unit_test(other_classes_stand_alone),
        cmocka_unit_test(a_branch_is_a_node_and_all_below),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
