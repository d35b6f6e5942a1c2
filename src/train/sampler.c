/* sampler.c - five ways to fill an order, each a row of a table. */
#include "train/sampler.h"

#include "train/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arrival { double time; int place; } arrival;

/* What the ways read: for each class its clips, as places in clips[]. The last class is that of clips without one. */
typedef struct pool {
    const em_dataset *set;
    const int        *clips;
    int               n_clips, n_classes;
    int              *count;        /* [n_classes]                                          */
    size_t           *begin;        /* [n_classes] where a class's clips begin in members   */
    int              *members;
    int              *turn;         /* [n_classes] the classes that have clips, n_turn of them */
    int               n_turn;
    int              *next;         /* [n_classes] how many of a class's clips a round has given */
    double           *key;          /* [n_clips]                                            */
    int              *places;       /* [n_clips]                                            */
    arrival          *race;         /* [n_clips]                                            */
} pool;

typedef void class_visitor(pool *p, int place, int class);

static void visit_classes(pool *p, class_visitor *visit)
{
    for (int i = 0; i < p->n_clips; i++) {
        const em_clip *clip = &p->set->clips[p->clips[i]];

        for (int l = 0; l < clip->n_labels; l++)
            visit(p, i, clip->labels[l]);
        if (clip->n_labels == 0)
            visit(p, i, p->n_classes - 1);
    }
}

static void count_one(pool *p, int place, int class)
{
    (void)place;
    p->count[class]++;
}

static void add_member(pool *p, int place, int class)
{
    p->members[p->begin[class] + (size_t)p->next[class]++] = place;
}

static void pool_deinit(pool *p)
{
    free(p->count);
    free(p->begin);
    free(p->members);
    free(p->turn);
    free(p->next);
    free(p->key);
    free(p->places);
    free(p->race);
}

static size_t set_begins(pool *p)
{
    size_t n = 0;

    for (int c = 0; c < p->n_classes; c++) {
        p->begin[c] = n;
        n += (size_t)p->count[c];
        if (p->count[c] > 0)
            p->turn[p->n_turn++] = c;
    }
    return n;
}

