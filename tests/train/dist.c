/* One rank of a run, for dist.sh: dist DEED. What it finds wrong it says, and exits 1. */
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "train/dist.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static em_dist *dist;
static int rank, size;

static void check(int is_right, const char *what)
{
    if (is_right)
        return;
    fprintf(stderr, "FAILED: rank %d of %d: %s\n", rank, size, what);
    exit(1);
}

static void print_log(void *ctx, em_log_level level, const char *line)
{
    (void)ctx, (void)level;
    fprintf(stderr, "earmark: %s\n", line);
}

/* What rank r has at i. Every fourth is such that what is left of it shows the order, in double, too. */
static float number(int r, size_t i)
{
    em_rng rng = { (uint64_t)r * 1000003 + i };
    float x = (float)(em_rng_uniform(&rng) - 0.5);

    return i % 4 || r % 3 == 2 ? x : r % 3 ? -1e17f : 1e17f;
}

static void fill(float *x, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = number(rank, first + i);
}

static int is_summed(const float *x, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = (double)number(0, first + i);

        for (int r = 1; r < size; r++)
            sum += (double)number(r, first + i);
        if (x[i] != (float)sum)
            return 0;
    }
    return 1;
}

/* A gradient handed over from its end to its start, in pieces, with work in between, as backward does it. */
static void sum_in_pieces(float *x)
{
    static const size_t pieces[] = { 1, 0, 7, 100000, 2, 600001, 300, 262144, 262145 };
    size_t first = 0, begins[EM_COUNT(pieces)];

    for (size_t p = 0; p < EM_COUNT(pieces); p++) {
        begins[p] = first;
        fill(x + first, first, pieces[p]);
        first += pieces[p];
    }
    for (size_t p = EM_COUNT(pieces); p-- > 0;) {
        em_dist_sum_begin(dist, x + begins[p], pieces[p]);
        em_sleep_ms(rank == 1 ? 3 : 0.1);
    }
    check(em_dist_sum_wait(dist, NULL) == EM_OK, "the sum fails");
    check(is_summed(x, 0, first), "not the sum in rank order");
}

static void many_small_pieces(float *x)
{
    enum { MANY = 2000 };               /* more than the queue holds */

    fill(x, 5, 2 * MANY);
    for (int i = 0; i < MANY; i++)
        em_dist_sum_begin(dist, x + 2 * i, 2);
    check(em_dist_sum_wait(dist, NULL) == EM_OK && is_summed(x, 5, 2 * MANY), "many small pieces");
}

static void doubles_and_copies(float *x)
{
    enum { N = 300000 };
    double *d = malloc(N * sizeof *d);
    char word[32] = "";

    for (size_t i = 0; i < N; i++)
        d[i] = (double)number(rank, i) * 1.1;
    fill(x, 9, 1000);
    em_dist_sum_begin(dist, x, 1000);                   /* still on its way */
    check(em_dist_sum_doubles(dist, d, N, NULL) == EM_OK, "doubles");
    for (size_t i = 0; i < N; i++) {
        double sum = (double)number(0, i) * 1.1;

        for (int r = 1; r < size; r++)
            sum += (double)number(r, i) * 1.1;
        check(d[i] == sum, "not the sum of doubles in rank order");
    }
    check(em_dist_sum_wait(dist, NULL) == EM_OK && is_summed(x, 9, 1000), "a piece beside the doubles");
    if (rank == 0)
        strcpy(word, "of rank 0");
    check(em_dist_broadcast(dist, word, sizeof word, NULL) == EM_OK && !strcmp(word, "of rank 0"), "broadcast");
    for (size_t i = 0; i < N; i++)
        d[i] = rank ? -1 : (double)i;
    check(em_dist_broadcast(dist, d, N * sizeof *d, NULL) == EM_OK, "a large broadcast fails");
    for (size_t i = 0; i < N; i++)
        check(d[i] == (double)i, "a large broadcast");
    free(d);
}

static void sums(void)
{
    enum { MOST = 1300000 };
    float *x = calloc(MOST, sizeof *x);
    char hash[EM_SHA256_CHARS];
    em_sha256 s;

    check(x != NULL, "no memory");
    sum_in_pieces(x);
    em_sha256_init(&s);
    em_sha256_add(&s, x, MOST * sizeof *x);
    em_sha256_text(&s, hash);
    many_small_pieces(x);
    doubles_and_copies(x);
    printf("rank %d of %d: %s\n", rank, size, hash);
    free(x);
}

/* Goes on for ever; rank 1 does `deed` in the middle of it. */
static void endless(void (*deed)(void))
{
    static float x[100000];
    em_err err;

    for (int step = 0;; step++) {
        em_dist_sum_begin(dist, x, EM_COUNT(x));
        if (step == 20 && rank == 1)
            deed();
        if (em_dist_sum_wait(dist, &err) != EM_OK) {
            fprintf(stderr, "earmark: %s\n", err.msg);
            exit(7);
        }
    }
}

static void die(void)   { kill(getpid(), SIGKILL); }
static void stick(void) { em_sleep_ms(30000); }
static void fail(void)  { em_dist_fail(dist, 7, "clip 12: cannot be read"); }
static void leave(void) { exit(3); }

static void endless_die(void)   { endless(die); }
static void endless_stick(void) { endless(stick); }
static void endless_fail(void)  { endless(fail); }
static void endless_leave(void) { endless(leave); }

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(void); double limit_s; } deeds[] = {
        { "sums", sums, 30 },         { "die", endless_die, 30 },     { "stick", endless_stick, 1 },
        { "fail", endless_fail, 30 }, { "leave", endless_leave, 30 },
    };
    em_err err;

    em_log_set(print_log, NULL, EM_LOG_INFO);
    for (size_t i = 0; argc == 2 && i < EM_COUNT(deeds); i++) {
        if (strcmp(argv[1], deeds[i].name))
            continue;
        if (em_dist_open(&dist, deeds[i].limit_s, &err) != EM_OK) {
            fprintf(stderr, "earmark: %s\n", err.msg);
            return 5;
        }
        rank = em_dist_rank(dist);
        size = em_dist_size(dist);
        deeds[i].run();
        em_dist_close(dist);
        return 0;
    }
    fprintf(stderr, "usage: dist sums|die|stick|fail|leave\n");
    return 2;
}
