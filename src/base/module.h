/* module.h - parts of the program that are loaded when they are asked for: what brings large libraries along that few runs need.
 *
 * A module earmark-NAME.so lies beside the program, or where it was installed, as seen from there (cmake/install.cmake:
 * ../lib/earmark); EARMARK_MODULES names another folder. It stays loaded. Any thread. */
#ifndef EM_BASE_MODULE_H
#define EM_BASE_MODULE_H

#include "base/status.h"

/* The address of `symbol` in the module. EM_EUNSUPPORTED: there is no such module, or it cannot be loaded (the sentence says why). */
em_status em_module_find(const void **out, const char *name, const char *symbol, em_err *err);

#endif
