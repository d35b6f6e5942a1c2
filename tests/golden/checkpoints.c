/* checkpoints.c - what the authors' programs wrote with torch.save, read by our own reader: the numbers are those of the
 * safetensors twin, the backbones answer as the official code does. Tolerance: logits within 2e-5. */
#include "golden/tensors.h"

#include "model/checkpoint.h"
#include "model/import.h"
#include "model/import_names.h"
#include "model/session.h"
#include "ops/cpu/ops_cpu.h"

#include <unistd.h>

enum { SIDE = 64, CLASSES = 10 };

static em_checkpoint *open_golden(const char *name)
{
    em_checkpoint *c;
    em_err err;

    CHECK_OK(em_checkpoint_open(&c, golden_path(name), &err));
    return c;
}

/* A checkpoint's tensor by our name for it, malloc'ed. */
static float *read_named(em_checkpoint *c, const char *name, const em_checkpoint_tensor **found)
{
    em_import_names names;
    em_import_entry *e;
    float *x;
    em_err err;

    CHECK_OK(em_import_names_make(&names, c, &err));
    e = em_import_find(&names, "%s", name);
    CHECK(e, "%s in %s", name, em_checkpoint_path(c));
    *found = e->t;
    x = malloc((e->t->n + 1) * sizeof *x);
    assert_non_null(x);
    CHECK_OK(em_checkpoint_read(c, e->t, x, &err));
    em_import_names_deinit(&names);
    return x;
}

static void both_forms_of_the_dass_checkpoint_hold_the_same(void **state)
{
    em_checkpoint *c = open_golden("checkpoints/dass_mini.pth");
    em_st *st = golden_open("checkpoints/dass_mini.safetensors");
    (void)state;

    CHECK(em_checkpoint_count(c) == em_st_count(st), "%d tensors, not %d", em_checkpoint_count(c), em_st_count(st));
    for (int i = 0; i < em_checkpoint_count(c); i++) {
        const em_checkpoint_tensor *t = em_checkpoint_get(c, i);
        const em_st_tensor *twin;
        float *want = golden_read(st, NULL, &twin, "%s", t->name), *got = malloc((t->n + 1) * sizeof *got);
        em_err err;

        assert_non_null(got);
        CHECK(t->rank == twin->rank && !memcmp(t->shape, twin->shape, sizeof t->shape), "%s", t->name);
        CHECK_OK(em_checkpoint_read(c, t, got, &err));
        CHECK(!memcmp(got, want, t->n * sizeof *got), "%s has other numbers", t->name);
        free(got);
        free(want);
    }
    em_st_close(st);
    em_checkpoint_close(c);
}

/* An import without sounds gets the checkpoint's own head and the golden image's size, and is written to `path` anew. */
static void give_head(const char *path, em_checkpoint *c)
{
    char *labels[CLASSES + 1] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", NULL };
    em_card no_card = { 0 }, card = { .labels = labels };
    const em_checkpoint_tensor *shape;
    em_st_out tensors[160];
    const char *key = "earmark", *value;
    char *json;
    em_config cfg;
    em_st *st;
    em_err err;
    int n = 0;

    CHECK_OK(em_st_open(&st, path, &err));
    CHECK_OK(em_config_parse(&cfg, &no_card, em_st_metadata(st, key), path, &err));
    CHECK(cfg.n_classes == 0 && !no_card.labels[0], "the import knows no sounds");
    for (int i = 0; i < em_st_count(st); i++) {
        const em_st_tensor *t = em_st_get(st, i);

        if (strncmp(t->name, "bn0.", 4))                /* fresh, and of the other frontend */
            tensors[n++] = (em_st_out){ t->name, t->rank, t->shape, golden_read(st, NULL, NULL, "%s", t->name), EM_F32 };
    }
    for (int i = 0; i < 2; i++, n++) {
        const char *name = i ? "classifier.head.bias" : "classifier.head.weight";
        const float *x = read_named(c, name, &shape);

        tensors[n] = (em_st_out){ name, shape->rank, shape->shape, x, EM_F32 };
    }
    cfg.frontend = EM_FRONTEND_KALDI;                   /* mean 0 and std a half leave the image as it is */
    cfg.mean = 0;
    cfg.std = 0.5f;
    cfg.fit = EM_FIT_PAD;
    cfg.fold = 1;
    cfg.n_mels = cfg.n_frames = SIDE;
    cfg.head = EM_HEAD_LINEAR;
    cfg.n_classes = CLASSES;
    CHECK((value = json = em_config_write(&cfg, &card)), "no memory");
    CHECK_OK(em_st_write(path, tensors, n, &key, &value, 1, &err));
    for (int i = 0; i < n; i++)
        free((void *)(uintptr_t)tensors[i].data);
    free(json);
    em_card_deinit(&no_card);
    em_st_close(st);
}

