/* layout_hdf5.c - packs of PANNs and HTS-AT (pack.h), each a split by its name: balanced_train.h5, eval.h5, below the folder.
 * Classes are AudioSet's when there are 527, else those of *class_labels_indices.csv beside the packs. */
#include "train/assembly.h"
#include "train/pack.h"

#include <stdlib.h>
#include <string.h>

static bool is_pack(const em_place *place, const char *path)
{
    return (em_has_ending(path, ".h5") || em_has_ending(path, ".hdf5")) && (!place->only || strcmp(place->only, path) == 0);
}

static bool hdf5_fits(const em_place *place)
{
    for (int i = 0; i < place->files.n; i++)
        if (is_pack(place, place->files.paths[i]))
            return true;
    return false;
}

static em_status add_row(em_assembly *b, em_pack *pack, const em_pack_info *info, const char *path, long row, unsigned char *target)
{
    char name[EM_PACK_NAME], shown[EM_SHOWN_PATH];
    const em_origin at = { em_shown_path(shown, path), 0 };
    em_status status = em_pack_row(pack, name, target, row, b->err);
    em_mark mark = { 0 };

    if (status == EM_OK)
        status = em_assembly_clip(b, &mark.clip, path, name, at);
    if (status != EM_OK)
        return status;
    em_assembly_at(b, mark.clip)->row = row;
    em_assembly_at(b, mark.clip)->split = em_split_of_path(path);
    for (int c = 0; c < info->n_classes && status == EM_OK; c++) {
        if (!target[c])
            continue;
        status = em_assembly_label(b, &mark.label, b->known.names[c], NULL, at);
        if (status == EM_OK)
            status = em_assembly_mark(b, &mark);
    }
    return status;
}

static em_status read_rows(em_assembly *b, em_pack *pack, const em_pack_info *info, const char *path)
{
    unsigned char *target = malloc((size_t)info->n_classes);
    em_status status = target ? EM_OK : em_assembly_no_memory(b);

    for (long row = 0; row < info->n_rows && status == EM_OK; row++)
        status = add_row(b, pack, info, path, row, target);
    free(target);
    return status;
}

static em_status read_pack(em_assembly *b, const char *path)
{
    const char *full = em_assembly_path(b, path);
    char shown[EM_SHOWN_PATH];
    em_pack_info info;
    em_pack *pack = NULL;
    em_status status = full ? em_pack_open(&pack, &info, full, b->err) : em_assembly_no_memory(b);

    if (status == EM_OK && info.n_classes != b->known.n)
        status = em_fail(b->err, EM_EFORMAT, "%s: its target has %d classes where %d are named: AudioSet's, or those of a "
                         "class_labels_indices.csv beside it", em_shown_path(shown, full), info.n_classes, b->known.n);
    if (status == EM_OK)
        status = read_rows(b, pack, &info, path);
    em_pack_close(pack);
    return status;
}

static em_status hdf5_read(em_assembly *b, const em_place *place)
{
    char shown[EM_SHOWN_PATH];
    em_status status;

    if (!hdf5_fits(place))
        return em_fail(b->err, EM_EFORMAT, "%s: no .h5 or .hdf5 is there", em_shown_path(shown, place->dir));
    status = em_assembly_known(b, place);
    if (status == EM_OK)
        status = em_assembly_seed(b);
    for (int i = 0; i < place->files.n && status == EM_OK; i++)
        if (is_pack(place, place->files.paths[i]))
            status = read_pack(b, place->files.paths[i]);
    return status;
}

const em_layout em_layout_hdf5 = { "hdf5", "a .h5", hdf5_fits, hdf5_read };
