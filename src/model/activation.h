/* activation.h - logits to probabilities, as the model was trained to be read.
 *
 *   sigmoid   p_c = 1 / (1 + exp(-z_c))              every class for itself: several may sound at once
 *   softmax   p_c = exp(z_c) / sum_k exp(z_k)        one class a clip: the file says so (key `activation`)
 *
 * Pure functions, any thread. */
#ifndef EM_MODEL_ACTIVATION_H
#define EM_MODEL_ACTIVATION_H

#include "model/config.h"
#include "model/mailbox.h"

/* Logits x[n] to probabilities, in place. A row with a value that is no number becomes all zero: false. */
bool em_activate(float *x, int n, em_activation activation);

/* A window's whole answer, in place: its logits and slots to probabilities, and latents that are no finite number to 0.
 * False: something in it was no number. */
bool em_activate_output(em_output *out, const em_config *cfg);

#endif
