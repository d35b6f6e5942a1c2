/* Several threads that give commands, and one that empties the queue between hops as the engine does, under ThreadSanitizer. Built five
 * times: as it is, and with each of the four orders weakened to relaxed; then TSan must complain, or it would not see such a mistake in
 * the original either.
 *
 * Each writer numbers its commands and writes all of a command's bytes by the number; the reader looks at all. Exit code 0, 1 (a command
 * was wrong or is missing), 66 (TSan's). */
#include "base/control.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = 3, EACH = 20000 };

static em_control *queue;
static atomic_int n_running = WRITERS;

/* Pauses of uneven length, or the threads fall into step; a yield now and then, because there may be one CPU. */
static void pause_a_while(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    for (uint32_t i = *seed >> 22; i > 0; i--)
        __asm__ volatile("" ::: "memory");
    if (*seed >> 27 == 0)
        sched_yield();
}

static em_control_command command_of(int who, int i)
{
    em_control_command c = { .type = EM_CONTROL_MARK, .i_class = i, .threshold = (float)who };

    memset(c.source, 1 + i % 100, sizeof c.source - 1);
    memset(c.text, 1 + (i + who) % 100, sizeof c.text - 1);
    return c;
}

static void *give(void *who)
{
    uint32_t seed = 1 + (uint32_t)(intptr_t)who;

    for (int i = 0; i < EACH; i++) {
        const em_control_command c = command_of((int)(intptr_t)who, i);

        while (!em_control_put(queue, &c))          /* refused: the reader is slower */
            sched_yield();
        pause_a_while(&seed);
    }
    atomic_fetch_sub_explicit(&n_running, 1, memory_order_relaxed);
    return NULL;
}

/* What is between two hops; how many. */
static int obey(int next[WRITERS])
{
    em_control_command c;
    int n = 0;

    while (n < EM_CONTROL_ROOM && em_control_take(queue, &c)) {
        const int who = (int)c.threshold;
        const em_control_command want = command_of(who, next[who]++);

        if (c.i_class != want.i_class || strcmp(c.source, want.source) != 0 || strcmp(c.text, want.text) != 0) {
            printf("command %d of writer %d came as %d\n", want.i_class, who, c.i_class);
            exit(1);
        }
        n++;
    }
    return n;
}

int main(void)
{
    pthread_t writers[WRITERS];
    int next[WRITERS] = { 0 };
    uint32_t pause = 9;
    long n = 0;

    if (!(queue = em_control_new()))
        return 1;
    for (intptr_t i = 0; i < WRITERS; i++)
        if (pthread_create(&writers[i], NULL, give, (void *)i) != 0)
            return 1;
    while (atomic_load_explicit(&n_running, memory_order_relaxed) > 0) {
        n += obey(next);
        pause_a_while(&pause);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    n += obey(next);
    printf("%ld commands, %llu refused and given again\n", n, (unsigned long long)em_control_refused(queue));
    em_control_free(queue);
    return n == (long)WRITERS * EACH ? 0 : 1;
}
