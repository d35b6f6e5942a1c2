/* files.c - readdir, sorted: see files.h. */
#include "train/files.h"

#include "train/table.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static em_status no_memory(const char *dir, em_err *err)
{
    char shown[EM_SHOWN_PATH];

    return em_fail(err, EM_ENOMEM, "%s: no memory for its list of files", em_shown_path(shown, dir));
}

bool em_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool em_is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool em_has_ending(const char *name, const char *ending)
{
    const size_t n = strlen(name), n_ending = strlen(ending);

    return n > n_ending && strcasecmp(name + n - n_ending, ending) == 0;
}

bool em_is_sound_name(const char *name)
{
    static const char *const endings[] = {
        ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".w64", ".rf64", ".caf", ".voc",
        ".m4a", ".aac", ".wma", ".webm",
    };

    for (size_t i = 0; i < EM_COUNT(endings); i++)
        if (em_has_ending(name, endings[i]))
            return true;
    return false;
}

char *em_path_join(em_store *store, const char *dir, const char *name)
{
    const size_t n_dir = strlen(dir), n_name = strlen(name);
    char *path;

    if (name[0] == '/' || n_dir == 0)
        return em_store_text(store, name, n_name);
    path = em_store_alloc(store, n_dir + 1 + n_name + 1);
    if (path)
        snprintf(path, n_dir + 1 + n_name + 1, "%s%s%s", dir, dir[n_dir - 1] == '/' ? "" : "/", name);
    return path;
}

static em_status add_file(em_files *f, char *path, const char *dir, em_err *err)
{
    if (f->n == f->room) {
        const int room = f->room ? 2 * f->room : 64;
        char **paths = room < INT_MAX / 4 ? realloc(f->paths, (size_t)room * sizeof *paths) : NULL;

        if (!paths)
            return no_memory(dir, err);
        f->paths = paths;
        f->room = room;
    }
    f->paths[f->n++] = path;
    return EM_OK;
}

static bool is_kind(const struct dirent *entry, const char *path, bool want_folder)
{
    if (entry->d_type == DT_DIR || entry->d_type == DT_REG)
        return (entry->d_type == DT_DIR) == want_folder;
    return want_folder ? em_is_folder(path) : em_is_file(path);
}

/* What lies in root/below; folders that cannot be read are passed over, but root itself. */
static em_status walk(em_files *f, const char *root, const char *below, int depth, em_file_wanted *is_wanted, em_err *err)
{
    char *path = em_path_join(&f->store, root, below), shown[EM_SHOWN_PATH];
    DIR *dir = path ? opendir(path) : NULL;
    em_status status = EM_OK;
    struct dirent *entry;

    if (!path)
        return no_memory(root, err);
    if (!dir)
        return *below ? EM_OK : em_fail(err, EM_EIO, "%s: cannot be read: %s", em_shown_path(shown, root), strerror(errno));
    while (status == EM_OK && (entry = readdir(dir))) {
        char *name, *full;

        if (entry->d_name[0] == '.' || (entry->d_type == DT_REG && !is_wanted(entry->d_name)))
            continue;
        name = em_path_join(&f->store, below, entry->d_name);
        full = name ? em_path_join(&f->store, root, name) : NULL;
        if (!full)
            status = no_memory(root, err);
        else if (depth < EM_MOST_DEPTH && is_kind(entry, full, true))
            status = walk(f, root, name, depth + 1, is_wanted, err);
        else if (is_wanted(entry->d_name) && is_kind(entry, full, false))
            status = add_file(f, name, root, err);
    }
    closedir(dir);
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

em_status em_files_find(em_files *out, const char *dir, em_file_wanted *is_wanted, em_err *err)
{
    em_status status;

    *out = (em_files){ 0 };
    status = walk(out, dir, "", 0, is_wanted, err);
    if (status == EM_OK && out->n > 0)
        qsort(out->paths, (size_t)out->n, sizeof *out->paths, compare_paths);
    return status;
}

void em_files_deinit(em_files *files)
{
    free(files->paths);
    em_store_deinit(&files->store);
    *files = (em_files){ 0 };
}

/* The name without folders and, if it is a sound's, without its ending. Returns out; too long a name is cut. */
static char *stem_of(char out[NAME_MAX + 1], const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    const size_t n = dot && em_is_sound_name(name) ? (size_t)(dot - name) : strlen(name);

    snprintf(out, NAME_MAX + 1, "%.*s", n > NAME_MAX ? NAME_MAX : (int)n, name);
    return out;
}

static em_status index_stems(em_sounds *s, const char *dir, em_err *err)
{
    char stem[NAME_MAX + 1];

    s->first = calloc((size_t)s->files.n + 1, sizeof *s->first);
    s->count = calloc((size_t)s->files.n + 1, sizeof *s->count);
    if (!s->first || !s->count)
        return no_memory(dir, err);
    for (int i = 0; i < s->files.n; i++) {
        const int k = em_names_add(&s->stems, &s->files.store, stem_of(stem, s->files.paths[i]));

        if (k < 0)
            return no_memory(dir, err);
        if (s->count[k]++ == 0)
            s->first[k] = i;
    }
    return EM_OK;
}

em_status em_sounds_find(em_sounds *out, const char *dir, em_err *err)
{
    em_status status;

    *out = (em_sounds){ 0 };
    status = em_files_find(&out->files, dir, em_is_sound_name, err);
    return status == EM_OK ? index_stems(out, dir, err) : status;
}

void em_sounds_deinit(em_sounds *sounds)
{
    em_files_deinit(&sounds->files);
    em_names_deinit(&sounds->stems);
    free(sounds->first);
    free(sounds->count);
    *sounds = (em_sounds){ 0 };
}

const char *em_sounds_get(const em_sounds *sounds, const char *name, int *n)
{
    char stem[NAME_MAX + 1];
    const int k = em_names_find(&sounds->stems, stem_of(stem, name));

    *n = k < 0 ? 0 : sounds->count[k];
    return k < 0 ? NULL : sounds->files.paths[sounds->first[k]];
}
