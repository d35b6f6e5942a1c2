/* cmd_rewrite.c - --rewrite MODEL -o OUT: a model file again, smaller (--half) or saying something else of itself. */
#include "cli/commands.h"
#include "cli/paths.h"
#include "model/rewrite.h"

#include <limits.h>
#include <string.h>

int em_cmd_rewrite(const em_options *o, em_err *err)
{
    const em_train_options *t = &o->train;
    char path[PATH_MAX], other[PATH_MAX];
    const em_rewrite changes = { .metrics = o->metrics, .name = t->name, .provenance = t->provenance, .licence = t->licence,
                                 .mean_with = o->mean_with ? other : NULL, .is_half = o->half };
    em_status status;

    if (o->outputs.n != 1 || strcmp(o->outputs.list[0], "-") == 0) {
        em_fail(err, EM_EINVAL, "--rewrite needs one -o OUT, the model file to write");
        return EM_EXIT_USAGE;
    }
    status = em_path_model(path, sizeof path, o->subject, err);
    if (status == EM_OK && o->mean_with)
        status = em_path_model(other, sizeof other, o->mean_with, err);
    if (status != EM_OK)
        return em_exit_code(status, EM_EXIT_MODEL);
    status = em_model_rewrite(o->outputs.list[0], path, &changes, err);
    return em_exit_code(status, status == EM_EINVAL ? EM_EXIT_USAGE : status == EM_EIO ? EM_EXIT_OUTPUT : EM_EXIT_MODEL);
}
