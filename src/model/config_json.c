/* The metadata string of a model file, in and out. One table holds every number and choice: its key, its type, its
 * range, when it is needed, and the words of a choice; reading, checking and writing walk it. The text around the
 * numbers (labels, trained classes, thresholds, provenance) is in card.c. */
#include "model/config.h"

#include "base/text.h"
#include "model/card.h"

#include <jansson.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, MOST_WORDS = 3 };

typedef enum kind { INT, INT4, REAL, BOOL, WORD } kind;
typedef enum when { ALWAYS, WITH_KALDI, WITH_ATTENTION, WITH_SS, WITH_SOFTMAX } when;

typedef struct field {
    const char *key;
    kind        kind;
    when        when;               /* needed then, and checked only then          */
    size_t      offset;             /* in em_config                                */
    double      least, most;        /* of numbers, inclusive                       */
    const char *words[MOST_WORDS];  /* of a choice, in the order of its enum       */
} field;

#define AT(member) offsetof(em_config, member)

static const field fields[] = {
    { "sample_rate", INT,  ALWAYS,         AT(sample_rate),   8000, 48000, { NULL } },
    { "frontend",    WORD, ALWAYS,         AT(frontend),      0, 0, { "htsat", "kaldi" } },
    { "fit",         WORD, ALWAYS,         AT(fit),           0, 0, { "pad", "stretch", "exact" } },
    { "mels",        INT,  ALWAYS,         AT(n_mels),        32, 512, { NULL } },
    { "frames",      INT,  ALWAYS,         AT(n_frames),      32, 16384, { NULL } },
    { "fold",        INT,  ALWAYS,         AT(fold),          1, 4, { NULL } },
    { "mean",        REAL, WITH_KALDI,     AT(mean),          -1e3, 1e3, { NULL } },
    { "std",         REAL, WITH_KALDI,     AT(std),           1e-3, 1e3, { NULL } },
    { "patch_embed", WORD, ALWAYS,         AT(embed),         0, 0, { "v1", "v2" } },
    { "downsample",  WORD, ALWAYS,         AT(down),          0, 0, { "v1", "v2", "v3" } },
    { "block",       WORD, ALWAYS,         AT(block),         0, 0, { "ss2d", "swin", "ss2d+attn" } },
    { "dims",        INT4, ALWAYS,         AT(dims),          8, 4096, { NULL } },
    { "depths",      INT4, ALWAYS,         AT(depths),        1, 128, { NULL } },
    { "gate",        BOOL, WITH_SS,        AT(has_gate),      0, 1, { NULL } },
    { "d_state",     INT,  WITH_SS,        AT(d_state),       1, 256, { NULL } },
    { "ssm_ratio",   REAL, WITH_SS,        AT(ssm_ratio),     0.0625, 4, { NULL } },
    { "conv_bias",   BOOL, WITH_SS,        AT(has_conv_bias), 0, 1, { NULL } },
    { "mlp_ratio",   REAL, WITH_SS,        AT(mlp_ratio),     0, 8, { NULL } },
    { "heads",       INT4, WITH_ATTENTION, AT(heads),         1, 256, { NULL } },
    { "window",      INT,  WITH_ATTENTION, AT(window),        2, 32, { NULL } },
    { "head",        WORD, ALWAYS,         AT(head),          0, 0, { "tscam", "linear" } },
    { "activation",  WORD, WITH_SOFTMAX,   AT(activation),    0, 0, { "sigmoid", "softmax" } },   /* sigmoid need not be said */
};

_Static_assert(sizeof(em_frontend_kind) == sizeof(int) && sizeof(em_fit) == sizeof(int) && sizeof(em_embed_kind) == sizeof(int) &&
               sizeof(em_down_kind) == sizeof(int) && sizeof(em_block_kind) == sizeof(int) && sizeof(em_head_kind) == sizeof(int) &&
               sizeof(em_activation) == sizeof(int),
               "the table keeps choices as int");

