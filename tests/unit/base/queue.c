/* queue.c - first in, first out, nothing lost; full, closed and timed out are told apart as promised. */
#include "check.h"

#include "base/clock.h"
#include "base/queue.h"

#include <math.h>
#include <pthread.h>

static em_err err;

static void items_leave_in_the_order_they_came(void **state)
{
    em_queue *q;
    int next_in = 0, next_out = 0, got;

    (void)state;
    CHECK_OK(em_queue_new(&q, 3, sizeof(int), &err));
    for (int round = 0; round < 20; round++) {          /* 2 of 3 places: the ring wraps at every offset */
        for (int i = 0; i < 2; i++, next_in++)
            CHECK(em_queue_try_push(q, &next_in), "item %d", next_in);
        CHECK(em_queue_length(q) == 2, "round %d", round);
        for (int i = 0; i < 2; i++, next_out++)
            CHECK(em_queue_pop(q, &got, 0) && got == next_out, "item %d", next_out);
    }
    CHECK(!em_queue_pop(q, &got, 0), "empty");
    em_queue_free(q);
}

static void a_full_queue_refuses_and_keeps_what_it_has(void **state)
{
    em_queue *q;
    uint64_t start;
    int got;

    (void)state;
    CHECK_OK(em_queue_new(&q, 2, sizeof(int), &err));
    for (int i = 0; i < 2; i++)
        CHECK(em_queue_try_push(q, &i), "item %d", i);
    CHECK(!em_queue_try_push(q, &(int){ 9 }), "full");
    start = em_now_ns();
    CHECK(!em_queue_push(q, &(int){ 9 }, 20), "still full");
    CHECK(em_now_ns() - start >= 20000000, "gave up too early");
    CHECK(em_queue_length(q) == 2, "%zu items", em_queue_length(q));
    for (int i = 0; i < 2; i++)
        CHECK(em_queue_pop(q, &got, -1) && got == i, "item %d", i);
    start = em_now_ns();
    CHECK(!em_queue_pop(q, &got, 20), "nothing came");
    CHECK(em_now_ns() - start >= 20000000, "gave up too early");
    em_queue_free(q);
}

static void a_closed_queue_can_be_emptied(void **state)
{
    em_queue *q;
    int got;

    (void)state;
    CHECK_OK(em_queue_new(&q, 4, sizeof(int), &err));
    em_queue_try_push(q, &(int){ 1 });
    em_queue_try_push(q, &(int){ 2 });
    em_queue_close(q);
    em_queue_close(q);
    CHECK(!em_queue_try_push(q, &(int){ 3 }), "closed");
    CHECK(!em_queue_push(q, &(int){ 3 }, -1), "closed, waiting for ever");
    CHECK(em_queue_pop(q, &got, -1) && got == 1, " ");
    CHECK(em_queue_pop(q, &got, 0) && got == 2, " ");
    CHECK(!em_queue_pop(q, &got, -1), "closed and empty");
    em_queue_free(q);
}

typedef struct waiter { em_queue *q; bool pushes, ok; double timeout_ms; } waiter;

static void *wait_for_it(void *arg)
{
    waiter *w = arg;
    int item = 5;

    w->ok = w->pushes ? em_queue_push(w->q, &item, w->timeout_ms) : em_queue_pop(w->q, &item, w->timeout_ms);
    return NULL;
}

static void closing_wakes_everybody(void **state)
{
    waiter w[4] = { { 0 } };
    pthread_t threads[4];
    em_queue *full, *empty;

    (void)state;
    CHECK_OK(em_queue_new(&full, 1, sizeof(int), &err));
    CHECK_OK(em_queue_new(&empty, 1, sizeof(int), &err));
    em_queue_try_push(full, &(int){ 1 });
    for (int i = 0; i < 4; i++) {
        w[i] = (waiter){ i % 2 ? full : empty, i % 2, true, -1 };
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, &w[i]), 0);
    }
    em_sleep_ms(20);                                    /* most of them wait by now; either way they must end */
    em_queue_close(full);
    em_queue_close(empty);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);                 /* CTest's limit ends a hang */
        CHECK(!w[i].ok, "waiter %d", i);
    }
    em_queue_free(full);
    em_queue_free(empty);
}

