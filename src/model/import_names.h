/* import_names.h - a checkpoint's tensors under the names we know them by, and the configuration their shapes give.
 * Inside src/model only. */
#ifndef EM_MODEL_IMPORT_NAMES_H
#define EM_MODEL_IMPORT_NAMES_H

#include "model/checkpoint.h"
#include "model/config.h"

enum { EM_IMPORT_NAME = 96 };

typedef struct em_import_entry {
    char                        name[EM_IMPORT_NAME];   /* official; "" when it is too long to be one */
    const em_checkpoint_tensor *t;
    bool                        is_used;
} em_import_entry;

typedef struct em_import_names {
    em_import_entry *list;          /* [n] sorted by name */
    int              n;
} em_import_names;

/* Two tensors that become one name are EM_EFORMAT, named. The caller ends *out with em_import_names_deinit. */
em_status em_import_names_make(em_import_names *out, const em_checkpoint *checkpoint, em_err *err);
void      em_import_names_deinit(em_import_names *names);

/* NULL: none of that name. */
em_import_entry *em_import_find(const em_import_names *names, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the shapes say; n_classes is 527 or, for any other number, 0. Sizes are not yet compared with all shapes. */
em_status em_import_config(em_config *cfg, const em_import_names *names, const char *path, em_err *err);

#endif