static bool is_needed(const em_config *cfg, when w)
{
    return w == ALWAYS || (w == WITH_KALDI && cfg->frontend == EM_FRONTEND_KALDI) ||
           (w == WITH_ATTENTION && cfg->block != EM_BLOCK_SS2D) || (w == WITH_SS && cfg->block != EM_BLOCK_SWIN) ||
           (w == WITH_SOFTMAX && cfg->activation == EM_SOFTMAX);
}

/* Number i of a field (i > 0 only for INT4). */
static double number_of(const em_config *cfg, const field *f, int i)
{
    const char *at = (const char *)cfg + f->offset;

    switch (f->kind) {
    case REAL: return *(const float *)(const void *)at;
    case BOOL: return *(const bool *)(const void *)at;
    default:   return ((const int *)(const void *)at)[i];
    }
}

static em_status check_ranges(const em_config *cfg, const char *path, em_err *err)
{
    for (size_t k = 0; k < EM_COUNT(fields); k++) {
        const field *f = &fields[k];

        if (f->kind == WORD || !is_needed(cfg, f->when))
            continue;
        for (int i = 0; i < (f->kind == INT4 ? EM_STAGES : 1); i++) {
            double x = number_of(cfg, f, i);

            if (!(x >= f->least && x <= f->most))
                return em_fail(err, EM_EFORMAT, "%s: key %s: %g is not within %g to %g", path, f->key, x, f->least, f->most);
        }
    }
    return EM_OK;
}

static em_status check_widths(const em_config *cfg, const char *path, em_err *err)
{
    if (cfg->dims[0] > 512 || cfg->dims[0] % 8)
        return em_fail(err, EM_EFORMAT, "%s: key dims: the first is %d, not a multiple of 8 up to 512", path, cfg->dims[0]);
    for (int i = 0; i < EM_STAGES; i++) {
        double di = (double)cfg->ssm_ratio * cfg->dims[i], hidden = (double)cfg->mlp_ratio * cfg->dims[i];

        if (i > 0 && cfg->dims[i] != 2 * cfg->dims[i - 1])
            return em_fail(err, EM_EFORMAT, "%s: key dims: %d is not twice the %d before it", path, cfg->dims[i], cfg->dims[i - 1]);
        if (is_needed(cfg, WITH_SS) && (di != floor(di) || di < 1))
            return em_fail(err, EM_EFORMAT, "%s: key ssm_ratio: %g times %d channels is not a whole number", path, cfg->ssm_ratio, cfg->dims[i]);
        if (is_needed(cfg, WITH_SS) && hidden != floor(hidden))
            return em_fail(err, EM_EFORMAT, "%s: key mlp_ratio: %g times %d channels is not a whole number", path, cfg->mlp_ratio, cfg->dims[i]);
        if (is_needed(cfg, WITH_ATTENTION) && cfg->dims[i] % cfg->heads[i])
            return em_fail(err, EM_EFORMAT, "%s: key heads: %d channels cannot be split over %d", path, cfg->dims[i], cfg->heads[i]);
    }
    return EM_OK;
}

/* The grid of tokens is a quarter of the image on each side and is halved three times. */
static em_status check_grid(const em_config *cfg, const char *path, em_err *err)
{
    if (cfg->sample_rate % 100)
        return em_fail(err, EM_EFORMAT, "%s: key sample_rate: %d is not a multiple of 100, so 10 ms is not a whole number of samples",
                       path, cfg->sample_rate);
    if (cfg->fold != 1 && cfg->fold != 4)
        return em_fail(err, EM_EFORMAT, "%s: key fold: %d is not 1 or 4", path, cfg->fold);
    if (cfg->n_mels % 32)
        return em_fail(err, EM_EFORMAT, "%s: key mels: %d is not a multiple of 32", path, cfg->n_mels);
    if (cfg->n_frames % (32 * cfg->fold))
        return em_fail(err, EM_EFORMAT, "%s: key frames: %d is not a multiple of %d", path, cfg->n_frames, 32 * cfg->fold);
    if (cfg->frontend == EM_FRONTEND_KALDI && cfg->fit != EM_FIT_PAD)
        return em_fail(err, EM_EFORMAT, "%s: key fit: the kaldi frontend goes with pad only", path);
    if (em_config_uncut_stage(cfg) >= 0)
        return em_fail(err, EM_EFORMAT, "%s: key window: the tokens of stage %d cannot be cut into windows of %d x %d (%d mels, %d frames, fold %d)",
                       path, em_config_uncut_stage(cfg), cfg->window, cfg->window, cfg->n_mels, cfg->n_frames, cfg->fold);
    if (cfg->n_classes < 0 || cfg->n_classes > EM_MOST_CLASSES)
        return em_fail(err, EM_EFORMAT, "%s: %d classes are not within 0 to %d", path, cfg->n_classes, EM_MOST_CLASSES);
    return EM_OK;
}

