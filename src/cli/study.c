/* study.c - see study.h. */
#include "cli/study.h"

#include "base/pool.h"
#include "base/sha256.h"
#include "model/safetensors.h"

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

/* A clip's own draw, from its name: the same clips whatever else the set holds. FNV-1a. */
static double draw_of(const char *name)
{
    uint64_t hash = 14695981039346656037u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    return (double)(hash >> 40) / (1 << 24);
}

/* Clips of the classes that --alone names. */
static em_status mark_alone(em_study *s, const em_options *o, em_err *err)
{
    for (int i = 0; i < o->train.alone.n; i++) {
        int class;
        const em_status status = em_labels_resolve(&class, (const char *const *)s->set->classes, NULL, s->set->n_classes, o->train.alone.list[i], err);

        if (status != EM_OK)
            return status;
        for (int k = 0; k < s->set->n_clips; k++)
            for (int l = 0; l < s->set->clips[k].n_labels; l++)
                s->set->clips[k].is_alone |= s->set->clips[k].labels[l] == class;
    }
    return EM_OK;
}

em_status em_study_split(em_study *s, const em_options *o, em_err *err)
{
    for (int i = 0; i < s->set->n_clips; i++) {
        const em_clip *c = &s->set->clips[i];
        const bool is_held_out = (o->train.fold > 0 && c->fold == o->train.fold) || c->split == EM_SPLIT_TEST;
        const bool is_valid = c->split == EM_SPLIT_VALID || (c->split == EM_SPLIT_NONE && draw_of(c->name) < o->train.val_split);

        if (!is_held_out && is_valid)
            s->valid[s->n_valid++] = i;
        else if (!is_held_out)
            s->clips[s->n_clips++] = i;
    }
    if (mark_alone(s, o, err) != EM_OK)
        return EM_EINVAL;
    return s->n_clips > 0 ? EM_OK : em_fail(err, EM_EFORMAT, "%s: no clip is left to learn from", o->train.data);
}

static em_split split_of(const char *name)
{
    return strcmp(name, "train") == 0 ? EM_SPLIT_TRAIN : strcmp(name, "valid") == 0 ? EM_SPLIT_VALID : EM_SPLIT_TEST;
}

em_status em_study_pick(em_study *s, const em_options *o, em_err *err)
{
    const em_split wanted = split_of(o->train.split);
    bool has_split = false;

    for (int i = 0; i < s->set->n_clips; i++)
        has_split |= s->set->clips[i].split == wanted;
    for (int i = 0; i < s->set->n_clips; i++) {
        const em_clip *c = &s->set->clips[i];

        if (o->train.fold > 0 ? c->fold == o->train.fold : c->split == wanted || (!has_split && wanted == EM_SPLIT_TEST))
            s->clips[s->n_clips++] = i;
    }
    if (s->n_clips > 0)
        return EM_OK;
    if (o->train.fold > 0)
        return em_fail(err, EM_EFORMAT, "%s: there is no clip of fold %d", o->train.data, o->train.fold);
    return em_fail(err, EM_EFORMAT, "%s: names no clip of the split %s", o->train.data, o->train.split);
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

em_status em_study_listen(em_study *s, const em_options *o, const em_config *cfg, em_err *err)
{
    const int n = o->threads ? o->threads : em_cpu_count();

    return em_features_new(&s->features, s->set, cfg, n < EM_MOST_DECODERS ? n : EM_MOST_DECODERS, (size_t)o->train.cache_mb, err);
}
