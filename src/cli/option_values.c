/* option_values.c - the field of a row, whatever its kind: is it set, set back, the same in two. */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

void em_texts_deinit(em_texts *list)
{
    for (int i = 0; i < list->n; i++) {
        free(list->list[i]);
        free(list->where[i]);
    }
    free(list->list);
    free(list->where);
    *list = (em_texts){ 0 };
}

static bool grow(char ***list, int n)
{
    char **grown = realloc(*list, ((size_t)n + 1) * sizeof *grown);

    if (!grown)
        return false;
    *list = grown;
    grown[n] = NULL;
    return true;
}

em_status em_texts_add(em_texts *list, const char *value, const char *where, em_err *err)
{
    if (!grow(&list->list, list->n) || !grow(&list->where, list->n))
        return em_fail(err, EM_ENOMEM, "no memory for the options");
    if (!(list->list[list->n] = strdup(value)))
        return em_fail(err, EM_ENOMEM, "no memory for the options");
    if (where && !(list->where[list->n] = strdup(where))) {
        free(list->list[list->n]);
        return em_fail(err, EM_ENOMEM, "no memory for the options");
    }
    list->n++;
    return EM_OK;
}

/* ---- rows ---- */

bool em_options_is_set(const em_options *o, const em_option *row)
{
    const void *field = (const char *)o + row->at;

    switch (row->kind) {
    case EM_OPTION_FLAG:
        return *(const bool *)field;
    case EM_OPTION_COUNT:
    case EM_OPTION_INT:
        return *(const int *)field != 0;
    case EM_OPTION_REAL:
    case EM_OPTION_WAIT:
        return *(const double *)field != 0;
    case EM_OPTION_TEXTS:
        return ((const em_texts *)field)->n > 0;
    case EM_OPTION_COMMAND:
        return o->command == (em_command)(int)row->min;
    default:
        return *(char *const *)field != NULL;
    }
}

void em_options_unset(em_options *o, const em_option *row)
{
    void *field = (char *)o + row->at;

    switch (row->kind) {
    case EM_OPTION_FLAG:
        *(bool *)field = false;
        break;
    case EM_OPTION_COUNT:
    case EM_OPTION_INT:
        *(int *)field = 0;
        break;
    case EM_OPTION_REAL:
    case EM_OPTION_WAIT:
        *(double *)field = 0;
        break;
    case EM_OPTION_TEXTS:
        em_texts_deinit(field);
        break;
    case EM_OPTION_COMMAND:
        break;
    default:
        free(*(char **)field);
        *(char **)field = NULL;
    }
    o->layer[em_options_index(row)] = EM_LAYER_BUILTIN;
}

static bool same_texts(const em_texts *a, const em_texts *b)
{
    bool is_same = a->n == b->n;

    for (int i = 0; i < a->n && is_same; i++)
        is_same = strcmp(a->list[i], b->list[i]) == 0;
    return is_same;
}

bool em_options_same(const em_options *a, const em_options *b, const em_option *row)
{
    const void *x = (const char *)a + row->at, *y = (const char *)b + row->at;
    const char *s, *t;

    switch (row->kind) {
    case EM_OPTION_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case EM_OPTION_COUNT:
    case EM_OPTION_INT:
        return *(const int *)x == *(const int *)y;
    case EM_OPTION_REAL:
    case EM_OPTION_WAIT:
        return memcmp(x, y, sizeof(double)) == 0;
    case EM_OPTION_TEXTS:
        return same_texts(x, y);
    case EM_OPTION_COMMAND:
        return a->command == b->command;
    default:
        s = *(char *const *)x;
        t = *(char *const *)y;
        return s && t ? strcmp(s, t) == 0 : s == t;
    }
}