static em_status pool_init(pool *p, const em_dataset *set, const int *clips, int n_clips, em_err *err)
{
    size_t n_classes = (size_t)set->n_classes + 1, n_members;

    *p = (pool){ .set = set, .clips = clips, .n_clips = n_clips, .n_classes = (int)n_classes };
    p->count = calloc(n_classes, sizeof *p->count);
    p->begin = calloc(n_classes, sizeof *p->begin);
    p->turn = calloc(n_classes, sizeof *p->turn);
    p->next = calloc(n_classes, sizeof *p->next);
    p->key = calloc((size_t)n_clips, sizeof *p->key);
    p->places = calloc((size_t)n_clips, sizeof *p->places);
    p->race = calloc((size_t)n_clips, sizeof *p->race);
    if (!p->count || !p->begin || !p->turn || !p->next || !p->key || !p->places || !p->race)
        goto no_memory;
    visit_classes(p, count_one);
    n_members = set_begins(p);
    p->members = calloc(n_members, sizeof *p->members);
    if (!p->members)
        goto no_memory;
    visit_classes(p, add_member);
    return EM_OK;

no_memory:
    pool_deinit(p);
    return em_fail(err, EM_ENOMEM, "no memory for the order of %d clips", n_clips);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void fill_shuffled(int *order, size_t n, pool *p, em_rng *rng)
{
    for (int i = 0; i < p->n_clips; i++)
        p->places[i] = i;
    for (size_t at = 0; at < n; at += (size_t)p->n_clips) {
        em_draw_shuffle(rng, p->places, (size_t)p->n_clips);
        memcpy(order + at, p->places, least(n - at, (size_t)p->n_clips) * sizeof *order);
    }
}

static void fill_by_class(int *order, size_t n, pool *p, em_rng *rng)
{
    for (size_t at = 0; at < n; at++) {
        size_t in_round = at % (size_t)p->n_turn;
        int class;

        if (in_round == 0)
            em_draw_shuffle(rng, p->turn, (size_t)p->n_turn);
        class = p->turn[in_round];
        order[at] = p->members[p->begin[class] + (size_t)em_draw_below(rng, p->count[class])];
    }
}

static void fill_by_class_in_order(int *order, size_t n, pool *p, em_rng *rng)
{
    memcpy(p->next, p->count, (size_t)p->n_classes * sizeof *p->next);         /* all are through: shuffled at their first turn */
    for (size_t at = 0; at < n; at++) {
        size_t in_round = at % (size_t)p->n_turn;
        int class;

        if (in_round == 0)
            em_draw_shuffle(rng, p->turn, (size_t)p->n_turn);
        class = p->turn[in_round];
        if (p->next[class] == p->count[class]) {
            em_draw_shuffle(rng, p->members + p->begin[class], (size_t)p->count[class]);
            p->next[class] = 0;
        }
        order[at] = p->members[p->begin[class] + (size_t)p->next[class]++];
    }
}

static void weigh_ast(pool *p, int place, int class)
{
    p->key[place] += 1000.0 / (p->count[class] + .01);
}

static void weigh_passt(pool *p, int place, int class)
{
    p->key[place] += 1000.0 / (100.0 + p->count[class]);
}

/* First place whose sum of weights up to itself lies above x. */
static int find_place(const double *sums, int n, double x)
{
    int low = 0, high = n - 1;

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (sums[middle] > x)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void fill_weighted(int *order, size_t n, pool *p, em_rng *rng)
{
    visit_classes(p, weigh_ast);
    for (int i = 1; i < p->n_clips; i++)
        p->key[i] += p->key[i - 1];
    for (size_t at = 0; at < n; at++)
        order[at] = find_place(p->key, p->n_clips, em_rng_uniform(rng) * p->key[p->n_clips - 1]);
}

static int by_time(const void *a, const void *b)
{
    const arrival *x = a, *y = b;

    return x->time != y->time ? (x->time > y->time) - (x->time < y->time) : (x->place > y->place) - (x->place < y->place);
}

/* Drawing without replacement is a race: each clip arrives after an exponential time of its own rate (Efraimidis and Spirakis, 2006). */
static void fill_race(int *order, size_t n, pool *p, em_rng *rng)
{
    size_t n_clips = (size_t)p->n_clips;

    visit_classes(p, weigh_passt);
    for (size_t at = 0; at < n; at += n_clips) {
        for (size_t i = 0; i < n_clips; i++)
            p->race[i] = (arrival){ -log(1.0 - em_rng_uniform(rng)) / p->key[i], (int)i };
        qsort(p->race, n_clips, sizeof *p->race, by_time);
        for (size_t i = 0; i < least(n - at, n_clips); i++)
            order[at + i] = p->race[i].place;
    }
}

static const struct way {
    const char *name;
    void      (*fill)(int *order, size_t n, pool *p, em_rng *rng);      /* writes places in p->clips */
} ways[] = {
    [EM_SAMPLING_SHUFFLE] = { "shuffle", fill_shuffled },
    [EM_SAMPLING_HTSAT]   = { "htsat", fill_by_class },
    [EM_SAMPLING_PANNS]   = { "panns", fill_by_class_in_order },
    [EM_SAMPLING_AST]     = { "ast", fill_weighted },
    [EM_SAMPLING_PASST]   = { "passt", fill_race },
};

em_status em_sampling_parse(em_sampling *out, const char *name, em_err *err)
{
    char names[64] = "";

    for (size_t i = 0; i < EM_COUNT(ways); i++) {
        size_t n = strlen(names);

        if (!strcmp(ways[i].name, name)) {
            *out = (em_sampling)i;
            return EM_OK;
        }
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", ways[i].name);
    }
    return em_fail(err, EM_EINVAL, "no sampling '%.40s': there are %s", name, names);
}

em_status em_sampler_order(int *order, size_t n_draws, em_sampling sampling, const em_dataset *set, const int *clips, int n_clips,
                           em_rng *rng, em_err *err)
{
    em_status status;
    pool p;

    if (n_clips < 1)
        return em_fail(err, EM_EINVAL, "no clips to draw an epoch from");
    status = pool_init(&p, set, clips, n_clips, err);
    if (status != EM_OK)
        return status;
    ways[sampling].fill(order, n_draws, &p, rng);
    for (size_t i = 0; i < n_draws; i++)
        order[i] = clips[order[i]];
    pool_deinit(&p);
    return EM_OK;
}
