/* timeline.h - how strong many things were over a stream of any length, in memory that is sized once: a grid of bytes, n_rows things
 * by n_cells stretches of time. When the stream outgrows it, every two cells become one that has the larger of each two bytes, and
 * cells are twice as long from then on: nothing that was there ever vanishes, it only gets wider.
 *
 * 0 is "nothing known". One thread at a time; only em_timeline_init allocates. */
#ifndef EM_SINKS_TIMELINE_H
#define EM_SINKS_TIMELINE_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define EM_TIMELINE_MOST_S 1e11     /* 3000 years */

typedef struct em_timeline {
    uint8_t *cells;                 /* [n_cells][n_rows]                            */
    int      n_rows, n_cells;
    int      n_used;                /* cells, up to the newest that holds anything  */
    double   cell_s;                /* seconds of one                               */
} em_timeline;

/* n_rows >= 1, n_cells even and >= 2, cell_s > 0 (of the first cells). EM_ENOMEM. End with em_timeline_deinit, also after an error. */
em_status em_timeline_init(em_timeline *t, int n_rows, int n_cells, double cell_s, em_err *err);
void      em_timeline_deinit(em_timeline *t);

/* From from_s to to_s row i was at least bytes[i], or a single row at least `byte`. Times before 0 count as 0; what is no time, or
 * lies beyond EM_TIMELINE_MOST_S, is left out. */
void      em_timeline_put(em_timeline *t, double from_s, double to_s, const uint8_t *bytes);
void      em_timeline_mark(em_timeline *t, int row, double from_s, double to_s, uint8_t byte);

/* The largest byte of a row between two times, to the cells that they touch. */
uint8_t   em_timeline_most(const em_timeline *t, int row, double from_s, double to_s);

#endif
