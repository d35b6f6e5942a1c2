/* assembly.c - names to numbers, marks to arrays: see assembly.h. */
#include "train/assembly.h"

#include "base/text.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_JOINED = 8 };           /* pieces between commas that one name may have; AudioSet's have up to 3 */

em_status em_assembly_no_memory(em_assembly *b)
{
    char shown[EM_SHOWN_PATH];

    return em_fail(b->err, EM_ENOMEM, "%s: no memory for the data set", em_shown_path(shown, b->dir));
}

/* An array of n elements with room for one more; *room follows. NULL: no memory, and the old one stays. */
static void *grown(void *array, size_t n, size_t *room, size_t size)
{
    const size_t more = *room ? 2 * *room : 64;
    void *bigger;

    if (n < *room)
        return array;
    bigger = more < PTRDIFF_MAX / size ? realloc(array, more * size) : NULL;
    if (bigger)
        *room = more;
    return bigger;
}

/* The same for arrays counted in int. */
static void *grown_int(void *array, int n, int *room, size_t size)
{
    size_t wide = (size_t)*room;
    void *bigger = n < INT_MAX / 2 ? grown(array, (size_t)n, &wide, size) : NULL;

    if (bigger)
        *room = (int)wide;
    return bigger;
}

static em_status index_known(em_assembly *b)
{
    em_names_deinit(&b->known_names);
    em_names_deinit(&b->known_mids);
    for (int i = 0; i < b->known.n; i++)
        if (em_names_add(&b->known_names, b->store, b->known.names[i]) != i || em_names_add(&b->known_mids, b->store, b->known.mids[i]) < 0)
            return em_assembly_no_memory(b);
    return EM_OK;
}

em_status em_assembly_begin(em_assembly *b, em_dataset *set, const char *dir, const char *const *classes, int n_classes, em_err *err)
{
    em_status status;

    *b = (em_assembly){ .set = set, .store = &set->store, .dir = dir, .err = err };
    status = em_labels_audioset(&b->known, err);
    if (status == EM_OK)
        status = index_known(b);
    for (int i = 0; classes && i < n_classes && status == EM_OK; i++)
        status = em_assembly_class(b, classes[i], i, (em_origin){ "the list of classes", i + 1 });
    if (status == EM_OK && classes) {
        b->is_given = true;
        status = em_assembly_close(b);
    }
    return status;
}

void em_assembly_deinit(em_assembly *b)
{
    em_names_deinit(&b->classes);
    em_names_deinit(&b->known_names);
    em_names_deinit(&b->known_mids);
    em_names_deinit(&b->asked);
    em_labels_deinit(&b->known);
    free(b->ranks);
    free(b->mids);
    free(b->answers);
    free(b->origins);
    free(b->marks);
    *b = (em_assembly){ 0 };
}

static em_status read_known(em_assembly *b, const char *path)
{
    em_labels own;
    em_status status = em_labels_read(&own, path, b->err);

    if (status != EM_OK) {
        em_labels_deinit(&own);
        return status;
    }
    em_labels_deinit(&b->known);
    b->known = own;
    status = index_known(b);
    return status == EM_OK && b->is_closed ? em_assembly_close(b) : status;
}

em_status em_assembly_known(em_assembly *b, const em_place *place)
{
    for (int i = 0; i < place->files.n; i++) {
        const char *path = place->files.paths[i], *full;

        if (strchr(path, '/') || !strstr(path, "class_labels_indices.csv"))
            continue;
        full = em_assembly_path(b, path);
        return full ? read_known(b, full) : em_assembly_no_memory(b);
    }
    return EM_OK;
}

em_status em_assembly_seed(em_assembly *b)
{
    em_status status = EM_OK;

    for (int i = 0; i < b->known.n && status == EM_OK; i++)
        status = em_assembly_class(b, b->known.names[i], i, (em_origin){ "the list of classes", i + 1 });
    return status == EM_OK && !b->is_given ? em_assembly_close(b) : status;
}

static em_status add_class(em_assembly *b, int *out, const char *name, double rank, em_origin at)
{
    char clean[EM_MOST_LABEL + 1];
    const int n = b->classes.n;
    double *ranks;

    if (strlen(name) > EM_MOST_LABEL)
        return em_fail_at(b->err, EM_EFORMAT, at, "the name of a class is longer than %d bytes", EM_MOST_LABEL);
    if (!*em_text_clean(clean, sizeof clean, name))
        return em_fail_at(b->err, EM_EFORMAT, at, "the name of a class is empty");
    ranks = grown_int(b->ranks, n, &b->ranks_room, sizeof *ranks);
    if (ranks)
        b->ranks = ranks;
    *out = ranks ? em_names_add(&b->classes, b->store, clean) : -1;
    if (*out < 0)
        return em_assembly_no_memory(b);
    if (*out < n)
        return EM_OK;
    if (n == EM_MOST_CLASSES)
        return em_fail_at(b->err, EM_EFORMAT, at, "names class %d: %d at most", n + 1, EM_MOST_CLASSES);
    b->ranks[n] = rank;
    return EM_OK;
}

