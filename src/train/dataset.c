/* dataset.c - the table of layouts, and which of them a folder is: see dataset.h. */
#include "train/assembly.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* In the order in which they are tried: what is known by names of its own before what anything could be. */
static const em_layout *const layouts[] = {
    &em_layout_esc50, &em_layout_speech_commands, &em_layout_fsd50k, &em_layout_dcase, &em_layout_audioset, &em_layout_hdf5,
    &em_layout_ast, &em_layout_csv, &em_layout_folders,
};

const char *em_dataset_layouts(void)
{
    return "esc50, speech-commands, fsd50k, dcase, audioset, hdf5, ast, csv, folders";
}

const char *em_place_file(const em_place *place, const char *path)
{
    if (place->only)
        return strcmp(place->only, path) == 0 ? place->only : NULL;
    for (int i = 0; i < place->files.n; i++)
        if (strcmp(place->files.paths[i], path) == 0)
            return place->files.paths[i];
    return NULL;
}

bool em_place_has_column(const em_place *place, const char *path, const char *names)
{
    em_store store = { 0 };
    const char *full = em_path_join(&store, place->dir, path);
    em_table table = { 0 };
    em_err err;
    const bool has = full && em_table_open(&table, full, &err) == EM_OK && em_table_header(&table, &err) == EM_OK
                     && em_table_column(&table, names) >= 0;

    em_table_deinit(&table);
    em_store_deinit(&store);
    return has;
}

static bool is_label_file(const char *name)
{
    static const char *const endings[] = { ".csv", ".tsv", ".json", ".txt", ".h5", ".hdf5" };

    for (size_t i = 0; i < EM_COUNT(endings); i++)
        if (em_has_ending(name, endings[i]))
            return true;
    return false;
}

/* `path` may be a folder, or a file in one. What is borrowed by *place lies in store. */
static em_status open_place(em_place *place, em_store *store, const char *path, em_err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char shown[EM_SHOWN_PATH];
    struct stat st;

    *place = (em_place){ 0 };
    if (stat(path, &st) != 0)
        return em_fail(err, EM_EIO, "%s: cannot be read: %s", em_shown_path(shown, path), strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        place->dir = em_store_text(store, path, strlen(path));
    } else {
        place->only = em_store_text(store, name, strlen(name));
        place->dir = slash ? em_store_text(store, path, (size_t)(slash - path) + 1) : em_store_text(store, ".", 1);
    }
    if (!place->dir || (!S_ISDIR(st.st_mode) && !place->only))
        return em_fail(err, EM_ENOMEM, "%s: no memory", em_shown_path(shown, path));
    if (!S_ISDIR(st.st_mode) && !is_label_file(name))
        return em_fail(err, EM_EINVAL, "%s: is no data set: give a folder, or a .csv, .tsv, .json or .h5 file", em_shown_path(shown, path));
    return em_files_find(&place->files, place->dir, is_label_file, err);
}

static const em_layout *layout_called(const char *name, em_err *err)
{
    char shown[48];

    for (size_t i = 0; i < EM_COUNT(layouts); i++)
        if (strcmp(layouts[i]->name, name) == 0)
            return layouts[i];
    em_fail(err, EM_EINVAL, "layout \"%s\" is unknown: %s", em_text_clean(shown, sizeof shown, name), em_dataset_layouts());
    return NULL;
}

static const em_layout *layout_that_fits(const em_place *place, em_err *err)
{
    char marks[160] = "", shown[EM_SHOWN_PATH];

    for (size_t i = 0; i < EM_COUNT(layouts); i++) {
        const size_t used = strlen(marks);

        if (layouts[i]->fits(place))
            return layouts[i];
        snprintf(marks + used, sizeof marks - used, "%s%s", i ? ", " : "", layouts[i]->mark);
    }
    em_fail(err, EM_EINVAL, "%s: no data set: looked for %s", em_shown_path(shown, place->dir), marks);
    return NULL;
}

static em_status read_set(em_dataset *set, const em_place *place, const em_layout *layout, const char *const *classes, int n_classes,
                          em_err *err)
{
    em_assembly b;
    em_status status = em_assembly_begin(&b, set, place->dir, classes, n_classes, err);

    set->layout = layout->name;
    if (status == EM_OK)
        status = layout->read(&b, place);
    if (status == EM_OK)
        status = em_assembly_end(&b);
    em_assembly_deinit(&b);
    return status;
}

em_status em_dataset_open(em_dataset **out, const char *dir, const char *layout, const char *const *classes, int n_classes,
                          em_err *err)
{
    em_place place = { 0 };
    const em_layout *row;
    em_err own;
    em_status status;
    em_dataset *set;

    *out = NULL;
    err = err ? err : &own;
    row = layout ? layout_called(layout, err) : NULL;
    if (layout && !row)
        return err->code;
    set = calloc(1, sizeof *set);
    if (!set)
        return em_fail(err, EM_ENOMEM, "no memory for a data set");
    status = open_place(&place, &set->store, dir, err);
    if (status == EM_OK && !row) {
        row = layout_that_fits(&place, err);
        status = row ? EM_OK : err->code;
    }
    if (status == EM_OK)
        status = read_set(set, &place, row, classes, n_classes, err);
    em_files_deinit(&place.files);
    if (status != EM_OK) {
        em_dataset_free(set);
        return status;
    }
    *out = set;
    return EM_OK;
}

void em_dataset_free(em_dataset *set)
{
    if (!set)
        return;
    free(set->clips);
    em_store_deinit(&set->store);
    free(set);
}
