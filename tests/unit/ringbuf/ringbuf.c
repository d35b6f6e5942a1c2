/* One thread drives both sides: full, empty, wrap, blocks, marks. What two threads do is in stress.c. */
#include "check.h"

#include "ringbuf/ringbuf.h"

enum { CAPACITY = 8, CHANNELS = 2 };

typedef struct pair {
    _Alignas(RINGBUF_LINE) unsigned char memory[sizeof(ringbuf) + CAPACITY * CHANNELS * sizeof(float)];
    ringbuf_writer w;
    ringbuf_reader r;
    uint32_t next_in, next_out;         /* number of the next frame */
} pair;

static void open_pair(pair *p, uint32_t first)
{
    memset(p, 0, sizeof *p);
    ringbuf_init(p->memory, first);
    ringbuf_writer_attach(&p->w, p->memory, CAPACITY, CHANNELS);
    ringbuf_reader_attach(&p->r, p->memory, CAPACITY, CHANNELS);
}

/* Frames are numbered in the first channel, negated in the second. A block that does not fit is skipped. */
static bool put(pair *p, uint32_t n)
{
    float x[2 * CAPACITY * CHANNELS];

    for (uint32_t i = 0; i < n; i++) {
        x[i * CHANNELS] = (float)(p->next_in + i);
        x[i * CHANNELS + 1] = -(float)(p->next_in + i);
    }
    p->next_in += n;
    if (ringbuf_write(&p->w, x, n))
        return true;
    ringbuf_skip(&p->w, 0, n);
    return false;
}

/* Takes up to max frames and marks, checking every number. Returns frames and missing ones together. */
static uint32_t get(pair *p, uint32_t max)
{
    float x[2 * CAPACITY * CHANNELS];
    const uint32_t before = p->next_out;
    ringbuf_mark mark;
    uint32_t n;

    while ((n = ringbuf_read(&p->r, x, max)) > 0 || ringbuf_peek_mark(&p->r, &mark)) {
        for (uint32_t i = 0; i < n; i++, p->next_out++)
            CHECK(x[i * CHANNELS] == (float)p->next_out && x[i * CHANNELS + 1] == -(float)p->next_out,
                  "frame %u came as %g, %g", p->next_out, (double)x[i * CHANNELS], (double)x[i * CHANNELS + 1]);
        max -= n;
        if (n == 0) {
            p->next_out += (uint32_t)mark.n_missing;
            ringbuf_advance_mark(&p->r);
        }
    }
    return p->next_out - before;
}

