/* back.h - one way to hold an operator's gradients against plain loops in double, and those against differences.
 *
 * An operator is a back_case: what runs it forward and backward, and the list of its gradients. Parameters' begin at some
 * numbers and must have grown; activations' begin as NaN, must be set, and must not know their neighbours in the batch. A
 * number wanted as NAN lies between rows and must stay as it was. */
#ifndef EM_TESTS_OPS_BACK_H
#define EM_TESTS_OPS_BACK_H

#include "check.h"

#include "ops/ops.h"

#include <stdbool.h>

/* Normal numbers of the same seed in every program, and zeros; the caller frees them. */
float  *numbers(size_t n, double scale);
double *doubles(size_t n);

/* ADDED: an activation's that stands there already, as a residual's does. */
typedef enum gradient_kind { SET, ADDED, PARAMETER } gradient_kind;

/* n numbers: of one window for an activation, in all for a parameter; 0: nobody wants it, its place is NULL. */
typedef struct gradient { const char *name; size_t n; gradient_kind kind; const double *want; } gradient;

enum { MOST_GRADIENTS = 8 };

typedef struct back_case {
    /* Runs windows [first, first + B) forward and backward; grads[i] is where the gradient i goes. */
    void    (*run)(em_dev *dev, const void *args, float *const *grads, int first, int B);
    const void *args;
    int      B;
    gradient gradients[MOST_GRADIENTS];                     /* ends with one of no name */
    em_needs needs;                                         /* max_batch and trains are set here */
    const char *name, *reason;
} back_case;

/* Each instruction set within 5e-5 of a gradient's largest; and the same bits for 1, 2 and 3 threads. */
void check_gradients(const back_case *c);

/* f on a device of each instruction set that this CPU has, and 1, 2 and 3 threads. setting: "avx2, 3 threads". */
void on_every_cpu(void (*f)(em_dev *dev, const char *setting));

/* Both packed forms of w[n][k], for a product that learns; grad as given. The caller frees data and back. */
em_matrix pack_both(em_dev *dev, const float *w, float *grad, int n, int k);
void      free_packed(const em_matrix *m);

/* Numbers a loss depends on, and its gradient by them. is_log: by the logarithm of their size. */
typedef struct moved { const char *name; float *x; const double *want; size_t n; bool is_log; } moved;

/* The list ends with one of no name. Within 1e-6 of the largest. */
void check_differences(double (*loss)(const void *args), const void *args, const moved *list);

/* sum of dy * y: a loss. */
double inner_product(const double *y, const float *dy, size_t n);

#endif
