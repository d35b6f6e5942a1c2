/* The queue of commands: in order, bounded, from many threads and from a signal handler, and nothing lost that was not refused. */
#include "check.h"

#include "base/control.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { WRITERS = 4, EACH = 20000 };

static em_control *queue;
static atomic_ullong n_put, n_running;

static em_control_command mark(int who, int i)
{
    em_control_command c = { .type = EM_CONTROL_MARK, .i_class = i };

    snprintf(c.text, sizeof c.text, "%d:%d", who, i);
    c.source[0] = (char)who;
    return c;
}

static void it_is_bounded_and_in_order(void **state)
{
    em_control_command c;
    (void)state;

    queue = em_control_new();
    CHECK(queue && !em_control_take(queue, &c), "empty");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < EM_CONTROL_ROOM; i++) {
            c = mark(1, i);
            CHECK(em_control_put(queue, &c), "round %d: command %d", round, i);
        }
        c = mark(1, 99);
        CHECK(!em_control_put(queue, &c) && em_control_refused(queue) == (uint64_t)round + 1, "round %d: one too many", round);
        for (int i = 0; i < EM_CONTROL_ROOM; i++)
            CHECK(em_control_take(queue, &c) && c.i_class == i && c.type == EM_CONTROL_MARK, "round %d: takes %d", round, i);
        CHECK(!em_control_take(queue, &c), "round %d: no more", round);
    }
    em_control_free(queue);
}

static void *write_all(void *who)
{
    for (int i = 0; i < EACH; i++) {
        const em_control_command c = mark((int)(intptr_t)who, i);

        atomic_fetch_add(&n_put, em_control_put(queue, &c));
    }
    atomic_fetch_sub(&n_running, 1);
    return NULL;
}

static void put_in_handler(int number)
{
    const em_control_command c = mark(WRITERS + 1, number);

    atomic_fetch_add(&n_put, em_control_put(queue, &c));
}

/* Each writer's commands come whole and in its order; those of a handler, which may interrupt a writer at any place, too. */
static void nothing_is_lost_between_threads(void **state)
{
    int last[WRITERS + 2];
    uint64_t n_taken = 0, n_signals = 0;
    pthread_t threads[WRITERS];
    em_control_command c;
    (void)state;

    queue = em_control_new();
    atomic_store(&n_put, 0);
    atomic_store(&n_running, WRITERS);
    memset(last, -1, sizeof last);
    signal(SIGUSR1, put_in_handler);
    for (intptr_t i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_all, (void *)(i + 1)) == 0, "thread %d", (int)i);
    for (bool is_over = false, has_one = true; !is_over || has_one;) {
        is_over = atomic_load(&n_running) == 0;
        if (n_taken % 100 == 0 && !is_over) {
            n_signals++;
            pthread_kill(threads[n_signals % WRITERS], SIGUSR1);
        }
        if (!(has_one = em_control_take(queue, &c)))
            continue;
        n_taken++;
        if (c.source[0] <= WRITERS) {
            char want[EM_CONTROL_TEXT];

            snprintf(want, sizeof want, "%d:%d", c.source[0], c.i_class);
            CHECK(strcmp(c.text, want) == 0 && c.i_class > last[(int)c.source[0]], "'%s' behind %d", c.text, last[(int)c.source[0]]);
            last[(int)c.source[0]] = c.i_class;
        }
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    while (em_control_take(queue, &c))
        n_taken++;
    CHECK(n_taken == atomic_load(&n_put), "%llu of %llu taken", (unsigned long long)n_taken, (unsigned long long)atomic_load(&n_put));
    CHECK(n_taken + em_control_refused(queue) >= (uint64_t)WRITERS * EACH, "all are taken or counted");
    em_control_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_bounded_and_in_order),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
