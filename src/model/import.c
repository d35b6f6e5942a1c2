/* import.c - matches a checkpoint's tensors with those of our configuration, reshapes what is only spelled otherwise,
 * and accounts for each: loaded, skipped or fresh. See import.h. */
#include "model/import.h"

#include "base/text.h"
#include "model/import_names.h"
#include "model/labels.h"
#include "model/params.h"
#include "model/safetensors_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct import {
    const em_import_cfg *cfg;
    const char          *path;
    em_import_counts     counts;
    em_checkpoint       *checkpoint;
    em_import_names      names;
    em_config            config;
    em_params            params;
    float               *block;     /* [params.n_total] */
    em_labels            labels;
    em_card              card;
} import;

static void report(import *im, em_import_what what, const char *name)
{
    char shown[EM_ST_MAX_NAME + 1];
    int *counts[] = { [EM_IMPORT_LOADED] = &im->counts.loaded, [EM_IMPORT_SKIPPED] = &im->counts.skipped, [EM_IMPORT_FRESH] = &im->counts.fresh };

    ++*counts[what];
    if (im->cfg->report)
        im->cfg->report(im->cfg->ctx, what, em_text_clean(shown, sizeof shown, name));
}

/* The dimensions that are not 1: a linear layer stored as a 1x1 convolution is still that layer. */
static int squeezed(int64_t out[EM_ST_RANK], const int64_t *shape, int rank)
{
    int n = 0;

    for (int i = 0; i < rank; i++)
        if (shape[i] != 1)
            out[n++] = shape[i];
    return n;
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), n_suffix = strlen(suffix);

    return n >= n_suffix && !strcmp(s + n - n_suffix, suffix);
}

static bool is_same_shape(const em_param *p, const em_checkpoint_tensor *t)
{
    int64_t ours[EM_ST_RANK], theirs[EM_ST_RANK];
    int n_ours = squeezed(ours, p->shape, p->rank), n_theirs = squeezed(theirs, t->shape, t->rank);

    if (t->n != p->n)
        return false;
    /* As layers of their own, the projections of the four directions stand below each other in one matrix. */
    if (has_suffix(p->name, "x_proj_weight") || has_suffix(p->name, "dt_projs_weight"))
        return true;
    return n_ours == n_theirs && !memcmp(ours, theirs, (size_t)n_ours * sizeof *ours);
}

static const char *shape_text(char out[64], const int64_t *shape, int rank)
{
    size_t n = 0;

    out[0] = '\0';
    for (int i = 0; i < rank && n < 64; i++)
        n += (size_t)snprintf(out + n, 64 - n, "%s%lld", i ? "x" : "", (long long)shape[i]);
    return out;
}

static em_status wrong_shape(const import *im, const em_param *p, const em_checkpoint_tensor *t, em_err *err)
{
    char shown[EM_ST_SHOWN], ours[64], theirs[64];

    return em_fail(err, EM_ESHAPE, "%s: tensor %s: is %s, and the others ask for %s", im->path, em_st_shown(shown, t->name),
                   shape_text(theirs, t->shape, t->rank), shape_text(ours, p->shape, p->rank));
}

/* Three input planes become one: [c][3][k*k] -> [c][1][k*k]. */
static em_status load_embed(import *im, const em_param *p, const em_checkpoint_tensor *t, em_err *err)
{
    size_t n_plane = (size_t)(p->shape[2] * p->shape[3]);
    float *planes, *dst = im->block + p->offset, scale = im->cfg->mean_embed ? 1.0f / 3.0f : 1.0f;
    em_status status;

    if (t->rank != 4 || t->n != 3 * p->n || t->shape[0] != p->shape[0] || t->shape[1] != 3)
        return wrong_shape(im, p, t, err);
    planes = malloc(t->n * sizeof *planes);
    if (!planes)
        return em_fail(err, EM_ENOMEM, "%s: no memory", im->path);
    status = em_checkpoint_read(im->checkpoint, t, planes, err);
    for (size_t i = 0; status == EM_OK && i < p->n; i++) {
        const float *x = planes + i / n_plane * 3 * n_plane + i % n_plane;

        dst[i] = (x[0] + x[n_plane] + x[2 * n_plane]) * scale;
    }
    free(planes);
    return status;
}

static em_status load_one(import *im, const em_param *p, em_rng *rng, em_err *err)
{
    em_import_entry *e = em_import_find(&im->names, "%s", p->name);
    em_status status;

    if (!e && im->counts.can_tag)
        return em_fail(err, EM_EFORMAT, "%s: tensor %s is missing: without it the model cannot tag", im->path, p->name);
    if (!e) {
        em_param_fill(p, im->block + p->offset, rng);
        report(im, EM_IMPORT_FRESH, p->name);
        return EM_OK;
    }
    if (!strcmp(p->name, "patch_embed.0.weight") && e->t->rank == 4 && e->t->shape[1] == 3)
        status = load_embed(im, p, e->t, err);
    else
        status = is_same_shape(p, e->t) ? em_checkpoint_read(im->checkpoint, e->t, im->block + p->offset, err) : wrong_shape(im, p, e->t, err);
    if (status == EM_OK) {
        e->is_used = true;
        report(im, EM_IMPORT_LOADED, e->t->name);
    }
    return status;
}

