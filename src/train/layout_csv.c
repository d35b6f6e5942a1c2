/* layout_csv.c - a line a clip: ESC-50's csv with its folds, and any filename,labels[,split][,fold][,begin,end][,group].
 *
 *   esc50   meta/esc50.csv, or meta.csv, beside audio/: filename, fold, category and, for the order of classes, target; src_file is the
 *           recording a clip was cut from, as is the second part of its name (fold-recording-take-target.wav)
 *   csv     sounds beside the file or in a folder audio/ (wav, wavs, clips, sounds); labels "A,B", "A;B" or "A|B"; group: its recording */
#include "train/assembly.h"

#include <string.h>

#define FILENAME "filename|file_name|file|path|fname|wav"
#define LABELS   "labels|label|category|class|tags"
#define RECORDING "group|recording|src_file"

static const char *const esc50_files[] = { "meta/esc50.csv", "meta.csv", "esc50.csv" };

/* One file being read. */
typedef struct rows {
    em_assembly *b;
    em_table  table;
    const char *beside;                 /* the folder of the file, from the set's folder on; "" or "meta/"  */
    bool      is_esc50;
    int       filename, labels, split, fold, target, begin, end, recording;     /* columns, -1: none         */
    int       found_in;                 /* row of sound_folders where the last sound was                    */
    int       n_rows, n_found;
    char      first_missing[EM_SHOWN_PATH];
} rows;

/* Beside the file first. */
static const char *const sound_folders[] = { "", "audio", "wav", "wavs", "clips", "sounds" };

static em_status find_columns(rows *r)
{
    em_table *t = &r->table;
    em_err *err = r->b->err;
    em_status status = em_table_header(t, err);

    if (status == EM_OK)
        status = em_table_need(t, &r->filename, FILENAME, err);
    if (status == EM_OK)
        status = em_table_need(t, &r->labels, r->is_esc50 ? "category" : LABELS, err);
    if (status == EM_OK && r->is_esc50)
        status = em_table_need(t, &r->fold, "fold", err);
    if (status != EM_OK)
        return status;
    r->split = em_table_column(t, "split|subset");
    r->fold = em_table_column(t, "fold");
    r->target = r->is_esc50 ? em_table_column(t, "target") : -1;
    r->begin = em_table_column(t, "begin|start");
    r->end = em_table_column(t, "end");
    r->recording = em_table_column(t, RECORDING);
    return EM_OK;
}

static char *path_in(rows *r, const char *folder, const char *name)
{
    em_store *store = r->b->store;
    char *inner = *folder ? em_path_join(store, folder, name) : em_store_text(store, name, strlen(name));

    return inner ? em_path_join(store, r->beside, inner) : NULL;
}

/* The path from the set's folder on; where nothing is found, beside the file (or in audio/, which ESC-50 has). NULL: no memory. */
static char *find_sound(rows *r, const char *name)
{
    char *path, *full;
    em_store *store = r->b->store;

    if (r->is_esc50)
        return em_path_join(store, "audio", name);
    for (int i = 0; i < (int)EM_COUNT(sound_folders); i++) {
        const int k = i == 0 ? r->found_in : i - (i <= r->found_in);    /* the last one first, then the others */

        path = path_in(r, sound_folders[k], name);
        full = path ? em_assembly_path(r->b, path) : NULL;
        if (!full)
            return NULL;
        if (em_is_file(full)) {
            r->found_in = k;
            r->n_found++;
            return path;
        }
    }
    path = path_in(r, "", name);
    if (path && !*r->first_missing)
        em_shown_path(r->first_missing, path);
    return path;
}

static em_status read_fold(rows *r, em_clip *clip)
{
    const char *text = em_table_field(&r->table, r->fold);
    const int least = r->is_esc50 ? 1 : 0;              /* elsewhere 0 says that a clip is of no fold */
    double fold;

    if (r->fold < 0 || (!*text && !r->is_esc50))
        return EM_OK;
    if (!em_text_number(text, &fold) || fold < least || fold > 1000 || fold != (int)fold)
        return em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->table), "fold \"%.40s\" is not a whole number from %d", text, least);
    clip->fold = (int)fold;
    return EM_OK;
}

static em_status read_seconds(rows *r, double *out, int column)
{
    const char *text = em_table_field(&r->table, column);

    if (!*text)
        return EM_OK;
    if (!em_text_number(text, out) || *out < 0)
        return em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->table), "%s \"%.40s\" is not a number of seconds",
                          r->table.columns[column], text);
    return EM_OK;
}

static em_status read_part(rows *r, em_clip *clip)
{
    em_status status = read_seconds(r, &clip->begin_s, r->begin);

    if (status == EM_OK)
        status = read_seconds(r, &clip->end_s, r->end);
    if (status == EM_OK && clip->end_s > 0 && clip->end_s <= clip->begin_s)
        status = em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->table), "the part ends at %g s, before it begins", clip->end_s);
    return status;
}

/* The second part of "1-100032-A-0.wav"; the length of 0: the name is another. */
static const char *recording_of_name(const char *name, size_t *n)
{
    const char *from = strchr(name, '-'), *to = from ? strchr(from + 1, '-') : NULL;
    const bool has_form = to && to > from + 1 && strchr(to + 1, '-');

    *n = has_form ? (size_t)(to - from - 1) : 0;
    return has_form ? from + 1 : name;
}

static em_status read_recording(rows *r, em_clip *clip)
{
    const char *text = em_table_field(&r->table, r->recording);
    size_t n = strlen(text);

    if (n == 0 && r->is_esc50)
        text = recording_of_name(clip->name, &n);
    if (n == 0)
        return EM_OK;
    clip->recording = em_store_text(r->b->store, text, n);
    return clip->recording ? EM_OK : em_assembly_no_memory(r->b);
}

