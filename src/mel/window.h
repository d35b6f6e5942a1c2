/* window.h - the rolling window: the last n samples of a stream, and their frames.
 *
 * The stream is silent before its start. Samples are only copied in; frames are made when a window is asked for:
 * those that lie wholly inside it and were not in the window before, and those that touch its ends. A frame
 * wholly inside depends on its own samples alone, so it is made once and kept, and a window's frames have the
 * same bits as em_frontend_window gives for those n samples (tests/stream/mel.c).
 *
 *   samples  mono float at cfg.rate_hz, finite and within +-1e4
 *   frames   [n_frames][n_mels], oldest first
 *
 * An em_window belongs to one thread at a time. Only em_window_new allocates. */
#ifndef EM_MEL_WINDOW_H
#define EM_MEL_WINDOW_H

#include "mel/frontend.h"

#include <stdint.h>

typedef struct em_window em_window;

/* EM_EINVAL: what em_frontend_new refuses; an n too short for one frame or above 2^28. EM_ENOMEM.
 * The caller frees *out with em_window_free; on error it is NULL. */
em_status em_window_new(em_window **out, const em_frontend_cfg *cfg, size_t n, em_err *err);
void      em_window_free(em_window *w);

void      em_window_push(em_window *w, const float *samples, size_t n);

/* n more samples of silence for a window that holds nothing else: only its end moves. */
void      em_window_pass_silence(em_window *w, int64_t n);

int       em_window_n_frames(const em_window *w);
void      em_window_inner(const em_window *w, int *first, int *end);      /* frames that touch no end of the window */
int64_t   em_window_end(const em_window *w);            /* samples pushed since the start          */

/* The window that ends with the newest sample; valid until the next call. Costs the frames that are new since
 * the last one, when that lies a whole number of hops back, else all of them. */
const float *em_window_frames(em_window *w);

uint64_t  em_window_computed(const em_window *w);       /* frames computed: what the hops cost     */

#endif
