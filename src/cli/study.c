/* study.c - see study.h. */
#include "cli/study.h"

#include "base/log.h"
#include "base/pool.h"
#include "base/sha256.h"
#include "model/safetensors.h"
#include "train/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

em_status em_study_open(em_study *s, const em_options *o, char *const *classes, int n_classes, em_err *err)
{
    em_status status = EM_OK;

    *s = (em_study){ 0 };
    if (!o->train.data)
        return em_fail(err, EM_EINVAL, "which data? --data DIR names them");
    if (!classes && strcmp(o->train.label_set, "audioset") == 0) {
        status = em_labels_audioset(&s->labels, err);
        classes = s->labels.names;
        n_classes = s->labels.n;
    }
    if (status == EM_OK)
        status = em_dataset_open(&s->set, o->train.data, o->train.layout, (const char *const *)classes, n_classes, err);
    if (status != EM_OK)
        return status;
    s->clips = calloc((size_t)s->set->n_clips + 1, sizeof *s->clips);
    s->valid = calloc((size_t)s->set->n_clips + 1, sizeof *s->valid);
    return s->clips && s->valid ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the data set");
}

void em_study_close(em_study *s)
{
    em_features_free(s->features);
    em_dataset_free(s->set);
    em_labels_deinit(&s->labels);
    free(s->clips);
    free(s->valid);
    *s = (em_study){ 0 };
}

/* Clips of the classes that --alone names. */
static em_status mark_alone(em_study *s, const em_options *o, em_err *err)
{
    for (int i = 0; i < o->train.alone.n; i++) {
        const char *const *classes = (const char *const *)s->set->classes;
        int class;
        const em_status status = em_labels_resolve(&class, classes, NULL, s->set->n_classes, o->train.alone.list[i], err);

        if (status != EM_OK)
            return status;
        for (int k = 0; k < s->set->n_clips; k++)
            for (int l = 0; l < s->set->clips[k].n_labels; l++)
                s->set->clips[k].is_alone |= s->set->clips[k].labels[l] == class;
    }
    return EM_OK;
}

/* "1, 2, 5", cut off where there is no room; "": the data have none. */
static void list_folds(char *out, size_t room, const em_dataset *set)
{
    size_t n = 0;
    int fold = 0, next;

    *out = '\0';
    do {
        next = 0;
        for (int i = 0; i < set->n_clips; i++)
            if (set->clips[i].fold > fold && (next == 0 || set->clips[i].fold < next))
                next = set->clips[i].fold;
        if (next > 0)
            n += (size_t)snprintf(out + n, room - n, n > 0 ? ", %d" : "%d", next);
        fold = next;
    } while (next > 0 && n + sizeof ", 1000" <= room);
}

/* A fold that is not there would hold nothing out, without a word. */
static em_status check_fold(const em_study *s, const em_options *o, em_err *err)
{
    char folds[100];

    if (o->train.fold == 0)
        return EM_OK;
    for (int i = 0; i < s->set->n_clips; i++)
        if (s->set->clips[i].fold == o->train.fold)
            return EM_OK;
    list_folds(folds, sizeof folds, s->set);
    return em_fail(err, EM_EFORMAT, *folds ? "%s: there is no clip of fold %d; its folds: %s" : "%s: there is no clip of fold %d: it has no folds",
                   o->train.data, o->train.fold, folds);
}

static bool is_held_out(const em_clip *c, const em_options *o)
{
    return c->split == EM_SPLIT_TEST || (o->train.fold > 0 && c->fold == o->train.fold);
}

/* is_valid[n_clips]: of the layout's own split, or drawn. */
static em_status find_valid(em_study *s, bool *is_valid, const em_options *o, em_err *err)
{
    const int n = s->set->n_clips;
    bool *may = calloc((size_t)n + 1, sizeof *may), is_named = false;
    em_status status = may ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the data set");
    int n_without = 0;

    for (int i = 0; i < n && may; i++) {
        may[i] = !is_held_out(&s->set->clips[i], o);
        is_valid[i] = may[i] && s->set->clips[i].split == EM_SPLIT_VALID;
        is_named |= is_valid[i];
    }
    if (status == EM_OK && is_named && o->train.val_split > 0)
        em_log(EM_LOG_INFO, "%s names clips to validate on: --val-split takes no others", o->train.data);
    if (status == EM_OK && !is_named && o->train.val_split > 0)
        status = em_split_draw(is_valid, &n_without, s->set, may, o->train.val_split, err);
    if (n_without > 0)
        em_log(EM_LOG_INFO, "%d classes are of one recording each, which is learnt from: they have nothing to validate on", n_without);
    if (is_named)
        snprintf(s->valid_name, sizeof s->valid_name, "the data's own clips to validate on");
    else
        snprintf(s->valid_name, sizeof s->valid_name, "%g of the clips to learn from, set apart", o->train.val_split);
    free(may);
    return status;
}

