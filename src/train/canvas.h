/* canvas.h - one training example: frames as the model is to hear them, and what is to be said of them.
 *
 * Frames are log-mel in dB (htsat) or the natural logarithm of the fbank (kaldi), before the model's normalising; an em_level says
 * which, so that sounds can be added and made louder. Plain data; memory is the caller's. */
#ifndef EM_TRAIN_CANVAS_H
#define EM_TRAIN_CANVAS_H

#include "model/config.h"

#include <stddef.h>

enum { EM_MOST_MELS = 512 };        /* em_config.n_mels is no larger */

typedef struct em_canvas {
    float *frames;                  /* [n_frames][n_mels]                                              */
    float *target;                  /* [n_classes] 0..1                                                */
    float *weight;                  /* [n_classes] 0..1, how much a class counts in the loss; 0: not known */
    int    n_frames, n_mels, n_classes;
    float *slots;                   /* [n_slots][n_classes] 0..1: the share of each time slot that a class sounds in */
    int    n_slots;                 /* of the model's head; 0: nobody asks when something sounds       */
    double slot_frames;             /* length of one                                                   */
} em_canvas;

/* How frames measure power. */
typedef struct em_level {
    float floor;                    /* of digital silence                  */
    float per_db;                   /* what one dB is in units of a frame  */
} em_level;

/* htsat: -100 and 1. kaldi: the logarithm of float32's epsilon and ln(10)/10. */
em_level em_level_of(em_frontend_kind kind);

/* Slot i is made of frames [begin, end): fewer in one that ends behind the window, none in one that is all behind it. */
void em_canvas_slot(int *begin, int *end, const em_canvas *c, int i);

/* Silence in which no class is heard: frames at the floor, targets and slots 0, weights 1. */
void em_canvas_clear(em_canvas *c, const em_level *level);

/* Adds every frame's bands, and their squares, to sum[n_mels] and squares[n_mels]: what bn0's statistics are made of. */
void em_canvas_sum(double *sum, double *squares, const em_canvas *c);

/* dst is of the same sizes as src, and has slots if src has. */
void em_canvas_copy(em_canvas *dst, const em_canvas *src);

/* y[n] becomes the level of y's power and x's together, x made louder by gain_db. What is at the floor is no power at all:
 * it stays silent under any gain and changes nothing. */
void em_level_add(const em_level *level, float *y, const float *x, float gain_db, size_t n);

/* The largest of x[n]; the floor where n is 0. */
float em_level_loudest(const em_level *level, const float *x, size_t n);

#endif
