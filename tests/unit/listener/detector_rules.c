/* What holds of any scores, random and hostile ones among them; settings that are refused. An interposed allocator counts what a hop
 * allocates. */
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
    scene_use_ontology(&s);
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
    for (int i = 0; i < 14; i++) {
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
        case 11: s.cfg.rival = 1.1f; break;             /* two sounds that are each other's shade */
        case 12: s.cfg.sure = NAN; break;
        default: s.cfg.window_samples = 0;
        }
        CHECK(em_detector_new(&d, &s.cfg, &err) == EM_EINVAL && !d && err.msg[0], "case %d", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_streams_keep_the_rules),
        cmocka_unit_test(a_hop_allocates_nothing),
        cmocka_unit_test(hostile_scores_are_taken),
        cmocka_unit_test(impossible_settings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