em_status em_config_check(const em_config *cfg, const char *path, em_err *err)
{
    em_status status = check_ranges(cfg, path, err);

    if (status == EM_OK)
        status = check_widths(cfg, path, err);
    if (status == EM_OK)
        status = check_grid(cfg, path, err);
    return status;
}

/* What a field may be, for a message. */
static const char *allowed(char *out, size_t room, const field *f)
{
    static const char *const types[] = {
        [INT] = "a whole number", [INT4] = "an array of four whole numbers", [REAL] = "a number", [BOOL] = "true or false",
    };

    if (f->kind != WORD) {
        snprintf(out, room, "%s", types[f->kind]);
        return out;
    }
    out[0] = '\0';
    for (int i = 0; i < MOST_WORDS && f->words[i]; i++) {
        size_t n = strlen(out);
        snprintf(out + n, room - n, "%s%s", i ? ", " : "", f->words[i]);
    }
    return out;
}

static em_status wrong_value(const field *f, const json_t *value, const char *path, em_err *err)
{
    char words[64], shown[48], *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);

    em_text_clean(shown, sizeof shown, text ? text : "?");
    free(text);
    return em_fail(err, EM_EFORMAT, "%s: key %s: %s is not %s", path, f->key, shown, allowed(words, sizeof words, f));
}

static bool int_of(const json_t *value, int *out)
{
    json_int_t x = json_integer_value(value);

    if (!json_is_integer(value) || x < INT_MIN || x > INT_MAX)
        return false;
    *out = (int)x;
    return true;
}

/* False: not of the field's type. */
static bool read_value(em_config *cfg, const field *f, const json_t *value)
{
    void *at = (char *)cfg + f->offset;
    int *ints = at;

    switch (f->kind) {
    case INT:
        return int_of(value, ints);
    case INT4:
        for (size_t i = 0; i < EM_STAGES; i++)
            if (json_array_size(value) != EM_STAGES || !int_of(json_array_get(value, i), &ints[i]))
                return false;
        return true;
    case REAL:
        *(float *)at = (float)json_number_value(value);
        return json_is_number(value);
    case BOOL:
        *(bool *)at = json_is_true(value);
        return json_is_boolean(value);
    case WORD:
        for (int i = 0; json_is_string(value) && i < MOST_WORDS && f->words[i]; i++)
            if (!strcmp(json_string_value(value), f->words[i])) {
                *ints = i;
                return true;
            }
        return false;
    }
    return false;
}

/* A field of another choice is not checked, so nobody may count with it. */
static void leave_out(em_config *cfg, const field *f)
{
    static const size_t sizes[] = {
        [INT] = sizeof(int), [INT4] = EM_STAGES * sizeof(int), [REAL] = sizeof(float), [BOOL] = sizeof(bool), [WORD] = sizeof(int),
    };

    memset((char *)cfg + f->offset, 0, sizes[f->kind]);
}

static em_status missing(const char *key, const char *path, em_err *err)
{
    return em_fail(err, EM_EFORMAT, "%s: key %s is missing in the model's metadata", path, key);
}

static em_status check_format(const json_t *root, const char *path, em_err *err)
{
    const json_t *format = json_object_get(root, "format");
    int version;

    if (!format)
        return missing("format", path, err);
    if (!int_of(format, &version) || version < 1)
        return em_fail(err, EM_EFORMAT, "%s: key format: is not the whole number %d", path, FORMAT);
    if (version > FORMAT)
        return em_fail(err, EM_EUNSUPPORTED, "%s: key format: %d is newer than this program, which reads %d", path, version, FORMAT);
    return EM_OK;
}

