/* The queue between worker and sinks: a reader that stands still loses records of its own, not hops and not those of
 * others; and once sound flows nothing is allocated. */
#include "check.h"

#include "base/clock.h"
#include "engine/engine.h"
#include "fakes.h"
#include "memory_sink.h"

enum { RATE = 32000, STEP = RATE };

/* The sanitizers bring their own allocator, and there the count stays 0. */
static atomic_int n_allocations;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)             { atomic_fetch_add(&n_allocations, 1); return __libc_malloc(n); }
void *calloc(size_t n, size_t s)   { atomic_fetch_add(&n_allocations, 1); return __libc_calloc(n, s); }
void *realloc(void *p, size_t n)   { atomic_fetch_add(&n_allocations, 1); return __libc_realloc(p, n); }
#endif

static em_event scores_event(double time, const float *scores)
{
    em_event e = { .type = EM_EVENT_SCORES, .source = "mic", .time = time, .utc_ms = -1 };

    e.u.scores.scores = scores;
    return e;
}

static em_outlet *outlet_of(em_sink **sinks, int n, bool is_queued)
{
    em_outlet_cfg cfg = { .sinks = sinks, .n_sinks = n, .is_queued = is_queued, .n_classes = FAKE_CLASSES };
    em_outlet *o;
    em_err err;

    for (int i = 0; i < n; i++)
        sinks[i]->n_classes = FAKE_CLASSES;
    CHECK_OK(em_outlet_new(&o, &cfg, &err));
    return o;
}

static void a_reader_that_stands_still_loses_records_and_is_told_the_end(void **state)
{
    static em_sink sink;
    float scores[FAKE_CLASSES] = { 0 };
    em_sink *sinks[] = { &sink };
    em_outlet *o = outlet_of(sinks, 1, true);
    em_outlet_counters lost;
    em_event stop = { .type = EM_EVENT_STOP, .source = "mic" };
    const memory_event *hole;
    em_err err;
    const int n = 1000;
    (void)state;

    atomic_store(&sink.is_held, true);
    for (int i = 0; i < n; i++) {
        em_event e = scores_event(i, scores);

        scores[1] = (float)i;
        CHECK(em_outlet_put(o, &e, &err) == EM_OK, "record %d", i);
        while (atomic_load(&sink.n_put) == 0)           /* the first one is being written */
            em_sleep_ms(1);
    }
    em_outlet_get_counters(o, &lost);
    CHECK(lost.n_dropped > 0 && lost.n_dropped < (uint64_t)n, "%llu dropped", (unsigned long long)lost.n_dropped);
    atomic_store(&sink.is_held, false);
    CHECK(em_outlet_put(o, &stop, &err) == EM_OK, "the last record");
    em_outlet_drain(o);
    em_outlet_get_counters(o, &lost);
    hole = memory_nth(&sink, EM_EVENT_LOST, 0);
    CHECK(memory_count(&sink, EM_EVENT_LOST) == 1 && hole, "%d holes", memory_count(&sink, EM_EVENT_LOST));
    CHECK(hole->e.u.lost.n_records == lost.n_dropped, "the hole is told: %llu, %llu", (unsigned long long)hole->e.u.lost.n_records,
          (unsigned long long)lost.n_dropped);
    CHECK((uint64_t)sink.n == (uint64_t)n - lost.n_dropped + 2, "%d came, %llu dropped", sink.n, (unsigned long long)lost.n_dropped);
    CHECK(sink.events[sink.n - 1].e.type == EM_EVENT_STOP, "the last record is the stop");
    for (int i = 0; i + 1 < sink.n; i++) {
        const memory_event *m = &sink.events[i];

        if (m->e.type == EM_EVENT_LOST)
            CHECK(i + 1 < sink.n && m[1].e.time == m->e.time && m->e.time - m[-1].e.time == (double)lost.n_dropped + 1,
                  "it stands where the hole is: %g to %g", m[-1].e.time, m->e.time);
        else
            CHECK(m->scores[1] == (float)m->e.time, "record %d has its own scores", i);
        CHECK(strcmp(m->source, "mic") == 0, "record %d has its own name", i);
    }
    em_outlet_free(o);
}

