/* loss.h - what the answers of a batch cost, and the gradient of it.
 *
 *   bce     mean over samples and classes of  max(z,0) - z y + log(1 + exp(-|z|))      (on logits: nothing overflows)
 *   ce      mean over samples of  -sum_c y_c log softmax(z)_c      y: how the sample divides among the classes
 *   kd      mean over samples of  sum_c q_c (log q_c - log softmax(z)_c),  q = softmax(teacher), added to one of the two as DASS does
 *
 * Means are over the global batch: what the parts of a batch give adds up to what the whole gives, and a sample's gradient has the
 * same bits in either. Sums are in double, in the order of the samples. Pure functions of their inputs. */
#ifndef EM_TRAIN_LOSS_H
#define EM_TRAIN_LOSS_H

typedef enum em_loss_kind { EM_LOSS_BCE, EM_LOSS_CE } em_loss_kind;

typedef struct em_loss_cfg {
    em_loss_kind kind;
    double       smoothing;         /* 0..1: targets move so far towards 1/2 (bce), 1/C (ce)                  */
    double       kd_share;          /* 0..1 of the loss comes from the teacher; DASS: .5                     */
    double       slot_weight;       /* what the loss of the time slots counts beside that of the clip; 0: nothing */
} em_loss_cfg;

/* The batch, or a part of it. */
typedef struct em_loss_batch {
    const float        *logits, *target;    /* [B][C]                                                        */
    const float        *weight;             /* [B][C] of the classes in bce and ce; NULL: 1                   */
    const float *const *teacher;            /* [B] rows [C] of a teacher's logits; NULL, or a row that is: the sample has none,
                                             * and the labels are all of its loss                             */
    int                 B, C, B_global;
} em_loss_batch;

/* Returns the part's share of the loss and sets dlogits[B][C]. NaN or infinity among logits makes it NaN, which the caller asks for. */
double em_loss(float *dlogits, const em_loss_batch *batch, const em_loss_cfg *cfg);

/* Their time slots, each a sample of its own that counts slot_weight / S. */
typedef struct em_loss_slots {
    const float *logits, *target;   /* [B][S][C]                                                             */
    const float *weight;            /* [B][C] of the classes in all slots of a window                        */
    int          B, S, C, B_global;
} em_loss_slots;

/* Returns the part's share of the slots' loss, which is added to the clips', and sets dslots[B][S][C]. */
double em_loss_of_slots(float *dslots, const em_loss_slots *batch, const em_loss_cfg *cfg);

/* A teacher's answer to a mixture, from its answers a[C] and b[C] to the parts: log(lambda softmax(a) + (1 - lambda) softmax(b)). */
void em_loss_mix_teachers(float *out, const float *a, const float *b, double lambda, int C);

#endif