static void sizes_that_make_no_ring_are_refused(void **state)
{
    static const struct { uint32_t capacity, n_channels; const char *why; } bad[] = {
        { 0, 1, "no capacity" },          { 3, 1, "no power of two" },        { 8, 0, "no channels" },
        { 8, 1025, "channels" },          { 1u << 31, 1, "half the indices" }, { UINT32_MAX, 1, "all ones" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(ringbuf_bytes(bad[i].capacity, bad[i].n_channels) == 0, "%s", bad[i].why);
    assert_int_equal(ringbuf_bytes(1, 1), sizeof(ringbuf) + 4);
    assert_int_equal(ringbuf_bytes(1u << 30, 64), sizeof(ringbuf) + ((size_t)1 << 38));
}

static void every_fill_level_is_exact_at_every_index(void **state)
{
    static const uint32_t firsts[] = { 0, 1, 7, 0x7ffffffcu, UINT32_MAX - 7, UINT32_MAX - 3, UINT32_MAX };

    (void)state;
    for (size_t f = 0; f < EM_COUNT(firsts); f++) {
        for (uint32_t n = 1; n <= CAPACITY; n++) {
            pair p;

            open_pair(&p, firsts[f]);
            for (int round = 0; round < 40; round++) {
                CHECK(ringbuf_room(&p.w) == CAPACITY, "empty, first %u", firsts[f]);
                CHECK(put(&p, n), "%u frames, round %d", n, round);
                CHECK(ringbuf_room(&p.w) == CAPACITY - n, "first %u, %u frames, round %d", firsts[f], n, round);
                CHECK(get(&p, CAPACITY) == n, "first %u, %u frames, round %d", firsts[f], n, round);
                CHECK(get(&p, CAPACITY) == 0, "empty again");
            }
            assert_int_equal(p.r.n_read, 40u * n);
        }
    }
}

static void random_cuts_lose_and_miscount_nothing(void **state)
{
    pair p;
    uint64_t seed = 1, n_lost = 0;

    (void)state;
    open_pair(&p, UINT32_MAX - 500);
    for (int i = 0; i < 200000; i++) {
        uint32_t n_waiting;
        uint64_t n_dropped;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (seed >> 63)
            n_lost += put(&p, 1 + (uint32_t)(seed >> 40) % 5) ? 0 : 1;
        else
            get(&p, 1 + (uint32_t)(seed >> 40) % 6);
        ringbuf_look(&p.r, &n_waiting, &n_dropped);
        CHECK(p.r.n_read + n_waiting + n_dropped == p.next_in, "step %d", i);
    }
    CHECK(n_lost > 1000, "the ring was full only %llu times", (unsigned long long)n_lost);
    while (get(&p, CAPACITY) > 0)
        ;
    assert_true(ringbuf_flush(&p.w));
    get(&p, CAPACITY);
    CHECK(p.next_in == p.next_out, "%u in, %u out", p.next_in, p.next_out);
}

static void a_block_that_does_not_fit_is_dropped_whole(void **state)
{
    pair p;
    ringbuf_span span[2];

    (void)state;
    open_pair(&p, UINT32_MAX - 2);
    assert_true(put(&p, 5));
    assert_false(put(&p, 4));
    assert_int_equal(ringbuf_room(&p.w), 3);
    assert_true(put(&p, 3));
    assert_false(put(&p, 1));
    assert_int_equal(ringbuf_peek_read(&p.r, 99, span), 5);
    assert_int_equal(span[0].n + span[1].n, 5);
    assert_int_equal(get(&p, 8), 5 + 4 + 3);
    assert_int_equal(p.w.n_dropped, 5);
}

static void a_gap_grows_until_frames_follow_it(void **state)
{
    pair p;
    ringbuf_mark mark;

    (void)state;
    open_pair(&p, 0);
    put(&p, 8);
    for (int i = 0; i < 1000; i++)
        put(&p, 2);
    CHECK(!ringbuf_peek_mark(&p.r, &mark) && p.w.mark_w == 0, "nothing follows it yet");
    assert_int_equal(get(&p, 4), 4);
    put(&p, 1);
    CHECK(p.w.mark_w == 1, "one mark, not a thousand");
    CHECK(get(&p, 4) == 4 + 2000, "the missing ones stand before the frame that follows");
    assert_int_equal(get(&p, 4), 1);
}

/* One frame in, one dropped, over and over: a mark for each, more than the queue holds. */
static void a_full_mark_queue_drops_on_and_counts_right(void **state)
{
    pair p;
    ringbuf_mark mark;
    float one[CHANNELS] = { 0 };
    uint32_t n_marks = 0;

    (void)state;
    open_pair(&p, UINT32_MAX - 3);
    for (int i = 0; i < 3 * RINGBUF_MARKS; i++) {
        ringbuf_skip(&p.w, (uint32_t)i, 1);     /* another tag each time: they cannot be joined */
        if (i < RINGBUF_MARKS)
            continue;
        CHECK(ringbuf_room(&p.w) == 0, "no room while a mark waits, %d", i);
        CHECK(!ringbuf_write(&p.w, one, 1), "nothing may pass a mark, %d", i);
    }
    assert_false(ringbuf_flush(&p.w));
    for (uint64_t n = 0; n < 3 * RINGBUF_MARKS; n_marks++) {
        CHECK(ringbuf_peek_mark(&p.r, &mark), "%llu of %d frames", (unsigned long long)n, 3 * RINGBUF_MARKS);
        n += mark.n_missing;
        ringbuf_advance_mark(&p.r);
        ringbuf_flush(&p.w);
    }
    CHECK(n_marks == RINGBUF_MARKS + 1, "%u", n_marks);
    assert_true(ringbuf_write(&p.w, one, 1));
}

static void a_note_stands_between_the_frames_it_was_made_between(void **state)
{
    pair p;
    ringbuf_mark mark;
    float x[CAPACITY * CHANNELS];

    (void)state;
    open_pair(&p, UINT32_MAX - 1);
    put(&p, 3);
    ringbuf_note(&p.w, 16, 44100);
    put(&p, 2);
    assert_int_equal(ringbuf_read(&p.r, x, 8), 3);
    assert_int_equal(ringbuf_read(&p.r, x, 8), 0);
    assert_true(ringbuf_peek_mark(&p.r, &mark));
    assert_int_equal(mark.tag, 16);
    assert_int_equal(mark.value, 44100);
    assert_int_equal(mark.n_missing, 0);
    ringbuf_advance_mark(&p.r);
    assert_false(ringbuf_peek_mark(&p.r, &mark));
    assert_int_equal(ringbuf_read(&p.r, x, 8), 2);
}

static void an_index_that_makes_no_sense_stops_the_reader(void **state)
{
    static const struct { uint32_t w, mark_w, at; const char *what; } bad[] = {
        { CAPACITY + 1, 0, 0, "more than the ring holds" },
        { UINT32_MAX, 0, 0, "behind the reader" },
        { 1, RINGBUF_MARKS + 1, 0, "more marks than there are" },
        { 1, 1, CAPACITY + 1, "a mark past the end" },
        { 1, 1, UINT32_MAX, "a mark behind the reader" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        float x[CAPACITY * CHANNELS];
        pair p;

        open_pair(&p, 0);
        p.w.ring->marks[0].at = bad[i].at;
        atomic_store(&p.w.ring->mark_w.value, bad[i].mark_w);
        atomic_store(&p.w.ring->w.value, bad[i].w);
        CHECK(ringbuf_read(&p.r, x, CAPACITY) == 0, "%s", bad[i].what);
        CHECK(p.r.is_broken, "%s", bad[i].what);
        atomic_store(&p.w.ring->w.value, 1);
        CHECK(ringbuf_read(&p.r, x, CAPACITY) == 0, "broken for good, %s", bad[i].what);
    }
}

static void the_indices_stand_on_lines_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(offsetof(ringbuf, r) - offsetof(ringbuf, w), RINGBUF_LINE);
    assert_int_equal(offsetof(ringbuf, mark_r) - offsetof(ringbuf, mark_w), RINGBUF_LINE);
    assert_int_equal(sizeof(ringbuf) % RINGBUF_LINE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_make_no_ring_are_refused),
        cmocka_unit_test(every_fill_level_is_exact_at_every_index),
        cmocka_unit_test(random_cuts_lose_and_miscount_nothing),
        cmocka_unit_test(a_block_that_does_not_fit_is_dropped_whole),
        cmocka_unit_test(a_gap_grows_until_frames_follow_it),
        cmocka_unit_test(a_full_mark_queue_drops_on_and_counts_right),
        cmocka_unit_test(a_note_stands_between_the_frames_it_was_made_between),
        cmocka_unit_test(an_index_that_makes_no_sense_stops_the_reader),
        cmocka_unit_test(the_indices_stand_on_lines_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