em_status em_assembly_class(em_assembly *b, const char *name, double rank, em_origin at)
{
    const int n = b->classes.n;
    int label;
    em_status status;

    if (b->is_given)
        return EM_OK;
    status = add_class(b, &label, name, rank, at);
    if (status == EM_OK && b->classes.n == n && b->ranks[label] != rank)
        return em_fail_at(b->err, EM_EFORMAT, at, "class \"%.80s\" was there before, with another number", name);
    return status;
}

em_status em_assembly_close(em_assembly *b)
{
    free(b->mids);
    b->mids = calloc((size_t)b->classes.n + 1, sizeof *b->mids);
    if (!b->mids)
        return em_assembly_no_memory(b);
    em_labels_mids(b->mids, &b->known, b->classes.text, b->classes.n);
    b->is_closed = true;
    return EM_OK;
}

/* The display name of a mid that is known, else text itself. */
static const char *display_name(const em_assembly *b, const char *text)
{
    const int i = *text ? em_names_find(&b->known_mids, text) : -1;

    for (int k = i; k >= 0 && k < b->known.n; k++)      /* names without a mid share the mid "": k may lie behind i */
        if (strcmp(b->known.mids[k], text) == 0)
            return b->known.names[k];
    return text;
}

static int find_class(const em_assembly *b, const char *text)
{
    char slug[EM_MOST_LABEL + 3];
    const int i = em_labels_find(b->classes.text, b->mids, b->classes.n, text);

    /* "Acoustic_guitar" is how a set without blanks in its names writes "Acoustic guitar". */
    return i >= 0 ? i : em_labels_find(b->classes.text, NULL, b->classes.n, em_slug(slug, sizeof slug, text));
}

static em_status look_up(em_assembly *b, int *out, const char *text, const char *other, em_origin at)
{
    em_err why = { 0 };

    *out = find_class(b, display_name(b, text));
    if (*out < 0 && other)
        *out = find_class(b, display_name(b, other));
    if (*out >= 0)
        return EM_OK;
    em_labels_resolve(out, b->classes.text, b->mids, b->classes.n, display_name(b, text), &why);
    if (b->is_given)
        return em_fail_at(b->err, EM_EFORMAT, at, "%s of the model's %d classes", why.msg, b->classes.n);
    return em_fail_at(b->err, EM_EFORMAT, at, "%s", why.msg);
}

em_status em_assembly_label(em_assembly *b, int *out, const char *text, const char *other, em_origin at)
{
    const int n = b->asked.n;
    int *answers, i;
    em_status status;

    answers = grown_int(b->answers, n, &b->answers_room, sizeof *answers);
    if (answers)
        b->answers = answers;
    i = answers ? em_names_add(&b->asked, b->store, text) : -1;
    if (i < 0)
        return em_assembly_no_memory(b);
    if (i == n) {
        b->answers[i] = -1;
        if (b->is_closed)
            status = look_up(b, &b->answers[i], text, other, at);
        else
            status = add_class(b, &b->answers[i], display_name(b, text), 0, at);
        if (status != EM_OK)
            return status;
    }
    *out = b->answers[i];
    return EM_OK;
}

char *em_assembly_path(em_assembly *b, const char *path)
{
    return em_path_join(b->store, b->dir, path);
}

/* The origin with its file's name in the store; neighbours share it. */
static const char *keep_file(em_assembly *b, const char *file)
{
    const int n = b->set->n_clips;

    if (n > 0 && strcmp(b->origins[n - 1].file, file) == 0)
        return b->origins[n - 1].file;
    return em_store_text(b->store, file, strlen(file));
}

em_status em_assembly_clip(em_assembly *b, int *out, const char *path, const char *name, em_origin at)
{
    em_dataset *set = b->set;
    int room = b->clips_room;
    em_clip *clips = grown_int(set->clips, set->n_clips, &room, sizeof *clips), *clip;
    em_origin *origins;

    if (clips)
        set->clips = clips;
    room = b->clips_room;
    origins = clips ? grown_int(b->origins, set->n_clips, &room, sizeof *origins) : NULL;
    if (!origins)
        return em_assembly_no_memory(b);
    b->origins = origins;
    b->clips_room = room;
    clip = &set->clips[set->n_clips];
    *clip = (em_clip){ .row = -1, .path = em_assembly_path(b, path), .name = em_store_text(b->store, name, strlen(name)) };
    at.file = keep_file(b, at.file);
    if (!clip->path || !clip->name || !at.file)
        return em_assembly_no_memory(b);
    b->origins[set->n_clips] = at;
    *out = set->n_clips++;
    return EM_OK;
}

