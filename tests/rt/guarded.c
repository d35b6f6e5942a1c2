/* guarded.c - runs everything that may run in an audio callback between em_rt_enter and em_rt_leave, with guard.c
 * preloaded. `guarded` is clean: exit 0. `guarded NAME` also plants the call of that name there: exit 70. */
#include "audio/capture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void em_rt_enter(void) __attribute__((weak));
void em_rt_leave(void) __attribute__((weak));

enum { N = 64, N_CHANNELS = 4, N_CALLS = 400 };

static void *volatile kept;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;

static void plant_malloc(void)
{
    kept = malloc(16);
}

static void plant_free(void)
{
    free(kept);
    kept = NULL;
}

static void plant_calloc(void)
{
    kept = calloc(1, 16);
}

static void plant_lock(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static void plant_printf(void)
{
    printf("%d\n", (int)getpid());
}

static void plant_write(void)
{
    (void)!write(1, "x\n", 2);
}

static void plant_sem_post(void)
{
    sem_post(&semaphore);
}

static void plant_usleep(void)
{
    usleep(1);
}

static const struct { const char *name; void (*call)(void); } plants[] = {
    { "malloc", plant_malloc },         { "free", plant_free },       { "calloc", plant_calloc },
    { "pthread_mutex_lock", plant_lock }, { "printf", plant_printf }, { "write", plant_write },
    { "sem_post", plant_sem_post },     { "usleep", plant_usleep },
};

/* More than the ring and the mark queue hold, so that each way through is taken. */
static void callbacks(em_capture *c)
{
    static const float x[N * N_CHANNELS];
    const float *const ports[N_CHANNELS] = { x, x + N, NULL, x };

    for (int i = 0; i < N_CALLS; i++) {
        em_capture_put(c, i % 7 ? x : NULL, N);
        em_capture_put_planar(c, ports, N);
        em_capture_lost(c, i % 2 ? EM_GAP_XRUN : EM_GAP_DEVICE, 1);
        em_capture_count_xrun(c);
    }
}

int main(int argc, char **argv)
{
    ringbuf_reader reader;
    float x[N * N_CHANNELS];
    em_capture *c;
    ringbuf_mark mark;

    if (!em_rt_enter || !em_rt_leave) {
        fprintf(stderr, "the guard is not loaded\n");
        return 1;
    }
    if (em_capture_new(&c, N_CHANNELS, 1024, NULL) != EM_OK)
        return 1;
    em_capture_attach_reader(c, &reader);
    for (int round = 0; round < 3; round++) {
        em_rt_enter();
        callbacks(c);
        for (size_t i = 0; argc > 1 && i < EM_COUNT(plants); i++) {
            if (strcmp(argv[1], plants[i].name) == 0)
                plants[i].call();
        }
        em_rt_leave();
        while (ringbuf_read(&reader, x, N) > 0 || ringbuf_peek_mark(&reader, &mark)) {
            if (ringbuf_peek_mark(&reader, &mark))
                ringbuf_advance_mark(&reader);
        }
    }
    free(kept);
    em_capture_free(c);
    return 0;
}