static em_status read_fields(em_config *cfg, const json_t *root, const char *path, em_err *err)
{
    for (size_t k = 0; k < EM_COUNT(fields); k++) {
        const json_t *value = json_object_get(root, fields[k].key);

        if (value && !read_value(cfg, &fields[k], value))
            return wrong_value(&fields[k], value, path, err);
    }
    for (size_t k = 0; k < EM_COUNT(fields); k++) {     /* what is needed hangs on choices read above */
        if (!is_needed(cfg, fields[k].when))
            leave_out(cfg, &fields[k]);
        else if (!json_object_get(root, fields[k].key))
            return missing(fields[k].key, path, err);
    }
    return EM_OK;
}

em_status em_config_parse(em_config *cfg, em_card *card, const char *json, const char *path, em_err *err)
{
    json_error_t error;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    em_status status = EM_OK;
    char shown[100];

    *cfg = (em_config){ 0 };
    *card = (em_card){ 0 };
    if (!root && json_error_code(&error) == json_error_out_of_memory)
        return em_fail(err, EM_ENOMEM, "%s: no memory for its metadata", path);
    if (!root)
        return em_fail(err, EM_EFORMAT, "%s: its metadata is not JSON: byte %d: %s", path, error.position,
                       em_text_clean(shown, sizeof shown, error.text));
    if (!json_is_object(root))
        status = em_fail(err, EM_EFORMAT, "%s: its metadata is not a JSON object", path);
    if (status == EM_OK)
        status = check_format(root, path, err);
    if (status == EM_OK)
        status = read_fields(cfg, root, path, err);
    if (status == EM_OK)
        status = em_card_read(card, &cfg->n_classes, root, path, err);
    if (status == EM_OK && !(card->json = strdup(json)))
        status = em_fail(err, EM_ENOMEM, "%s: no memory for its metadata", path);
    if (status == EM_OK)
        status = em_config_check(cfg, path, err);
    if (status == EM_OK)                                /* 125 frames of sound to 3 of silence, or a frame a hop */
        cfg->n_hops = cfg->fit == EM_FIT_EXACT ? cfg->n_frames - 1 : cfg->n_frames * 125 / 128;
    json_decref(root);
    return status;
}

static json_t *json_of_field(const em_config *cfg, const field *f)
{
    switch (f->kind) {
    case INT:  return json_integer((json_int_t)number_of(cfg, f, 0));
    case INT4: return json_pack("[i,i,i,i]", (int)number_of(cfg, f, 0), (int)number_of(cfg, f, 1), (int)number_of(cfg, f, 2),
                                (int)number_of(cfg, f, 3));
    case REAL: return em_json_of_float((float)number_of(cfg, f, 0));
    case BOOL: return json_boolean(number_of(cfg, f, 0) != 0);
    case WORD: return json_string(f->words[(int)number_of(cfg, f, 0)]);
    }
    return NULL;
}

char *em_config_write(const em_config *cfg, const em_card *card)
{
    json_t *root = json_object(), *old = card->json ? json_loads(card->json, 0, NULL) : NULL, *value;
    const char *key;
    char *text = NULL;
    bool is_whole = root && json_object_set_new(root, "format", json_integer(FORMAT)) == 0;

    for (size_t k = 0; is_whole && k < EM_COUNT(fields); k++)
        if (is_needed(cfg, fields[k].when))
            is_whole = json_object_set_new(root, fields[k].key, json_of_field(cfg, &fields[k])) == 0;
    is_whole = is_whole && em_card_write(root, card, cfg->n_classes);
    json_object_foreach(old, key, value)                /* what this program does not know */
        if (is_whole && !json_object_get(root, key) && !em_card_knows(key))
            is_whole = json_object_set(root, key, value) == 0;
    if (is_whole)
        text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(EM_DIGITS));
    json_decref(root);
    json_decref(old);
    return text;
}
