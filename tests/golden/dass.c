/* dass.c - a public checkpoint as its authors' program writes it, imported, answers as the official code does: from
 * its input image, and from sound through our own Kaldi frontend. Tolerance: logits within 2e-5. */
#include "golden/tensors.h"

#include "mel/frontend.h"
#include "model/import.h"
#include "model/session.h"
#include "ops/cpu/ops_cpu.h"

#include <unistd.h>

enum { MELS = 128, COLUMNS = 1024, CLASSES = 527 };

static const double mean = -4.2677393, std = 4.5689974;

static em_st *expected;
static em_dev *dev;
static em_model *model;
static em_session *session;

static int open_imported(void **state)
{
    char path[] = "/tmp/earmark-dass-XXXXXX";
    em_import_counts counts;
    em_err err;

    (void)state;
    close(mkstemp(path));
    CHECK_OK(em_import(&counts, golden_path("checkpoints/dass_mini.safetensors"), path, &(em_import_cfg){ 0 }, &err));
    CHECK(counts.loaded > 0 && counts.skipped == 0 && counts.fresh == 0, "%d loaded", counts.loaded);
    CHECK_OK(em_ops_cpu.open(&dev, &(em_dev_cfg){ .n_threads = 2 }, &err));
    CHECK_OK(em_model_open(&model, path, &em_ops_cpu, dev, &err));
    CHECK_OK(em_session_new(&session, model, &(em_session_cfg){ .max_batch = 1, .window_s = 10.24 }, &err));
    unlink(path);
    return 0;
}

static int close_imported(void **state)
{
    (void)state;
    em_session_free(session);
    em_model_free(model);
    em_ops_cpu.close(dev);
    return 0;
}

static void check_logits(const float *frames, int n_frames, const char *want_name)
{
    float logits[CLASSES], *want = golden_read(expected, NULL, NULL, "%s", want_name);
    em_input in = { .frames = frames, .n_frames = n_frames };
    em_output out = { .logits = logits };
    em_err err;

    CHECK_OK(em_session_run(session, &in, &out, 1, &err));
    CHECK(golden_difference(logits, want, CLASSES) <= 2e-5, "%s: off by %.3g", want_name, golden_difference(logits, want, CLASSES));
    free(want);
}

/* The golden image is [mel][column] and normalised: turned and undone, so that the model's own map is tested too. */
static void an_imported_checkpoint_answers_as_the_official_code(void **state)
{
    float *image = golden_read(expected, NULL, NULL, "dass_mini.x"), *frames = malloc(MELS * COLUMNS * sizeof *frames);

    (void)state;
    assert_non_null(frames);
    for (int t = 0; t < COLUMNS; t++)
        for (int f = 0; f < MELS; f++)
            frames[t * MELS + f] = (float)((double)image[f * COLUMNS + t] * 2 * std + mean);
    check_logits(frames, COLUMNS, "dass_mini.logits");
    free(frames);
    free(image);
}

static void it_answers_so_from_sound(void **state)
{
    const em_frontend_cfg cfg = em_frontend_kaldi(16000, MELS);
    size_t n;
    float *wave = golden_read(expected, &n, NULL, "dass_mini.wave"), *frames = malloc(MELS * COLUMNS * sizeof *frames);
    em_frontend *f;
    em_err err;

    (void)state;
    assert_non_null(frames);
    CHECK_OK(em_frontend_new(&f, &cfg, &err));
    em_frontend_window(f, frames, wave, n);
    check_logits(frames, em_frontend_frames(&cfg, n), "dass_mini.wave_logits");
    em_frontend_free(f);
    free(frames);
    free(wave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_imported_checkpoint_answers_as_the_official_code),
        cmocka_unit_test(it_answers_so_from_sound),
    };

    expected = golden_open("checkpoints/expected.safetensors");
    if (!expected || !golden_path("checkpoints/dass_mini.safetensors"))
        SKIP_ALL("the golden checkpoints are not at hand");
    return cmocka_run_group_tests(tests, open_imported, close_imported);
}
