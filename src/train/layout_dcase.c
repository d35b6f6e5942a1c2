/* layout_dcase.c - DESED's and DCASE's .tsv files: strong (filename, onset, offset, event_label), weak (filename,
 * event_labels) and durations (filename, duration), which name clips in which nothing happens as well.
 *
 * DESED has its tables in metadata/ and the sounds of metadata/train/weak.tsv in audio/train/weak/. Others have them in
 * audio/, beside the table, or anywhere below if the name is there once. Real recordings go missing: those are counted. */
#include "train/assembly.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One table being read. */
typedef struct reading {
    em_assembly  *b;
    em_sounds *sounds;
    em_table   t;
    const char *path;                   /* from the set's folder on */
    int        filename, label, onset, offset;
    em_names   names;                   /* files that this table named, and their clips, -1: no sound */
    int       *clips;
    int        clips_room;
} reading;

/* "metadata/train/weak.tsv" to "audio/train/weak/NAME", up = 1: "audio/train/NAME". NULL: no memory. */
static char *beside(const reading *r, int up, const char *name)
{
    static const char metadata[] = "metadata/";
    const char *in_metadata = strncmp(r->path, metadata, sizeof metadata - 1) == 0 ? r->path + sizeof metadata - 1 : NULL;
    const char *from = in_metadata ? in_metadata : r->path, *slash = strrchr(from, '/');
    const size_t n = up ? (slash ? (size_t)(slash - from) : 0) : strlen(from) - strlen(".tsv");
    char *folder = em_store_text(r->b->store, from, n), *inner = folder ? em_path_join(r->b->store, folder, name) : NULL;

    return inner && in_metadata ? em_path_join(r->b->store, "audio", inner) : inner;
}

/* The path from the set's folder on; *path NULL: nowhere. */
static em_status find_sound(reading *r, const char **path, const char *name)
{
    int n;

    *path = NULL;
    for (int k = 0; k < 3; k++) {
        const char *tried = k == 2 ? em_path_join(r->b->store, "audio", name) : beside(r, k, name);
        const char *full = tried ? em_assembly_path(r->b, tried) : NULL;

        if (!full)
            return em_assembly_no_memory(r->b);
        if (em_is_file(full)) {
            *path = tried;
            return EM_OK;
        }
    }
    *path = em_sounds_get(r->sounds, name, &n);
    if (n > 1)
        return em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->t), "%.60s could be %d files, none of them in audio/ or beside this one",
                          name, n);
    return EM_OK;
}

static em_status clip_called(reading *r, int *clip, const char *name)
{
    const int n = r->names.n, i = em_names_add(&r->names, r->b->store, name);
    const char *path;
    em_status status;

    if (i < 0)
        return em_assembly_no_memory(r->b);
    if (i == n) {
        if (r->clips_room < r->names.room) {
            int *clips = realloc(r->clips, (size_t)r->names.room * sizeof *clips);

            if (!clips)
                return em_assembly_no_memory(r->b);
            r->clips = clips;
            r->clips_room = r->names.room;
        }
        r->clips[i] = -1;
        status = find_sound(r, &path, name);
        if (status == EM_OK)
            status = path ? em_assembly_clip(r->b, &r->clips[i], path, name, em_table_at(&r->t)) : em_assembly_missing(r->b, name);
        if (status != EM_OK)
            return status;
        if (path)
            em_assembly_at(r->b, r->clips[i])->split = em_split_of_path(r->path);
    }
    *clip = r->clips[i];
    return EM_OK;
}

/* A row without a label says that the clip has no event. */
static em_status add_strong(reading *r, int clip, const char *label)
{
    em_mark mark = { .clip = clip, .kind = EM_FROM_TO };
    em_status status;

    if (!*label)
        return EM_OK;
    if (!em_text_number(em_table_field(&r->t, r->onset), &mark.onset) || !em_text_number(em_table_field(&r->t, r->offset), &mark.offset)
        || mark.onset < 0 || mark.offset < mark.onset)
        return em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->t), "onset \"%.20s\" and offset \"%.20s\" are not seconds in order",
                          em_table_field(&r->t, r->onset), em_table_field(&r->t, r->offset));
    if (clip < 0)
        return EM_OK;
    status = em_assembly_label(r->b, &mark.label, label, NULL, em_table_at(&r->t));
    return status == EM_OK ? em_assembly_mark(r->b, &mark) : status;
}

