/* edges.h - where a sound really begins and ends: where the level rises or falls close to where its scores say.
 *
 * Scores know whose a sound is, but not to better than a slot (0.32 s) and its neighbours; levels know when to a slice (80 ms), but not
 * whose. An edge is where the mean level (dB) of the 0.32 s behind is 6 dB or more above, or below, that of the 0.32 s before, and more
 * so than a slice earlier or later. A beginning that scores found moves to the first rise within 0.96 s, an end to the last fall: a
 * sound's soft parts score less than its loud ones, but are its own. Chosen on scenes of known sounds (make_scenes.py --known --n 24
 * --seed 7), 208 found: at both ends within half a second are 156 by scores alone, 170 with the highest edge near, 180 with the
 * outermost, 197 with pauses.
 *
 * Nor do scores know a pause: a window that holds a bark believes in the dog some seconds before and behind. A slice is a pause of a
 * sound if it is no more than 6 dB above the quietest 0.32 s of the last minute, and 20 dB below the sound: rain that
 * is itself the quietest of the minute has no pauses, and a voice that goes on far away is still there.
 *
 * Times are samples at the model's rate. Plain data, zeroed it is ready; one thread at a time. */
#ifndef EM_LISTENER_EDGES_H
#define EM_LISTENER_EDGES_H

#include <stdbool.h>
#include <stdint.h>

enum { EM_EDGES_ROOM = 4096 };      /* slices remembered: 5.5 minutes; what began before stays where scores say */

typedef struct em_edges {
    int64_t first, next;            /* slices [first, next), no more than the room  */
    int64_t quietest;               /* end of the quietest 0.32 s of the last minute; where that is not known, any slice */
    uint8_t levels[EM_EDGES_ROOM];  /* slice i at i % room                          */
    uint8_t background[EM_EDGES_ROOM];      /* at slice i, the level of the quietest 0.32 s of the minute before its end */
} em_edges;

/* Slices first .. first + n - 1 (levels.h), which lie behind those before. What lies between is unknown, and all before it forgotten. */
void    em_edges_take(em_edges *e, const uint8_t *levels, int n, int64_t first);

/* `sample`, or the edge near it. slice_samples > 0: of a slice. */
int64_t em_edges_rise(const em_edges *e, int64_t sample, int64_t slice_samples);
int64_t em_edges_fall(const em_edges *e, int64_t sample, int64_t slice_samples);

/* How loud a sound is, for the three below: where it began, from `begin` on, or where it was surest, whichever is less: something louder
 * may have been heard over it. 0: not known, and it has no pauses. */
int     em_edges_loudness(const em_edges *e, int64_t begin, int64_t surest, int64_t slice_samples);

/* Whether the slice at `sample` is a pause of a sound so loud. False where levels are not known. */
bool    em_edges_is_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples);

/* The end of the pause before `sample`, or the beginning of the one behind, of that sound, if it is so near that a sound's soft part may
 * lie between (2.5 s), or if `sample` lies in it, not deep; else `sample`. */
int64_t em_edges_after_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples);
int64_t em_edges_before_pause(const em_edges *e, int64_t sample, int loudness, int64_t slice_samples);

#endif
