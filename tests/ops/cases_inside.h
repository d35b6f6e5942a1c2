/* cases_inside.h - what the files of cases share: numbers, the way to a device and back, and one case under every setting. See cases.h. */
#ifndef EM_TESTS_OPS_CASES_INSIDE_H
#define EM_TESTS_OPS_CASES_INSIDE_H

#include "ops/cases.h"

enum { B = 3 };                         /* windows of a case */

extern const em_ops *op_ops;            /* the target's */

/* Normal numbers, others at each call; the caller frees them. */
float       *op_numbers(size_t n, double scale);

/* On the device until a run is done: room, copies of numbers (NULL stays NULL), as floats or as inner activations; a packed matrix. */
void        *op_room(em_dev *dev, size_t n_bytes);
float       *op_room_inner(em_dev *dev, size_t n);
void         op_upload(em_dev *dev, void *dst, const void *src, size_t n_bytes);
const float *op_put(em_dev *dev, const float *x, size_t n);
const float *op_put_inner(em_dev *dev, const float *x, size_t n);
em_norm      op_put_norm(em_dev *dev, em_norm norm, int n);
em_matrix    op_pack(em_dev *dev, const float *w, int n, int k);

/* Back from there. */
void         op_get(em_dev *dev, float *y, const float *p, size_t n);
void         op_get_inner(em_dev *dev, float *y, const float *p, size_t n);

typedef struct op_case {
    void  (*run)(em_dev *dev, const void *args, float *y, int first, int n_windows);
    const void *args;
    size_t  n_window;                   /* floats of one window's answer */
    const double *want;
    em_needs needs;                     /* of one window */
    const char *name, *reason;
} op_case;

/* Runs the case under each setting: within its tolerance of what is wanted; all of a group have its first one's bits, and window 1 alone
 * those that it had among its neighbours. */
void op_everywhere(const op_case *c);

/* em_needs.rows of L rows of depth k. */
size_t op_rows(int L, int k);

/* ---- cases_linear.c, cases_conv.c, cases_scan.c, cases_attention.c ---- */

void norm_linear_equals_the_plain_loops(void **state);
void mlp_equals_the_plain_loops(void **state);
void conv_equals_the_plain_loops(void **state);
void depthwise_conv_equals_the_plain_loops(void **state);
void scan_equals_the_plain_loops(void **state);
void attention_equals_the_plain_loops(void **state);

#endif
