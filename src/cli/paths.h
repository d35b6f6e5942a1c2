/* paths.h - where things lie: configuration, models, label tables. */
#ifndef EM_CLI_PATHS_H
#define EM_CLI_PATHS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* ${XDG_CONFIG_HOME:-~/.config}/earmark/earmark.conf. False: no home. */
bool em_path_config(char *out, size_t room);

/* A model by its path, or by its name in ${XDG_DATA_HOME:-~/.local/share}/earmark/models, in share/earmark/models of the
 * prefix that the program was installed in, in /usr/share/earmark/models or, when the program runs from its build folder,
 * config/models of the source tree. EM_EIO says where it was looked for. */
em_status em_path_model(char *out, size_t room, const char *name, em_err *err);

/* The same for folder "labels" and a whole file name; false: not there. */
bool em_path_find(char *out, size_t room, const char *folder, const char *file);

/* The part behind the last '/'. */
const char *em_path_base(const char *path);

#endif
