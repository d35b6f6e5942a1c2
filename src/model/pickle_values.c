/* pickle_values.c - the machine's stack, its values, and the check that walking them ends. */
#include "model/pickle_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

em_status em_pickle_fail(const em_pickle_machine *m, const char *fmt, ...)
{
    char text[200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return em_fail(m->err, EM_EFORMAT, "%s: data.pkl byte %zu: %s", m->path, m->begin, text);
}

em_status em_pickle_no_memory(const em_pickle_machine *m)
{
    return em_fail(m->err, EM_ENOMEM, "%s: no memory for its pickle", m->path);
}

const char *em_pickle_kind_name(em_pickle_kind kind)
{
    static const char *const names[] = {
        [EM_PICKLE_NONE] = "None",        [EM_PICKLE_BOOL] = "a bool",         [EM_PICKLE_INT] = "a whole number",
        [EM_PICKLE_FLOAT] = "a float",    [EM_PICKLE_STRING] = "a string",     [EM_PICKLE_BYTES] = "bytes",
        [EM_PICKLE_TUPLE] = "a tuple",    [EM_PICKLE_LIST] = "a list",         [EM_PICKLE_DICT] = "a dict",
        [EM_PICKLE_GLOBAL] = "a global",  [EM_PICKLE_STORAGE] = "a storage",   [EM_PICKLE_TENSOR] = "a tensor",
    };

    return names[kind];
}

em_status em_pickle_grow(em_pickle_machine *m, void *list, size_t n_each, uint32_t n, uint32_t *room, uint32_t most, const char *what)
{
    uint32_t wanted = *room ? 2 * *room : 16;
    void *old, *grown;

    if (n >= most)
        return em_pickle_fail(m, "more than %u %s", most, what);
    if (n < *room)
        return EM_OK;
    memcpy(&old, list, sizeof old);
    grown = realloc(old, wanted * n_each);
    if (!grown)
        return em_pickle_no_memory(m);
    memcpy(list, &grown, sizeof grown);
    *room = wanted;
    return EM_OK;
}

em_status em_pickle_push(em_pickle_machine *m, uint32_t value)
{
    em_status status = em_pickle_grow(m, &m->stack, sizeof *m->stack, m->n_stack, &m->room_stack, EM_PICKLE_MAX_STACK,
                                      "values on the stack");

    if (status == EM_OK)
        m->stack[m->n_stack++] = value;
    return status;
}

em_status em_pickle_push_new(em_pickle_machine *m, em_pickle_value value)
{
    em_pickle *p = m->out;
    em_status status = em_pickle_grow(m, &p->values, sizeof *p->values, p->n_values, &m->room_values, EM_PICKLE_MAX_VALUES, "values");

    if (status != EM_OK)
        return status;
    p->values[p->n_values] = value;
    status = em_pickle_push(m, p->n_values);
    p->n_values += status == EM_OK;                     /* else the caller still owns what the value points to */
    return status;
}

em_status em_pickle_pop(em_pickle_machine *m, uint32_t *value)
{
    if (m->n_stack == (m->n_marks ? m->marks[m->n_marks - 1] : 0))
        return em_pickle_fail(m, "takes a value from an empty stack");
    *value = m->stack[--m->n_stack];
    return EM_OK;
}

em_status em_pickle_pop_mark(em_pickle_machine *m, uint32_t *first, uint32_t *n)
{
    if (m->n_marks == 0)
        return em_pickle_fail(m, "needs a mark, and none is set");
    *first = m->marks[--m->n_marks];
    *n = m->n_stack - *first;
    return EM_OK;
}

em_status em_pickle_top(em_pickle_machine *m, em_pickle_value **value, em_pickle_kind kind, const char *what)
{
    uint32_t top = 0;
    em_status status = em_pickle_pop(m, &top);

    if (status != EM_OK)
        return status;
    m->n_stack++;
    *value = &m->out->values[top];
    if ((*value)->kind != kind)
        return em_pickle_fail(m, "%s wants %s, and there is %s", what, em_pickle_kind_name(kind), em_pickle_kind_name((*value)->kind));
    return EM_OK;
}

/* Room for n items: the next power of two, so that no room has to be remembered. */
static uint32_t room_for(uint32_t n)
{
    uint32_t room = n ? 1 : 0;

    while (room < n)
        room *= 2;
    return room;
}

em_status em_pickle_append(em_pickle_machine *m, em_pickle_value *to, uint32_t first, uint32_t n)
{
    if (n > EM_PICKLE_MAX_ITEMS - m->out->n_items)
        return em_pickle_fail(m, "more than %d items in tuples, lists and dicts", EM_PICKLE_MAX_ITEMS);
    if (room_for(to->n + n) != room_for(to->n)) {
        uint32_t *grown = realloc(to->as.items, room_for(to->n + n) * sizeof *grown);

        if (!grown)
            return em_pickle_no_memory(m);
        to->as.items = grown;
    }
    if (n > 0)                                          /* else there may be no items, and no stack */
        memcpy(to->as.items + to->n, m->stack + first, n * sizeof *m->stack);
    to->n += n;
    m->out->n_items += n;
    return EM_OK;
}

em_status em_pickle_tuple(em_pickle_machine *m, uint32_t first, uint32_t n)
{
    em_pickle_value tuple = { .kind = EM_PICKLE_TUPLE };
    em_status status = em_pickle_append(m, &tuple, first, n);

    if (status != EM_OK)
        return status;
    m->n_stack = first;
    status = em_pickle_push_new(m, tuple);
    if (status != EM_OK)
        free(tuple.as.items);
    return status;
}

static bool is_container(const em_pickle_value *v)
{
    return v->kind == EM_PICKLE_TUPLE || v->kind == EM_PICKLE_LIST || v->kind == EM_PICKLE_DICT;
}

/* Depth first, every value once. heights[i]: 0 not yet seen, OPEN on the way to where we are, else its height. */
em_status em_pickle_check_nesting(em_pickle_machine *m)
{
    enum { OPEN = 255 };
    struct { uint32_t value, next; unsigned char height; } way[EM_PICKLE_MAX_DEPTH + 1] = { { .value = m->out->root } };
    const em_pickle *p = m->out;
    unsigned char *heights = calloc(p->n_values, 1);
    em_status status = EM_OK;
    int depth = 1;

    if (!heights)
        return em_pickle_no_memory(m);
    heights[p->root] = OPEN;
    while (status == EM_OK && depth > 0) {
        const em_pickle_value *v = &p->values[way[depth - 1].value];
        unsigned char *height = &way[depth - 1].height;
        uint32_t child;

        if (!is_container(v) || way[depth - 1].next == v->n) {          /* all of it was seen */
            heights[way[depth - 1].value] = (unsigned char)(*height + 1);
            if (--depth > 0 && way[depth - 1].height < *height + 1)
                way[depth - 1].height = (unsigned char)(*height + 1);
            continue;
        }
        child = v->as.items[way[depth - 1].next++];
        if (heights[child] == OPEN)
            status = em_pickle_fail(m, "%s holds itself", em_pickle_kind_name(p->values[child].kind));
        else if (depth + (heights[child] ? heights[child] : 1) > EM_PICKLE_MAX_DEPTH)
            status = em_pickle_fail(m, "values are nested more than %d deep", EM_PICKLE_MAX_DEPTH);
        else if (heights[child])
            *height = heights[child] > *height ? heights[child] : *height;
        else {
            heights[child] = OPEN;
            way[depth++].value = child;
            way[depth - 1].next = 0;
            way[depth - 1].height = 0;
        }
    }
    free(heights);
    return status;
}

void em_pickle_deinit(em_pickle *p)
{
    for (uint32_t i = 0; i < p->n_values; i++)
        if (is_container(&p->values[i]))
            free(p->values[i].as.items);
    free(p->values);
    free(p->storages);
    free(p->views);
    *p = (em_pickle){ 0 };
}

em_status em_pickle_find(const em_pickle_value **value, const em_pickle *p, const em_pickle_value *dict, const char *key,
                         const char *path, em_err *err)
{
    *value = NULL;
    for (uint32_t i = 0; i < dict->n; i += 2) {
        const em_pickle_value *k = &p->values[dict->as.items[i]];

        if (k->kind != EM_PICKLE_STRING || k->n != strlen(key) || memcmp(k->as.text, key, k->n))
            continue;
        if (*value)
            return em_fail(err, EM_EFORMAT, "%s: data.pkl: %s is there twice", path, key);
        *value = &p->values[dict->as.items[i + 1]];
    }
    return EM_OK;
}
