/* levels.h - how loud a stream is, in slices of 80 ms from its start: what edges.h finds beginnings and ends by.
 *
 * A slice's level is the mean, in dB, of the power in all mel bands of its eight frames: frames are there anyway. A byte a level:
 * -100 dB and EM_COLUMN_DB more a step. Pure; one thread at a time. */
#ifndef EM_LISTENER_LEVELS_H
#define EM_LISTENER_LEVELS_H

#include "base/event.h"
#include "mel/frontend.h"

#include <stdint.h>

enum { EM_LEVEL_FRAMES = 8 };       /* of a slice */

typedef struct em_levels {          /* of one stream; zeroed, it is ready                                    */
    int64_t next;                   /* slice that was not given yet                                          */
    int     n;
    uint8_t bytes[EM_EVENT_LEVELS]; /* [n] slices next - n and on                                            */
} em_levels;

/* Slices since the last call, as far as they lie in the window that ends at end_sample, of window_samples and frames[][n_mels], and
 * nothing later can change them; of more than EM_EVENT_LEVELS the newest. */
void    em_levels_take(em_levels *l, const em_frontend_cfg *cfg, const float *frames, int window_samples, int64_t end_sample);

/* What a frame's values become to be dB. */
float   em_frame_db(const em_frontend_cfg *cfg);

uint8_t em_byte_of_db(float db);    /* the nearest there is */

#endif
