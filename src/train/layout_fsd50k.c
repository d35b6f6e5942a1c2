/* layout_fsd50k.c - FSD50K: ground_truth/dev.csv (fname,labels,mids,split) and eval.csv (fname,labels,mids), the classes in
 * vocabulary.csv (index,label,mid, no header), sounds in dev_audio/ and eval_audio/; with or without "FSD50K." before each. */
#include "train/assembly.h"

#include <string.h>

typedef struct part { const char *file, *audio; em_split split; } part;

static const part parts[] = {
    { "dev.csv",  "dev_audio",  EM_SPLIT_TRAIN },       /* dev has a column split, train or val */
    { "eval.csv", "eval_audio", EM_SPLIT_TEST },
};

static const char *const prefixes[] = { "FSD50K.", "" };

static const char *prefix_of(const em_place *place)
{
    char path[64];

    for (size_t i = 0; i < EM_COUNT(prefixes) && !place->only; i++) {
        snprintf(path, sizeof path, "%sground_truth/vocabulary.csv", prefixes[i]);
        if (em_place_file(place, path))
            return prefixes[i];
    }
    return NULL;
}

static bool fsd50k_fits(const em_place *place)
{
    return prefix_of(place) != NULL;
}

static em_status open_table(em_assembly *b, em_table *t, const char *prefix, const char *file)
{
    char path[64];
    const char *full;

    *t = (em_table){ 0 };
    snprintf(path, sizeof path, "%sground_truth/%s", prefix, file);
    full = em_assembly_path(b, path);
    return full ? em_table_open(t, full, b->err) : em_assembly_no_memory(b);
}

static em_status read_vocabulary(em_assembly *b, const char *prefix)
{
    em_table t;
    em_status status = open_table(b, &t, prefix, "vocabulary.csv");
    bool has_row = true;
    int n = 0;

    while (status == EM_OK) {
        double index;

        status = em_table_next(&t, &has_row, b->err);
        if (status != EM_OK || !has_row)
            break;
        if (t.n_fields != 3 || !em_text_number(t.fields[0], &index) || index != n)
            status = em_fail_at(b->err, EM_EFORMAT, em_table_at(&t), "is not `%d,label,mid`", n);
        else
            status = em_assembly_class(b, t.fields[1], n++, em_table_at(&t));
    }
    if (status == EM_OK && n == 0)
        status = em_fail(b->err, EM_EFORMAT, "%s: names no class", t.path);
    em_table_deinit(&t);
    return status == EM_OK && !b->is_given ? em_assembly_close(b) : status;
}

/* Takes the next of a comma list off *list, which is changed; NULL: no more. */
static char *next_piece(char **list)
{
    char *piece = *list ? *list + strspn(*list, " ") : NULL, *comma = piece ? strchr(piece, ',') : NULL;

    if (comma)
        *comma = '\0';
    *list = comma ? comma + 1 : NULL;
    return piece && *piece ? piece : NULL;
}

/* Labels and mids say the same in the same order. */
static em_status add_labels(em_assembly *b, int clip, char *labels, char *mids, em_origin at)
{
    em_status status = EM_OK;
    char *label, *mid;

    while (status == EM_OK && (label = next_piece(&labels))) {
        em_mark mark = { .clip = clip };

        mid = next_piece(&mids);
        status = em_assembly_label(b, &mark.label, label, mid, at);
        if (status == EM_OK)
            status = em_assembly_mark(b, &mark);
    }
    return status;
}

static em_status add_row(em_assembly *b, const em_table *t, const int column[4], const part *p, const char *audio)
{
    const em_origin at = em_table_at(t);
    const char *fname = em_table_field(t, column[0]), *split = em_table_field(t, column[3]);
    char path[512];
    em_status status;
    int clip;

    if (!*fname || strlen(fname) > 255)
        return em_fail_at(b->err, EM_EFORMAT, at, "the fname is empty or too long");
    snprintf(path, sizeof path, "%s/%s%s", audio, fname, em_is_sound_name(fname) ? "" : ".wav");
    status = em_assembly_clip(b, &clip, path, fname, at);
    if (status != EM_OK)
        return status;
    if (!em_split_of_word(&em_assembly_at(b, clip)->split, split))
        return em_fail_at(b->err, EM_EFORMAT, at, "split \"%.40s\" is not train or val", split);
    if (!*split)
        em_assembly_at(b, clip)->split = p->split;
    return add_labels(b, clip, t->fields[column[1]], column[2] < 0 ? NULL : t->fields[column[2]], at);
}

static em_status read_part(em_assembly *b, const char *prefix, const part *p)
{
    em_table t;
    em_status status = open_table(b, &t, prefix, p->file);
    char audio[64];
    bool has_row = true;
    int column[4];

    snprintf(audio, sizeof audio, "%s%s", prefix, p->audio);
    if (status == EM_OK)
        status = em_table_header(&t, b->err);
    if (status == EM_OK)
        status = em_table_need(&t, &column[0], "fname", b->err);
    if (status == EM_OK)
        status = em_table_need(&t, &column[1], "labels", b->err);
    if (status == EM_OK) {
        column[2] = em_table_column(&t, "mids");
        column[3] = em_table_column(&t, "split");
    }
    while (status == EM_OK) {
        status = em_table_next(&t, &has_row, b->err);
        if (status != EM_OK || !has_row)
            break;
        status = add_row(b, &t, column, p, audio);
    }
    em_table_deinit(&t);
    return status;
}

/* Either part may be all that somebody has, but not neither. */
static em_status read_parts(em_assembly *b, const char *prefix)
{
    char audio[64], shown[EM_SHOWN_PATH];
    em_status status = EM_OK;
    int n = 0;

    for (size_t i = 0; i < EM_COUNT(parts) && status == EM_OK; i++) {
        const char *full;

        snprintf(audio, sizeof audio, "%s%s", prefix, parts[i].audio);
        full = em_assembly_path(b, audio);
        if (!full)
            return em_assembly_no_memory(b);
        if (!em_is_folder(full))
            continue;
        status = read_part(b, prefix, &parts[i]);
        n++;
    }
    if (status == EM_OK && n == 0)
        status = em_fail(b->err, EM_EFORMAT, "%s: neither folder of sounds is there: %sdev_audio, %seval_audio",
                         em_shown_path(shown, b->dir), prefix, prefix);
    return status;
}

static em_status fsd50k_read(em_assembly *b, const em_place *place)
{
    const char *prefix = prefix_of(place);
    char shown[EM_SHOWN_PATH];
    em_status status;

    if (!prefix)
        return em_fail(b->err, EM_EFORMAT, "%s: FSD50K.ground_truth/vocabulary.csv is missing", em_shown_path(shown, place->dir));
    status = read_vocabulary(b, prefix);
    return status == EM_OK ? read_parts(b, prefix) : status;
}

const em_layout em_layout_fsd50k = { "fsd50k", "FSD50K.ground_truth/", fsd50k_fits, fsd50k_read };