enum { N_SIDES = 3, N_EACH = 4000 };
typedef struct item { int producer, number; } item;
typedef struct side { em_queue *q; int id; int last[N_SIDES]; long n, sum; bool is_ordered; } side;

static void *produce(void *arg)
{
    side *s = arg;

    for (int i = 1; i <= N_EACH; i++)
        em_queue_push(s->q, &(item){ s->id, i }, -1);
    return NULL;
}

static void *consume(void *arg)
{
    side *s = arg;
    item got;

    s->is_ordered = true;
    while (em_queue_pop(s->q, &got, -1)) {
        s->is_ordered = s->is_ordered && got.number > s->last[got.producer];
        s->last[got.producer] = got.number;
        s->n++;
        s->sum += got.number;
    }
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    side in[N_SIDES] = { { 0 } }, out[N_SIDES] = { { 0 } };
    pthread_t producers[N_SIDES], consumers[N_SIDES];
    long n = 0, sum = 0;
    em_queue *q;

    (void)state;
    CHECK_OK(em_queue_new(&q, 5, sizeof(item), &err));
    for (int i = 0; i < N_SIDES; i++) {
        in[i].q = out[i].q = q;
        in[i].id = i;
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, &out[i]), 0);
        assert_int_equal(pthread_create(&producers[i], NULL, produce, &in[i]), 0);
    }
    for (int i = 0; i < N_SIDES; i++)
        pthread_join(producers[i], NULL);
    em_queue_close(q);
    for (int i = 0; i < N_SIDES; i++) {
        pthread_join(consumers[i], NULL);
        CHECK(out[i].is_ordered, "consumer %d saw a producer's items out of order", i);
        n += out[i].n;
        sum += out[i].sum;
    }
    CHECK(n == N_SIDES * N_EACH && sum == (long)N_SIDES * N_EACH * (N_EACH + 1) / 2, "%ld items, sum %ld", n, sum);
    em_queue_free(q);
}

static void impossible_queues_are_refused(void **state)
{
    static const struct { size_t n, bytes; } rows[] = { { 0, 4 }, { 4, 0 }, { 0, 0 }, { SIZE_MAX, 2 }, { SIZE_MAX / 4 + 1, 4 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        em_queue *q = (em_queue *)&err;

        CHECK(em_queue_new(&q, rows[i].n, rows[i].bytes, &err) == EM_EINVAL && !q, "row %zu: %s", i, err.msg);
    }
    em_queue_free(NULL);
}

static void odd_timeouts_are_survived(void **state)
{
    static const double rows[] = { 1e300, (double)INFINITY, 1e-9, (double)NAN };
    waiter w = { .timeout_ms = 1e300 };
    pthread_t thread;
    em_queue *q;
    int got;

    (void)state;
    CHECK_OK(em_queue_new(&q, 1, sizeof(int), &err));
    w.q = q;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &w), 0);
    em_sleep_ms(20);
    em_queue_push(q, &(int){ 1 }, -1);
    pthread_join(thread, NULL);
    CHECK(w.ok, "a wait of 1e300 ms ended before the item came");
    em_queue_close(q);
    em_queue_free(q);

    CHECK_OK(em_queue_new(&q, 1, sizeof(int), &err));
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        CHECK(em_queue_push(q, &(int){ 7 }, rows[i]), "timeout %g", rows[i]);
        CHECK(em_queue_pop(q, &got, rows[i]) && got == 7, "timeout %g", rows[i]);
    }
    CHECK(!em_queue_pop(q, &got, (double)NAN), "not a number of milliseconds: no wait");
    em_queue_close(q);
    CHECK(!em_queue_pop(q, &got, 1e300), "closed");
    em_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_leave_in_the_order_they_came),
        cmocka_unit_test(a_full_queue_refuses_and_keeps_what_it_has),
        cmocka_unit_test(a_closed_queue_can_be_emptied),
        cmocka_unit_test(closing_wakes_everybody),
        cmocka_unit_test(many_threads_lose_nothing),
        cmocka_unit_test(impossible_queues_are_refused),
        cmocka_unit_test(odd_timeouts_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