static void a_stuck_reader_takes_nothing_from_others(void **state)
{
    enum { N_PUT = 400, AT_ONCE = 50 };
    static em_sink stuck, there, also;
    float scores[FAKE_CLASSES] = { 0 };
    em_sink *sinks[] = { &stuck, &there, &also };
    em_outlet *o = outlet_of(sinks, 3, true);
    uint64_t from;
    em_err err;
    (void)state;

    atomic_store(&stuck.is_held, true);
    for (int i = 0; i < N_PUT; i++) {
        char name[16];
        em_event e = scores_event(i, scores);

        snprintf(name, sizeof name, "mic %d", i);       /* what a caller's stack holds is copied */
        e.source = name;
        scores[1] = (float)i;
        CHECK_OK(em_outlet_put(o, &e, &err));
        for (from = em_now_ns(); i % AT_ONCE == 0 && em_now_ns() - from < 10000000000ull;)
            if (atomic_load(&there.n_put) > i && atomic_load(&also.n_put) > i)
                break;
    }
    from = em_now_ns();
    em_outlet_drain(o);
    CHECK(em_now_ns() - from < 10000000000ull, "a stuck reader does not hold up the end");
    for (int k = 1; k < 3; k++) {
        CHECK(sinks[k]->n == N_PUT && memory_count(sinks[k], EM_EVENT_LOST) == 0, "sink %d: %d records", k, sinks[k]->n);
        for (int i = 0; i < N_PUT; i++)
            CHECK(sinks[k]->events[i].scores[1] == (float)i && atoi(sinks[k]->events[i].source + 4) == i, "sink %d: record %d", k, i);
    }
    CHECK(stuck.n == 0 && atomic_load(&stuck.n_put) == 1, "the stuck one wrote nothing: %d", stuck.n);
    em_outlet_free(o);
}

static void put(em_outlet *o, int i)
{
    float scores[FAKE_CLASSES] = { 0 };
    const em_event e = scores_event(i, scores);
    em_err err;

    CHECK_OK(em_outlet_put(o, &e, &err));
}

/* Each gets what was put while it was there, directly or queued, and a reader that is stuck does not hold up its going. */
static void sinks_come_and_go(void **state)
{
    (void)state;
    for (int is_queued = 0; is_queued < 2; is_queued++) {
        static em_sink stays, other[12];
        em_sink *sinks[] = { &stays, &other[0] };
        em_outlet_counters lost;
        em_vitals vitals;
        em_outlet *o;
        em_err err;

        memset(&stays, 0, sizeof stays);
        memset(other, 0, sizeof other);
        o = outlet_of(sinks, 2, is_queued);
        put(o, 0);
        for (int i = 1; i < 12; i++) {
            other[i].n_classes = FAKE_CLASSES;
            em_outlet_remove(o, &other[i - 1]);
            CHECK_OK(em_outlet_add(o, &other[i], &err));
            atomic_store(&other[i].is_held, is_queued && i == 5);
            put(o, i);
            em_outlet_get_vitals(o, &vitals);               /* there are more places than sinks */
            CHECK(vitals.n_sinks == 2, "%d sinks", vitals.n_sinks);
        }
        em_outlet_drain(o);
        em_outlet_get_counters(o, &lost);
        CHECK(stays.n == 12 && lost.n_dropped == 0 && lost.n_failed == 0, "%d records, %llu dropped", stays.n, (unsigned long long)lost.n_dropped);
        for (int i = 0; i < 12; i++)
            CHECK(is_queued && i == 5 ? other[i].n == 0 : other[i].n == 1 && other[i].events[0].e.time == i, "sink %d: %d records", i, other[i].n);
        em_outlet_free(o);
    }
}

