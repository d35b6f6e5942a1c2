/* guard.h - what to do about a loss or gradient that is not finite: leave the step out, go back, or give up.
 *
 * A bad step is skipped and counted. Five in a row mean that the weights are beyond help: the run goes back to its last saved state
 * and on from there at half the rate. Five in a row before a state could be saved after a good step, or more than eight ways back in
 * all, end the run. A pure function of what it is told; plain data, saved with the state.
 *
 * The way back must not take the guard back, too: keep it, and load the rest. With several ranks, ask with the sum over all. */
#ifndef EM_TRAIN_GUARD_H
#define EM_TRAIN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

enum { EM_GUARD_IN_ROW = 5, EM_GUARD_RELOADS = 8 };

typedef enum em_verdict {
    EM_TAKE,                        /* the step is good                                               */
    EM_SKIP,                        /* leave weights, moments and average as they are                 */
    EM_RELOAD,                      /* load the last state; the rate is halved from here on           */
    EM_GIVE_UP,                     /* the training diverged: name the batch and end                  */
} em_verdict;

typedef struct em_guard {           /* zeroed: a run begins                                           */
    int64_t n_skipped;              /* steps left out, those before a way back included               */
    int     n_in_row;               /* of them the latest, without a good one between                 */
    int     n_reloads;
    bool    is_on_trial;            /* went back, and no state was saved since that followed a good step */
} em_guard;

em_verdict em_guard_step(em_guard *g, bool is_finite);

/* A step that looked good left weights that are not finite: there is nothing to skip. EM_RELOAD or EM_GIVE_UP. */
em_verdict em_guard_lost(em_guard *g);

/* A state is about to be saved. */
void em_guard_saved(em_guard *g);

/* What the learning rate is multiplied with: 1, 0.5, 0.25, … */
double em_guard_rate(const em_guard *g);

#endif
