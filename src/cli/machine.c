/* machine.c - streams through more memory than a cache holds, and takes the result of a race. See machine.h. */
#include "cli/machine.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/pool.h"

#include <stdlib.h>

enum { READ_BYTES = 256 << 20 };

typedef struct reading { const float *x; float sums[64]; int n_parts; } reading;

static void read_part(void *ctx, int i, int worker)
{
    reading *r = ctx;
    const size_t n = READ_BYTES / sizeof *r->x / (size_t)r->n_parts, lanes = 16;
    const float *x = r->x + (size_t)i * n;
    float s[16] = { 0 };

    (void)worker;
    for (size_t j = 0; j + lanes <= n; j += lanes)
        for (size_t k = 0; k < lanes; k++)
            s[k] += x[j + k];
    for (size_t k = 0; k < lanes; k++)
        r->sums[i] += s[k];
}

static em_status measure_reading(em_machine *out, int n_threads, em_err *err)
{
    reading r = { .n_parts = n_threads < 64 ? n_threads : 64 };
    float *x = em_alloc(READ_BYTES);
    em_pool *pool = NULL;
    em_status status = x ? em_pool_new(&pool, r.n_parts, err) : em_fail(err, EM_ENOMEM, "no memory to measure reading with");

    r.x = x;
    for (int i = 0; status == EM_OK && i < 4; i++) {
        uint64_t t = em_now_ns();

        em_pool_run(pool, read_part, &r, r.n_parts);
        t = em_now_ns() - t;
        if (READ_BYTES / (double)t > out->read_gbs)
            out->read_gbs = READ_BYTES / (double)t;
    }
    em_pool_free(pool);
    free(x);
    return status;
}

em_status em_machine_measure(em_machine *out, const em_race *race, int n_threads, em_err *err)
{
    *out = (em_machine){ 0 };
    em_race_tell(race, &out->product);
    return measure_reading(out, n_threads, err);
}