static em_status load_all(import *im, em_err *err)
{
    em_status status = em_params_list(&im->params, &im->config, err);
    em_rng rng = { 1 };                                 /* the same file from the same checkpoint */

    if (status != EM_OK)
        return status;
    if (im->params.n_total > EM_ST_MAX_FILE / sizeof(float))
        return em_fail(err, EM_EUNSUPPORTED, "%s: %zu numbers are too many for a model file", im->path, im->params.n_total);
    im->block = calloc(im->params.n_total, sizeof *im->block);
    if (!im->block)
        return em_fail(err, EM_ENOMEM, "%s: no memory for %zu numbers", im->path, im->params.n_total);
    for (int i = 0; i < im->params.n && status == EM_OK; i++)
        status = load_one(im, &im->params.list[i], &rng, err);
    for (int i = 0; i < im->names.n && status == EM_OK; i++)
        if (!im->names.list[i].is_used)
            report(im, EM_IMPORT_SKIPPED, im->names.list[i].t->name);
    if (status == EM_OK && im->counts.loaded == 0)
        status = em_fail(err, EM_EFORMAT, "%s: not one of its %d tensors could be loaded", im->path, im->names.n);
    return status;
}

/* The model's name: as asked for, or the file's without folder and ending. It goes into JSON, so it is cleaned. */
static void name_of(char out[EM_ST_SHOWN], const import *im)
{
    const char *slash = strrchr(im->path, '/'), *base = im->cfg->name ? im->cfg->name : slash ? slash + 1 : im->path;
    char *dot;

    em_text_clean(out, EM_ST_SHOWN, base);
    dot = im->cfg->name ? NULL : strrchr(out, '.');
    if (dot && dot > out)
        *dot = '\0';
}

static em_status make_card(import *im, em_err *err)
{
    const em_import_entry *embed = em_import_find(&im->names, "patch_embed.0.weight");
    char hash[EM_SHA256_CHARS], name[EM_ST_SHOWN];
    em_card *card = &im->card;
    int n = im->config.n_classes;
    em_status status = em_checkpoint_hash(im->checkpoint, hash, err);

    if (status == EM_OK && n > 0)
        status = em_labels_audioset(&im->labels, err);
    if (status != EM_OK)
        return status;
    name_of(name, im);
    card->name = strdup(name);
    if (asprintf(&card->provenance, "imported from a checkpoint with SHA-256 %s%s", hash,
                 embed->t->shape[1] == 1 ? "" : im->cfg->mean_embed ? ", its three input channels averaged" : ", its three input channels added") < 0)
        card->provenance = NULL;
    card->trained = calloc((size_t)n + 1, sizeof *card->trained);
    card->n_trained = n;
    card->labels = calloc((size_t)n + 1, sizeof *card->labels);
    if (!card->name || !card->provenance || !card->trained || !card->labels)
        return em_fail(err, EM_ENOMEM, "%s: no memory", im->path);
    for (int i = 0; i < n; i++) {
        card->trained[i] = i;
        card->labels[i] = strdup(im->labels.names[i]);
        if (!card->labels[i])
            return em_fail(err, EM_ENOMEM, "%s: no memory", im->path);
    }
    return EM_OK;
}

static em_status write_model(import *im, const char *out_path, em_err *err)
{
    char *json = em_config_write(&im->config, &im->card);
    em_st_out *tensors = calloc((size_t)im->params.n, sizeof *tensors);
    const char *key = "earmark", *value = json;
    em_status status;

    if (!json || !tensors) {
        status = em_fail(err, EM_ENOMEM, "%s: no memory", out_path);
    } else {
        for (int i = 0; i < im->params.n; i++) {
            const em_param *p = &im->params.list[i];
            tensors[i] = (em_st_out){ .name = p->name, .rank = p->rank, .shape = p->shape, .data = im->block + p->offset };
        }
        status = em_st_write(out_path, tensors, im->params.n, &key, &value, 1, err);
    }
    free(tensors);
    free(json);
    return status;
}

static em_status check_paths(const import *im, const char *out_path, em_err *err)
{
    struct stat in, out;

    if (stat(im->path, &in) == 0 && stat(out_path, &out) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return em_fail(err, EM_EINVAL, "%s: would be overwritten by its own import: name another output", im->path);
    if (em_checkpoint_is_model(im->checkpoint))
        return em_fail(err, EM_EINVAL, "%s: is a model file already and needs no import", im->path);
    return EM_OK;
}

em_status em_import(em_import_counts *counts, const char *in_path, const char *out_path, const em_import_cfg *cfg, em_err *err)
{
    import im = { .cfg = cfg, .path = in_path };
    em_status status = em_checkpoint_open(&im.checkpoint, in_path, err);

    if (status == EM_OK)
        status = check_paths(&im, out_path, err);
    if (status == EM_OK)
        status = em_import_names_make(&im.names, im.checkpoint, err);
    if (status == EM_OK)
        status = em_import_config(&im.config, &im.names, in_path, err);
    im.counts.can_tag = im.config.n_classes > 0;
    if (status == EM_OK)
        status = load_all(&im, err);
    if (status == EM_OK)
        status = make_card(&im, err);
    im.counts.is_converted = status == EM_OK;
    if (status == EM_OK)
        status = write_model(&im, out_path, err);
    if (counts)
        *counts = im.counts;
    em_card_deinit(&im.card);
    em_labels_deinit(&im.labels);
    em_params_deinit(&im.params);
    em_import_names_deinit(&im.names);
    em_checkpoint_close(im.checkpoint);
    free(im.block);
    return status;
}
