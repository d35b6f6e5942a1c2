/* cmd_import.c - --import FILE -o OUT: a public checkpoint becomes a model file; what became of each tensor is told
 * on stdout, the fresh and the skipped ones by name. */
#include "base/text.h"
#include "cli/commands.h"
#include "model/import.h"

#include <stdio.h>
#include <string.h>

static void report(void *ctx, em_import_what what, const char *tensor)
{
    const em_options *o = ctx;
    static const char *const words[] = { [EM_IMPORT_LOADED] = "loaded", [EM_IMPORT_SKIPPED] = "skipped",
                                         [EM_IMPORT_FRESH] = "fresh" };
    char clean[200];

    if (what != EM_IMPORT_LOADED || o->verbose > 0)
        printf("%-8s %s\n", words[what], em_text_clean(clean, sizeof clean, tensor));
}

int em_cmd_import(const em_options *o, em_err *err)
{
    em_import_cfg cfg = { .mean_embed = o->mean_embed, .report = report, .ctx = (void *)(uintptr_t)o };
    em_import_counts n = { 0 };
    em_status status;

    if (o->outputs.n != 1 || strcmp(o->outputs.list[0], "-") == 0) {
        em_fail(err, EM_EINVAL, "--import needs one -o OUT, the model file to write");
        return EM_EXIT_USAGE;
    }
    if ((status = em_import(&n, o->subject, o->outputs.list[0], &cfg, err)))
        return em_exit_code(status, n.is_converted ? EM_EXIT_OUTPUT : status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_MODEL);
    printf("%d loaded, %d skipped, %d fresh\n", n.loaded, n.skipped, n.fresh);
    if (!n.can_tag)
        printf("%s can start a training, not tag: the checkpoint knows other classes than AudioSet's\n", o->outputs.list[0]);
    return em_finish_stdout(err);
}
