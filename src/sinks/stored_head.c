/* stored_head.c - see stored_head.h. */
#include "sinks/stored_head.h"

#include "base/limits.h"
#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_HEAD = 8 << 20,            /* bytes of JSON                                                   */
    MOST_SLOTS = 4096, MOST_WINDOW = 1 << 24, MOST_FILES = 1 << 30,
    MARK_BYTES = sizeof EM_STORED_MARK - 1,
};

em_status em_stored_broken(const char *path, em_err *err, const char *why)
{
    return em_fail(err, EM_EFORMAT, "%s: is no file of scores, or a damaged one: %s", path, why);
}

static bool get_int(int *out, const json_t *o, const char *key, int least, int most)
{
    const json_t *value = json_object_get(o, key);
    const json_int_t x = json_integer_value(value);

    *out = (int)x;
    return json_is_integer(value) && x >= least && x <= most;
}

static bool get_real(double *out, const json_t *o, const char *key, double least, double most)
{
    const json_t *value = json_object_get(o, key);

    *out = json_number_value(value);
    return json_is_number(value) && *out >= least && *out <= most;
}

static bool get_text(const char **out, const json_t *o, const char *key)
{
    *out = json_string_value(json_object_get(o, key));
    return *out;
}

/* As a model's labels are: short, and nothing that a terminal obeys. */
static bool is_clean(const char *text)
{
    char clean[EM_MOST_LABEL + 1];

    return strlen(text) < sizeof clean && strcmp(em_text_clean(clean, sizeof clean, text), text) == 0;
}

static bool read_class(em_stored_book *b, int c, const json_t *o)
{
    double threshold = 0;

    b->is_trained[c] = json_is_true(json_object_get(o, "trained"));
    if (json_object_get(o, "threshold")) {
        if (!get_real(&threshold, o, "threshold", 0, 1))
            return false;
        b->head.thresholds = b->thresholds;
    }
    b->thresholds[c] = (float)threshold;
    return get_text(&b->labels[c], o, "label") && get_text(&b->mids[c], o, "mid") && is_clean(b->labels[c]) && is_clean(b->mids[c]);
}

static em_status read_classes(em_stored_book *b, em_err *err)
{
    const json_t *list = json_object_get(b->root, "classes");
    const size_t n = json_array_size(list);

    if (n < 1 || n > EM_MOST_CLASSES)
        return em_stored_broken(b->path, err, "it names no classes");
    b->labels = calloc(n, sizeof *b->labels);
    b->mids = calloc(n, sizeof *b->mids);
    b->is_trained = calloc(n, sizeof *b->is_trained);
    b->thresholds = calloc(n, sizeof *b->thresholds);
    if (!b->labels || !b->mids || !b->is_trained || !b->thresholds)
        return em_fail(err, EM_ENOMEM, "%s: no memory", b->path);
    for (size_t c = 0; c < n; c++)
        if (!read_class(b, (int)c, json_array_get(list, c)))
            return em_stored_broken(b->path, err, "its classes are not as they should be");
    b->head.classes = (em_classes){ b->labels, b->mids, (int)n };
    b->head.is_trained = b->is_trained;
    return EM_OK;
}

static bool read_numbers(em_stored_book *b)
{
    em_stored_head *h = &b->head;
    em_event *e = &h->start;
    const json_t *utc = json_object_get(b->root, "utc_ms");

    *e = (em_event){ .type = EM_EVENT_START, .utc_ms = json_integer_value(utc) };
    h->has_source_names = json_is_true(json_object_get(b->root, "named"));
    h->n_files = 1;
    return (!json_object_get(b->root, "files") || get_int(&h->n_files, b->root, "files", 1, MOST_FILES)) && json_is_integer(utc) &&
           get_text(&e->u.start.version, b->root, "version") && get_text(&e->u.start.model, b->root, "model") &&
           get_text(&e->u.start.sha256, b->root, "sha256") && get_text(&e->u.start.backend, b->root, "backend") &&
           get_int(&e->u.start.rate_hz, b->root, "rate", 1, EM_RATE_MOST) && get_real(&e->u.start.step_s, b->root, "step", 0, 1e6) &&
           get_real(&e->u.start.window_s, b->root, "window", 0, 1e6) &&
           get_int(&h->window_samples, b->root, "window_samples", 1, MOST_WINDOW) &&
           get_int(&h->n_slots, b->root, "slots", 1, MOST_SLOTS) && get_real(&h->slot_s, b->root, "slot", 1e-4, 1e4);
}

static em_status read_json(em_stored_book *b, FILE *file, em_err *err)
{
    unsigned char start[MARK_BYTES + 4];
    json_error_t why;
    uint32_t n = 0;
    char *text;

    if (fread(start, 1, sizeof start, file) != sizeof start || memcmp(start, EM_STORED_MARK, MARK_BYTES) != 0)
        return em_stored_broken(b->path, err, "it does not begin like one");
    for (int i = 0; i < 4; i++)
        n |= (uint32_t)start[MARK_BYTES + i] << 8 * i;
    if (n > MOST_HEAD)
        return em_stored_broken(b->path, err, "its head is too long");
    if (!(text = malloc((size_t)n + 1)))
        return em_fail(err, EM_ENOMEM, "%s: no memory", b->path);
    if (fread(text, 1, n, file) == n)
        b->root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    free(text);
    return b->root ? EM_OK : em_stored_broken(b->path, err, "its head is not JSON");
}

em_status em_stored_book_init(em_stored_book *b, FILE *file, const char *path, em_err *err)
{
    em_status status;

    *b = (em_stored_book){ .path = path };
    if ((status = read_json(b, file, err)))
        return status;
    return read_numbers(b) ? read_classes(b, err) : em_stored_broken(path, err, "its head lacks something");
}

void em_stored_book_deinit(em_stored_book *b)
{
    json_decref(b->root);
    free(b->labels);
    free(b->mids);
    free(b->is_trained);
    free(b->thresholds);
}
