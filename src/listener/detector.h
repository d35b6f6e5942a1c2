/* detector.h - events out of scores: what sounded, from when to when.
 *
 * The clip score of a 10 s window stays high for up to 10 s after a short sound; the slots tell when it was. Each hop sees
 * most of its window again, so a moment is judged by the mean of all windows that held it (evidence.h), and a slot counts
 * in full only where its window's clip score reaches the class's threshold: a slot that its own window as a whole does not
 * believe is a false alarm (on the demo clip 53 events become the 12 of its eight sounds and their relations).
 *
 * A class begins when its evidence reaches `on`, lasts while that stays at or above `off`, and ends when it was below for
 * longer than its gap (track.h). It is told
 *
 *   BEGIN     as soon as it is sure: the cells `settle_s` behind the newest sound have lasted for the shortest length
 *   END       when it is over, with times and score from all the evidence there will be: onset may have moved
 *   RETRACT   instead of END, when later windows did not bear it out, or a more specific class or a surer
 *             sound has taken its place
 *
 * Events of one class lie more than its gap apart. Where a class and one above it in the ontology (Dog, Bark) both sound,
 * the more specific one is told, once: it hides the general one as far as it lasts, and its gap around it. A gate hides
 * every other class so. A group is one more class, which sounds when any of its members does, and hides what is above them;
 * its members are told as well where they are is_told.
 *
 * A window that holds a sound believes in it beyond its ends, and in others that are like it. So a class whose sound pauses (edges.h) is
 * not there, whatever scores say; and what is less than `rival` times as sure as another class's event, no kin of it, that is there for
 * half of its time or more, and less than `sure` at that, is the other one's shade and not told. All classes are compared as of the same
 * hop, so that their order changes nothing.
 *
 * A pure function of its settings and the hops: nothing else goes in, no clock, no order of calls between hops.
 * An em_detector belongs to one thread at a time. Only em_detector_new allocates. */
#ifndef EM_LISTENER_DETECTOR_H
#define EM_LISTENER_DETECTOR_H

#include "base/status.h"
#include "listener/event_id.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct em_detector em_detector;

typedef struct em_sound_cfg {       /* one class or group                                                 */
    float  on, off;                 /* thresholds of evidence, 0 < off <= on <= 1                         */
    double shortest_s;              /* shorter events are not told                                        */
    double gap_s;                   /* what lies no further apart is one event                            */
    bool   is_told;                 /* its events leave: watched and not ignored                          */
    bool   is_gate;                 /* while it sounds nothing else does                                  */
} em_sound_cfg;

typedef struct em_group_cfg {
    const char   *name;
    const int    *members;          /* [n_members] classes                                                */
    int           n_members;
    em_sound_cfg  sound;
} em_group_cfg;

bool em_group_has(const em_group_cfg *group, int i_class);

typedef enum em_detection_type { EM_DETECTION_BEGIN, EM_DETECTION_END, EM_DETECTION_RETRACT } em_detection_type;

typedef struct em_detection {       /* all of it is valid during the call                                 */
    em_detection_type type;
    const char *id;                 /* of its BEGIN                                                       */
    const char *label;              /* of the class or group                                              */
    int    i_class, i_group;        /* the other one is -1                                                */
    double onset_s, offset_s;       /* in the stream; BEGIN: offset_s is where it is known to last to     */
    double told_s;                  /* end of the newest window: told_s - onset_s (BEGIN) or - offset_s
                                       (END) is the detection delay                                       */
    double res_s;                   /* uncertainty of these times: a slot, or the softness of the edges   */
    float  score, threshold;        /* highest evidence so far; `on`                                      */
    float  mean;                    /* of the evidence from onset to offset                               */
} em_detection;

/* An error ends the push, which returns it; the detector must not be used further then. */
typedef em_status em_detection_take(void *ctx, const em_detection *d, em_err *err);