static em_status read_class(rows *r, int clip)
{
    const char *labels = em_table_field(&r->table, r->labels), *target = em_table_field(&r->table, r->target);
    const em_origin at = em_table_at(&r->table);
    em_mark mark = { .clip = clip };
    double rank = 0;
    em_status status;

    if (!r->is_esc50)
        return em_assembly_list(r->b, clip, labels, false, at);
    if (!*labels)
        return em_fail_at(r->b->err, EM_EFORMAT, at, "the category is empty");
    if (r->target >= 0 && !em_text_number(target, &rank))
        return em_fail_at(r->b->err, EM_EFORMAT, at, "target \"%.40s\" is not a number", target);
    status = em_assembly_class(r->b, labels, rank, at);
    if (status == EM_OK)
        status = em_assembly_label(r->b, &mark.label, labels, NULL, at);
    return status == EM_OK ? em_assembly_mark(r->b, &mark) : status;
}

static em_status read_row(rows *r)
{
    const char *name = em_table_field(&r->table, r->filename), *split = em_table_field(&r->table, r->split);
    const em_origin at = em_table_at(&r->table);
    const char *path;
    em_status status;
    int clip;

    if (!*name)
        return em_fail_at(r->b->err, EM_EFORMAT, at, "the %s is empty", r->table.columns[r->filename]);
    path = find_sound(r, name);
    if (!path)
        return em_assembly_no_memory(r->b);
    r->n_rows++;
    status = em_assembly_clip(r->b, &clip, path, name, at);
    if (status == EM_OK && !em_split_of_word(&em_assembly_at(r->b, clip)->split, split))
        status = em_fail_at(r->b->err, EM_EFORMAT, at, "split \"%.40s\" is not train, valid or test", split);
    if (status == EM_OK)
        status = read_fold(r, em_assembly_at(r->b, clip));
    if (status == EM_OK)
        status = read_part(r, em_assembly_at(r->b, clip));
    if (status == EM_OK)
        status = read_recording(r, em_assembly_at(r->b, clip));
    return status == EM_OK ? read_class(r, clip) : status;
}

static em_status read_rows(rows *r)
{
    em_status status = find_columns(r);
    bool has_row = true;

    while (status == EM_OK) {
        status = em_table_next(&r->table, &has_row, r->b->err);
        if (status != EM_OK || !has_row)
            break;
        status = read_row(r);
    }
    if (status == EM_OK && r->n_rows == 0)
        status = em_fail(r->b->err, EM_EFORMAT, "%s: has a header and no clips", r->table.path);
    if (status == EM_OK && r->n_found == 0 && !r->is_esc50)
        status = em_fail(r->b->err, EM_EFORMAT, "%s: none of its %d sound files is there (the first: %s)", r->table.path, r->n_rows,
                         r->first_missing);
    return status;
}

static em_status read_file(em_assembly *b, const char *path, bool is_esc50)
{
    const char *slash = strrchr(path, '/'), *full = em_assembly_path(b, path);
    rows r = { .b = b, .is_esc50 = is_esc50, .fold = -1 };
    em_status status;

    r.beside = em_store_text(b->store, path, slash ? (size_t)(slash - path) + 1 : 0);
    if (!full || !r.beside)
        return em_assembly_no_memory(b);
    status = em_table_open(&r.table, full, b->err);
    if (status == EM_OK)
        status = read_rows(&r);
    em_table_deinit(&r.table);
    return status;
}

static const char *esc50_file(const em_place *place)
{
    for (size_t i = 0; i < EM_COUNT(esc50_files); i++)
        if (em_place_file(place, esc50_files[i]))
            return esc50_files[i];
    return NULL;
}

static bool esc50_fits(const em_place *place)
{
    const char *path = esc50_file(place);

    return path && em_place_has_column(place, path, "category") && em_place_has_column(place, path, "fold");
}

static em_status esc50_read(em_assembly *b, const em_place *place)
{
    const char *path = esc50_file(place), *audio = em_assembly_path(b, "audio");
    char shown[EM_SHOWN_PATH];

    if (!path)
        return em_fail(b->err, EM_EFORMAT, "%s: neither meta/esc50.csv nor meta.csv is there", em_shown_path(shown, place->dir));
    if (!audio)
        return em_assembly_no_memory(b);
    if (!em_is_folder(audio))
        return em_fail(b->err, EM_EFORMAT, "%s: the folder of the sounds is missing", em_shown_path(shown, audio));
    return read_file(b, path, true);
}

/* The file that names sounds and labels: the one that is meant, or the first such in the folder itself. */
static const char *csv_file(const em_place *place)
{
    for (int i = 0; i < place->files.n; i++) {
        const char *path = place->files.paths[i];

        if (place->only ? strcmp(path, place->only) != 0 : strchr(path, '/') != NULL)
            continue;
        if (!em_has_ending(path, ".csv") && !em_has_ending(path, ".tsv"))
            continue;
        if (place->only || (em_place_has_column(place, path, FILENAME) && em_place_has_column(place, path, LABELS)))
            return path;
    }
    return NULL;
}

static bool csv_fits(const em_place *place)
{
    return csv_file(place) != NULL;
}

static em_status csv_read(em_assembly *b, const em_place *place)
{
    const char *path = csv_file(place);
    char shown[EM_SHOWN_PATH];

    if (!path)
        return em_fail(b->err, EM_EFORMAT, "%s: no .csv file with columns filename and labels", em_shown_path(shown, place->dir));
    return read_file(b, path, false);
}

const em_layout em_layout_esc50 = { "esc50", "meta/esc50.csv", esc50_fits, esc50_read };
const em_layout em_layout_csv = { "csv", "a .csv of filename,labels", csv_fits, csv_read };
