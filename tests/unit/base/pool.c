/* pool.c - every task exactly once, done before the run returns, by any number of threads; asleep when idle. */
#include "check.h"

#include "base/clock.h"
#include "base/pool.h"

#include <stdatomic.h>
#include <time.h>

enum { MOST_TASKS = 1000 };

typedef struct job { int n_threads, times[MOST_TASKS]; atomic_int n_bad_workers; } job;

static em_err err;

static void count(void *ctx, int i, int worker)
{
    job *j = ctx;

    j->times[i]++;
    if (worker < 0 || worker >= j->n_threads)
        atomic_fetch_add(&j->n_bad_workers, 1);
}

static void check_run(em_pool *pool, int n_tasks)
{
    static job j;

    j = (job){ .n_threads = em_pool_threads(pool) };
    em_pool_run(pool, count, &j, n_tasks);
    for (int i = 0; i < MOST_TASKS; i++)
        CHECK(j.times[i] == (i < n_tasks), "task %d of %d ran %d times on %d threads", i, n_tasks, j.times[i], j.n_threads);
    CHECK(j.n_bad_workers == 0, "%d threads", j.n_threads);
}

static void every_task_runs_exactly_once(void **state)
{
    static const int threads[] = { 1, 2, 3, 7, 16 }, tasks[] = { 0, 1, 2, 3, 15, 16, 17, MOST_TASKS };

    (void)state;
    for (size_t t = 0; t < EM_COUNT(threads); t++) {
        em_pool *pool;

        CHECK_OK(em_pool_new(&pool, threads[t], &err));
        CHECK(em_pool_threads(pool) == threads[t], " ");
        for (int round = 0; round < 20; round++)        /* at once after each other: workers still spin */
            for (size_t n = 0; n < EM_COUNT(tasks); n++)
                check_run(pool, tasks[n]);
        em_sleep_ms(10);                                /* and from sleep */
        check_run(pool, MOST_TASKS);
        em_pool_free(pool);
    }
}

static void pools_start_and_stop_at_any_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        em_pool *pool;

        CHECK_OK(em_pool_new(&pool, 1 + i % 5, &err));
        if (i % 3 == 1)
            check_run(pool, i);
        if (i % 3 == 2)
            em_sleep_ms(1);
        em_pool_free(pool);
    }
    em_pool_free(NULL);
}

typedef struct meeting { int n_threads; atomic_int n_here, n_missing; float tiny[8]; } meeting;

/* Waits (at most 20 s) until every thread holds a task: each then has exactly one. */
static void meet(void *ctx, int i, int worker)
{
    meeting *m = ctx;
    volatile float small = 1e-30f;

    (void)i;
    atomic_fetch_add(&m->n_here, 1);
    for (int ms = 0; atomic_load(&m->n_here) < m->n_threads; ms++) {
        if (ms == 20000) {
            atomic_fetch_add(&m->n_missing, 1);
            return;
        }
        em_sleep_ms(1);
    }
    m->tiny[worker] = small * 1e-12f;
}

static void all_threads_work_at_the_same_time_without_denormals(void **state)
{
    meeting m = { .n_threads = 4, .tiny = { 1, 1, 1, 1 } };
    em_pool *pool;

    (void)state;
    CHECK_OK(em_pool_new(&pool, m.n_threads, &err));
    em_pool_run(pool, meet, &m, m.n_threads);
    CHECK(m.n_missing == 0, "%d tasks waited in vain for the others", m.n_missing);
#if defined(__x86_64__) || defined(__aarch64__)
    for (int w = 1; w < m.n_threads; w++)
        CHECK(m.tiny[w] == 0, "worker %d keeps denormals: %g", w, (double)m.tiny[w]);
#endif
    em_pool_free(pool);
}

static float tiny(void)
{
    volatile float x = 0x1p-126f;

    x /= 4;
    return x;
}

static void a_thread_gets_its_denormals_back(void **state)
{
    uint64_t before = em_flush_denormals();

    (void)state;
#if defined(__x86_64__) || defined(__aarch64__)
    CHECK(tiny() == 0, "flushed: %g", (double)tiny());
#endif
    em_restore_denormals(before);
    CHECK(tiny() > 0, "as it was before");
}

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void an_idle_pool_sleeps(void **state)
{
    em_pool *pool;
    double before;

    (void)state;
    CHECK_OK(em_pool_new(&pool, 4, &err));
    check_run(pool, MOST_TASKS);
    em_sleep_ms(100);                                   /* time to fall asleep */
    before = cpu_ms();
    em_sleep_ms(300);
    CHECK(cpu_ms() - before < 60, "%.1f ms of processor time in 300 ms of idleness", cpu_ms() - before);
    check_run(pool, MOST_TASKS);
    em_pool_free(pool);
}

static void impossible_numbers_of_threads_are_refused(void **state)
{
    static const int rows[] = { 0, -1, 1025, INT32_MAX, INT32_MIN };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        em_pool *pool = (em_pool *)&err;

        CHECK(em_pool_new(&pool, rows[i], &err) == EM_EINVAL && !pool, "%d threads", rows[i]);
    }
    CHECK(em_cpu_count() >= 1, " ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_exactly_once),
        cmocka_unit_test(pools_start_and_stop_at_any_moment),
        cmocka_unit_test(all_threads_work_at_the_same_time_without_denormals),
        cmocka_unit_test(a_thread_gets_its_denormals_back),
        cmocka_unit_test(an_idle_pool_sleeps),
        cmocka_unit_test(impossible_numbers_of_threads_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
