/* detector_inside.h - what detector.c and the files detector_*.c share: the lanes, and what is known of each. */
#ifndef EM_LISTENER_DETECTOR_INSIDE_H
#define EM_LISTENER_DETECTOR_INSIDE_H

#include "listener/detector.h"
#include "listener/edges.h"
#include "listener/evidence.h"
#include "listener/levels.h"
#include "listener/track.h"

enum { EM_FOR_NOW = 1, EM_FOR_GOOD = 2, EM_QUIET = 4 };     /* bits of a mask: found anew at each hop; of an event that was told; of a hop */

typedef struct em_known {                   /* an event as far as it is known, in cells              */
    int64_t   onset, end;                   /* as it was told to begin, and while it is above `off`  */
    int64_t   rise, fall;                   /* the edges of its evidence: when it is compared        */
    float     peak;                         /* its highest evidence so far; 0: no event              */
} em_known;

typedef struct em_lane {
    em_track_rule rule;
    int64_t   shortest;                     /* cells                                                 */
    bool      is_told, is_gate;
    const int *above;                       /* [n_above] lanes that it hides                         */
    int       n_above;
    em_track  track;                        /* up to evidence.first                                  */
    int64_t   floor;                        /* what is before it has been judged                     */
    bool      is_open;                      /* BEGIN was told, END not yet                           */
    em_known  now, last;                    /* the open event, and the one that was told before it   */
    bool      is_shade;                     /* what was found of it at this hop is                   */
    int64_t   begun;                        /* sample at which it was told to begin                  */
    int64_t   earliest;                     /* its onset does not move before it                     */
    char      id[EM_EVENT_ID_CHARS];
} em_lane;

/* What a class tells as of a hop, or would tell if there were no shades. */
typedef struct em_claim {
    int       i_class;
    bool      is_past;                      /* it was told, and is over                              */
    em_known  event;
} em_claim;

enum { EM_CLASS_CLAIMS = 3 };               /* the last one told before a hop, the last one that is over by it, the one that is open */

struct em_detector {
    em_detector_cfg cfg;
    em_evidence evidence;
    em_edges edges;
    int      n_lanes;
    em_lane *lanes;                         /* [n_lanes]                                             */
    int     *order;                         /* [n_lanes] gates, groups, then the specific before the general */
    int     *above;                         /* what lanes point into                                 */
    uint8_t *hidden;                        /* [n_room][n_lanes] mask                                */
    uint8_t *gated;                         /* [n_room] mask                                         */
    uint8_t *is_busy;                       /* [n_lanes] something to follow at this hop             */
    float   *off;                           /* [n_lanes] their thresholds, side by side              */
    float   *belief;                        /* [n_lanes] what this hop's clip scores make of classes */
    float   *row;                           /* [n_lanes] scores of a slot                            */
    int64_t  end_sample;                    /* of the newest window; 0: none yet                     */
    int64_t  judged;                        /* cells before it are judged                            */
    em_claim *claims;                       /* [n_claims] of all classes that are told, of the last hop */
    int      n_claims;
    bool     is_rehearsal;                  /* nothing is told, and nothing is a shade               */
};

/* Samples of a slice of levels. */
static inline int64_t em_detector_slice(const em_detector *d) { return d->cfg.rate_hz / 100 * EM_LEVEL_FRAMES; }

/* Of a sound that began in one cell and was surest in another: see edges.h. */
static inline int em_detector_loudness(const em_detector *d, int64_t begin, int64_t surest)
{
    const int64_t size = d->evidence.cell_samples;

    return em_edges_loudness(&d->edges, begin * size, surest * size + size / 2, em_detector_slice(d));
}

/* The mask of lane i in a cell of the window. */
static inline uint8_t *em_detector_hidden(const em_detector *d, int i, int64_t cell)
{
    return &d->hidden[(size_t)em_evidence_place(&d->evidence, cell) * (size_t)d->n_lanes + (size_t)i];
}

/* By another lane, a gate or quiet. */
static inline bool em_detector_is_hidden(const em_detector *d, int i, int64_t cell)
{
    const uint8_t gated = d->gated[em_evidence_place(&d->evidence, cell)];

    return (gated & EM_QUIET) || (!d->lanes[i].is_gate && (*em_detector_hidden(d, i, cell) || gated));
}

const char *em_detector_name(const em_detector_cfg *cfg, int i);        /* of lane i */

/* Ends what these lanes have open: is_ending[n_lanes]. The other lanes are as they were, but for being judged to the newest cell. */
em_status   em_detector_end_lanes(em_detector *d, const uint8_t *is_ending, em_err *err);

/* ---- detector_masks.c ---- */

/* What lane i hides from cell `from` to `to`, and its gap around; bit: EM_FOR_NOW or EM_FOR_GOOD. */
void        em_detector_hide_others(em_detector *d, int i, int64_t from, int64_t to, uint8_t bit);

/* For cells before `known` what was found for now is found anew; new cells begin with nothing. */
void        em_detector_clear_masks(em_detector *d, int64_t known);

/* Cells from `known` on, which no window held before, are of no class. */
void        em_detector_mark_quiet(em_detector *d, int64_t known);

/* ---- detector_rivals.c ---- */

/* Lane i claims an event, if it is one and the lane a class that is told. */
void        em_detector_claim(em_detector *d, int i, const em_known *event, bool is_past);

/* Whether an event of lane i is not sure enough beside what another lane tells. */
bool        em_detector_is_shade(const em_detector *d, int i, const em_known *event);

/* Whether some of the cells [from, to) belongs to what another lane, no kin of lane i, tells or told last. */
bool        em_detector_is_shared(const em_detector *d, int i, int64_t from, int64_t to);

/* ---- detector_tell.c ---- */

double      em_detector_seconds(const em_detector *d, int64_t cell);

/* A stretch of lane i, over or not, against what has been told. */
em_status   em_detector_report(em_detector *d, int i, const em_stretch *s, bool is_over, em_err *err);

/* The open event of lane i never was: its cells are judged for good. */
em_status   em_detector_retract(em_detector *d, int i, em_err *err);

#endif
