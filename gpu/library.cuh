// library.cuh - libraries that are looked for when they are first wanted, so that neither build nor start needs them.
#pragma once

#include <dlfcn.h>
#include <stddef.h>

// The first of these names that there is; NULL: none.
template <size_t N>
static void *em_library_open(const char *const (&names)[N])
{
    for (const char *name : names)
        if (void *lib = dlopen(name, RTLD_NOW | RTLD_LOCAL))
            return lib;
    return NULL;
}

template <typename F>
static bool em_library_find(F *out, void *lib, const char *symbol)
{
    *out = (F)dlsym(lib, symbol);
    return *out != NULL;
}
