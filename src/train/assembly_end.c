/* assembly_end.c - the end of a data set's making: checks over the whole, classes in order, marks packed into clips. */
#include "train/assembly.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static em_status check_clips(em_assembly *b)
{
    char shown[EM_SHOWN_PATH], first[EM_SHOWN_PATH];

    if (b->set->n_clips > 0)
        return EM_OK;
    em_shown_path(shown, b->dir);
    if (b->set->n_missing > 0)
        return em_fail(b->err, EM_EFORMAT, "%s: no clips left: none of the %d sound files is there (the first: %s)", shown,
                       b->set->n_missing, em_shown_path(first, b->set->missing));
    return em_fail(b->err, EM_EFORMAT, "%s: no clips: read as %s, it holds no sound", shown, b->set->layout);
}

typedef struct key { const em_clip *clip; int i; } key;

static int compare_clips(const em_clip *a, const em_clip *b)
{
    const int by_path = strcmp(a->path, b->path);

    if (by_path != 0)
        return by_path;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    if (a->begin_s != b->begin_s)
        return a->begin_s < b->begin_s ? -1 : 1;
    return a->end_s < b->end_s ? -1 : a->end_s > b->end_s;
}

static int compare_keys(const void *a, const void *b)
{
    const key *x = a, *y = b;
    const int by_clip = compare_clips(x->clip, y->clip);

    return by_clip != 0 ? by_clip : (x->i > y->i) - (x->i < y->i);
}

/* Of all that were given twice, the one that is first in its file is told. */
static em_status check_twice(em_assembly *b)
{
    const int n = b->set->n_clips;
    key *keys = malloc((size_t)n * sizeof *keys);
    int first = -1, second = -1;

    if (!keys)
        return em_assembly_no_memory(b);
    for (int i = 0; i < n; i++)
        keys[i] = (key){ &b->set->clips[i], i };
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    for (int k = 1; k < n; k++)
        if (compare_clips(keys[k - 1].clip, keys[k].clip) == 0 && (second < 0 || keys[k].i < second)) {
            first = keys[k - 1].i;
            second = keys[k].i;
        }
    free(keys);
    if (second < 0)
        return EM_OK;
    if (b->origins[first].file == b->origins[second].file)
        return em_fail_at(b->err, EM_EFORMAT, b->origins[second], "%.80s was given in line %d before", b->set->clips[second].name,
                          b->origins[first].line);
    return em_fail_at(b->err, EM_EFORMAT, b->origins[second], "%.80s was given in %.60s before", b->set->clips[second].name,
                      b->origins[first].file);
}

typedef struct ranked { const char *name; double rank; int i; } ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) : strcmp(x->name, y->name);
}

/* Puts the classes in their order; place[old] is the new number. */
static em_status sort_classes(em_assembly *b, int *place)
{
    const int n = b->classes.n;
    em_dataset *set = b->set;
    ranked *order = malloc(((size_t)n + 1) * sizeof *order);

    set->classes = em_store_alloc(b->store, ((size_t)n + 1) * sizeof *set->classes);
    if (!order || !set->classes) {
        free(order);
        return em_assembly_no_memory(b);
    }
    for (int i = 0; i < n; i++)
        order[i] = (ranked){ b->classes.text[i], b->ranks[i], i };
    qsort(order, (size_t)n, sizeof *order, compare_ranked);
    for (int k = 0; k < n; k++) {
        place[order[k].i] = k;
        set->classes[k] = (char *)(uintptr_t)order[k].name;     /* the store's, which is the set's */
    }
    set->n_classes = n;
    free(order);
    return EM_OK;
}

