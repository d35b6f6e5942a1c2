/* host.h - a model and the backend that computes it; one that was picked by itself is left for the CPU where it fails. */
#ifndef EM_LIB_HOST_H
#define EM_LIB_HOST_H

#include "backend/backend.h"
#include "model/session.h"

typedef struct em_host_side { const em_ops *ops; em_dev *dev; em_model *model; } em_host_side;

typedef struct em_host {
    em_host_side now;               /* what computes                                                       */
    em_host_side left;              /* what failed: its memory serves those who point into it, to the end  */
    bool         may_move;          /* the backend is "auto"'s choice, and there is the CPU behind it      */
    char        *path;              /* of the model file                                                   */
    em_dev_cfg   dev;
    em_status    opened;            /* of the device alone: EM_OK, the failure is the model's              */
} em_host;

/* Opens the model file on that backend (em_backend_open), on the CPU if "auto" picked another one that cannot, which is told by
 * em_log. What em_backend_open and em_model_open say. End with em_host_close, also after an error; it must not move in memory. */
em_status em_host_open(em_host *h, const char *path, const char *backend, const em_dev_cfg *dev, em_err *err);
void      em_host_close(em_host *h);

/* em_session_other with a host as ctx: the model on the CPU, or NULL where the backend was asked for by name. Told by em_log. */
const em_model *em_host_move(void *ctx, const em_err *why);

/* Whether a failure of what runs here is the device's, which the CPU need not share. */
bool em_host_is_device(const em_host *h, em_status status);

#endif
