/* track.h - stretches of sound in one class's evidence, cell by cell: two thresholds, and what lies close is one.
 *
 * A run is a row of cells at or above `off`; it counts when one of them reaches `on`. Runs that count and lie no more
 * than `gap` cells apart are one stretch. A stretch is over when it has been off for longer than the gap.
 *
 * Its onset and offset are where the evidence crosses half of its highest, wherever thresholds lie: the mean over windows turns an
 * edge into a ramp that is centred on it. So that the past need not be kept, a stretch remembers where each of some levels was first and
 * last reached. Plain data; a copy goes on by itself. */
#ifndef EM_LISTENER_TRACK_H
#define EM_LISTENER_TRACK_H

#include <stdbool.h>
#include <stdint.h>

enum { EM_LEVELS = 32 };            /* i / EM_LEVELS */

typedef struct em_stretch {
    int64_t begin, end;             /* cells [begin, end) from `off` to `off`               */
    int64_t rise[EM_LEVELS];        /* first and last cell at a level, as far as it reaches */
    int64_t fall[EM_LEVELS];
    int     n_levels;
    float   peak;
    int64_t peak_cell;              /* the first where it is so high                        */
    double  sum;                    /* over its n_cells cells at or above `off`             */
    int64_t n_cells;
} em_stretch;

typedef struct em_track_rule {
    float   on, off, edge;          /* edge: share of the peak at which it begins and ends  */
    int64_t gap;                    /* cells                                                */
} em_track_rule;

typedef struct em_track {           /* zeroed, it is ready                                  */
    bool       has_sound;           /* `sound` holds a stretch that is not over             */
    bool       is_on;               /* the last cell belongs to it                          */
    bool       has_run;             /* `run` has not reached `on` yet                       */
    em_stretch sound, run;
    bool       has_past;            /* there was a stretch before, which            */
    int64_t    past_begin, past_peak;       /* began here and had its highest evidence there */
} em_track;

/* The next cell; cells come in order. True: track->sound is over and complete; the caller then calls em_track_forget. */
bool em_track_step(em_track *t, const em_track_rule *rule, int64_t cell, float evidence);

void em_track_forget(em_track *t);

/* s was its last stretch, though the track may never have held it. */
void em_track_remember(em_track *t, const em_stretch *s);

static inline bool em_track_is_idle(const em_track *t) { return !t->has_sound && !t->has_run; }

/* First cell, and the one behind the last. */
int64_t em_stretch_onset(const em_stretch *s, const em_track_rule *rule);
int64_t em_stretch_offset(const em_stretch *s, const em_track_rule *rule);

/* Cells from `off` to `on` at its beginning, and from `on` to `off` at its end: how soft the edges are. */
int64_t em_stretch_rise(const em_stretch *s, const em_track_rule *rule);
int64_t em_stretch_fall(const em_stretch *s, const em_track_rule *rule);

#endif
