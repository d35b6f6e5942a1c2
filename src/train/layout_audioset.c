/* layout_audioset.c - AudioSet's own label files, with what could be had of its sounds somewhere below.
 *
 *   *segments*.csv      `id, start, end, "mid,mid"` behind three comment lines; classes are AudioSet's 527
 *   a .tsv of segment_id, start_time_seconds, end_time_seconds, label      strong labels: id is NAME_startms
 *
 * A sound is called ID, YID, ID_start or ID_start_end, with any ending. Most copies lack some: those are counted. */
#include "train/assembly.h"

#include <stdlib.h>
#include <string.h>

typedef struct segments {
    em_assembly *b;
    em_sounds sounds;
    em_names  ids;                      /* strong: segments seen in this file, and their clips, -1: no sound */
    int      *clips;
    int       clips_room;
} segments;

/* What follows the id in a file's name: nothing, or times in seconds or milliseconds. */
static const char *find_sound(const segments *s, const char *id, double start, double end)
{
    char name[160], forms[6][64] = { "" };
    const char *path = NULL;
    int n;

    snprintf(forms[1], sizeof forms[1], "_%.0f", start);
    snprintf(forms[2], sizeof forms[2], "_%.3f", start);
    snprintf(forms[3], sizeof forms[3], "_%.0f", start * 1000);
    snprintf(forms[4], sizeof forms[4], "_%.0f_%.0f", start, end);
    snprintf(forms[5], sizeof forms[5], "_%.3f_%.3f", start, end);
    for (size_t k = 0; k < 2 * EM_COUNT(forms) && !path; k++) {
        snprintf(name, sizeof name, "%s%.90s%s", k % 2 ? "Y" : "", id, forms[k / 2]);
        path = em_sounds_get(&s->sounds, name, &n);
    }
    return path;
}

static em_status bad_row(const segments *s, const em_table *t)
{
    return em_fail_at(s->b->err, EM_EFORMAT, em_table_at(t), "is not `id, start, end, \"mid,mid\"`");
}

static em_status add_weak(segments *s, const em_table *t, em_split split)
{
    const em_origin at = em_table_at(t);
    const char *id = t->fields[0], *path;
    double start, end;
    em_status status;
    int clip;

    if (t->n_fields != 4 || !*id || !em_text_number(t->fields[1], &start) || !em_text_number(t->fields[2], &end))
        return bad_row(s, t);
    path = find_sound(s, id, start, end);
    if (!path)
        return em_assembly_missing(s->b, id);
    status = em_assembly_clip(s->b, &clip, path, id, at);
    if (status != EM_OK)
        return status;
    em_assembly_at(s->b, clip)->split = split;
    return em_assembly_list(s->b, clip, t->fields[3], false, at);
}

static em_status read_weak(segments *s, const char *path)
{
    const char *full = em_assembly_path(s->b, path);
    em_status status = full ? EM_OK : em_assembly_no_memory(s->b);
    em_table t = { 0 };
    bool has_row = true;
    int n_rows = 0;

    if (status == EM_OK)
        status = em_table_open(&t, full, s->b->err);
    t.separator = ',';
    t.comment = '#';
    while (status == EM_OK) {
        status = em_table_next(&t, &has_row, s->b->err);
        if (status != EM_OK || !has_row)
            break;
        status = add_weak(s, &t, em_split_of_path(path));
        n_rows++;
    }
    if (status == EM_OK && n_rows == 0)
        status = em_fail(s->b->err, EM_EFORMAT, "%s: names no clips", t.path);
    em_table_deinit(&t);
    return status;
}

/* The clip of a segment: "NAME_30000" is the sound of that name, or of NAME alone. */
static em_status strong_clip(segments *s, int *clip, const char *id, const em_table *t, em_split split)
{
    const int n = s->ids.n, i = em_names_add(&s->ids, s->b->store, id);
    const char *path, *line = strrchr(id, '_');
    char name[128];
    int count;

    if (i < 0)
        return em_assembly_no_memory(s->b);
    if (i == n) {
        if (n == s->clips_room) {
            int *clips = realloc(s->clips, (size_t)s->ids.room * sizeof *clips);

            if (!clips)
                return em_assembly_no_memory(s->b);
            s->clips = clips;
            s->clips_room = s->ids.room;
        }
        s->clips[i] = -1;
        path = em_sounds_get(&s->sounds, id, &count);
        snprintf(name, sizeof name, "%.*s", line && line - id < 100 ? (int)(line - id) : 100, id);
        if (!path)
            path = find_sound(s, name, line ? strtod(line + 1, NULL) / 1000 : 0, 0);
        if (!path)
            return em_assembly_missing(s->b, id);
        if (em_assembly_clip(s->b, &s->clips[i], path, id, em_table_at(t)) != EM_OK)
            return s->b->err->code;
        em_assembly_at(s->b, s->clips[i])->split = split;
        if (!(em_assembly_at(s->b, s->clips[i])->recording = em_store_text(s->b->store, name, strlen(name))))
            return em_assembly_no_memory(s->b);
    }
    *clip = s->clips[i];
    return EM_OK;
}

