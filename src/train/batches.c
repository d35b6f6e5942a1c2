/* batches.c - two batches, one being made while the other is in use: see batches.h. */
#include "train/batches.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 };

struct em_batches {
    em_examples    *maker;
    const em_recipe *recipe;
    em_canvas       canvas;             /* sizes of one */
    int             first, n;
    long            steps_per_epoch, end;
    em_batch        slots[SLOTS];
    pthread_t       thread;
    bool            has_thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    long            made, taken;        /* steps from the start: made so far, handed out so far      */
    bool            is_ending;
    em_status       status;
    em_err          err;
};

static em_status make_slot(em_batch *s, const em_batches *b)
{
    const size_t n = (size_t)b->n, classes = (size_t)b->canvas.n_classes;

    s->n = b->n;
    s->frames = malloc(n * (size_t)b->canvas.n_frames * (size_t)b->canvas.n_mels * sizeof(float));
    s->target = malloc((3 + (size_t)b->canvas.n_slots) * n * classes * sizeof(float));
    s->teachers = calloc(n, sizeof *s->teachers);
    s->sum = calloc(2 * (size_t)b->canvas.n_mels, sizeof *s->sum);
    if (!s->frames || !s->target || !s->teachers || !s->sum)
        return EM_ENOMEM;
    s->weight = s->target + n * classes;
    s->teacher = s->weight + n * classes;
    s->slots = s->teacher + n * classes;
    s->squares = s->sum + b->canvas.n_mels;
    return EM_OK;
}

static void free_slot(em_batch *s)
{
    free(s->frames);
    free(s->target);
    free(s->teachers);
    free(s->sum);
}

static em_status make_examples(em_batches *b, em_batch *s, long epoch, long begin, em_err *err)
{
    memset(s->sum, 0, 2 * (size_t)b->canvas.n_mels * sizeof *s->sum);
    for (int i = 0; i < b->n; i++) {
        const size_t at = (size_t)i * (size_t)b->canvas.n_classes;
        em_canvas c = b->canvas;
        bool has_teacher;
        em_status status;

        c.frames = s->frames + (size_t)i * (size_t)c.n_frames * (size_t)c.n_mels;
        c.target = s->target + at;
        c.weight = s->weight + at;
        c.slots = s->slots + at * (size_t)c.n_slots;
        status = em_examples_make(b->maker, &c, s->teacher + at, &has_teacher, epoch, begin + i, err);

        if (status != EM_OK)
            return status;
        s->teachers[i] = has_teacher ? s->teacher + at : NULL;
        em_canvas_sum(s->sum, s->squares, &c);
    }
    return EM_OK;
}

/* All clips of the batch are asked for at once: those that the cache had no room for are decoded side by side. */
static em_status fill_slot(em_batches *b, em_batch *s, long step, em_err *err)
{
    const long epoch = step / b->steps_per_epoch, begin = step % b->steps_per_epoch * b->recipe->batch + b->first;
    em_status status = em_examples_expect(b->maker, epoch, begin, b->n, err);

    if (status != EM_OK)
        return status;
    status = make_examples(b, s, epoch, begin, err);
    em_examples_forget(b->maker, begin, b->n);
    s->step = step;
    return status;
}

static void *work(void *ctx)
{
    em_batches *b = ctx;
    em_status status = EM_OK;

    pthread_mutex_lock(&b->lock);
    while (!b->is_ending && status == EM_OK && b->made < b->end) {
        em_err err;

        /* The one before the last that was handed out is free. */
        if (b->made >= b->taken + SLOTS - 1) {
            pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        pthread_mutex_unlock(&b->lock);
        status = fill_slot(b, &b->slots[b->made % SLOTS], b->made, &err);
        pthread_mutex_lock(&b->lock);
        if (status == EM_OK) {
            b->made++;
        } else {
            b->status = status;
            b->err = err;
        }
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

em_status em_batches_new(em_batches **out, const em_examples_cfg *cfg, const double *fill, int rank, int n_ranks, long begin, long end, em_err *err)
{
    em_batches *b;
    em_status status;

    *out = NULL;
    if (cfg->recipe->batch % n_ranks != 0)
        return em_fail(err, EM_EINVAL, "a batch of %d windows cannot be shared by %d ranks: it must be a multiple", cfg->recipe->batch, n_ranks);
    b = calloc(1, sizeof *b);
    if (!b)
        return em_fail(err, EM_ENOMEM, "no memory for batches");
    *b = (em_batches){
        .recipe = cfg->recipe, .canvas = em_examples_canvas(cfg), .n = cfg->recipe->batch / n_ranks, .first = cfg->recipe->batch / n_ranks * rank,
        .steps_per_epoch = (em_examples_per_epoch(cfg) + cfg->recipe->batch - 1) / cfg->recipe->batch, .made = begin, .taken = begin, .end = end,
    };
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    status = em_examples_new(&b->maker, cfg, err);
    if (status == EM_OK)
        em_examples_set_fill(b->maker, fill);
    for (int i = 0; i < SLOTS && status == EM_OK; i++)
        if (make_slot(&b->slots[i], b) != EM_OK)
            status = em_fail(err, EM_ENOMEM, "no memory for batches of %d windows", b->n);
    if (status == EM_OK) {
        b->has_thread = pthread_create(&b->thread, NULL, work, b) == 0;
        status = b->has_thread ? EM_OK : em_fail(err, EM_ENOMEM, "no thread for making batches");
    }
    if (status != EM_OK) {
        em_batches_free(b);
        return status;
    }
    *out = b;
    return EM_OK;
}

void em_batches_free(em_batches *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->is_ending = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    if (b->has_thread)
        pthread_join(b->thread, NULL);
    for (int i = 0; i < SLOTS; i++)
        free_slot(&b->slots[i]);
    em_examples_free(b->maker);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

em_status em_batches_next(em_batches *b, const em_batch **out, em_err *err)
{
    em_status status = EM_OK;

    pthread_mutex_lock(&b->lock);
    while (b->made <= b->taken && b->status == EM_OK)
        pthread_cond_wait(&b->changed, &b->lock);
    if (b->made > b->taken) {
        *out = &b->slots[b->taken++ % SLOTS];
        pthread_cond_broadcast(&b->changed);
    } else {
        status = b->status;
        if (err)
            *err = b->err;
    }
    pthread_mutex_unlock(&b->lock);
    return status;
}
