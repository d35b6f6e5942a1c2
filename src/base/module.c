/* module.c - see module.h. */
#include "base/module.h"

#include "base/program.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* below begins with a slash or is empty. */
static void *load(const char *folder, const char *below, const char *name)
{
    char path[2 * PATH_MAX];

    snprintf(path, sizeof path, "%s%s/earmark-%s.so", folder, below, name);
    return access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

em_status em_module_find(const void **out, const char *name, const char *symbol, em_err *err)
{
    const char *named = getenv("EARMARK_MODULES"), *why;
    char folder[PATH_MAX];
    void *module;

    *out = NULL;
    dlerror();
    em_program_folder(folder);
    module = named ? load(named, "", name) : load(folder, "", name);
    if (!module && !named)
        module = load(folder, "/" EM_TO_MODULES, name);
    why = module ? NULL : dlerror();
    if (!module)
        return em_fail(err, EM_EUNSUPPORTED, "the module earmark-%s.so is not there%s%.150s", name, why ? ": " : "", why ? why : "");
    *out = dlsym(module, symbol);
    return *out ? EM_OK : em_fail(err, EM_EUNSUPPORTED, "the module earmark-%s.so is of another version: it has no %s", name, symbol);
}
