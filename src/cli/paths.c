/* paths.c - XDG folders, what was installed, and the source tree that a build folder belongs to: see paths.h. */
#include "cli/paths.h"

#include "base/program.h"
#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *em_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* XDG: an empty or relative variable counts as unset. */
static bool xdg(char *out, size_t room, const char *variable, const char *below_home)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    int n;

    if (base && base[0] == '/')
        n = snprintf(out, room, "%s/earmark", base);
    else if (home && home[0] == '/')
        n = snprintf(out, room, "%s/%s/earmark", home, below_home);
    else
        return false;
    return n > 0 && (size_t)n < room;
}

static bool join(char *out, size_t room, const char *a, const char *b, const char *c)
{
    int n = snprintf(out, room, "%s/%s%s%s", a, b, c ? "/" : "", c ? c : "");

    return n > 0 && (size_t)n < room;
}

bool em_path_config(char *out, size_t room)
{
    char base[PATH_MAX];

    return xdg(base, sizeof base, "XDG_CONFIG_HOME", ".config") && join(out, room, base, "earmark.conf", NULL);
}

/* The source tree that this program was built from, if it still runs from its build folder: CMake leaves the
 * name there. */
static bool source_tree(char *out, size_t room)
{
    static const char key[] = "CMAKE_HOME_DIRECTORY:INTERNAL=";
    char exe[PATH_MAX], cache[PATH_MAX], line[PATH_MAX + 64];
    bool is_found = false;
    FILE *f;

    em_program_folder(exe);
    if (!join(cache, sizeof cache, exe, "CMakeCache.txt", NULL) || !(f = fopen(cache, "re")))
        return false;
    while (!is_found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, key, sizeof key - 1) == 0)
            is_found = join(out, room, line + sizeof key - 1, "config", NULL);
    }
    fclose(f);
    return is_found;
}

/* What `cmake --install` put beside the program, under whatever prefix that now lies; false: it was not installed. */
static bool installed(char *out, size_t room)
{
    char exe[PATH_MAX], path[PATH_MAX], whole[PATH_MAX];

    em_program_folder(exe);
    return join(path, sizeof path, exe, EM_TO_DATA, NULL) && realpath(path, whole) && (size_t)snprintf(out, room, "%s", whole) < room;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool em_path_find(char *out, size_t room, const char *folder, const char *file)
{
    char base[PATH_MAX];

    for (int place = 0; place < 4; place++) {
        char inner[PATH_MAX];

        if (place == 0 && !xdg(base, sizeof base, "XDG_DATA_HOME", ".local/share"))
            continue;
        if (place == 1 && !installed(base, sizeof base))
            continue;
        if (place == 2)
            snprintf(base, sizeof base, "/usr/share/earmark");
        if (place == 3 && !source_tree(base, sizeof base))
            continue;
        if (join(inner, sizeof inner, base, folder, file) && is_file(inner))
            return (size_t)snprintf(out, room, "%s", inner) < room;
    }
    return false;
}

em_status em_path_model(char *out, size_t room, const char *name, em_err *err)
{
    char file[NAME_MAX + 1], clean[96], own[PATH_MAX];

    if (strchr(name, '/') || is_file(name))
        return (size_t)snprintf(out, room, "%s", name) < room ? EM_OK : em_fail(err, EM_EINVAL, "the model's path is too long");
    if ((size_t)snprintf(file, sizeof file, "%s.safetensors", name) < sizeof file && em_path_find(out, room, "models", file))
        return EM_OK;
    if (em_path_find(out, room, "models", name))
        return EM_OK;
    if (!installed(own, sizeof own) || strcmp(own, "/usr/share/earmark") == 0)
        own[0] = '\0';
    return em_fail(err, EM_EIO, "no file and no installed model is named '%s' (looked in ~/.local/share/earmark/models, %.80s%s"
                   "/usr/share/earmark/models and, run from its build folder, config/models)",
                   em_text_clean(clean, sizeof clean, name), own, *own ? "/models, " : "");
}
