/* card.c - reads and writes the texts of a model's metadata, which come from the internet: see card.h. */
#include "model/card.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *key; size_t offset; } texts[] = {
    { "name", offsetof(em_card, name) }, { "provenance", offsetof(em_card, provenance) }, { "licence", offsetof(em_card, licence) },
    { "thresholds_from", offsetof(em_card, thresholds_from) },
};

static char **text_of(const em_card *card, size_t i)
{
    return (char **)((const char *)card + texts[i].offset);
}

bool em_card_knows(const char *key)
{
    static const char *const others[] = { "labels", "trained", "thresholds", "metrics" };

    for (size_t i = 0; i < EM_COUNT(texts); i++)
        if (!strcmp(key, texts[i].key))
            return true;
    for (size_t i = 0; i < EM_COUNT(others); i++)
        if (!strcmp(key, others[i]))
            return true;
    return false;
}

static em_status no_memory(const char *path, em_err *err)
{
    return em_fail(err, EM_ENOMEM, "%s: no memory for its metadata", path);
}

/* A copy without control characters. */
static char *cleaned(const char *s)
{
    size_t room = strlen(s) + 1;
    char *out = malloc(room);

    return out ? em_text_clean(out, room, s) : NULL;
}

typedef struct slug { char text[EM_MOST_LABEL + 3]; int i; } slug;

static int compare_slugs(const void *a, const void *b)
{
    const slug *s = a, *t = b;
    int order = strcmp(s->text, t->text);

    return order ? order : s->i - t->i;
}

em_status em_labels_check(char *const *labels, int n, const char *path, em_err *err)
{
    slug *slugs = n > 0 ? malloc((size_t)n * sizeof *slugs) : NULL;
    em_status status = EM_OK;

    if (n > 0 && !slugs)
        return no_memory(path, err);
    for (int i = 0; i < n; i++) {
        slugs[i].i = i;
        em_slug(slugs[i].text, sizeof slugs[i].text, labels[i]);
        if (!slugs[i].text[0])
            memcpy(slugs[i].text, labels[i], strlen(labels[i]) + 1);
    }
    if (n > 0)
        qsort(slugs, (size_t)n, sizeof *slugs, compare_slugs);
    for (int k = 1; k < n && status == EM_OK; k++)
        if (!strcmp(slugs[k - 1].text, slugs[k].text))
            status = em_fail(err, EM_EFORMAT, "%s: labels %d (%.60s) and %d (%.60s) have the same short name %.60s", path,
                             slugs[k - 1].i, labels[slugs[k - 1].i], slugs[k].i, labels[slugs[k].i], slugs[k].text);
    free(slugs);
    return status;
}

static em_status read_labels(em_card *card, int *n_classes, const json_t *root, const char *path, em_err *err)
{
    const json_t *labels = json_object_get(root, "labels");
    size_t n = json_array_size(labels);

    if (!json_is_array(labels))
        return em_fail(err, EM_EFORMAT, labels ? "%s: key labels: is not an array of names"
                                               : "%s: key labels is missing in the model's metadata", path);
    if (n > EM_MOST_CLASSES)
        return em_fail(err, EM_EFORMAT, "%s: key labels: %zu classes are more than %d", path, n, EM_MOST_CLASSES);
    card->labels = calloc(n + 1, sizeof *card->labels);
    if (!card->labels)
        return no_memory(path, err);
    for (size_t i = 0; i < n; i++) {
        const char *label = json_string_value(json_array_get(labels, i));

        if (!label || !*label || strlen(label) > EM_MOST_LABEL)
            return em_fail(err, EM_EFORMAT, "%s: key labels: entry %zu is not a name of 1 to %d bytes", path, i, EM_MOST_LABEL);
        card->labels[i] = cleaned(label);
        if (!card->labels[i])
            return no_memory(path, err);
        *n_classes = (int)i + 1;
    }
    return em_labels_check(card->labels, (int)n, path, err);
}

static em_status read_trained(em_card *card, int n_classes, const json_t *root, const char *path, em_err *err)
{
    const json_t *trained = json_object_get(root, "trained");
    size_t n = json_array_size(trained);

    if (!trained)
        return EM_OK;
    if (!json_is_array(trained) || n > (size_t)n_classes)
        return em_fail(err, EM_EFORMAT, "%s: key trained: is not an array of at most %d classes", path, n_classes);
    card->trained = calloc(n + 1, sizeof *card->trained);
    if (!card->trained)
        return no_memory(path, err);
    for (size_t i = 0; i < n; i++) {
        const json_t *index = json_array_get(trained, i);

        if (!json_is_integer(index) || json_integer_value(index) < 0 || json_integer_value(index) >= n_classes)
            return em_fail(err, EM_EFORMAT, "%s: key trained: entry %zu is not a class of 0 to %d", path, i, n_classes - 1);
        card->trained[i] = (int)json_integer_value(index);
    }
    card->n_trained = (int)n;
    return EM_OK;
}

