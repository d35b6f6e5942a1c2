/* pool.c - workers spin for a moment between two runs and sleep after it, because a window is some hundred runs with
 * next to nothing between them. Each has a share of the tasks and helps the others when its own is done. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { SPINS = 4000 };              /* about 50 us: longer than the serial part between two operators */

/* The tasks of one worker, which it takes in order; who is done helps the others. */
typedef struct share {
    _Alignas(64) atomic_int next;   /* the first task that nobody has taken */
    int end;
} share;

struct em_pool {
    int n_threads;
    pthread_t *threads;             /* n_threads - 1 */
    int n_started;

    /* One run: written by the caller before `run` changes, read by the workers after. */
    em_task *task;
    void *ctx;
    share *shares;                  /* [n_threads] */
    _Alignas(64) atomic_uint run;   /* how many runs have begun             */
    _Alignas(64) atomic_int busy;   /* workers that have not finished it    */
    atomic_bool quit;

    pthread_mutex_t lock;           /* for those who sleep */
    pthread_cond_t wake;
    atomic_int n_asleep;
};

typedef struct start_arg { em_pool *pool; int worker; } start_arg;

uint64_t em_flush_denormals(void)
{
    uint64_t before = 0;

#if defined(__x86_64__)
    before = _mm_getcsr();
    _mm_setcsr((unsigned)before | 0x8040u);     /* flush to zero, denormals are zero */
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
#endif
    return before;
}

void em_restore_denormals(uint64_t before)
{
#if defined(__x86_64__)
    _mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

int em_cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0) {          /* more processors than a cpu_set_t holds */
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n > 0 && n <= 1024 ? (int)n : n > 1024 ? 1024 : 1;
    }
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

static inline void relax(void)
{
#if defined(__x86_64__)
    _mm_pause();
#else
    sched_yield();
#endif
}

static void take_tasks(em_pool *pool, int worker)
{
    for (int turn = 0; turn < pool->n_threads; turn++) {
        share *s = &pool->shares[(worker + turn) % pool->n_threads];
        int i;

        while ((i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->end)
            pool->task(pool->ctx, i, worker);
    }
}

/* Waits for a run other than `seen`. Acquire: the task's fields were written before the count. */
static unsigned wait_for_run(em_pool *pool, unsigned seen)
{
    unsigned run;

    for (int i = 0; i < SPINS; i++) {
        run = atomic_load_explicit(&pool->run, memory_order_acquire);
        if (run != seen)
            return run;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->n_asleep, 1);
    while ((run = atomic_load(&pool->run)) == seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->lock);
    return run;
}

static void *worker_main(void *arg)
{
    start_arg start = *(start_arg *)arg;
    unsigned seen = 0;

    free(arg);
    em_flush_denormals();
    for (;;) {
        seen = wait_for_run(start.pool, seen);
        if (atomic_load(&start.pool->quit))
            return NULL;
        take_tasks(start.pool, start.worker);
        atomic_fetch_sub_explicit(&start.pool->busy, 1, memory_order_release);
    }
}

/* Sequentially consistent on purpose: a worker counts itself asleep and then reads `run`, we change `run` and
 * then read who sleeps; with weaker orders both could miss the other. */
static void begin_run(em_pool *pool)
{
    atomic_fetch_add(&pool->run, 1);
    if (atomic_load(&pool->n_asleep) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

void em_pool_run(em_pool *pool, em_task *task, void *ctx, int n_tasks)
{
    int spins = 0;

    if (pool->n_threads == 1 || n_tasks == 1) {
        for (int i = 0; i < n_tasks; i++)
            task(ctx, i, 0);
        return;
    }
    pool->task = task;
    pool->ctx = ctx;
    for (int i = 0; i < pool->n_threads; i++) {
        pool->shares[i].end = (int)((long)n_tasks * (i + 1) / pool->n_threads);
        atomic_store_explicit(&pool->shares[i].next, (int)((long)n_tasks * i / pool->n_threads), memory_order_relaxed);
    }
    atomic_store_explicit(&pool->busy, pool->n_threads - 1, memory_order_relaxed);
    begin_run(pool);
    take_tasks(pool, 0);
    while (atomic_load_explicit(&pool->busy, memory_order_acquire) > 0) {
        relax();
        if (++spins > SPINS)        /* more threads than processors: let the others run */
            sched_yield();
    }
}

em_status em_pool_new(em_pool **out, int n_threads, em_err *err)
{
    em_pool *pool;

    *out = NULL;
    if (n_threads < 1 || n_threads > 1024)
        return em_fail(err, EM_EINVAL, "%d threads: must be 1 to 1024", n_threads);
    pool = aligned_alloc(64, (sizeof *pool + 63) / 64 * 64);
    if (!pool)
        return em_fail(err, EM_ENOMEM, "no memory for a thread pool");
    *pool = (em_pool){ .n_threads = n_threads };
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = calloc((size_t)n_threads, sizeof *pool->threads);
    pool->shares = aligned_alloc(_Alignof(share), (size_t)n_threads * sizeof *pool->shares);
    if (!pool->threads || !pool->shares)
        goto fail;
    for (int i = 1; i < n_threads; i++) {
        start_arg *arg = malloc(sizeof *arg);

        if (!arg)
            goto fail;
        *arg = (start_arg){ pool, i };
        if (pthread_create(&pool->threads[pool->n_started], NULL, worker_main, arg) != 0) {
            free(arg);
            goto fail;
        }
        pool->n_started++;
    }
    *out = pool;
    return EM_OK;

fail:
    em_pool_free(pool);
    return em_fail(err, EM_ENOMEM, "could not start %d threads", n_threads);
}

void em_pool_free(em_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->quit, true);
    begin_run(pool);
    for (int i = 0; i < pool->n_started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->shares);
    free(pool->threads);
    free(pool);
}

int em_pool_threads(const em_pool *pool)
{
    return pool->n_threads;
}
