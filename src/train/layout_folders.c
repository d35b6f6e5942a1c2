/* layout_folders.c - a folder a class, and Speech Commands, whose folders come with lists.
 *
 *   folders           Bark/a.wav; "A,B" is two classes, "-A" certainly not A, Noise, Background, Other and Silence no class
 *                     at all (BirdNET-Analyzer's rules); train/Bark/a.wav where every folder is a split's
 *   speech-commands   a folder a word, testing_list.txt and validation_list.txt; the rest is for training, with
 *                     _background_noise_ as clips of no class */
#include "train/assembly.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The path's first folder into out. Returns what is behind it; NULL: there is none. */
static const char *first_folder(char out[NAME_MAX + 1], const char *path)
{
    const char *slash = strchr(path, '/');

    if (!slash || slash - path > NAME_MAX)
        return NULL;
    memcpy(out, path, (size_t)(slash - path));
    out[slash - path] = '\0';
    return slash + 1;
}

static bool is_no_class(const char *folder)
{
    static const char *const words[] = { "noise", "background", "other", "silence" };

    for (size_t i = 0; i < EM_COUNT(words); i++)
        if (strcasecmp(folder, words[i]) == 0)
            return true;
    return false;
}

/* Whether the folders of the first level are all splits with folders inside. */
static bool are_splits(const em_files *files)
{
    char folder[NAME_MAX + 1], inner[NAME_MAX + 1];
    em_split split;
    int n = 0;

    for (int i = 0; i < files->n; i++) {
        const char *rest = first_folder(folder, files->paths[i]);

        if (!rest)
            continue;
        if (!em_split_of_word(&split, folder) || !first_folder(inner, rest))
            return false;
        n++;
    }
    return n > 0;
}

static em_status add_sound(em_assembly *b, const char *path, bool has_splits)
{
    char folder[NAME_MAX + 1], shown[EM_SHOWN_PATH];
    const char *rest = path;
    const em_origin at = { em_shown_path(shown, path), 0 };
    em_split split = EM_SPLIT_NONE;
    em_status status;
    int clip;

    if (has_splits && (rest = first_folder(folder, rest)))
        em_split_of_word(&split, folder);
    if (!rest || !first_folder(folder, rest))           /* a sound that lies beside the folders */
        return EM_OK;
    status = em_assembly_clip(b, &clip, path, path, at);
    if (status != EM_OK)
        return status;
    em_assembly_at(b, clip)->split = split;
    return is_no_class(folder) ? EM_OK : em_assembly_list(b, clip, folder, true, at);
}

static em_status folders_read(em_assembly *b, const em_place *place)
{
    em_files files;
    em_status status = em_files_find(&files, place->dir, em_is_sound_name, b->err);
    const bool has_splits = status == EM_OK && are_splits(&files);

    for (int i = 0; i < files.n && status == EM_OK; i++)
        status = add_sound(b, files.paths[i], has_splits);
    em_files_deinit(&files);
    return status;
}

static bool folders_fits(const em_place *place)
{
    em_files files;
    char folder[NAME_MAX + 1];
    em_err err;
    bool fits = false;

    if (!place->only && em_files_find(&files, place->dir, em_is_sound_name, &err) == EM_OK)
        for (int i = 0; i < files.n && !fits; i++)
            fits = first_folder(folder, files.paths[i]) != NULL;
    if (!place->only)
        em_files_deinit(&files);
    return fits;
}

/* Speech Commands: the lists by path, and what they say. */
typedef struct lists {
    em_names paths;
    em_split *splits;                   /* [paths.room] */
    bool     *is_there;
    int       room;
} lists;

static const struct list { const char *file; em_split split; } list_files[] = {
    { "validation_list.txt", EM_SPLIT_VALID }, { "testing_list.txt", EM_SPLIT_TEST },
};

static em_status add_to_list(em_assembly *b, lists *l, em_split split, const em_table *t)
{
    const int n = l->paths.n, i = em_names_add(&l->paths, b->store, t->fields[0]);

    if (i < 0)
        return em_assembly_no_memory(b);
    if (i < n)
        return em_fail_at(b->err, EM_EFORMAT, em_table_at(t), "%.80s was listed before", t->fields[0]);
    if (l->room < l->paths.room) {
        em_split *splits = realloc(l->splits, (size_t)l->paths.room * sizeof *splits);
        bool *is_there;

        l->splits = splits ? splits : l->splits;
        is_there = splits ? realloc(l->is_there, (size_t)l->paths.room * sizeof *is_there) : NULL;
        l->is_there = is_there ? is_there : l->is_there;
        if (!is_there)
            return em_assembly_no_memory(b);
        l->room = l->paths.room;
    }
    l->splits[i] = split;
    l->is_there[i] = false;
    return EM_OK;
}

static em_status read_list(em_assembly *b, lists *l, const struct list *list)
{
    const char *full = em_assembly_path(b, list->file);
    em_status status = full ? EM_OK : em_assembly_no_memory(b);
    em_table t = { 0 };
    bool has_row = true;

    if (status == EM_OK)
        status = em_table_open(&t, full, b->err);
    t.separator = '\t';                                 /* a comma is part of a file's name */
    while (status == EM_OK) {
        status = em_table_next(&t, &has_row, b->err);
        if (status != EM_OK || !has_row)
            break;
        status = add_to_list(b, l, list->split, &t);
    }
    em_table_deinit(&t);
    return status;
}

static em_status add_word(em_assembly *b, lists *l, const char *path)
{
    char folder[NAME_MAX + 1], shown[EM_SHOWN_PATH];
    const em_origin at = { em_shown_path(shown, path), 0 };
    const int i = em_names_find(&l->paths, path);
    em_mark mark = { 0 };
    em_status status;

    if (!first_folder(folder, path))
        return EM_OK;
    status = em_assembly_clip(b, &mark.clip, path, path, at);
    if (status != EM_OK)
        return status;
    if (i >= 0)
        l->is_there[i] = true;
    em_assembly_at(b, mark.clip)->split = i >= 0 ? l->splits[i] : EM_SPLIT_TRAIN;
    if (strcmp(folder, "_background_noise_") == 0)
        return EM_OK;
    status = em_assembly_label(b, &mark.label, folder, NULL, at);
    return status == EM_OK ? em_assembly_mark(b, &mark) : status;
}

static em_status add_words(em_assembly *b, lists *l, const em_place *place)
{
    em_files files;
    em_status status = em_files_find(&files, place->dir, em_is_sound_name, b->err);

    for (int i = 0; i < files.n && status == EM_OK; i++)
        status = add_word(b, l, files.paths[i]);
    for (int i = 0; i < l->paths.n && status == EM_OK; i++)
        if (!l->is_there[i])
            status = em_assembly_missing(b, l->paths.text[i]);
    em_files_deinit(&files);
    return status;
}

static em_status speech_commands_read(em_assembly *b, const em_place *place)
{
    em_status status = EM_OK;
    lists l = { 0 };

    for (size_t i = 0; i < EM_COUNT(list_files) && status == EM_OK; i++)
        status = read_list(b, &l, &list_files[i]);
    if (status == EM_OK)
        status = add_words(b, &l, place);
    em_names_deinit(&l.paths);
    free(l.splits);
    free(l.is_there);
    return status;
}

static bool speech_commands_fits(const em_place *place)
{
    return em_place_file(place, list_files[0].file) && em_place_file(place, list_files[1].file);
}

const em_layout em_layout_folders = { "folders", "a folder a class", folders_fits, folders_read };
const em_layout em_layout_speech_commands = { "speech-commands", "testing_list.txt", speech_commands_fits, speech_commands_read };