em_status em_study_split(em_study *s, const em_options *o, em_err *err)
{
    bool *is_valid = calloc((size_t)s->set->n_clips + 1, sizeof *is_valid);
    em_status status = is_valid ? check_fold(s, o, err) : em_fail(err, EM_ENOMEM, "no memory for the data set");

    if (status == EM_OK)
        status = find_valid(s, is_valid, o, err);
    for (int i = 0; i < s->set->n_clips && status == EM_OK; i++) {
        if (is_valid[i])
            s->valid[s->n_valid++] = i;
        else if (!is_held_out(&s->set->clips[i], o))
            s->clips[s->n_clips++] = i;
    }
    free(is_valid);
    if (status == EM_OK)
        status = mark_alone(s, o, err);
    if (status == EM_OK && s->n_clips == 0)
        status = em_fail(err, EM_EFORMAT, "%s: no clip is left to learn from", o->train.data);
    return status;
}

static em_split split_of(const char *name)
{
    return strcmp(name, "train") == 0 ? EM_SPLIT_TRAIN : strcmp(name, "valid") == 0 ? EM_SPLIT_VALID : EM_SPLIT_TEST;
}

/* As --train with the same options splits them. */
static em_status pick_drawn(em_study *s, const em_options *o, em_split wanted, em_err *err)
{
    const em_status status = em_study_split(s, o, err);

    if (wanted == EM_SPLIT_VALID) {
        s->n_clips = s->n_valid;
        memcpy(s->clips, s->valid, (size_t)s->n_valid * sizeof *s->clips);
        snprintf(s->name, sizeof s->name, "%s", s->valid_name);
    } else {
        snprintf(s->name, sizeof s->name, "the clips to learn from");
    }
    return status;
}

static em_status pick_named(em_study *s, const em_options *o, em_split wanted, em_err *err)
{
    bool has_split = false;

    for (int i = 0; i < s->set->n_clips; i++)
        has_split |= s->set->clips[i].split == wanted;
    for (int i = 0; i < s->set->n_clips; i++) {
        const em_clip *c = &s->set->clips[i];

        if (o->train.fold > 0 ? c->fold == o->train.fold : c->split == wanted || (!has_split && wanted == EM_SPLIT_TEST))
            s->clips[s->n_clips++] = i;
    }
    s->is_test = o->train.fold > 0 || (has_split && wanted == EM_SPLIT_TEST);
    if (o->train.fold > 0)
        snprintf(s->name, sizeof s->name, "fold %d", o->train.fold);
    else
        snprintf(s->name, sizeof s->name, has_split ? "the data's %s clips" : "all clips", o->train.split);
    return check_fold(s, o, err);
}

em_status em_study_pick(em_study *s, const em_options *o, em_err *err)
{
    const em_split wanted = split_of(o->train.split);
    const bool is_drawn = o->train.val_split > 0 && wanted != EM_SPLIT_TEST;
    const em_status status = is_drawn ? pick_drawn(s, o, wanted, err) : pick_named(s, o, wanted, err);

    if (status == EM_OK && s->n_clips == 0)
        return em_fail(err, EM_EFORMAT, "%s: names no clip of the split %s", o->train.data, o->train.split);
    return status;
}

static em_status hash_file(char out[EM_SHA256_CHARS], const char *path, em_err *err)
{
    em_st *st;
    em_status status = em_st_open(&st, path, err);

    if (status == EM_OK)
        status = em_st_hash(st, out, err);
    em_st_close(st);
    return status;
}

static void add_clips(em_sha256 *hash, const em_dataset *set, const int *clips, int n)
{
    for (int i = 0; i < n; i++) {
        const em_clip *c = &set->clips[clips[i]];

        em_sha256_add(hash, c->name, strlen(c->name) + 1);
        em_sha256_add(hash, c->labels, (size_t)c->n_labels * sizeof *c->labels);
        em_sha256_add(hash, "alone", c->is_alone ? strlen("alone") : 0);
    }
}

em_status em_study_identify(char **out, const em_study *s, const char *init_hash, bool has_priors, const char *kd, em_err *err)
{
    em_sha256 hash;
    char text[EM_SHA256_CHARS], teacher[EM_SHA256_CHARS] = "";

    *out = NULL;
    if (kd && hash_file(teacher, kd, err) != EM_OK)
        return EM_EIO;
    em_sha256_init(&hash);
    add_clips(&hash, s->set, s->clips, s->n_clips);
    add_clips(&hash, s->set, s->valid, s->n_valid);
    em_sha256_text(&hash, text);
    if (asprintf(out, "%d clips %s, %d to validate on, init %s%s, kd %s", s->n_clips, text, s->n_valid, init_hash, has_priors ? " with priors" : "",
                 teacher) >= 0)
        return EM_OK;
    *out = NULL;
    return em_fail(err, EM_ENOMEM, "no memory for training");
}

em_status em_study_listen(em_study *s, const em_options *o, const em_config *cfg, const em_features_device *device, em_err *err)
{
    const int n = o->threads ? o->threads : em_cpu_count();
    const int n_threads = n < EM_MOST_DECODERS ? n : EM_MOST_DECODERS;
    const em_status status = em_features_new(&s->features, s->set, cfg, device, n_threads, (size_t)o->train.cache_mb, err);

    if (status == EM_OK && em_features_note(s->features))
        em_log(EM_LOG_INFO, "%s", em_features_note(s->features));
    return status;
}