static void a_full_disk_is_tried_again(void **state)
{
    static em_sink sink;
    static const float scores[FAKE_CLASSES];
    em_sink *sinks[] = { &sink };
    em_outlet *o = outlet_of(sinks, 1, true);
    em_outlet_counters lost;
    em_err err;
    (void)state;

    sink.broken_until = 3;
    for (int i = 0; i < 5; i++) {
        em_event e = scores_event(i, scores);

        CHECK_OK(em_outlet_put(o, &e, &err));
    }
    em_outlet_drain(o);
    em_outlet_get_counters(o, &lost);
    CHECK(sink.n == 2 && lost.n_failed == 3, "%d written, %llu failed", sink.n, (unsigned long long)lost.n_failed);
    em_outlet_free(o);
}

static void a_gone_reader_ends_only_itself(void **state)
{
    static em_sink gone, there;
    static const float scores[FAKE_CLASSES];
    em_sink *sinks[] = { &gone, &there };
    em_outlet *o = outlet_of(sinks, 2, false);
    em_event e = scores_event(1, scores);
    em_err err;
    (void)state;

    gone.gone_after = 1;
    for (int i = 0; i < 3; i++)
        CHECK_OK(em_outlet_put(o, &e, &err));
    CHECK(gone.n == 1 && there.n == 3 && atomic_load(&gone.n_put) == 2, "%d and %d records", gone.n, there.n);
    there.gone_after = 3;
    CHECK(em_outlet_put(o, &e, &err) == EM_ECANCELED, "nobody is left");
    em_outlet_free(o);
}

typedef struct counting { int first, later, n_calls; } counting;

/* Told between the hops; the first hops may still set things up. */
static void count_allocations(void *ctx, const char *source, double done_s, double total_s)
{
    counting *c = ctx;
    (void)source;
    (void)total_s;

    if (done_s <= 1.5)
        c->first = n_allocations;
    c->later = n_allocations;
    c->n_calls++;
}

static void the_hop_path_allocates_nothing(void **state)
{
    static fake_step steps[800];
    fake_script script = { .name = "mic", .rate_hz = RATE, .n_channels = 2, .is_live = true, .steps = steps, .n_steps = 800 };
    static em_sink sink;
    em_sink *sinks[] = { &sink };
    em_outlet_cfg outlet = { .sinks = sinks, .n_sinks = 1, .is_queued = true, .n_classes = FAKE_CLASSES, .n_slots = 32, .n_embedding = 320 };
    counting c = { 0 };
    const em_watch_rules events = fake_events(RATE);
    const fake_session_cfg fake = { .hears = true };
    em_engine_cfg cfg = { .max_batch = 2, .step_samples = STEP, .channel = -1, .start_ms = -1, .has_slots = true, .events = &events,
                          .has_embeddings = true, .has_level = true, .progress = count_allocations, .progress_ctx = &c };
    em_engine_result result;
    em_source *source;
    em_err err;
    (void)state;

    /* Nothing waits at most polls, as in life, so that progress is told at several times of the stream. */
    for (int i = 0; i < 800; i++)
        steps[i] = (fake_step){ .n_frames = i % 40 ? 0 : STEP / 2, .n_gap = i == 400 ? STEP / 4 : 0, .state = EM_SOURCE_UP };
    sink.n_classes = FAKE_CLASSES;
    cfg.session = fake_session_new(RATE, &fake);
    source = fake_source_new(&script);
    CHECK_OK(em_outlet_new(&cfg.outlet, &outlet, &err));
    CHECK_OK(em_engine_run(&result, &cfg, source, &err));
    CHECK(result.n_hops >= 9 && c.n_calls >= 3, "%lld hops, told %d times", (long long)result.n_hops, c.n_calls);
    em_outlet_drain(cfg.outlet);
    CHECK(memory_count(&sink, EM_EVENT_OFFSET) == 2, "an event of each channel");
    CHECK(c.first == c.later, "%d allocations after the first hop", c.later - c.first);
    em_outlet_free(cfg.outlet);
    em_session_free(cfg.session);
    em_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_stands_still_loses_records_and_is_told_the_end),
        cmocka_unit_test(a_stuck_reader_takes_nothing_from_others),
        cmocka_unit_test(sinks_come_and_go),
        cmocka_unit_test(a_full_disk_is_tried_again),
        cmocka_unit_test(a_gone_reader_ends_only_itself),
        cmocka_unit_test(the_hop_path_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