static em_status add_row(reading *r)
{
    const char *name = em_table_field(&r->t, r->filename), *label = em_table_field(&r->t, r->label);
    const int n = r->names.n;
    em_status status;
    int clip = -1;

    if (!*name)
        return em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->t), "the filename is empty");
    status = clip_called(r, &clip, name);
    if (status != EM_OK || r->label < 0)                /* a table of durations */
        return status;
    if (r->onset >= 0)
        return add_strong(r, clip, label);
    if (n == r->names.n)
        return em_fail_at(r->b->err, EM_EFORMAT, em_table_at(&r->t), "%.80s was given before", name);
    return clip < 0 ? EM_OK : em_assembly_list(r->b, clip, label, false, em_table_at(&r->t));
}

static em_status find_columns(reading *r)
{
    em_status status = em_table_need(&r->t, &r->filename, "filename", r->b->err);

    r->onset = em_table_column(&r->t, "onset");
    r->offset = em_table_column(&r->t, "offset");
    r->label = em_table_column(&r->t, "event_label|event_labels");
    if (status == EM_OK && (r->onset >= 0) != (r->offset >= 0))
        status = em_fail(r->b->err, EM_EFORMAT, "%s: line 1: has one of the columns onset and offset without the other", r->t.path);
    if (status == EM_OK && r->onset >= 0 && r->label < 0)
        status = em_table_need(&r->t, &r->label, "event_label", r->b->err);
    return status;
}

static em_status read_rows(reading *r, const char *path)
{
    const char *full = em_assembly_path(r->b, path);
    em_status status = full ? em_table_open(&r->t, full, r->b->err) : em_assembly_no_memory(r->b);
    bool has_row = true;

    r->t.separator = '\t';
    if (status == EM_OK)
        status = em_table_header(&r->t, r->b->err);
    if (status == EM_OK)
        status = find_columns(r);
    while (status == EM_OK) {
        status = em_table_next(&r->t, &has_row, r->b->err);
        if (status != EM_OK || !has_row)
            break;
        status = add_row(r);
    }
    em_table_deinit(&r->t);
    return status;
}

/* "validation.tsv" has its durations in "validation_durations.tsv", or in "durations.tsv" beside it. */
static const char *durations_of(const em_place *place, const char *path)
{
    const size_t n = strlen(path) - strlen(".tsv");
    const char *slash = strrchr(path, '/');
    char name[PATH_MAX];
    const char *found;

    snprintf(name, sizeof name, "%.*s_durations.tsv", (int)n, path);
    found = em_place_file(place, name);
    if (found)
        return found;
    snprintf(name, sizeof name, "%.*sdurations.tsv", slash ? (int)(slash - path) + 1 : 0, path);
    return em_place_file(place, name);
}

static bool has_labels(const em_place *place, const char *path)
{
    return em_has_ending(path, ".tsv") && (!place->only || strcmp(path, place->only) == 0)
           && em_place_has_column(place, path, "filename") && em_place_has_column(place, path, "event_label|event_labels|onset");
}

static em_status read_table(em_assembly *b, const em_place *place, em_sounds *sounds, const char *path)
{
    reading r = { .b = b, .sounds = sounds, .path = path };
    const char *durations = durations_of(place, path);
    em_status status = read_rows(&r, path);

    if (status == EM_OK && durations && r.onset >= 0)
        status = read_rows(&r, durations);
    em_names_deinit(&r.names);
    free(r.clips);
    return status;
}

static bool dcase_fits(const em_place *place)
{
    for (int i = 0; i < place->files.n; i++)
        if (has_labels(place, place->files.paths[i]))
            return true;
    return false;
}

static em_status dcase_read(em_assembly *b, const em_place *place)
{
    em_sounds sounds;
    char shown[EM_SHOWN_PATH];
    em_status status;

    em_shown_path(shown, place->dir);
    if (!dcase_fits(place))
        return em_fail(b->err, EM_EFORMAT, "%s: no .tsv with columns filename and event_label(s) is there", shown);
    status = em_sounds_find(&sounds, place->dir, b->err);
    if (status == EM_OK && sounds.files.n == 0)
        status = em_fail(b->err, EM_EFORMAT, "%s: no sound files are in this folder or below it", shown);
    for (int i = 0; i < place->files.n && status == EM_OK; i++)
        if (has_labels(place, place->files.paths[i]))
            status = read_table(b, place, &sounds, place->files.paths[i]);
    em_sounds_deinit(&sounds);
    return status;
}

const em_layout em_layout_dcase = { "dcase", "a .tsv of filename,event_label", dcase_fits, dcase_read };
