/* circle.c - sums over the emulated GPUs of several processes: made in rank order and in double once what was asked for before is done;
 * and how they end when NCCL, a rank or the GPU fails. */
#include "check.h"

#include "base/rng.h"
#include "emu.h"
#include "ops_cuda.h"

#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 1 << 22, LIMIT_S = 60, OUT_OF_MEMORY = 2, ILLEGAL_ADDRESS = 700 };      /* PIECE: what gpu/circle.cu sums at a time */

/* ---------------------------------------------------------------- a process a rank */

typedef struct member { em_dev *dev; em_circle *circle; int rank, size; } member;

static void come(member *m, const em_circle_key *key)
{
    em_err err;

    alarm(LIMIT_S);
    CHECK_OK(em_ops_cuda.open(&m->dev, &(em_dev_cfg){ 0 }, &err));
    CHECK_OK(em_ops_cuda.circle_join(m->dev, &m->circle, key, m->rank, m->size, &err));
}

static void go(member *m)
{
    em_ops_cuda.circle_leave(m->dev, m->circle);
    em_ops_cuda.close(m->dev);
}

/* Each rank does its deed; all must come to their end. A check that fails ends its process: the tests that follow are the parent's. */
static void run_ranks(int size, void (*deed)(const member *m))
{
    em_circle_key key;
    em_err err;
    int n_well = 0, code;

    CHECK_OK(em_ops_cuda.circle_key(NULL, &key, &err));
    fflush(stdout);
    for (int rank = 0; rank < size; rank++) {
        member m = { .rank = rank, .size = size };

        if (fork() != 0)
            continue;
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        come(&m, &key);
        deed(&m);
        go(&m);
        exit(0);
    }
    for (int i = 0; i < size; i++)
        n_well += wait(&code) > 0 && WIFEXITED(code) && WEXITSTATUS(code) == 0;
    CHECK(n_well == size, "%d of %d ranks came to their end", n_well, size);
}

/* ---------------------------------------------------------------- sums */

/* What rank r has at i. Every fourth is such that what is left of it shows the order, in double, too. */
static float number(int r, size_t i)
{
    em_rng rng = { (uint64_t)r * 1000003 + i };
    const float x = (float)(em_rng_uniform(&rng) - 0.5);

    return i % 4 || r % 3 == 2 ? x : r % 3 ? -1e17f : 1e17f;
}

static float *numbers(const member *m, size_t first, size_t n)
{
    float *host = malloc(n * sizeof *host + 1), *x = em_ops_cuda.alloc(m->dev, n * sizeof *x + 1);
    em_err err;

    assert_true(host && x);
    for (size_t i = 0; i < n; i++)
        host[i] = number(m->rank, first + i);
    CHECK_OK(em_ops_cuda.upload(m->dev, x, host, n, &err));
    free(host);
    return x;
}

static void check_sum(const member *m, const float *x, size_t first, size_t n)
{
    float *host = malloc(n * sizeof *host + 1);
    em_err err;

    assert_non_null(host);
    CHECK_OK(em_ops_cuda.download(m->dev, host, x, n, &err));
    for (size_t i = 0; i < n; i++) {
        double sum = (double)number(0, first + i);

        for (int r = 1; r < m->size; r++)
            sum += (double)number(r, first + i);
        CHECK(host[i] == (float)sum, "rank %d of %d, number %zu: %.9g, not %.9g", m->rank, m->size, first + i, (double)host[i], sum);
    }
    free(host);
}

/* From the end to the start, each the result of a kernel that nobody waited for. */
static void sum_in_pieces(const member *m)
{
    static const size_t pieces[] = { 1, 0, 2, 7, 4099, 300 };
    size_t n = 0;
    float *from, *x;
    em_err err;

    for (size_t p = 0; p < EM_COUNT(pieces); p++)
        n += pieces[p];
    from = numbers(m, 0, n);
    x = em_ops_cuda.alloc(m->dev, n * sizeof *x);
    assert_non_null(x);
    em_ops_cuda.clear(m->dev, x, n);
    for (size_t p = EM_COUNT(pieces), at = n; p-- > 0;) {
        at -= pieces[p];
        if (pieces[p] > 0)
            em_ops_cuda.blend(m->dev, x + at, from + at, 1, pieces[p]);
        em_ops_cuda.circle_sum(m->dev, m->circle, x + at, pieces[p]);
    }
    CHECK_OK(em_ops_cuda.circle_wait(m->dev, m->circle, LIMIT_S, &err));
    CHECK_OK(em_ops_cuda.circle_wait(m->dev, m->circle, LIMIT_S, &err));      /* nothing is left */
    check_sum(m, x, 0, n);
    em_ops_cuda.release(m->dev, from);
    em_ops_cuda.release(m->dev, x);
}

