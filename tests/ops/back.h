/* back.h - one way to hold an operator's gradients against plain loops in double, and those against differences, on any backend.
 *
 * An operator is a back_case: what runs it forward and backward, and the list of its gradients. Parameters' begin at some
 * numbers and must have grown; activations' begin as NaN, must be set, and must not know their neighbours in the batch. A
 * number wanted as NAN lies between rows and must stay as it was. */
#ifndef EM_TESTS_OPS_BACK_H
#define EM_TESTS_OPS_BACK_H

#include "check.h"

#include "ops/cases.h"
#include "ops/ops.h"

#include <stdbool.h>

/* All that backward consists of, under all settings of a target, which has 5e-5 of a gradient's largest as tolerance, or more;
 * how many tests failed. Its operators are em_back_ops. */
int check_backward(const op_target *t);
extern const em_ops *em_back_ops;

/* Parts of it, cmocka groups. */
int backward_linear(void);
int backward_conv(void);
int backward_scan(void);
int backward_ends(void);
int backward_attention(void);
int check_training(void);
int check_practice(void);

/* Normal numbers of the same seed in every program, and zeros; the caller frees them. */
float  *numbers(size_t n, double scale);
double *doubles(size_t n);

/* On the device until a setting is done with: room, copies of numbers (NULL stays NULL), as floats or as inner activations; a matrix in
 * both packed forms, grad as given. lay_fence: with a few numbers behind that must stay, which fetch_fenced looks after. */
void  *lay_room(em_dev *dev, size_t n_bytes);
float *lay(em_dev *dev, const float *x, size_t n);
float *lay_inner(em_dev *dev, const float *x, size_t n);
float *lay_fenced(em_dev *dev, const float *x, size_t n);
em_matrix lay_matrix(em_dev *dev, const float *w, float *grad, int n, int k);

/* Back from there; the caller frees it. */
float *fetch(em_dev *dev, const float *x, size_t n);
float *fetch_inner(em_dev *dev, const float *x, size_t n);
float *fetch_fenced(em_dev *dev, const float *x, size_t n, const char *what);

/* ADDED: an activation's that stands there already, as a residual's does. */
typedef enum gradient_kind { SET, ADDED, PARAMETER } gradient_kind;

/* n numbers: of one window for an activation, in all for a parameter; 0: nobody wants it, its place is NULL. */
typedef struct gradient { const char *name; size_t n; gradient_kind kind; const double *want; } gradient;

enum { MOST_GRADIENTS = 8 };

typedef struct back_case {
    /* Runs windows [first, first + B) forward and backward; grads[i] is where the gradient i goes, on the device. */
    void    (*run)(em_dev *dev, const void *args, float *const *grads, int first, int B);
    const void *args;
    int      B;
    gradient gradients[MOST_GRADIENTS];                     /* ends with one of no name */
    em_needs needs;                                         /* max_batch and trains are set here */
    const char *name, *reason;
} back_case;

/* Each setting within its tolerance; and the same bits for all of a group. */
void check_gradients(const back_case *c);

/* f on a device of each setting. */
void on_every_setting(void (*f)(em_dev *dev, const op_setting *s));

/* Numbers a loss depends on, and its gradient by them. is_log: by the logarithm of their size. */
typedef struct moved { const char *name; float *x; const double *want; size_t n; bool is_log; } moved;

/* The list ends with one of no name. Within 1e-6 of the largest. */
void check_differences(double (*loss)(const void *args), const void *args, const moved *list);

/* sum of dy * y: a loss. */
double inner_product(const double *y, const float *dy, size_t n);

#endif
