/* tape.c - a ring a lane behind one lock: see tape.h. */
#include "sinks/tape.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct track { char name[EM_TAPE_NAME]; float *ring; } track;   /* [n_room] */

struct em_tape {
    double  seconds;
    pthread_mutex_t lock;           /* of all that follows                               */
    track  *lanes;
    int     n_lanes;
    int     rate_hz;
    double  start_s;
    int64_t n_room, next;           /* sample i is in ring[i % n_room]                   */
};

em_status em_tape_new(em_tape **out, double seconds, em_err *err)
{
    if (!(*out = calloc(1, sizeof **out)))
        return em_fail(err, EM_ENOMEM, "no memory for clips");
    (*out)->seconds = seconds;
    pthread_mutex_init(&(*out)->lock, NULL);
    return EM_OK;
}

static void forget(em_tape *t)
{
    for (int i = 0; i < t->n_lanes; i++)
        free(t->lanes[i].ring);
    free(t->lanes);
    t->lanes = NULL;
    t->n_lanes = 0;
    t->next = 0;
}

void em_tape_free(em_tape *t)
{
    if (!t)
        return;
    forget(t);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Rings of the rate, for lanes that have their names. */
static bool make_rings(em_tape *t, int rate_hz, double start_s)
{
    bool is_made = true;

    t->rate_hz = rate_hz;
    t->start_s = start_s;
    t->next = 0;
    t->n_room = (int64_t)ceil(t->seconds * rate_hz) + 1;
    for (int i = 0; i < t->n_lanes; i++) {
        free(t->lanes[i].ring);
        is_made &= (t->lanes[i].ring = calloc((size_t)t->n_room, sizeof(float))) != NULL;
    }
    if (!is_made)
        forget(t);
    return is_made;
}

em_status em_tape_begin(em_tape *t, int n_lanes, int rate_hz, em_err *err)
{
    bool is_made;

    pthread_mutex_lock(&t->lock);
    forget(t);
    if ((is_made = (t->lanes = calloc((size_t)n_lanes, sizeof *t->lanes)) != NULL)) {
        t->n_lanes = n_lanes;
        is_made = make_rings(t, rate_hz, 0);
    }
    pthread_mutex_unlock(&t->lock);
    return is_made ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for %g s of sound, that clips are made of", t->seconds);
}

void em_tape_name(em_tape *t, int lane, const char *name)
{
    pthread_mutex_lock(&t->lock);
    snprintf(t->lanes[lane].name, EM_TAPE_NAME, "%s", name);
    pthread_mutex_unlock(&t->lock);
}

em_status em_tape_set_rate(em_tape *t, int rate_hz, double at_s, em_err *err)
{
    bool is_made;

    pthread_mutex_lock(&t->lock);
    is_made = make_rings(t, rate_hz, at_s);
    pthread_mutex_unlock(&t->lock);
    return is_made ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for %g s of sound, that clips are made of", t->seconds);
}

/* What fits between `from` and the ring's end; the rest begins at its start. */
static size_t run_at(const em_tape *t, int64_t from, size_t n)
{
    const size_t run = (size_t)(t->n_room - from % t->n_room);

    return n < run ? n : run;
}

static void put(em_tape *t, float *ring, const float *x, size_t n)
{
    int64_t at = t->next;

    for (size_t run; n > 0; n -= run, at += (int64_t)run, x = x ? x + run : NULL) {
        run = run_at(t, at, n);
        if (x)
            memcpy(ring + at % t->n_room, x, run * sizeof *x);
        else
            memset(ring + at % t->n_room, 0, run * sizeof *ring);
    }
}

void em_tape_push(em_tape *t, const float *const *lanes, size_t n)
{
    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < t->n_lanes; i++)
        if (lanes || n <= (size_t)t->n_room)
            put(t, t->lanes[i].ring, lanes ? lanes[i] : NULL, n);
        else
            memset(t->lanes[i].ring, 0, (size_t)t->n_room * sizeof(float));     /* hours of gap */
    t->next += (int64_t)n;
    pthread_mutex_unlock(&t->lock);
}

static const track *find(const em_tape *t, const char *name)
{
    for (int i = 0; i < t->n_lanes; i++)
        if (strcmp(t->lanes[i].name, name) == 0)
            return &t->lanes[i];
    return NULL;
}

static int64_t first(const em_tape *t)
{
    return t->next > t->n_room ? t->next - t->n_room : 0;
}

bool em_tape_look(em_tape *t, const char *name, em_tape_state *out)
{
    bool is_there;

    pthread_mutex_lock(&t->lock);
    is_there = find(t, name) != NULL;
    *out = (em_tape_state){ .rate_hz = t->rate_hz, .start_s = t->start_s, .first = first(t), .next = t->next, .n_room = t->n_room };
    pthread_mutex_unlock(&t->lock);
    return is_there;
}

bool em_tape_read(em_tape *t, const char *name, float *out, int64_t from, size_t n)
{
    const track *l;
    bool is_there;

    pthread_mutex_lock(&t->lock);
    l = find(t, name);
    is_there = l && from >= first(t) && from + (int64_t)n <= t->next;
    for (size_t run; is_there && n > 0; n -= run, from += (int64_t)run, out += run) {
        run = run_at(t, from, n);
        memcpy(out, l->ring + from % t->n_room, run * sizeof *out);
    }
    pthread_mutex_unlock(&t->lock);
    return is_there;
}
