/* layout_ast.c - AST's JSON lists, which AuM, DASS and SSAST use, too: {"data":[{"wav":path,"labels":"mid,mid"}]}.
 * What the mids mean stands in *class_labels_indices.csv beside them, else in AudioSet's list. */
#include "train/assembly.h"

#include <jansson.h>
#include <string.h>

static em_status add_entry(em_assembly *b, const json_t *entry, size_t i, const char *shown, em_split split)
{
    const char *wav = json_string_value(json_object_get(entry, "wav"));
    const char *labels = json_string_value(json_object_get(entry, "labels"));
    const em_origin at = { shown, 0 };
    em_status status;
    int clip;

    if (!wav || !*wav || !labels)
        return em_fail(b->err, EM_EFORMAT, "%s: data, entry %zu: is not {\"wav\": path, \"labels\": \"mid,mid\"}", shown, i);
    status = em_assembly_clip(b, &clip, wav, wav, at);
    if (status != EM_OK)
        return status;
    em_assembly_at(b, clip)->split = split;
    return em_assembly_list(b, clip, labels, false, at);
}

static em_status read_list(em_assembly *b, const char *path)
{
    const char *full = em_assembly_path(b, path);
    char shown[EM_SHOWN_PATH];
    json_error_t error;
    json_t *root = full ? json_load_file(full, 0, &error) : NULL;
    const json_t *data = json_object_get(root, "data");
    em_status status = EM_OK;

    if (!full)
        return em_assembly_no_memory(b);
    em_shown_path(shown, full);
    if (!root)
        status = em_fail(b->err, EM_EFORMAT, "%s: line %d: is not JSON: %.80s", shown, error.line, error.text);
    else if (!json_is_array(data))
        status = em_fail(b->err, EM_EFORMAT, "%s: has no list \"data\"", shown);
    else if (json_array_size(data) == 0)
        status = em_fail(b->err, EM_EFORMAT, "%s: its list \"data\" is empty", shown);
    for (size_t i = 0; status == EM_OK && i < json_array_size(data); i++)
        status = add_entry(b, json_array_get(data, i), i, shown, em_split_of_path(path));
    json_decref(root);
    return status;
}

static bool is_meant(const em_place *place, const char *path)
{
    return em_has_ending(path, ".json") && (place->only ? strcmp(place->only, path) == 0 : !strchr(path, '/'));
}

static bool ast_fits(const em_place *place)
{
    for (int i = 0; i < place->files.n; i++)
        if (is_meant(place, place->files.paths[i]))
            return true;
    return false;
}

static em_status ast_read(em_assembly *b, const em_place *place)
{
    char shown[EM_SHOWN_PATH];
    em_status status = EM_OK;

    if (!ast_fits(place))
        return em_fail(b->err, EM_EFORMAT, "%s: no .json is there", em_shown_path(shown, place->dir));
    status = em_assembly_known(b, place);
    for (int i = 0; i < place->files.n && status == EM_OK; i++)
        if (is_meant(place, place->files.paths[i]))
            status = read_list(b, place->files.paths[i]);
    return status;
}

const em_layout em_layout_ast = { "ast", "a .json", ast_fits, ast_read };
