/* session.h - a model at work: plan + activations in one arena, sized once, for up to max_batch windows.
 *
 * Same input, same bits: for every batch, every neighbour in it and every number of threads.
 * A session belongs to one thread at a time. em_session_run allocates nothing, but where it leaves a device that failed. */
#ifndef EM_MODEL_SESSION_H
#define EM_MODEL_SESSION_H

#include "base/status.h"
#include "model/model.h"
#include "model/mailbox.h"
#include "model/plan.h"

typedef struct em_session em_session;

/* Asked, once, when the session's device fails it: the same model on a device that shares our memory, which then must outlive the
 * session; NULL: there is none, and the failure stands. why: its sentence. */
typedef const em_model *em_session_other(void *ctx, const em_err *why);

typedef struct em_session_cfg {
    int    max_batch;               /* >= 1                                                          */
    int    max_streams;             /* that can join, on a device with memory of its own; >= 0       */
    double window_s;                /* 0: the model's own; else em_config_set_window                 */
    bool   may_be_short;            /* em_config_set_short_window: what was trained on short clips is measured on them */
    em_session_other *other;        /* NULL: there is no other device                                */
    void  *other_ctx;
} em_session_cfg;

/* The caller frees *out with em_session_free; on error it is NULL. `model` must outlive it.
 * EM_EINVAL, EM_ENOMEM, EM_EUNSUPPORTED (a model without classes cannot tag). */
em_status em_session_new(em_session **out, const em_model *model, const em_session_cfg *cfg, em_err *err);
void      em_session_free(em_session *s);

const em_config *em_session_config(const em_session *s);    /* with the session's window */

/* For windows that follow one another: a stream from 1 on for em_input, of which then only what is new goes to the device; the scores
 * have the same bits. 0, which em_input takes, too: there is nothing to gain here, or max_streams have joined. Allocates nothing. */
int       em_session_join(em_session *s);
void      em_session_leave(em_session *s, int stream);

/* B windows, 1 <= B <= max_batch. EM_EDEVICE, EM_ENOMEM: the device failed, and no other one has taken these windows over. */
em_status em_session_run(em_session *s, const em_input *in, em_output *out, int B, em_err *err);

/* Seconds that the last em_session_run took for the layers and for the head; head_s 0: the device does not tell them apart. */
void em_session_times(const em_session *s, float *backbone_s, float *head_s);

/* The same, telling `seen` after every call of the plan: for profiles and tests. */
em_status em_session_watch(em_session *s, const em_input *in, em_output *out, int B, em_plan_observer *seen, void *ctx, em_err *err);

#endif
