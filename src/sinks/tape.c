/* tape.c - a ring a lane, the lanes of a source on one reel, all behind one lock: see tape.h. */
#include "sinks/tape.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct track { char name[EM_TAPE_NAME]; float *ring; } track;   /* [n_room] */

typedef struct reel {               /* of one source                                     */
    track  *lanes;
    int     n_lanes;
    int     rate_hz;
    double  start_s;
    int64_t n_room, next;           /* sample i is in ring[i % n_room]                   */
} reel;

struct em_tape {
    double  seconds;
    int     n_reels;
    pthread_mutex_t lock;           /* of all that follows                               */
    reel    reels[];
};

em_status em_tape_new(em_tape **out, int n_reels, double seconds, em_err *err)
{
    if (!(*out = calloc(1, sizeof **out + (size_t)n_reels * sizeof(reel))))
        return em_fail(err, EM_ENOMEM, "no memory for clips");
    (*out)->seconds = seconds;
    (*out)->n_reels = n_reels;
    pthread_mutex_init(&(*out)->lock, NULL);
    return EM_OK;
}

static void forget(reel *t)
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
    for (int i = 0; i < t->n_reels; i++)
        forget(&t->reels[i]);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Rings of the rate, for lanes that have their names. */
static bool make_rings(reel *t, double seconds, int rate_hz, double start_s)
{
    bool is_made = true;

    t->rate_hz = rate_hz;
    t->start_s = start_s;
    t->next = 0;
    t->n_room = (int64_t)ceil(seconds * rate_hz) + 1;
    for (int i = 0; i < t->n_lanes; i++) {
        free(t->lanes[i].ring);
        is_made &= (t->lanes[i].ring = calloc((size_t)t->n_room, sizeof(float))) != NULL;
    }
    if (!is_made)
        forget(t);
    return is_made;
}

static em_status no_memory(const em_tape *t, em_err *err)
{
    return em_fail(err, EM_ENOMEM, "no memory for %g s of sound, that clips are made of", t->seconds);
}

em_status em_tape_begin(em_tape *t, int i_reel, int n_lanes, int rate_hz, em_err *err)
{
    reel *r = &t->reels[i_reel];
    bool is_made;

    pthread_mutex_lock(&t->lock);
    forget(r);
    if ((is_made = (r->lanes = calloc((size_t)n_lanes, sizeof *r->lanes)) != NULL)) {
        r->n_lanes = n_lanes;
        is_made = make_rings(r, t->seconds, rate_hz, 0);
    }
    pthread_mutex_unlock(&t->lock);
    return is_made ? EM_OK : no_memory(t, err);
}

void em_tape_name(em_tape *t, int i_reel, int lane, const char *name)
{
    pthread_mutex_lock(&t->lock);
    snprintf(t->reels[i_reel].lanes[lane].name, EM_TAPE_NAME, "%s", name);
    pthread_mutex_unlock(&t->lock);
}

em_status em_tape_set_rate(em_tape *t, int i_reel, int rate_hz, double at_s, em_err *err)
{
    bool is_made;

    pthread_mutex_lock(&t->lock);
    is_made = make_rings(&t->reels[i_reel], t->seconds, rate_hz, at_s);
    pthread_mutex_unlock(&t->lock);
    return is_made ? EM_OK : no_memory(t, err);
}

/* What fits between `from` and the ring's end; the rest begins at its start. */
static size_t run_at(const reel *t, int64_t from, size_t n)
{
    const size_t run = (size_t)(t->n_room - from % t->n_room);

    return n < run ? n : run;
}

static void put(reel *t, float *ring, const float *x, size_t n)
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

void em_tape_push(em_tape *t, int i_reel, const float *const *lanes, size_t n)
{
    reel *r = &t->reels[i_reel];

    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < r->n_lanes; i++)
        if (lanes || n <= (size_t)r->n_room)
            put(r, r->lanes[i].ring, lanes ? lanes[i] : NULL, n);
        else
            memset(r->lanes[i].ring, 0, (size_t)r->n_room * sizeof(float));     /* hours of gap */
    r->next += (int64_t)n;
    pthread_mutex_unlock(&t->lock);
}

/* Its reel, and its ring there. NULL: there is none of that name. */
static const reel *find(const em_tape *t, const char *name, const float **ring)
{
    for (int i = 0; i < t->n_reels; i++)
        for (int lane = 0; lane < t->reels[i].n_lanes; lane++)
            if (strcmp(t->reels[i].lanes[lane].name, name) == 0) {
                *ring = t->reels[i].lanes[lane].ring;
                return &t->reels[i];
            }
    return NULL;
}

static int64_t first(const reel *r)
{
    return r->next > r->n_room ? r->next - r->n_room : 0;
}

bool em_tape_look(em_tape *t, const char *name, em_tape_state *out)
{
    const float *ring;
    const reel *r;

    pthread_mutex_lock(&t->lock);
    *out = (em_tape_state){ 0 };
    if ((r = find(t, name, &ring)))
        *out = (em_tape_state){ .rate_hz = r->rate_hz, .start_s = r->start_s, .first = first(r), .next = r->next, .n_room = r->n_room };
    pthread_mutex_unlock(&t->lock);
    return r != NULL;
}

bool em_tape_read(em_tape *t, const char *name, float *out, int64_t from, size_t n)
{
    const float *ring;
    const reel *r;
    bool is_there;

    pthread_mutex_lock(&t->lock);
    r = find(t, name, &ring);
    is_there = r && from >= first(r) && from + (int64_t)n <= r->next;
    for (size_t run; is_there && n > 0; n -= run, from += (int64_t)run, out += run) {
        run = run_at(r, from, n);
        memcpy(out, ring + from % r->n_room, run * sizeof *out);
    }
    pthread_mutex_unlock(&t->lock);
    return is_there;
}
