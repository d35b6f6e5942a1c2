/* timeline.c - see timeline.h. */
#include "sinks/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double edge = 1e-6;            /* of a cell: a time on the border of two is of one */

em_status em_timeline_init(em_timeline *t, int n_rows, int n_cells, double cell_s, em_err *err)
{
    *t = (em_timeline){ .n_rows = n_rows, .n_cells = n_cells, .cell_s = cell_s };
    t->cells = calloc((size_t)n_rows * (size_t)n_cells, 1);
    return t->cells ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for what a picture is drawn of");
}

void em_timeline_deinit(em_timeline *t)
{
    free(t->cells);
    t->cells = NULL;
}

static uint8_t *cell_at(const em_timeline *t, int i)
{
    return t->cells + (size_t)i * (size_t)t->n_rows;
}

static void merge(uint8_t *into, const uint8_t *bytes, int n)
{
    for (int i = 0; i < n; i++)
        if (bytes[i] > into[i])
            into[i] = bytes[i];
}

static void halve(em_timeline *t)
{
    const size_t row = (size_t)t->n_rows;

    for (int i = 0; 2 * i < t->n_used; i++) {
        memmove(cell_at(t, i), cell_at(t, 2 * i), row);
        merge(cell_at(t, i), cell_at(t, 2 * i + 1), t->n_rows);
    }
    t->n_used = (t->n_used + 1) / 2;
    memset(cell_at(t, t->n_used), 0, (size_t)(t->n_cells - t->n_used) * row);
    t->cell_s *= 2;
}

/* The cells that a stretch touches, one at least; false: it is no stretch of time. */
static bool find_cells(const em_timeline *t, double from_s, double to_s, double *first, double *end)
{
    if (!(to_s >= from_s && to_s >= 0 && to_s < EM_TIMELINE_MOST_S))
        return false;
    *first = floor(fmax(from_s, 0) / t->cell_s + edge);
    *end = fmax(ceil(to_s / t->cell_s - edge), *first + 1);
    return true;
}

/* The same, after room was made for them. */
static bool take_cells(em_timeline *t, double from_s, double to_s, int *first, int *end)
{
    double from, to;

    while (find_cells(t, from_s, to_s, &from, &to) && to > t->n_cells)
        halve(t);
    if (!find_cells(t, from_s, to_s, &from, &to))
        return false;
    *first = (int)from;
    *end = (int)to;
    if (*end > t->n_used)
        t->n_used = *end;
    return true;
}

void em_timeline_put(em_timeline *t, double from_s, double to_s, const uint8_t *bytes)
{
    int first, end;

    if (take_cells(t, from_s, to_s, &first, &end))
        for (int i = first; i < end; i++)
            merge(cell_at(t, i), bytes, t->n_rows);
}

void em_timeline_mark(em_timeline *t, int row, double from_s, double to_s, uint8_t byte)
{
    int first, end;

    if (take_cells(t, from_s, to_s, &first, &end))
        for (int i = first; i < end; i++)
            merge(cell_at(t, i) + row, &byte, 1);
}

uint8_t em_timeline_most(const em_timeline *t, int row, double from_s, double to_s)
{
    double from, to;
    uint8_t most = 0;

    if (find_cells(t, from_s, to_s, &from, &to))
        for (double i = from; i < to && i < t->n_used; i++)
            merge(&most, cell_at(t, (int)i) + row, 1);
    return most;
}