static void sum_a_long_one(const member *m)
{
    const size_t n = PIECE + 5;
    float *x = numbers(m, 0, n);
    em_err err;

    em_ops_cuda.circle_sum(m->dev, m->circle, x, n);
    CHECK_OK(em_ops_cuda.circle_wait(m->dev, m->circle, LIMIT_S, &err));
    check_sum(m, x, 0, n);
    em_ops_cuda.release(m->dev, x);
}

static void sums_are_made_in_rank_order(void **state)
{
    (void)state;
    for (int size = 1; size <= 4; size++)
        run_ranks(size, sum_in_pieces);
    run_ranks(2, sum_a_long_one);
}

/* ---------------------------------------------------------------- failures */

static void check_failure(const member *m, double limit_s, const char *part)
{
    float *x = numbers(m, 0, 100);
    em_err err;

    em_ops_cuda.circle_sum(m->dev, m->circle, x, 100);
    for (int i = 0; i < 2; i++) {                           /* and it stays so */
        CHECK(em_ops_cuda.circle_wait(m->dev, m->circle, limit_s, &err) == EM_EDEVICE, "a sum that cannot be made");
        CHECK(strstr(err.msg, part), "%s", err.msg);
        em_ops_cuda.circle_sum(m->dev, m->circle, x, 100);
    }
    em_ops_cuda.release(m->dev, x);
}

static void be_left_alone(const member *m)
{
    if (m->rank == 1)
        usleep(500000);                                     /* there, and not answering */
    else
        check_failure(m, .2, "rank 0 of 2: another rank has not answered for 0.2 s");
}

/* The second thing that rank 0 sends: by then all it receives may be there. */
static void lose_the_other(const member *m)
{
    if (m->rank == 0) {
        setenv("EMU_NCCL", "2", 1);
        check_failure(m, LIMIT_S, "rank 0 of 2: the exchange with the other GPUs failed: remote process exited");
    } else {
        check_failure(m, .5, "rank 1 of 2: ");         /* no answer, or the same */
    }
}

static void a_rank_that_is_not_there_is_told(void **state)
{
    (void)state;
    run_ranks(2, be_left_alone);
    run_ranks(2, lose_the_other);
}

static void without_nccl_there_is_no_circle(void **state)
{
    em_circle *circle;
    em_err err;

    (void)state;
    CHECK_OK(em_ops_cuda.circle_key(NULL, NULL, &err));
    setenv("EMU_NCCL", "none", 1);
    CHECK(em_ops_cuda.circle_key(NULL, NULL, &err) == EM_EUNSUPPORTED && strstr(err.msg, "NCCL"), "%s", err.msg);
    CHECK(em_ops_cuda.circle_join(NULL, &circle, &(em_circle_key){ "" }, 0, 1, &err) == EM_EUNSUPPORTED && !circle, "%s", err.msg);
    unsetenv("EMU_NCCL");
}

static em_status life_of_a_circle(em_err *err)
{
    em_circle_key key;
    em_circle *circle = NULL;
    em_dev *dev;
    float *x = NULL;
    em_status status = em_ops_cuda.open(&dev, &(em_dev_cfg){ 0 }, err);

    if (status == EM_OK)
        status = em_ops_cuda.circle_key(dev, &key, err);
    if (status == EM_OK)
        status = em_ops_cuda.circle_join(dev, &circle, &key, 0, 1, err);
    if (status == EM_OK && !(x = em_ops_cuda.alloc(dev, 100 * sizeof *x)))
        status = em_fail(err, EM_ENOMEM, "no memory");
    for (int i = 0; i < 2 && status == EM_OK; i++) {
        em_ops_cuda.circle_sum(dev, circle, x, 100);
        status = em_ops_cuda.circle_wait(dev, circle, LIMIT_S, err);
    }
    em_ops_cuda.circle_leave(dev, circle);
    if (x)
        em_ops_cuda.release(dev, x);
    if (dev)
        em_ops_cuda.close(dev);
    return status;
}

static void any_call_may_fail(void **state)
{
    static const char *const functions[] = {
        "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaMalloc", "cudaEventRecord", "cudaStreamWaitEvent", "emu_launch",
        "cudaEventQuery",
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(functions); i++) {
        em_err err = { 0 };
        int n = 1;

        for (; n < 100; n++) {
            em_status status;

            emu_fail(functions[i], n, strcmp(functions[i], "cudaMalloc") == 0 ? OUT_OF_MEMORY : ILLEGAL_ADDRESS);
            status = life_of_a_circle(&err);
            if (status == EM_OK)
                break;
            CHECK((status == EM_EDEVICE || status == EM_ENOMEM) && err.msg[0], "%s, call %d: %d, %s", functions[i], n, (int)status, err.msg);
        }
        CHECK(n > 1 && n < 100, "%s: %d calls", functions[i], n);
    }
    emu_fail("", 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_made_in_rank_order),
        cmocka_unit_test(a_rank_that_is_not_there_is_told),
        cmocka_unit_test(without_nccl_there_is_no_circle),
        cmocka_unit_test(any_call_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