static em_status add_strong(segments *s, const em_table *t, const int column[4], em_split split)
{
    em_mark mark = { .clip = -1, .kind = EM_FROM_TO };
    const char *id = em_table_field(t, column[0]);
    em_status status;

    if (!*id || !em_text_number(em_table_field(t, column[1]), &mark.onset)
        || !em_text_number(em_table_field(t, column[2]), &mark.offset) || mark.onset < 0 || mark.offset < mark.onset)
        return em_fail_at(s->b->err, EM_EFORMAT, em_table_at(t), "is not segment_id, start, end, label, in seconds");
    status = strong_clip(s, &mark.clip, id, t, split);
    if (status != EM_OK || mark.clip < 0)
        return status;
    status = em_assembly_label(s->b, &mark.label, em_table_field(t, column[3]), NULL, em_table_at(t));
    return status == EM_OK ? em_assembly_mark(s->b, &mark) : status;
}

static em_status read_strong(segments *s, const char *path)
{
    static const char *const names[4] = { "segment_id", "start_time_seconds", "end_time_seconds", "label" };
    const char *full = em_assembly_path(s->b, path);
    em_status status = full ? EM_OK : em_assembly_no_memory(s->b);
    em_table t = { 0 };
    bool has_row = true;
    int column[4];

    em_names_deinit(&s->ids);
    if (status == EM_OK)
        status = em_table_open(&t, full, s->b->err);
    if (status == EM_OK)
        status = em_table_header(&t, s->b->err);
    for (int i = 0; i < 4 && status == EM_OK; i++)
        status = em_table_need(&t, &column[i], names[i], s->b->err);
    while (status == EM_OK) {
        status = em_table_next(&t, &has_row, s->b->err);
        if (status != EM_OK || !has_row)
            break;
        status = add_strong(s, &t, column, em_split_of_path(path));
    }
    em_table_deinit(&t);
    return status;
}

static bool is_weak(const em_place *place, const char *path)
{
    const char *slash = strrchr(path, '/');

    return em_has_ending(path, ".csv") && strstr(slash ? slash + 1 : path, "segments") && (!place->only || strcmp(path, place->only) == 0);
}

static bool is_strong(const em_place *place, const char *path)
{
    return em_has_ending(path, ".tsv") && (!place->only || strcmp(path, place->only) == 0)
           && em_place_has_column(place, path, "segment_id");
}

static bool audioset_fits(const em_place *place)
{
    for (int i = 0; i < place->files.n; i++)
        if (is_weak(place, place->files.paths[i]) || is_strong(place, place->files.paths[i]))
            return true;
    return false;
}

/* The weak lists' classes are the 527. Strong labels have some beyond them: alone, they are what they name. */
static em_status read_all(segments *s, const em_place *place)
{
    em_status status = EM_OK;
    int n_weak = 0;

    for (int i = 0; i < place->files.n; i++)
        n_weak += is_weak(place, place->files.paths[i]);
    if (n_weak > 0)
        status = em_assembly_seed(s->b);
    for (int i = 0; i < place->files.n && status == EM_OK; i++) {
        if (is_weak(place, place->files.paths[i]))
            status = read_weak(s, place->files.paths[i]);
        else if (n_weak == 0 && is_strong(place, place->files.paths[i]))
            status = read_strong(s, place->files.paths[i]);
    }
    return status;
}

static em_status audioset_read(em_assembly *b, const em_place *place)
{
    segments s = { .b = b };
    char shown[EM_SHOWN_PATH];
    em_status status;

    em_shown_path(shown, place->dir);
    if (!audioset_fits(place))
        return em_fail(b->err, EM_EFORMAT, "%s: no *segments*.csv and no .tsv with a column segment_id", shown);
    status = em_sounds_find(&s.sounds, place->dir, b->err);
    if (status == EM_OK && s.sounds.files.n == 0)
        status = em_fail(b->err, EM_EFORMAT, "%s: no sound files are in this folder or below it", shown);
    if (status == EM_OK)
        status = read_all(&s, place);
    em_sounds_deinit(&s.sounds);
    em_names_deinit(&s.ids);
    free(s.clips);
    return status;
}

const em_layout em_layout_audioset = { "audioset", "*segments*.csv", audioset_fits, audioset_read };
