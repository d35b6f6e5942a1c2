/* What may be kept of made-up streams: windows of 10 s, a hop a second, of which each says whether somebody speaks in it. */
#include "check.h"

#include "listener/privacy.h"

#include <math.h>

enum { N = 4, TALK = 1, MOST = 600 };

static const bool is_speech[N] = { false, true, false, true };

typedef struct told { em_event events[MOST]; int n; } told;

static em_status take(void *ctx, const em_event *e, em_err *err)
{
    told *t = ctx;

    (void)err;
    CHECK(e->type == EM_EVENT_CLIP && t->n < MOST, "a verdict");
    t->events[t->n++] = *e;
    return EM_OK;
}

static told heard;

static em_privacy *privacy(double window_s, double step_s)
{
    const em_privacy_cfg cfg = { .is_speech = is_speech, .n_classes = N, .window_s = window_s, .step_s = step_s,
                                 .pre_s = 2, .post_s = 2, .most_s = 60, .take = take, .ctx = &heard };
    em_privacy *p;
    em_err err;

    heard.n = 0;
    CHECK_OK(em_privacy_new(&p, &cfg, &err));
    return p;
}

static void hop(em_privacy *p, double end_s, float talk)
{
    const float scores[N] = { [0] = .9f, [TALK] = talk };
    em_err err;

    CHECK_OK(em_privacy_hop(p, end_s, -1, scores, &err));
}

static void event(em_privacy *p, em_event_type type, const char *id, double onset, double offset)
{
    em_event e = { .type = type, .source = "dog.wav" };
    em_err err;

    snprintf(e.u.sound.id, sizeof e.u.sound.id, "%s", id);
    e.u.sound.label = "Dog";
    e.u.sound.onset = onset;
    e.u.sound.offset = offset;
    CHECK_OK(em_privacy_event(p, &e, &err));
}

/* Hops at `from`, from + 1, ..., `to`; a word is said at `word` and scored `talk` by every window that holds it. */
static void hops(em_privacy *p, int from, int to, double word, float talk)
{
    for (int t = from; t <= to; t++)
        hop(p, t, word < t && word >= t - 10 ? talk : .05f);
}

static void finish(em_privacy *p, double end_s)
{
    em_err err;

    CHECK_OK(em_privacy_finish(p, end_s, -1, &err));
}

/* The bark of 30 s to 31 s, whose clip is [28, 33). */
static const char *verdict(double word, float talk)
{
    em_privacy *p = privacy(10, 1);

    hops(p, 1, 32, word, talk);
    event(p, EM_EVENT_ONSET, "A", 30, 31);
    event(p, EM_EVENT_OFFSET, "A", 30, 31);
    hops(p, 33, 60, word, talk);
    finish(p, 60);
    CHECK(heard.n == 1 && fabs(heard.events[0].u.clip.begin - 28) < 1e-9 && fabs(heard.events[0].u.clip.end - 33) < 1e-9, "%d verdicts", heard.n);
    CHECK(em_privacy_dropped(p) == (heard.events[0].u.clip.why_not != NULL), "it is counted");
    em_privacy_free(p);
    return heard.events[0].u.clip.why_not;
}

static void nothing_near_speech_is_kept(void **state)
{
    static const struct { double word; float talk; bool is_kept; } cases[] = {
        { 30.5, .9f, false },   { 18.1, .9f, false },   { 42.9, .9f, false },       /* in it, 9.9 s before and behind it  */
        { 5.5, .9f, true },     { 55.5, .9f, true },                                /* 22.5 s away                        */
        { 30.5, .1f, false },   { 30.5, .0999f, true },                             /* the score that counts              */
        { 30.5, NAN, false },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *why_not = verdict(cases[i].word, cases[i].talk);

        CHECK(!why_not == cases[i].is_kept && (!why_not || strcmp(why_not, "speech") == 0), "a word at %g s, scored %g: %s", cases[i].word,
              (double)cases[i].talk, why_not ? why_not : "kept");
    }
}

/* Any class of people counts, and any lane of the source. */
static void anybody_counts(void **state)
{
    const float whisper[N] = { [3] = .5f }, rain[N] = { [2] = 1 }, none[N] = { 0 };
    const float *const lanes[][2] = { { none, whisper }, { rain, none } };
    em_err err;
    (void)state;

    for (int k = 0; k < 2; k++) {
        em_privacy *p = privacy(10, 1);

        event(p, EM_EVENT_ONSET, "A", 3, 4);
        event(p, EM_EVENT_OFFSET, "A", 3, 4);
        for (int t = 1; t <= 20; t++)
            for (int lane = 0; lane < 2; lane++)
                CHECK_OK(em_privacy_hop(p, t, -1, lanes[k][lane], &err));
        finish(p, 20);
        CHECK(heard.n == 1 && (heard.events[0].u.clip.why_not != NULL) == (k == 0), "lanes %d", k);
        em_privacy_free(p);
    }
}

