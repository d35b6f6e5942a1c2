/* import_names.c - renames: prefixes of wrappers off, older spellings to the official ones, sorted for look-up. */
#include "model/import_names.h"

#include "model/safetensors_header.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What wrappers put before the names: DataParallel, DASS, training loops. Any number of them, in any order. */
static const char *const prefixes[] = { "module.", "v.", "model.", "state_dict.", "sed_model." };

/* Older spellings. A merging downsample is norm and reduction, or 1 and 2 in a sequence; in one made of a convolution
 * 1 is that convolution, so those two lines hold only where there is a downsample.2. */
static const struct { const char *from, *to; bool is_start, is_merging; } renames[] = {
    { "patch_embed.proj.", "patch_embed.0.",          true,  false },
    { "patch_embed.norm.", "patch_embed.2.",          true,  false },
    { "norm.",             "classifier.norm.",        true,  false },
    { "head.",             "classifier.head.",        true,  false },
    { ".ln_1.",            ".norm.",                  false, false },
    { ".self_attention.",  ".op.",                    false, false },
    { ".x_proj.weight",    ".x_proj_weight",          false, false },
    { ".dt_projs.weight",  ".dt_projs_weight",        false, false },
    { ".downsample.1.",    ".downsample.norm.",       false, true  },
    { ".downsample.2.",    ".downsample.reduction.",  false, true  },
};

static const char *without_prefixes(const char *name)
{
    for (size_t i = 0; i < EM_COUNT(prefixes); i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) {
            name += strlen(prefixes[i]);
            i = (size_t)-1;                             /* another may follow: from the first again */
        }
    return name;
}

static void rename_one(char out[EM_IMPORT_NAME], const char *name, bool is_merging)
{
    if (strlen(name) >= EM_IMPORT_NAME) {
        out[0] = '\0';
        return;
    }
    strcpy(out, name);
    for (size_t i = 0; i < EM_COUNT(renames); i++) {
        char *at = strstr(out, renames[i].from), old[EM_IMPORT_NAME];

        if (!at || (renames[i].is_start && at != out) || (renames[i].is_merging && !is_merging))
            continue;
        strcpy(old, out);
        if (snprintf(out, EM_IMPORT_NAME, "%.*s%s%s", (int)(at - out), old, renames[i].to, old + (at - out) + strlen(renames[i].from)) >=
            EM_IMPORT_NAME)
            out[0] = '\0';
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const em_import_entry *)a)->name, ((const em_import_entry *)b)->name);
}

em_status em_import_names_make(em_import_names *out, const em_checkpoint *checkpoint, em_err *err)
{
    char one[EM_ST_SHOWN], other[EM_ST_SHOWN];
    bool is_merging = false;

    *out = (em_import_names){ .n = em_checkpoint_count(checkpoint) };
    out->list = calloc((size_t)out->n + 1, sizeof *out->list);
    if (!out->list)
        return em_fail(err, EM_ENOMEM, "%s: no memory", em_checkpoint_path(checkpoint));
    for (int i = 0; i < out->n; i++)
        is_merging = is_merging || strstr(em_checkpoint_get(checkpoint, i)->name, ".downsample.2.weight");
    for (int i = 0; i < out->n; i++) {
        out->list[i].t = em_checkpoint_get(checkpoint, i);
        rename_one(out->list[i].name, without_prefixes(out->list[i].t->name), is_merging);
    }
    qsort(out->list, (size_t)out->n, sizeof *out->list, compare);
    for (int i = 1; i < out->n; i++)
        if (out->list[i].name[0] && !compare(&out->list[i - 1], &out->list[i]))
            return em_fail(err, EM_EFORMAT, "%s: tensors %s and %s are the same one by name", em_checkpoint_path(checkpoint),
                           em_st_shown(one, out->list[i - 1].t->name), em_st_shown(other, out->list[i].t->name));
    return EM_OK;
}

void em_import_names_deinit(em_import_names *names)
{
    free(names->list);
    *names = (em_import_names){ 0 };
}

em_import_entry *em_import_find(const em_import_names *names, const char *fmt, ...)
{
    em_import_entry wanted;
    va_list args;

    va_start(args, fmt);
    vsnprintf(wanted.name, sizeof wanted.name, fmt, args);
    va_end(args);
    return names->n > 0 ? bsearch(&wanted, names->list, (size_t)names->n, sizeof *names->list, compare) : NULL;
}
