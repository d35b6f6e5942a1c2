/* What a watcher says of a class that it is to explain, when nothing of it is told as an event. */
#include "check.h"

#include "listener/watcher.h"

#include <string.h>

enum { RATE = 32000, SLOTS = 32, MOST = 16 };

typedef struct said { int n; double times[MOST]; char verdicts[MOST][16]; double peaks[MOST]; } said;

static em_status take(void *ctx, const em_event *e, em_err *err)
{
    said *s = ctx;

    CHECK(e->type == EM_EVENT_EXPLAIN && s->n < MOST, "nothing but verdicts: %d, %d before", (int)e->type, s->n);
    s->times[s->n] = e->time;
    s->peaks[s->n] = (double)e->u.explain.peak;
    snprintf(s->verdicts[s->n++], sizeof s->verdicts[0], "%s", e->u.explain.verdict);
    (void)err;
    return EM_OK;
}

static em_watch_rules rules_of_one(void)
{
    static const char *const labels[] = { "Dog" };
    static const int first[] = { 0 };
    static em_sound_cfg sound;
    em_watch_rules rules = { .detector = em_detector_default(), .classes = first, .n_scores = 1, .explained = first, .n_explained = 1 };

    sound = em_sound_default(.6f);
    rules.detector.rate_hz = RATE;
    rules.detector.window_samples = 10 * RATE;
    rules.detector.n_slots = SLOTS;
    rules.detector.slot_s = .3125;
    rules.detector.labels = labels;
    rules.detector.classes = &sound;
    rules.detector.n_classes = 1;
    return rules;
}

/* The caller frees it. */
static em_watcher *watch(said *s, const em_watch_rules *rules)
{
    const em_watcher_cfg cfg = { .rules = rules, .take = take, .ctx = s, .source = "dog.wav" };
    em_watcher *w;
    em_err err;

    CHECK_OK(em_watcher_new(&w, &cfg, &err));
    return w;
}

/* A hop a second, each of one score. */
static void hear(em_watcher *w, const float *scores, int n, int first_s)
{
    for (int i = 0; i < n; i++) {
        float slots[SLOTS];
        em_watched hop = { .hop = { .end_sample = (int64_t)(first_s + i) * RATE, .filled = 1, .scores = &scores[i], .slots = slots },
                           .anchor_ms = -1 };
        em_err err;

        for (int s = 0; s < SLOTS; s++)
            slots[s] = scores[i];
        CHECK_OK(em_watcher_hop(w, &hop, &err));
    }
}

/* At its first hop, and as it comes nearer to its threshold; not at each of many that say nothing new. */
static void a_quiet_class_is_told_at_first_and_as_it_comes_nearer(void **state)
{
    static const float scores[] = { 0, 0, 0, .1f, .1f, .105f, .1f, .3f, .3f, .1f, 0, 0 };
    const em_watch_rules rules = rules_of_one();
    said s = { 0 };
    em_watcher *w = watch(&s, &rules);
    (void)state;

    hear(w, scores, (int)EM_COUNT(scores), 1);
    CHECK(s.n >= 3 && s.n <= 6, "%d verdicts of %d hops", s.n, (int)EM_COUNT(scores));
    CHECK(s.times[0] == 1 && s.peaks[0] == 0, "the first: %.2f at %g s", s.peaks[0], s.times[0]);
    for (int i = 0; i < s.n; i++) {
        CHECK(strcmp(s.verdicts[i], "quiet") == 0, "at %g s: %s", s.times[i], s.verdicts[i]);
        CHECK(i == 0 || s.peaks[i] >= s.peaks[i - 1] + .0099, "at %g s no nearer than before: %.3f, %.3f", s.times[i], s.peaks[i - 1], s.peaks[i]);
    }
    CHECK(s.peaks[s.n - 1] > .1, "the last says how near it came: %.3f", s.peaks[s.n - 1]);
    em_watcher_free(w);
}

/* Other rules, and the first verdict under them. */
static void new_rules_are_told_of_again(void **state)
{
    static const float nothing[] = { 0, 0, 0 };
    const em_watch_rules rules = rules_of_one();
    said s = { 0 };
    em_watcher *w = watch(&s, &rules);
    em_err err;
    (void)state;

    hear(w, nothing, 3, 1);
    CHECK(s.n == 1, "%d", s.n);
    CHECK_OK(em_watcher_change(&w, &rules, &err));
    hear(w, nothing, 3, 4);
    CHECK(s.n == 2 && s.times[1] == 4, "%d, the last at %g s", s.n, s.times[s.n - 1]);
    em_watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_class_is_told_at_first_and_as_it_comes_nearer),
        cmocka_unit_test(new_rules_are_told_of_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