/* Windows that end later may still hold a word next to the clip. */
static void the_verdict_waits_for_all_windows(void **state)
{
    em_privacy *p = privacy(10, 1);
    (void)state;

    event(p, EM_EVENT_ONSET, "A", 3, 4);
    event(p, EM_EVENT_OFFSET, "A", 3, 4);
    hops(p, 1, 17, -1, 0);
    CHECK(heard.n == 0, "the window that ends at 17 s begins at 7 s, a step behind the clip's end, and was not judged for all lanes");
    hop(p, 18, .05f);
    CHECK(heard.n == 1 && !heard.events[0].u.clip.why_not && heard.events[0].u.clip.is_over, "now it is known");
    CHECK(fabs(heard.events[0].u.clip.begin - 1) < 1e-9 && fabs(heard.events[0].u.clip.end - 6) < 1e-9 &&
          strcmp(heard.events[0].source, "dog.wav") == 0,
          "[1, 6)");
    em_privacy_free(p);
    p = privacy(2.5, 1);
    event(p, EM_EVENT_ONSET, "A", 3, 4);
    event(p, EM_EVENT_OFFSET, "A", 3, 4);
    hops(p, 1, 15, 14.5, .9f);
    hops(p, 16, 18, -1, 0);
    CHECK(heard.n == 1 && heard.events[0].u.clip.why_not, "of short windows more are waited for: 10 s it is");
    em_privacy_free(p);
}

/* A machine that is late leaves windows out: those that it did score are taken to be as long as with what is between them. */
static void what_was_skipped_is_near(void **state)
{
    static const struct { double word; int skipped_from, skipped_to; } cases[] = { { 18.5, 27, 33 }, { 42.5, 34, 47 } };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_privacy *p = privacy(10, 1);

        event(p, EM_EVENT_ONSET, "A", 30, 31);              /* [28, 33) */
        event(p, EM_EVENT_OFFSET, "A", 30, 31);
        for (int t = 1; t <= 60; t++)
            if (t < cases[i].skipped_from || t > cases[i].skipped_to)
                hops(p, t, t, cases[i].word, .9f);
        finish(p, 60);
        CHECK(heard.n == 1 && heard.events[0].u.clip.why_not && strcmp(heard.events[0].u.clip.why_not, "speech") == 0, "case %zu", i);
        em_privacy_free(p);
    }
}

static void what_no_window_held_is_not_kept(void **state)
{
    em_privacy *p = privacy(10, 5);
    (void)state;

    event(p, EM_EVENT_ONSET, "A", 13, 14);              /* [11, 16), and no window held [10, 20) */
    event(p, EM_EVENT_OFFSET, "A", 13, 14);
    event(p, EM_EVENT_ONSET, "B", 43, 44);
    event(p, EM_EVENT_OFFSET, "B", 43, 44);
    event(p, EM_EVENT_ONSET, "C", 58, 59);              /* the last hop was at 60 s, and the stream ended at 60.7 s */
    event(p, EM_EVENT_OFFSET, "C", 58, 59);
    hop(p, 10, 0);
    for (int t = 30; t <= 60; t += 5)
        hop(p, t, 0);
    finish(p, 60.7);
    CHECK(heard.n == 3 && strcmp(heard.events[0].u.clip.why_not, "unheard") == 0 && !heard.events[1].u.clip.why_not, "%d", heard.n);
    CHECK(strcmp(heard.events[2].u.clip.id, "C") == 0 && strcmp(heard.events[2].u.clip.why_not, "unheard") == 0, "the end was not judged");
    CHECK(em_privacy_dropped(p) == 2, "%d", (int)em_privacy_dropped(p));
    em_privacy_free(p);
}

/* As long as clips get, then it is judged and told once; what is taken back is not judged. */
static void a_long_event_is_judged_while_it_sounds(void **state)
{
    em_privacy *p = privacy(10, 1);
    (void)state;

    hops(p, 1, 6, -1, 0);
    event(p, EM_EVENT_ONSET, "A", 5, 6);
    event(p, EM_EVENT_ONSET, "B", 5, 6);
    event(p, EM_EVENT_RETRACT, "B", 5, 6);
    hops(p, 7, 74, -1, 0);
    CHECK(heard.n == 0, "[3, 63) and 11 s more");
    hops(p, 75, 90, -1, 0);
    CHECK(heard.n == 1 && !heard.events[0].u.clip.is_over && fabs(heard.events[0].u.clip.end - 63) < 1e-9, "%d", heard.n);
    event(p, EM_EVENT_OFFSET, "A", 5, 88);
    hops(p, 91, 120, -1, 0);
    finish(p, 120);
    CHECK(heard.n == 1, "once");
    em_privacy_free(p);
}

/* However many words there are, and however many events at once: what is forgotten is not kept. */
static void what_is_too_much_is_not_kept(void **state)
{
    em_privacy *p = privacy(10, 1);
    char id[16];
    (void)state;

    for (int t = 1; t <= 100 * 24; t++) {
        hop(p, t, t % 24 == 1 ? .9f : 0);
        if (t == 60 || t == 2000) {                     /* [3, 8), between the words of 1 s and of 25 s */
            event(p, EM_EVENT_ONSET, "A", 5, 6);
            event(p, EM_EVENT_OFFSET, "A", 5, 6);
        }
    }
    CHECK(heard.n == 2 && !heard.events[0].u.clip.why_not && heard.events[1].u.clip.why_not, "of 83 words not all are remembered");
    heard.n = 0;
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "%d", i);
        event(p, EM_EVENT_ONSET, id, 2399, 2400);
    }
    CHECK(heard.n == 300 - 256 && strcmp(heard.events[0].u.clip.why_not, "unheard") == 0, "%d at once are too many", heard.n);
    finish(p, 2400);
    CHECK(heard.n == 300, "each is told once");
    em_privacy_free(p);
    em_privacy_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_near_speech_is_kept),
        cmocka_unit_test(anybody_counts),
        cmocka_unit_test(the_verdict_waits_for_all_windows),
        cmocka_unit_test(what_was_skipped_is_near),
        cmocka_unit_test(what_no_window_held_is_not_kept),
        cmocka_unit_test(a_long_event_is_judged_while_it_sounds),
        cmocka_unit_test(what_is_too_much_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
