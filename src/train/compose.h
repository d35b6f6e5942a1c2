/* compose.h - one window as a live listener hears it, made of a clip: the clip at any place of it, others beside it, noise under
 * it, or nothing at all in it; and labels only where their sound is.
 *
 * A model that has only heard full windows takes silence for a sound and half a sound for another. First em_scene_draw says which
 * clips are wanted, then em_compose lays them down; both are pure functions of what they are given. */
#ifndef EM_TRAIN_COMPOSE_H
#define EM_TRAIN_COMPOSE_H

#include "base/rng.h"
#include "train/canvas.h"
#include "train/dataset.h"
#include "train/warp.h"

#include <stdbool.h>

typedef enum em_place {
    EM_PLACE_ANY,                   /* at any place, also partly outside         */
    EM_PLACE_INSIDE,                /* at any place where all of it is inside    */
    EM_PLACE_START,                 /* its first frame is the window's first one */
    EM_PLACE_END,                   /* its last frame is the window's last one   */
} em_place;                         /* of a clip longer than the window all but `any` take a part at random */

typedef struct em_compose_cfg {
    em_level level;
    em_place place;
    double   least_inside;          /* any: share of the shorter of clip and window that is inside at least, (0, 1]   */
    bool     trims;                 /* digital silence around a clip is cut off before it is placed                   */
    bool     rolls;                 /* every clip is turned round on itself by a random number of frames              */
    double   gain_db;               /* each clip is made louder by -gain_db .. gain_db                                */
    em_warp_cfg warp;               /* and slower, higher, of another tone           */
    double   p_empty;               /* windows without an event                                                       */
    double   p_before, p_after;     /* another clip before the main one, after it                                     */
    int      most_gap;              /* frames between them, 0..most_gap                                               */
    double   p_bed;                 /* noise under it all                                                             */
    double   bed_low_db, bed_high_db;                   /* its level in every band, as htsat's frames count           */
    double   bed_tilt_db;           /* from the lowest band to the highest it rises by -tilt .. tilt                  */
    double   bed_below_db;          /* so far under the loudest frame of every clip heard at least                    */
    double   sound_db;              /* a frame of a clip is sound when it is no further below the clip's loudest one  */
    double   least_share;           /* a label counts when this share of its sound is inside …                        */
    int      least_frames;          /* … or so many frames of it                                                      */
    float    unknown_weight;        /* of classes that a clip neither has nor excludes: 1 where labels are complete   */
} em_compose_cfg;

/* Defaults for windows as they are heard live (model-and-training's first recipe). */
em_compose_cfg em_compose_defaults(em_frontend_kind kind);

/* The whole clip at the window's start, nothing else: what an evaluation hears. */
em_compose_cfg em_compose_plain(em_frontend_kind kind);

/* A sentence when a setting is out of its range (EM_EINVAL). */
em_status em_compose_check(const em_compose_cfg *cfg, em_err *err);

/* A clip: frames[n_frames][n_mels] of the canvas's n_mels, and what is known of it. n_frames 0: an empty one, which is never heard. */
typedef struct em_part {
    const float   *frames;
    int            n_frames;
    const em_clip *clip;
} em_part;

/* What one window will be. */
typedef struct em_scene {
    bool   is_empty;                /* no clip is wanted                       */
    bool   is_alone;                /* the clip is all there is: the window's own length of it, labelled whole */
    bool   has_before, has_after;   /* further clips are wanted: any of the set */
    em_rng rng;                     /* for all that em_compose draws           */
} em_scene;

em_scene em_scene_draw(const em_compose_cfg *cfg, em_rng *rng);

/* Fills out. What the scene does not want is not looked at and may be NULL, as may before and after in any case.
 *
 * target[c] is 1 where a clip's label c is heard. weight[c] is 0 where it is heard too little to count (neither answer would be right),
 * unknown_weight where a clip that is heard says nothing of c, else 1. Of strong labels, only sound within their spans counts.
 * Slots are filled up as far as they have that sound in them; pauses of up to a second within it are part of it. */
void em_compose(em_canvas *out, const em_compose_cfg *cfg, const em_scene *scene, const em_part *main, const em_part *before,
                const em_part *after);

#endif