typedef struct em_detector_cfg {    /* everything is borrowed until em_detector_free                      */
    const char *source;             /* for ids; a live run adds its start, or its ids are those of another run */
    int    rate_hz;                 /* of the model                                                       */
    int    window_samples, n_slots; /* em_config_window_samples, em_config_slots                          */
    double slot_s;                  /* em_config_slot_seconds                                             */
    const char *const  *labels;     /* [n_classes]                                                        */
    const em_sound_cfg *classes;    /* [n_classes]                                                        */
    int    n_classes;
    const em_group_cfg *groups;     /* [n_groups]                                                         */
    int    n_groups;
    const int (*above)[2];          /* [n_above] { specific, general }, however far up (em_ontology_above); none: no
                                       class hides another                                                */
    int    n_above;
    double settle_s;                /* what is newer than this waits: it was seen cut off                 */
    double ramp_s;                  /* from a window's end to where its slots count in full               */
    float  edge;                    /* share of its highest evidence at which an event begins and ends; `off` at least */
    float  rival, sure;             /* see above, 0 to 1; 0: there are no shades                          */
    em_detection_take *take;
    void  *ctx;
} em_detector_cfg;

/* Every field that has a usual value: a slot's reach of settling (0.64 s), a ramp of 2 s, edges at half, a rival of 0.7, sure at 0.5. The last two
 * were chosen on scenes of known sounds (edges.h): 38 false events, not 59, and 204 of 208 sounds. */
em_detector_cfg em_detector_default(void);

/* A class with the threshold of the model's card, or 0.5 where that is none (0): off is 0.15 lower, half of it at least;
 * 0.4 s long, more than one slot; gaps of 2 s; told. */
em_sound_cfg em_sound_default(float threshold);

/* EM_EINVAL names what is out of range. EM_ENOMEM. The caller frees *out with em_detector_free; on error it is NULL. */
em_status em_detector_new(em_detector **out, const em_detector_cfg *cfg, em_err *err);
void      em_detector_free(em_detector *d);

typedef struct em_detector_hop {
    int64_t end_sample;             /* of the window, model rate; one not behind the last is left out     */
    double  filled;                 /* share of it that is sound; 0: nothing was heard, whatever was scored */
    const float *scores;            /* [n_classes] probabilities of the clip                              */
    const float *slots;             /* [n_slots][n_classes], oldest first; NaN is 0                       */
    const uint8_t *levels;          /* [n_levels] of newest slices, the first being first_level (levels.h): onsets and offsets move to their
                                       edges (edges.h); n_levels 0: unknown, and they stay where slots say */
    int     n_levels;
    int64_t first_level;
    bool    is_quiet;               /* what is newer than the last hop was too quiet to be of any class, whatever windows say:
                                       of windows that hold nothing else the scores do not matter         */
} em_detector_hop;

/* One hop. Windows may be skipped: what no window held is silence. */
em_status em_detector_push(em_detector *d, const em_detector_hop *hop, em_err *err);

/* The stream ended: judges the newest sound as well and ends all events. Nothing may be pushed behind it. */
em_status em_detector_finish(em_detector *d, em_err *err);

/* Another threshold for lane i (a class, or n_classes + a group), 0 < on <= 1: the other one keeps its distance, and is half of it at
 * least. Events under way go on under it. False: its events are not told. Never allocates. */
bool em_detector_set_threshold(em_detector *d, int i, float on);

/* d, which is new, takes the place of `from`, of the same model: knows what it knew, lane by lane of the same name, and goes on with
 * what is under way. A lane that `from` did not have begins with the next cell. What d does not tell is ended in `from`, by its take.
 * `from` is only freed then. */
em_status em_detector_inherit(em_detector *d, em_detector *from, em_err *err);

/* Why a class is told or not, for --explain. */
typedef enum em_verdict {
    EM_VERDICT_TOLD,                /* an event is under way                     */
    EM_VERDICT_QUIET,               /* below `off`                               */
    EM_VERDICT_WEAK,                /* between the thresholds, never at `on`     */
    EM_VERDICT_SHORT,               /* sure, but not long enough, or not yet     */
    EM_VERDICT_HIDDEN,              /* a more specific class has its place       */
    EM_VERDICT_SHADE,               /* another sound is much surer               */
    EM_VERDICT_GATED,               /* a gate is on                              */
    EM_VERDICT_IGNORED,             /* would be told, but is not watched         */
} em_verdict;

typedef struct em_look {            /* at the newest window                      */
    em_verdict verdict;
    float peak, now;                /* evidence: highest, and in the newest cell that is judged */
    double peak_s;                  /* when                                      */
    float on, off;                  /* what it has to reach to begin, and to last */
} em_look;

/* i: a class, or n_classes + a group. */
void em_detector_look(em_look *out, const em_detector *d, int i);

#endif
