/* cases.h - one table of cases for every backend's operators: sizes, reasons, the double loops they are held against. */
#ifndef EM_TESTS_OPS_CASES_H
#define EM_TESTS_OPS_CASES_H

#include "check.h"

#include "ops/ops.h"

/* One way to open a device. Settings of a group (a first one and those behind it) must answer with the same bits. */
typedef struct op_setting {
    const char *name;
    em_dev_cfg  cfg;
    double      tolerance;              /* as a share of the largest element */
    bool        is_first;
    void      (*prepare)(const struct op_setting *s);   /* NULL, or called before the device is opened */
    int         order, n_sms;           /* of the emulated GPU */
} op_setting;

typedef struct op_target { const em_ops *ops; const op_setting *settings; int n_settings; } op_target;

/* All cases under all settings, a cmocka test an operator; how many failed. Only a CPU's instruction set may be absent. */
int check_operators(const op_target *t);
int check_scan(const op_target *t);             /* the scan alone */

#endif