static void check_logits(const char *path, em_st *expected, const char *name)
{
    float logits[CLASSES], frames[SIDE * SIDE];
    float *image = golden_read(expected, NULL, NULL, "%s.x", name), *want = golden_read(expected, NULL, NULL, "%s.logits", name);
    em_input in = { .frames = frames, .n_frames = SIDE };
    em_output out = { .logits = logits };
    em_session *session;
    em_model *model;
    em_dev *dev;
    em_err err;

    for (int t = 0; t < SIDE; t++)                      /* of three equal planes [row][column] the first */
        for (int f = 0; f < SIDE; f++)
            frames[t * SIDE + f] = image[f * SIDE + t];
    CHECK_OK(em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 1 }, &err));
    CHECK_OK(em_model_open(&model, path, &em_ops_cpu, dev, &err));
    CHECK_OK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = 1, .window_s = SIDE / 100.0 }, &err));
    CHECK_OK(em_session_run(session, &in, &out, 1, &err));
    CHECK(golden_difference(logits, want, CLASSES) <= 2e-5, "%s: off by %.3g", name, golden_difference(logits, want, CLASSES));
    em_session_free(session);
    em_model_free(model);
    em_ops_cpu.close(dev);
    free(image);
    free(want);
}

/* Three planes became one, layers that were 1x1 convolutions matrices, and the head is put back on here. */
static void imported_backbones_answer_as_the_official_code(void **state)
{
    static const struct { const char *name; int loaded; } cases[] = { { "vmamba_v0_mini", 80 }, { "vmamba_s1l8_mini", 112 } };
    em_st *expected = golden_open("checkpoints/expected.safetensors");
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        char path[] = "/tmp/earmark-checkpoint-XXXXXX", file[64];
        em_import_counts counts;
        em_checkpoint *c;
        em_err err;

        snprintf(file, sizeof file, "checkpoints/%s.pth", cases[i].name);
        c = open_golden(file);
        close(mkstemp(path));
        CHECK_OK(em_import(&counts, golden_path(file), path, &(em_import_cfg){ 0 }, &err));
        CHECK(!counts.can_tag && counts.loaded == cases[i].loaded && counts.skipped == 2 && counts.fresh == 4, "%s: %d loaded, %d skipped, %d fresh",
              file, counts.loaded, counts.skipped, counts.fresh);
        give_head(path, c);
        check_logits(path, expected, cases[i].name);
        unlink(path);
        em_checkpoint_close(c);
    }
    em_st_close(expected);
}

/* Lightning's file: its prefix goes, and its mel bank is the golden one. */
static void the_tensors_of_the_lightning_checkpoint_are_delivered(void **state)
{
    static const struct { const char *name; int rank; int64_t shape[4]; } cases[] = {
        { "spectrogram_extractor.stft.conv_real.weight", 3, { 513, 1, 1024 } }, { "logmel_extractor.melW", 2, { 513, 64 } },
        { "bn0.running_var", 1, { 64 } },           { "patch_embed.0.weight", 4, { 16, 1, 4, 4 } },
        { "tscam_conv.bias", 1, { 527 } },          { "layers.0.blocks.0.attn.qkv.bias", 1, { 48 } },
        { "classifier.norm.weight", 1, { 128 } },
    };
    em_checkpoint *c = open_golden("checkpoints/htsat_mini.ckpt");
    em_st *frontend = golden_open("frontend.safetensors");
    const em_checkpoint_tensor *t;
    float *bank, *want;
    (void)state;

    CHECK(!strncmp(em_checkpoint_get(c, 0)->name, "sed_model.", 10), "%s", em_checkpoint_get(c, 0)->name);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        free(read_named(c, cases[i].name, &t));
        CHECK(t->rank == cases[i].rank && !memcmp(t->shape, cases[i].shape, (size_t)t->rank * sizeof *t->shape), "%s: %d %lld", cases[i].name,
              t->rank, (long long)t->shape[0]);
    }
    bank = read_named(c, "logmel_extractor.melW", &t);
    want = golden_read(frontend, NULL, NULL, "htsat.mel_bank");
    CHECK(golden_difference(bank, want, t->n) <= 1e-7, "off by %.3g", golden_difference(bank, want, t->n));
    free(bank);
    free(want);
    em_st_close(frontend);
    em_checkpoint_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_the_dass_checkpoint_hold_the_same),
        cmocka_unit_test(imported_backbones_answer_as_the_official_code),
        cmocka_unit_test(the_tensors_of_the_lightning_checkpoint_are_delivered),
    };

    if (!golden_path("checkpoints/htsat_mini.ckpt"))
        SKIP_ALL("the golden checkpoints are not at hand");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
