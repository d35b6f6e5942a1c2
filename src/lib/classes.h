/* classes.h - the classes of an open model: what they are called, and which of them it was trained on. */
#ifndef EM_LIB_CLASSES_H
#define EM_LIB_CLASSES_H

#include "lib/known.h"
#include "model/labels.h"
#include "model/model.h"

typedef struct em_model_classes {
    em_classes   names;             /* borrows what follows, and the model's own labels              */
    em_labels    table;             /* of a file, else AudioSet's: for the mids                      */
    const char **mids;              /* [n]                                                           */
    bool        *is_trained;        /* [n] as far as the model's file says, all where it does not    */
} em_model_classes;

/* labels: a CSV file of other display names, or NULL. EM_EIO, EM_EFORMAT: names it, or says that its classes are not as many
 * as the model's. EM_ENOMEM. The model must outlive *out. End with em_model_classes_deinit, always. */
em_status em_model_classes_init(em_model_classes *out, const em_model *model, const char *labels, em_err *err);
void      em_model_classes_deinit(em_model_classes *c);

/* Borrowed from both; cfg: the model's configuration with the window in use (em_session_config). */
em_known  em_model_classes_known(const em_model_classes *c, const em_model *model, const em_config *cfg);

#endif
