/* follow.h - windows that follow one another through a session with rings, against one without: the same bits. */
#ifndef EM_TESTS_GPU_EMU_FOLLOW_H
#define EM_TESTS_GPU_EMU_FOLLOW_H

#include "model/config.h"
#include "ops/ops.h"

enum { CLASSES = 5 };

/* Of the model whose windows these are: a nano of one block a stage and 8 to 64 channels, 64 frames of 32 mels, padded from 62 hops. */
em_config follow_config(void);

typedef struct follow_target {
    const em_ops *ops;
    em_precision  precision;
    size_t      (*uploaded)(void);          /* bytes that went to the device up to now; NULL: nobody counts */
    long        (*allocated)(void);         /* pieces of its memory and of ours that it copies from, likewise */
    int           n_fits;                   /* of the three ways to fit frames into columns: 1 to 3 */
} follow_target;

/* Streams that move on by one frame, by some, by a window and more, that come and go, and more of them than rings. */
void check_follow(const follow_target *target);

#endif