static em_status read_thresholds(em_card *card, int n_classes, const json_t *root, const char *path, em_err *err)
{
    const json_t *thresholds = json_object_get(root, "thresholds");

    if (!thresholds)
        return EM_OK;
    if (!json_is_array(thresholds) || json_array_size(thresholds) != (size_t)n_classes)
        return em_fail(err, EM_EFORMAT, "%s: key thresholds: has %zu entries, and there are %d classes", path,
                       json_array_size(thresholds), n_classes);
    card->thresholds = calloc((size_t)n_classes + 1, sizeof *card->thresholds);
    if (!card->thresholds)
        return no_memory(path, err);
    for (size_t i = 0; i < (size_t)n_classes; i++) {
        const json_t *x = json_array_get(thresholds, i);

        if (!json_is_number(x) || !(json_number_value(x) >= 0 && json_number_value(x) <= 1))
            return em_fail(err, EM_EFORMAT, "%s: key thresholds: entry %zu is not a number from 0 to 1", path, i);
        card->thresholds[i] = (float)json_number_value(x);
    }
    return EM_OK;
}

static em_status read_texts(em_card *card, const json_t *root, const char *path, em_err *err)
{
    const json_t *metrics = json_object_get(root, "metrics");

    for (size_t i = 0; i < EM_COUNT(texts); i++) {
        const json_t *value = json_object_get(root, texts[i].key);

        if (!value)
            continue;
        if (!json_is_string(value))
            return em_fail(err, EM_EFORMAT, "%s: key %s: is not a string", path, texts[i].key);
        *text_of(card, i) = cleaned(json_string_value(value));
        if (!*text_of(card, i))
            return no_memory(path, err);
    }
    if (metrics && !(card->metrics = json_dumps(metrics, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(EM_DIGITS))))
        return no_memory(path, err);
    return EM_OK;
}

em_status em_card_read(em_card *card, int *n_classes, const json_t *root, const char *path, em_err *err)
{
    em_status status = read_labels(card, n_classes, root, path, err);

    if (status == EM_OK)
        status = read_trained(card, *n_classes, root, path, err);
    if (status == EM_OK)
        status = read_thresholds(card, *n_classes, root, path, err);
    if (status == EM_OK)
        status = read_texts(card, root, path, err);
    return status;
}

void em_card_deinit(em_card *card)
{
    for (int i = 0; card->labels && card->labels[i]; i++)       /* ends with a NULL of its own */
        free(card->labels[i]);
    free(card->labels);
    free(card->trained);
    free(card->thresholds);
    for (size_t i = 0; i < EM_COUNT(texts); i++)
        free(*text_of(card, i));
    free(card->metrics);
    free(card->json);
    *card = (em_card){ 0 };
}

json_t *em_json_of_float(float x)
{
    char text[32];

    snprintf(text, sizeof text, "%.9g", (double)x);
    for (int digits = 1; digits < 9; digits++) {
        char shorter[32];

        snprintf(shorter, sizeof shorter, "%.*g", digits, (double)x);
        if (strtof(shorter, NULL) == x) {
            memcpy(text, shorter, sizeof text);
            break;
        }
    }
    return json_real(strtod(text, NULL));
}

bool em_card_write(json_t *root, const em_card *card, int n_classes)
{
    json_t *labels = json_array(), *trained = card->trained ? json_array() : NULL;
    json_t *thresholds = card->thresholds ? json_array() : NULL;
    bool is_whole = labels != NULL;

    for (int i = 0; is_whole && i < n_classes; i++)
        is_whole = json_array_append_new(labels, json_string(card->labels[i])) == 0;
    for (int i = 0; is_whole && card->trained && i < card->n_trained; i++)
        is_whole = json_array_append_new(trained, json_integer(card->trained[i])) == 0;
    for (int i = 0; is_whole && card->thresholds && i < n_classes; i++)
        is_whole = json_array_append_new(thresholds, em_json_of_float(card->thresholds[i])) == 0;
    is_whole = json_object_set_new(root, "labels", labels) == 0 && is_whole;
    if (card->trained)
        is_whole = json_object_set_new(root, "trained", trained) == 0 && is_whole;
    if (card->thresholds)
        is_whole = json_object_set_new(root, "thresholds", thresholds) == 0 && is_whole;
    for (size_t i = 0; i < EM_COUNT(texts); i++)
        if (*text_of(card, i))
            is_whole = json_object_set_new(root, texts[i].key, json_string(*text_of(card, i))) == 0 && is_whole;
    if (card->metrics)
        is_whole = json_object_set_new(root, "metrics", json_loads(card->metrics, JSON_DECODE_ANY, NULL)) == 0 && is_whole;
    return is_whole;
}