em_clip *em_assembly_at(em_assembly *b, int clip)
{
    return &b->set->clips[clip];
}

em_status em_assembly_mark(em_assembly *b, const em_mark *mark)
{
    em_mark *marks = grown(b->marks, b->n_marks, &b->marks_room, sizeof *marks);

    if (!marks)
        return em_assembly_no_memory(b);
    b->marks = marks;
    b->marks[b->n_marks++] = *mark;
    return EM_OK;
}

em_status em_assembly_missing(em_assembly *b, const char *name)
{
    if (b->set->n_missing++ == 0)
        b->set->missing = em_store_text(b->store, name, strlen(name));
    return b->set->missing ? EM_OK : em_assembly_no_memory(b);
}

/* Copies [from, end) without the blanks around it. False: it is too long for a class. */
static bool copy_trimmed(char out[EM_MOST_LABEL + 2], const char *from, const char *end)
{
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (end - from > EM_MOST_LABEL + 1)
        return false;
    memcpy(out, from, (size_t)(end - from));
    out[end - from] = '\0';
    return true;
}

static bool is_known(const em_assembly *b, const char *name)
{
    return em_names_find(&b->known_names, name) >= 0 || em_names_find(&b->classes, name) >= 0;
}

/* The end of the name that begins at `from`: of the longest known one that ends before a comma, else of the first piece. */
static const char *name_end(const em_assembly *b, const char *from, char separator)
{
    const char *first = from + strcspn(from, (char[]){ separator, '\0' }), *end = first, *longest = first;
    char name[EM_MOST_LABEL + 2];

    for (int i = 1; separator == ',' && *end && i < MOST_JOINED; i++) {
        end++;
        end += strcspn(end, ",");
        if (copy_trimmed(name, from, end) && is_known(b, name))
            longest = end;
    }
    return longest;
}

em_status em_assembly_list(em_assembly *b, int clip, const char *list, bool has_signs, em_origin at)
{
    const char separator = strchr(list, '|') ? '|' : strchr(list, ';') ? ';' : ',';
    char name[EM_MOST_LABEL + 2];
    em_status status = EM_OK;

    for (const char *from = list, *end; *from && status == EM_OK; from = end + (*end != '\0')) {
        em_mark mark = { .clip = clip, .kind = EM_HEARD };
        bool is_negative;

        end = name_end(b, from, separator);
        if (!copy_trimmed(name, from, end))
            return em_fail_at(b->err, EM_EFORMAT, at, "the name of a class is longer than %d bytes", EM_MOST_LABEL);
        if (!*name)
            continue;
        is_negative = has_signs && name[0] == '-' && name[1];
        mark.kind = is_negative ? EM_NOT_HEARD : EM_HEARD;
        status = em_assembly_label(b, &mark.label, name + is_negative, NULL, at);
        if (status == EM_OK)
            status = em_assembly_mark(b, &mark);
    }
    return status;
}

static const struct split_word { const char *word; em_split split; } split_words[] = {
    { "unbalanced", EM_SPLIT_TRAIN }, { "balanced", EM_SPLIT_TRAIN },
    { "training", EM_SPLIT_TRAIN }, { "train", EM_SPLIT_TRAIN }, { "dev", EM_SPLIT_TRAIN },
    { "validation", EM_SPLIT_VALID }, { "valid", EM_SPLIT_VALID }, { "val", EM_SPLIT_VALID },
    { "testing", EM_SPLIT_TEST }, { "test", EM_SPLIT_TEST }, { "evaluation", EM_SPLIT_TEST }, { "eval", EM_SPLIT_TEST },
    { "public", EM_SPLIT_TEST },
};

bool em_split_of_word(em_split *out, const char *word)
{
    *out = EM_SPLIT_NONE;
    if (!*word)
        return true;
    for (size_t i = 0; i < EM_COUNT(split_words); i++)
        if (strcasecmp(word, split_words[i].word) == 0) {
            *out = split_words[i].split;
            return true;
        }
    return false;
}

em_split em_split_of_path(const char *path)
{
    static const char between[] = "/._- ";
    char word[32];
    em_split split;

    for (size_t n; *path; path += n + (path[n] != '\0')) {
        n = strcspn(path, between);
        if (n == 0 || n >= sizeof word)
            continue;
        memcpy(word, path, n);
        word[n] = '\0';
        if (em_split_of_word(&split, word))
            return split;
    }
    return EM_SPLIT_NONE;
}
