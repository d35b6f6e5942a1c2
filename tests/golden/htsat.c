/* htsat.c - HTS-AT from sound, through our own frontend: a model file, and its authors' checkpoint imported, answer as the
 * official code does. Tolerance: logits and probabilities of the clip within 2e-5, of slots within 1e-3. */
#include "golden/tensors.h"

#include "mel/frontend.h"
#include "model/import.h"
#include "model/session.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>
#include <unistd.h>

enum { MELS = 64, FRAMES = 1024, SLOTS = 32, MOST_CLASSES = 527, WIDTH = 128 };

static em_st *expected;
static em_dev *dev;

/* One window's answers. */
typedef struct answers { float logits[MOST_CLASSES], slots[SLOTS * MOST_CLASSES], latent[WIDTH]; } answers;

static em_session *open_session(em_model **model, const char *path)
{
    em_session *session;
    em_err err;

    CHECK_OK(em_model_open(model, path, &em_ops_cpu, dev, &err));
    CHECK_OK(em_session_new(&session, *model, &(em_session_cfg){ .max_batch = 1 }, &err));
    return session;
}

/* The log-mel of samples[n], `times` times in a row: HTS-AT repeats short sounds. */
static void listen(em_session *session, answers *a, const float *samples, size_t n, int times)
{
    const em_frontend_cfg cfg = em_frontend_htsat(32000, MELS);
    const int T = em_frontend_frames(&cfg, n);
    float *frames = malloc((size_t)(times * T * MELS) * sizeof *frames);
    em_input in = { .frames = frames, .n_frames = times * T };
    em_output out = { .logits = a->logits, .slots = a->slots, .latent = a->latent };
    em_frontend *f;
    em_err err;

    assert_true(frames && times * T <= FRAMES);
    CHECK_OK(em_frontend_new(&f, &cfg, &err));
    for (int i = 0; i < times; i++)
        em_frontend_window(f, frames + i * T * MELS, samples, n);
    CHECK_OK(em_session_run(session, &in, &out, 1, &err));
    em_frontend_free(f);
    free(frames);
}

static void check(const char *what, const float *got, const float *want, size_t n, double tolerance)
{
    const double off = golden_difference(got, want, n);

    printf("%-24s within %.2g\n", what, off);
    CHECK(off <= tolerance, "%s: off by %.3g", what, off);
}

static void a_model_file_answers_as_the_official_code(void **state)
{
    em_st *io = golden_open("models/mini_swin.io.safetensors");
    em_model *model;
    em_session *session;
    answers a;
    size_t n, classes;
    float *wave, *logits, *slots;

    (void)state;
    assert_non_null(io);
    session = open_session(&model, golden_path("models/mini_swin.safetensors"));
    classes = (size_t)em_model_config(model)->n_classes;
    wave = golden_read(io, &n, NULL, "mini_swin.wave");
    logits = golden_read(io, NULL, NULL, "mini_swin.logits");
    slots = golden_read(io, NULL, NULL, "mini_swin.slots");
    for (size_t b = 0; b < 2; b++) {
        listen(session, &a, wave + b * n / 2, n / 2, 1);
        check("mini_swin, logits", a.logits, logits + b * classes, classes, 2e-5);
        check("mini_swin, slots", a.slots, slots + b * SLOTS * classes, SLOTS * classes, 1e-3);
    }
    free(wave), free(logits), free(slots);
    em_session_free(session);
    em_model_free(model);
    em_st_close(io);
}

static void probabilities(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 1 / (1 + expf(-x[i]));
}

static void check_checkpoint(em_session *session, const char *name, int times)
{
    size_t n;
    float *wave = golden_read(expected, &n, NULL, "%s.wave", name), *clip = golden_read(expected, NULL, NULL, "%s.clipwise", name), *more;
    answers a;

    listen(session, &a, wave, n, times);
    probabilities(a.logits, MOST_CLASSES);
    probabilities(a.slots, SLOTS * MOST_CLASSES);
    check(name, a.logits, clip, MOST_CLASSES, 2e-5);
    if (golden_has(expected, "%s.framewise", name)) {
        more = golden_read(expected, NULL, NULL, "%s.framewise", name);
        check("slots", a.slots, more, SLOTS * MOST_CLASSES, 1e-3);
        free(more);
        more = golden_read(expected, NULL, NULL, "%s.latent", name);
        check("latent", a.latent, more, WIDTH, 1e-3);
        free(more);
    }
    free(wave);
    free(clip);
}

/* All that a tagger needs is taken; tables that can be derived, and the head that its authors never use, are not. */
static void an_imported_checkpoint_answers_as_the_official_code(void **state)
{
    char path[] = "/tmp/earmark-htsat-XXXXXX";
    const em_config *cfg;
    em_import_counts counts;
    em_model *model;
    em_session *session;
    em_err err;

    (void)state;
    close(mkstemp(path));
    CHECK_OK(em_import(&counts, golden_path("checkpoints/htsat_mini.ckpt"), path, &(em_import_cfg){ 0 }, &err));
    session = open_session(&model, path);
    unlink(path);
    cfg = em_model_config(model);
    CHECK(counts.can_tag && counts.loaded == 99 && counts.fresh == 0 && counts.skipped == 14, "%d loaded, %d skipped, %d fresh", counts.loaded,
          counts.skipped, counts.fresh);
    CHECK(cfg->block == EM_BLOCK_SWIN && cfg->fit == EM_FIT_STRETCH && cfg->window == 8 && cfg->heads[0] == 2 && cfg->heads[3] == 16 &&
          cfg->depths[0] == 1 && cfg->depths[2] == 2, "the configuration");
    check_checkpoint(session, "htsat_mini", 1);
    check_checkpoint(session, "htsat_mini.five", 2);        /* 501 frames, twice */
    em_session_free(session);
    em_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_file_answers_as_the_official_code),
        cmocka_unit_test(an_imported_checkpoint_answers_as_the_official_code),
    };
    int n_failed;
    em_err err;

    expected = golden_open("checkpoints/expected.safetensors");
    if (!expected || !golden_path("checkpoints/htsat_mini.ckpt"))
        SKIP_ALL("the golden checkpoints are not at hand");
    if (em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 2 }, &err) != EM_OK)
        return 1;
    n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    em_ops_cpu.close(dev);
    em_st_close(expected);
    return n_failed;
}