static int compare_marks(const void *a, const void *b)
{
    const em_mark *x = a, *y = b;

    if (x->clip != y->clip)
        return x->clip < y->clip ? -1 : 1;
    if (x->onset != y->onset)
        return x->onset < y->onset ? -1 : 1;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void insert_label(int *labels, int *n, int label)
{
    int at = 0;

    while (at < *n && labels[at] < label)
        at++;
    if (at < *n && labels[at] == label)
        return;
    memmove(labels + at + 1, labels + at, (size_t)(*n - at) * sizeof *labels);
    labels[at] = label;
    (*n)++;
}

/* The n marks of one clip. Labels are sorted, each once; spans by onset. */
static em_status pack_clip(em_assembly *b, em_clip *clip, const em_mark *marks, size_t n)
{
    int *labels = em_store_alloc(b->store, n * sizeof *labels), *negatives = NULL;
    size_t n_spans = 0, n_negatives = 0;

    for (size_t k = 0; k < n; k++) {
        n_spans += marks[k].kind == EM_FROM_TO;
        n_negatives += marks[k].kind == EM_NOT_HEARD;
    }
    if (n_negatives > 0)
        clip->negatives = negatives = em_store_alloc(b->store, n_negatives * sizeof *negatives);
    if (n_spans > 0)
        clip->spans = em_store_alloc(b->store, n_spans * sizeof *clip->spans);
    if (!labels || (n_negatives > 0 && !negatives) || (n_spans > 0 && !clip->spans))
        return em_assembly_no_memory(b);
    clip->labels = labels;
    for (size_t k = 0; k < n; k++) {
        const em_mark *m = &marks[k];

        if (m->kind == EM_NOT_HEARD)
            insert_label(negatives, &clip->n_negatives, m->label);
        else
            insert_label(labels, &clip->n_labels, m->label);
        if (m->kind == EM_FROM_TO)
            clip->spans[clip->n_spans++] = (em_span){ m->label, m->onset, m->offset };
    }
    return EM_OK;
}

static em_status pack_marks(em_assembly *b, const int *place)
{
    em_status status = EM_OK;

    for (size_t k = 0; k < b->n_marks; k++)
        b->marks[k].label = place[b->marks[k].label];
    if (b->n_marks > 0)
        qsort(b->marks, b->n_marks, sizeof *b->marks, compare_marks);
    for (size_t k = 0, n; k < b->n_marks && status == EM_OK; k += n) {
        for (n = 1; k + n < b->n_marks && b->marks[k + n].clip == b->marks[k].clip; n++)
            ;
        status = pack_clip(b, &b->set->clips[b->marks[k].clip], b->marks + k, n);
    }
    return status;
}

/* A class of the set's own of which only negatives are there was most likely misspelt. */
static em_status check_negatives(em_assembly *b)
{
    char *is_heard = b->is_closed ? NULL : calloc((size_t)b->classes.n + 1, 1);
    em_status status = EM_OK;

    if (b->is_closed)
        return EM_OK;
    if (!is_heard)
        return em_assembly_no_memory(b);
    for (size_t k = 0; k < b->n_marks; k++)
        if (b->marks[k].kind != EM_NOT_HEARD)
            is_heard[b->marks[k].label] = 1;
    for (size_t k = 0; k < b->n_marks && status == EM_OK; k++)
        if (!is_heard[b->marks[k].label])
            status = em_fail_at(b->err, EM_EFORMAT, b->origins[b->marks[k].clip],
                                "\"-%.80s\" holds negatives of a class that no clip has", b->classes.text[b->marks[k].label]);
    free(is_heard);
    return status;
}

static bool is_single(const em_dataset *set)
{
    for (int i = 0; i < set->n_clips; i++)
        if (set->clips[i].n_labels > 1)
            return false;
    return true;
}

em_status em_assembly_end(em_assembly *b)
{
    char shown[EM_SHOWN_PATH];
    int *place = malloc(((size_t)b->classes.n + 1) * sizeof *place);
    em_status status = place ? check_clips(b) : em_assembly_no_memory(b);

    if (status == EM_OK)
        status = check_twice(b);
    if (status == EM_OK)
        status = check_negatives(b);
    if (status == EM_OK)
        status = sort_classes(b, place);
    if (status == EM_OK && b->set->n_classes == 0)
        status = em_fail(b->err, EM_EFORMAT, "%s: no clip has a class", em_shown_path(shown, b->dir));
    if (status == EM_OK)
        status = em_labels_check(b->set->classes, b->set->n_classes, em_shown_path(shown, b->dir), b->err);
    if (status == EM_OK)
        status = pack_marks(b, place);
    b->set->is_single = status == EM_OK && is_single(b->set);
    free(place);
    return status;
}
