/* window.h - the rolling window: the last samples of a stream and their frames, each computed once.
 *
 * The stream is silent before its start. A window that ends at a multiple of the hop shares all frames with the
 * one before it but those that look past its ends: only they and the new ones are computed. The frames are bit
 * for bit those of em_frontend_window on the same samples, however the stream was cut.
 *
 * One thread at a time. Only em_window_new allocates. */
#ifndef EM_MEL_WINDOW_H
#define EM_MEL_WINDOW_H

#include "mel/frontend.h"

typedef struct em_window em_window;

/* n_samples: length of a window. room: the most samples that are ever appended and not yet behind a window's end.
 * EM_EINVAL: a window too short for one frame. EM_ENOMEM. The caller frees *out; on error it is NULL. */
em_status em_window_new(em_window **out, const em_frontend_cfg *cfg, int n_samples, int room, em_err *err);
void      em_window_free(em_window *w);

/* Samples before `keep_from - n_samples` may be forgotten: keep_from is the end of the next window wanted. */
void      em_window_append(em_window *w, const float *x, int n, int64_t keep_from);

/* The window that ends at sample `end`, from the stream's start; ends never fall. frames[n_frames][n_mels] and the
 * samples are valid until the next call. */
const float *em_window_frames(em_window *w, int64_t end, int *n_frames);
const float *em_window_samples(const em_window *w, int64_t end);

int64_t   em_window_total(const em_window *w);              /* samples appended                     */
uint64_t  em_window_computed(const em_window *w);           /* frames computed: what the hops cost  */

#endif
