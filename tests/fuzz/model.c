/* libFuzzer target of all that reads a model, a checkpoint in safetensors or a label file: header, tensors, hash, metadata, list of
 * tensors, the importer's names and shapes, CSV.
 *
 * The first byte of an input says what the rest is, because a fuzzer cannot keep a length in step with a text:
 *   'f' a whole file    'h' a header's text, its length and 64 bytes of data are added    'm' the metadata string    'l' a label file
 * Run by ctest -L fuzz for a minute; seeds in seeds/model, words in model.dict. */
#include "model/checkpoint.h"
#include "model/config.h"
#include "model/import_names.h"
#include "model/labels.h"
#include "model/params.h"
#include "model/safetensors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void use_metadata(const char *text)
{
    em_config cfg;
    em_card card;
    em_err err;

    if (em_config_parse(&cfg, &card, text, "m", &err) == EM_OK) {
        em_params params;
        char *again = em_config_write(&cfg, &card);

        if (em_params_list(&params, &cfg, &err) == EM_OK && em_config_params(&cfg) > (double)params.n_total)
            abort();
        em_params_deinit(&params);
        em_config_set_window(&cfg, 20, &err);
        if (em_config_macs(&cfg) < 0 || em_config_window_samples(&cfg) <= 0 || em_config_slots(&cfg) < 1 || !again)
            abort();
        em_card_deinit(&card);
        if (em_config_parse(&cfg, &card, again, "again", &err) != EM_OK)
            abort();
        free(again);
    }
    em_card_deinit(&card);
}

static void use_as_checkpoint(const void *bytes, size_t n)
{
    em_checkpoint *checkpoint;
    em_import_names names;
    em_params params;
    em_config cfg;
    em_err err;

    if (em_checkpoint_open_bytes(&checkpoint, bytes, n, "m", &err) != EM_OK)
        abort();
    if (em_import_names_make(&names, checkpoint, &err) == EM_OK && em_import_config(&cfg, &names, "m", &err) == EM_OK) {
        if (em_config_check(&cfg, "m", &err) != EM_OK || em_params_list(&params, &cfg, &err) != EM_OK)
            abort();
        em_params_deinit(&params);
    }
    em_import_names_deinit(&names);
    em_checkpoint_close(checkpoint);
}

static void use_labels(const uint8_t *text, size_t n)
{
    em_labels labels;
    em_err err;
    int nearest[EM_NEAREST];

    if (em_labels_parse(&labels, (const char *)text, n, "l.csv", &err) == EM_OK) {
        const char *const *names = (const char *const *)labels.names;

        if (labels.n < 1 || em_labels_find(names, NULL, labels.n, names[labels.n - 1]) < 0 ||
            em_labels_nearest(nearest, names, labels.n, names[0]) < 1)
            abort();
    }
    em_labels_deinit(&labels);
}

static void use_file(const void *bytes, size_t n)
{
    char hash[EM_SHA256_CHARS];
    em_err err = { 0 };
    em_st *st;

    if (em_st_open_bytes(&st, bytes, n, "m.safetensors", &err) != EM_OK) {
        if (st || !err.msg[0])
            abort();
        return;
    }
    for (int i = 0; i < em_st_count(st); i++) {
        const em_st_tensor *t = em_st_get(st, i);
        float *x = malloc((t->n + 1) * sizeof *x);      /* as long as the data at most: the range was checked */

        if (!x || em_st_find(st, t->name) != t)
            abort();
        (void)em_st_read(st, t, x, &err);
        free(x);
    }
    if (em_st_hash(st, hash, &err) != EM_OK)
        abort();
    if (em_st_metadata(st, "earmark"))
        use_metadata(em_st_metadata(st, "earmark"));
    use_as_checkpoint(bytes, n);
    em_st_close(st);
}

static void use_header(const uint8_t *text, size_t n)
{
    enum { DATA = 64 };
    uint8_t *file = calloc(1, 8 + n + DATA);

    if (!file)
        abort();
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)n >> 8 * i);
    memcpy(file + 8, text, n);
    use_file(file, 8 + n + DATA);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    if (bytes[0] == 'f') {
        use_file(bytes + 1, n - 1);
    } else if (bytes[0] == 'h') {
        use_header(bytes + 1, n - 1);
    } else if (bytes[0] == 'l') {
        use_labels(bytes + 1, n - 1);
    } else if (bytes[0] == 'm') {
        char *text = malloc(n);

        if (!text)
            abort();
        memcpy(text, bytes + 1, n - 1);
        text[n - 1] = '\0';
        use_metadata(text);
        free(text);
    }
    return 0;
}
