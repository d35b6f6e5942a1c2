/* split.c - see split.h. Clips in the order of their recordings' draws; then each class walks its own, from the rarest class on. */
#include "train/split.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef enum fate { OPEN, TRAINS, VALIDATES } fate;

typedef struct drawn { double draw; const char *recording; int clip; } drawn;

typedef struct rarity { int n, class; } rarity;

typedef struct drawing {
    const em_dataset *set;
    drawn *order;                   /* [n] clips, a recording's side by side                            */
    int    n;
    int   *group;                   /* [n_clips] number of a clip's recording                           */
    fate  *fates;                   /* [n_clips] of recordings                                          */
    int   *starts;                  /* [n_classes + 2] where a class's clips begin in members; the last class: clips of none */
    int   *members;                 /* [sum of the clips' classes]                                      */
    rarity *classes;                /* [n_classes + 1] the rarest first                                 */
} drawing;

/* FNV-1a and half of a finaliser: 0 to 1. */
static double draw_of(const char *name)
{
    uint64_t hash = 14695981039346656037u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    return (double)(hash >> 40) / (1 << 24);
}

static int compare_drawn(const void *a, const void *b)
{
    const drawn *x = a, *y = b;
    const int by_name = x->draw == y->draw ? strcmp(x->recording, y->recording) : 0;

    if (x->draw != y->draw)
        return x->draw < y->draw ? -1 : 1;
    return by_name != 0 ? by_name : (x->clip > y->clip) - (x->clip < y->clip);
}

static void order_clips(drawing *d, const bool *may)
{
    int group = -1;

    for (int i = 0; i < d->set->n_clips; i++) {
        const em_clip *c = &d->set->clips[i];
        const char *recording = c->recording ? c->recording : c->name;

        if (may[i])
            d->order[d->n++] = (drawn){ draw_of(recording), recording, i };
    }
    qsort(d->order, (size_t)d->n, sizeof *d->order, compare_drawn);
    for (int k = 0; k < d->n; k++) {
        group += k == 0 || strcmp(d->order[k].recording, d->order[k - 1].recording) != 0;
        d->group[d->order[k].clip] = group;
    }
}

/* Clips without a class are drawn as if they had one of their own. */
static int n_classes_of(const em_clip *c) { return c->n_labels > 0 ? c->n_labels : 1; }
static int class_of(const drawing *d, const em_clip *c, int i) { return c->n_labels > 0 ? c->labels[i] : d->set->n_classes; }

/* Each class's clips in the order of their draws. */
static void list_members(drawing *d)
{
    const int n = d->set->n_classes + 1;

    for (int k = 0; k < d->n; k++)
        for (int i = 0; i < n_classes_of(&d->set->clips[d->order[k].clip]); i++)
            d->starts[class_of(d, &d->set->clips[d->order[k].clip], i) + 1]++;
    for (int c = 0; c < n; c++) {
        d->starts[c + 1] += d->starts[c];
        d->classes[c].class = c;
    }
    for (int k = 0; k < d->n; k++)
        for (int i = 0; i < n_classes_of(&d->set->clips[d->order[k].clip]); i++) {
            const int c = class_of(d, &d->set->clips[d->order[k].clip], i);

            d->members[d->starts[c] + d->classes[c].n++] = d->order[k].clip;
        }
}

static int compare_rarities(const void *a, const void *b)
{
    const rarity *x = a, *y = b;

    return x->n != y->n ? (x->n > y->n) - (x->n < y->n) : (x->class > y->class) - (x->class < y->class);
}

/* The class's clip behind those of `from`'s recording. */
static int end_of_recording(const drawing *d, int from, int end)
{
    int to = from + 1;

    while (to < end && d->group[d->members[to]] == d->group[d->members[from]])
        to++;
    return to;
}

/* Recordings that are open validate while that brings the class nearer to its share and some of it is left to learn from. */
static void draw_class(drawing *d, int class, double share)
{
    const int begin = d->starts[class], end = d->starts[class + 1];
    const double wanted = fmax(1, nearbyint(share * (end - begin)));
    int n_valid = 0, n_left = end - begin, smallest = -1, least = end - begin;

    for (int i = begin; i < end; i++)
        n_valid += d->fates[d->group[d->members[i]]] == VALIDATES;
    n_left -= n_valid;
    for (int i = begin, to; i < end; i = to) {
        fate *its = &d->fates[d->group[d->members[i]]];
        int n;

        to = end_of_recording(d, i, end);
        n = to - i;
        if (*its != OPEN)
            continue;
        *its = n_left > n && n_valid + n - wanted <= wanted - n_valid ? VALIDATES : TRAINS;
        n_valid += *its == VALIDATES ? n : 0;
        n_left -= *its == VALIDATES ? n : 0;
        if (*its == TRAINS && n < least) {
            least = n;
            smallest = d->group[d->members[i]];
        }
    }
    if (n_valid == 0 && smallest >= 0)                  /* all are larger than the share: the smallest, not none */
        d->fates[smallest] = VALIDATES;
}

/* What a class has of one recording only is learnt from, whatever else is in it. */
static void spare_single_recordings(drawing *d)
{
    for (int c = 0; c <= d->set->n_classes; c++)
        if (d->starts[c + 1] > d->starts[c] && end_of_recording(d, d->starts[c], d->starts[c + 1]) == d->starts[c + 1])
            d->fates[d->group[d->members[d->starts[c]]]] = TRAINS;
}

static int count_without(const drawing *d)
{
    int n = 0;

    for (int c = 0; c < d->set->n_classes; c++) {
        int n_valid = 0;

        for (int i = d->starts[c]; i < d->starts[c + 1]; i++)
            n_valid += d->fates[d->group[d->members[i]]] == VALIDATES;
        n += d->starts[c + 1] > d->starts[c] && n_valid == 0;
    }
    return n;
}

static bool make_room(drawing *d, const em_dataset *set)
{
    const size_t clips = (size_t)set->n_clips + 1, classes = (size_t)set->n_classes + 2;
    size_t members = 1;

    for (int i = 0; i < set->n_clips; i++)
        members += (size_t)n_classes_of(&set->clips[i]);
    d->order = calloc(clips, sizeof *d->order);
    d->group = calloc(clips, sizeof *d->group);
    d->fates = calloc(clips, sizeof *d->fates);
    d->starts = calloc(classes, sizeof *d->starts);
    d->classes = calloc(classes, sizeof *d->classes);
    d->members = calloc(members, sizeof *d->members);
    return d->order && d->group && d->fates && d->starts && d->classes && d->members;
}

em_status em_split_draw(bool *is_valid, int *n_without, const em_dataset *set, const bool *may, double share, em_err *err)
{
    drawing d = { .set = set };
    em_status status = make_room(&d, set) ? EM_OK : em_fail(err, EM_ENOMEM, "no memory to split %d clips", set->n_clips);

    if (status == EM_OK) {
        order_clips(&d, may);
        list_members(&d);
        spare_single_recordings(&d);
        qsort(d.classes, (size_t)set->n_classes + 1, sizeof *d.classes, compare_rarities);
        for (int i = 0; i <= set->n_classes; i++)
            draw_class(&d, d.classes[i].class, share);
        for (int i = 0; i < set->n_clips; i++)
            is_valid[i] = may[i] && d.fates[d.group[i]] == VALIDATES;
        *n_without = count_without(&d);
    }
    free(d.order);
    free(d.group);
    free(d.fates);
    free(d.starts);
    free(d.classes);
    free(d.members);
    return status;
}
