/* doctor.h - --doctor: whether a run with these options would go well, check by check, each told as soon as it is done. */
#ifndef EM_CLI_DOCTOR_H
#define EM_CLI_DOCTOR_H

#include "audio/examine.h"
#include "audio/source.h"
#include "cli/options.h"

#include <stdatomic.h>

typedef enum em_check_result { EM_CHECK_PASS, EM_CHECK_FAIL, EM_CHECK_SKIP } em_check_result;

typedef struct em_check {
    const char *name;               /* one word                                                        */
    em_check_result result;
    int  code;                      /* of a failure: the exit code that it asks for                    */
    char text[400];                 /* what was found, and of a failure what to do                     */
} em_check;

typedef struct em_checkup {
    const em_options *o;
    const atomic_bool *stop;
    void (*take)(void *ctx, const em_check *check);
    void *ctx;
    int   code;                     /* of the first failure, else 0                                    */
} em_checkup;

void em_check_pass(em_checkup *c, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void em_check_skip(em_checkup *c, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void em_check_fail(em_checkup *c, const char *name, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What was heard of a source in a few seconds. */
typedef struct em_heard {
    em_source_info info;
    float *x;                       /* [n] the channel that is heard                                   */
    size_t n, room;
    em_rate_point *points;          /* [n_points] of a device                                          */
    int    n_points;
} em_heard;

/* Hears one source for so long, and at most 3 s more on the clock. channel: 1.., or 0 for the mean. What em_source_open and start say; a
 * device that goes away or a file that is damaged is an error, too. End with em_heard_deinit, always. */
em_status em_heard_take(em_heard *h, const em_source_cfg *cfg, int channel, double seconds, const atomic_bool *stop, em_err *err);
void      em_heard_deinit(em_heard *h);

/* The single verdicts, on what was measured. */
void em_check_rate(em_checkup *c, double measured_hz, int claimed_hz);
void em_check_level(em_checkup *c, const em_level *level);
void em_check_clipping(em_checkup *c, double share);
void em_check_hum(em_checkup *c, const em_hum *hum);

/* Groups of checks, in their order. */
void em_doctor_model(em_checkup *c);                        /* model, speed, private                           */
void em_doctor_sound(em_checkup *c, const em_source_cfg *cfg, int n_sources);       /* device, rate, level, clipping, hum */
void em_doctor_outputs(em_checkup *c, int n_together);      /* folder, output, exec, broker, http, osc, osc-port  */

#endif
