/* clips.c - the log-mel of clips made on the emulated GPU while another stream is at work: the CPU's within the tolerances of its golden
 * frames at every length, the same bits whoever decodes, through an evaluation and through a run that is stopped and gone on with; and what
 * a device without a library, without memory or in trouble leads to. */
#include "check.h"

#include "emu.h"
#include "near.h"
#include "ops_cuda.h"
#include "train/scorer.h"
#include "train/trainer.h"
#include "unit/train/made.h"

#include <math.h>
#include <unistd.h>

enum { RATE = 8000, HOP = RATE / 100, MELS = 32, CLIPS = 8, OUT_OF_MEMORY = 2, ILLEGAL_ADDRESS = 700, CUFFT_EXEC_FAILED = 6 };

/* Samples of the clips, by name: the first three lie side by side in a tray, the last but one is too short for a frame, the last too long
 * for a tray. */
static const struct { const char *name; size_t n; const char *reason; } clips[CLIPS] = {
    { "Bark/a.wav", 4000, "one of three of a length" }, { "Bark/b.wav", 4000, "one of three of a length" },
    { "Bark/c.wav", 4000, "one of three of a length" }, { "Bark/d.wav", 513, "the least that has frames" },
    { "Tone/a.wav", 12345, "an odd length" }, { "Tone/b.wav", 1024 + HOP - 1, "a window, and a hop less one" },
    { "Tone/c.wav", 512, "too short for a frame" }, { "Tone/d.wav", 160 * RATE + 1, "a sample more than a tray" },
};
enum { SHORT = 6, LONG = 7 };

/* Noise that swells, and silence in between. */
static void make_clip(const char *folder, int i)
{
    float *x = malloc(clips[i].n * sizeof *x);
    uint32_t seed = 7u + (uint32_t)i;

    CHECK(x, "no memory");
    for (size_t k = 0; k < clips[i].n; k++) {
        seed = seed * 1664525u + 1013904223u;
        x[k] = k / 1500 % 3 == 2 ? 0 : (float)(int32_t)seed / 2147483648.0f * .9f * (float)(k % 1500) / 1500;
    }
    made_wave(folder, clips[i].name, RATE, 1, x, clips[i].n);
    free(x);
}

static em_dist *dist;               /* of this one process */

/* A set of the clips [first, end), and a model to hear them with. */
typedef struct made { char *folder; em_dataset *set; em_config cfg; int list[CLIPS]; } made;

static void make(made *m, int first, int end)
{
    em_err err;

    *m = (made){ .folder = made_folder() };
    for (int i = first; i < end; i++)
        make_clip(m->folder, i);
    CHECK_OK(em_dataset_open(&m->set, m->folder, "folders", NULL, 0, &err));
    CHECK(m->set->n_clips == end - first, "%d clips", m->set->n_clips);
    if (end > LONG)                                 /* a file of which no part is named ends after a minute */
        m->set->clips[LONG].end_s = (double)clips[LONG].n / RATE;
    CHECK_OK(em_config_preset(&m->cfg, "nano", &err));
    for (int i = 0; i < EM_STAGES; i++) {
        m->cfg.dims[i] = 8 << i;
        m->cfg.depths[i] = 1;
    }
    m->cfg.sample_rate = RATE;
    m->cfg.n_mels = MELS;
    m->cfg.n_frames = 128;
    m->cfg.n_hops = 125;
    m->cfg.n_classes = m->set->n_classes;
    for (int i = 0; i < CLIPS; i++)
        m->list[i] = i;
}

static void end(made *m)
{
    em_dataset_free(m->set);
    made_remove(m->folder);
}

/* ops NULL: the CPU's frames. */
static em_features *decode(const made *m, const em_ops *ops, int n_threads)
{
    const em_features_device device = { .ops = ops };
    em_features *f;
    em_err err;

    CHECK_OK(em_features_new(&f, m->set, &m->cfg, ops ? &device : NULL, n_threads, 0, &err));
    return f;
}

/* ------------------------------------------------------------------ frames */

static bool has_its_bits(const em_clip_frames *got, const em_clip_frames *want)
{
    const size_t bytes = (size_t)want->n_frames * MELS * sizeof *want->frames;

    return got->n_frames == want->n_frames && (bytes == 0 || memcmp(got->frames, want->frames, bytes) == 0);
}

static void same_clip(const em_clip_frames *got, const em_clip_frames *want, int i)
{
    CHECK(got->n_frames == want->n_frames && got->is_cut == want->is_cut && got->seconds == want->seconds, "%s: %d frames, not %d", clips[i].name,
          got->n_frames, want->n_frames);
    if (i == SHORT)
        CHECK(got->n_frames == 0 && strcmp(got->why, want->why) == 0, "%s: %s", clips[i].name, got->why);
    else if (i == LONG)
        CHECK(has_its_bits(got, want), "%s: is not the CPU's", clips[i].name);
    else
        near_logmel(clips[i].reason, got->frames, want->frames, (size_t)want->n_frames * MELS);
}

static void every_clip_has_the_frames_of_the_cpu(void **state)
{
    const long before = emu_calls("cufftExecR2C");
    em_features *cpu, *gpu;
    em_err err;
    made m;

    (void)state;
    make(&m, 0, CLIPS);
    cpu = decode(&m, NULL, 1);
    gpu = decode(&m, &em_ops_cuda, 2);
    for (int i = 0; i < CLIPS; i++) {
        const em_clip_frames want = em_features_get(cpu, i), got = em_features_get(gpu, i);

        same_clip(&got, &want, i);
        em_features_done(cpu, i);
        em_features_done(gpu, i);
    }
    CHECK(emu_calls("cufftExecR2C") > before, "the GPU transformed nothing");
    CHECK(!em_features_note(gpu) && em_features_count(gpu).n_usable == CLIPS - 1 && em_features_count(gpu).n_unusable == 1, "counts");
    CHECK_OK(em_features_fault(gpu, &err));
    em_features_free(cpu);
    em_features_free(gpu);
    end(&m);
    CHECK(emu_transforms() == 0, "%d plans are left", emu_transforms());
}

/* In whatever company a clip was in a tray, and in whatever order a block's threads ran. */
static void who_decodes_changes_no_bit(void **state)
{
    em_features *one, *many;
    made m;

    (void)state;
    make(&m, 0, SHORT);
    one = decode(&m, &em_ops_cuda, 1);
    for (int i = 0; i < SHORT; i++)                 /* one after another: each alone in its tray, or nearly */
        em_features_get(one, i);
    emu_set_order(2);
    many = decode(&m, &em_ops_cuda, 4);
    for (int i = SHORT - 1; i >= 0; i--)
        em_features_want(many, i);
    for (int i = 0; i < SHORT; i++) {
        const em_clip_frames want = em_features_get(one, i), got = em_features_get(many, i);

        CHECK(has_its_bits(&got, &want), "%s", clips[i].name);
        em_features_done(one, i);
        em_features_done(one, i);
        em_features_done(many, i);
        em_features_done(many, i);
    }
    emu_set_order(0);
    em_features_free(one);
    em_features_free(many);
    end(&m);
}

/* All memory is had before the first clip; and a run may end while clips are on their way. */
static void nothing_is_allocated_on_the_way(void **state)
{
    em_features *f;
    long before;
    made m;

    (void)state;
    make(&m, 0, SHORT);
    f = decode(&m, &em_ops_cuda, 2);
    before = emu_calls("cudaMalloc") + emu_calls("cudaMallocHost");
    for (int i = 0; i < SHORT; i++) {
        em_features_get(f, i);
        em_features_done(f, i);
    }
    CHECK(emu_calls("cudaMalloc") + emu_calls("cudaMallocHost") == before, "memory was asked for");
    em_features_free(f);
    em_features_free(decode(&m, &em_ops_cuda, 4));
    end(&m);
}

/* ------------------------------------------------------------------ an evaluation, a run */

static em_status score(em_scores *out, const made *m, const em_ops *frames_of, em_err *err)
{
    em_features *f = decode(m, frames_of, 2);
    const em_score_cfg how = { .set = m->set, .features = f, .clips = m->list, .n_clips = m->set->n_clips, .max_batch = 3 };
    em_model *model;
    em_dev *dev;
    em_status status;

    CHECK(em_ops_cuda.open(&dev, &(em_dev_cfg){ .precision = EM_PRECISION_FP32 }, err) == EM_OK, "%s", err->msg);
    CHECK(em_model_random(&model, &m->cfg, 3, &em_ops_cuda, dev, err) == EM_OK, "%s", err->msg);
    status = em_score(out, model, &how, err);
    em_model_free(model);
    em_ops_cuda.close(dev);
    em_features_free(f);
    return status;
}

static void an_evaluation_has_the_scores_of_the_cpus_frames(void **state)
{
    const long before = emu_calls("cufftExecR2C");
    em_scores cpu, gpu;
    em_err err = { 0 };
    made m;

    (void)state;
    make(&m, 2, SHORT + 1);
    CHECK_OK(score(&cpu, &m, NULL, &err));
    CHECK(emu_calls("cufftExecR2C") == before, "the GPU made the CPU's frames");
    CHECK_OK(score(&gpu, &m, &em_ops_cuda, &err));
    CHECK(emu_calls("cufftExecR2C") > before, "the GPU transformed nothing");
    CHECK(gpu.n == cpu.n && gpu.n == SHORT - 2 && gpu.n_unusable == 1, "%d clips, %d unusable", gpu.n, gpu.n_unusable);
    for (int i = 0; i < gpu.n * gpu.n_classes; i++)
        CHECK(fabsf(gpu.logits[i] - cpu.logits[i]) <= 1e-3f, "number %d is %.9g, not %.9g", i, (double)gpu.logits[i], (double)cpu.logits[i]);
    em_scores_deinit(&cpu);
    em_scores_deinit(&gpu);
    end(&m);
}

static em_status fresh(void *ctx, float *dst, const em_param *p, em_err *err)
{
    (void)err;
    em_param_fill(p, dst, ctx);
    return EM_OK;
}

/* Of a run: losses of its steps, and after which one it is stopped. */
typedef struct heard { double losses[8]; long stop_after; atomic_bool stop; } heard;

static void hear(void *ctx, const em_train_progress *p)
{
    heard *h = ctx;

    if (!p->is_epoch)
        h->losses[p->step - 1] = p->loss;
    if (p->step == h->stop_after)
        atomic_store(&h->stop, true);
}

/* Two epochs of two steps in the folder `dir`, clips mixed, joined and blotted; frames by frames_of. */
static em_status train(heard *h, const made *m, const em_ops *frames_of, const char *dir, em_err *err)
{
    em_rng rng = { 5 };
    const em_tensor_source init = { fresh, &rng };
    const em_card card = { .labels = m->set->classes, .name = (char *)"made" };
    em_recipe recipe = em_recipe_defaults(EM_FRONTEND_HTSAT);
    em_features *f = decode(m, frames_of, 2);
    em_train_cfg cfg = {
        .ops = &em_ops_cuda, .model = &m->cfg, .practice = &m->cfg, .card = &card, .recipe = &recipe, .set = m->set, .features = f, .clips = m->list,
        .n_clips = m->set->n_clips, .init = &init, .identity = "made", .dir = dir, .resumes = true, .dist = dist, .stop = &h->stop, .tell = hear,
        .ctx = h,
    };
    em_train_result result;
    em_status status;

    recipe.n_epochs = 2;
    recipe.batch = recipe.micro_batch = 2;
    recipe.draws = 4;
    recipe.valid_epochs = 0;
    atomic_store(&h->stop, false);
    CHECK(em_ops_cuda.open(&cfg.dev, &(em_dev_cfg){ .precision = EM_PRECISION_FP32 }, err) == EM_OK, "%s", err->msg);
    status = em_train(&result, &cfg, err);
    em_ops_cuda.close(cfg.dev);
    em_features_free(f);
    return status;
}

static void same_files(const char *a, const char *b)
{
    FILE *fa = fopen(a, "rb"), *fb = fopen(b, "rb");
    long n = 0;
    int x, y;

    CHECK(fa && fb, "%s, %s", a, b);
    do {
        x = getc(fa);
        y = getc(fb);
        CHECK(x == y, "byte %ld of %s", n, b);
        n++;
    } while (x != EOF);
    CHECK(n > 1000, "%s has %ld bytes", a, n);
    fclose(fa);
    fclose(fb);
}

static void a_run_learns_from_them_and_goes_on_bit_for_bit(void **state)
{
    heard cpu = { 0 }, whole = { 0 }, first = { .stop_after = 1 }, rest = { 0 };
    const char *a, *b;
    em_err err = { 0 };
    made m;

    (void)state;
    make(&m, 2, SHORT);
    a = made_path(m.folder, "whole");
    b = made_path(m.folder, "parts");
    CHECK_OK(train(&cpu, &m, NULL, made_path(m.folder, "cpu"), &err));
    CHECK_OK(train(&whole, &m, &em_ops_cuda, a, &err));
    CHECK(train(&first, &m, &em_ops_cuda, b, &err) == EM_ECANCELED, "%s", err.msg);
    CHECK_OK(train(&rest, &m, &em_ops_cuda, b, &err));
    for (int i = 0; i < 4; i++) {
        CHECK(fabs(whole.losses[i] - cpu.losses[i]) <= 1e-3 * cpu.losses[i], "step %d: %.9g, not %.9g", i, whole.losses[i], cpu.losses[i]);
        CHECK(whole.losses[i] == (i < 1 ? first : rest).losses[i], "step %d of parts: %.9g, not %.9g", i, (i < 1 ? first : rest).losses[i],
              whole.losses[i]);
    }
    same_files(made_path(a, "last.safetensors"), made_path(b, "last.safetensors"));
    end(&m);
}

/* ------------------------------------------------------------------ trouble */

static void without_the_library_the_cpu_makes_them(void **state)
{
    em_features *cpu, *gpu;
    made m;

    (void)state;
    make(&m, 0, 2);
    cpu = decode(&m, NULL, 1);
    emu_fail("dlopen", 1, 1);
    gpu = decode(&m, &em_ops_cuda, 1);
    emu_fail("", 0, 0);
    CHECK(em_features_note(gpu) && strstr(em_features_note(gpu), "not installed"), "%s", em_features_note(gpu));
    for (int i = 0; i < 2; i++) {
        const em_clip_frames want = em_features_get(cpu, i), got = em_features_get(gpu, i);

        CHECK(has_its_bits(&got, &want), "%s", clips[i].name);
        em_features_done(cpu, i);
        em_features_done(gpu, i);
    }
    em_features_free(cpu);
    em_features_free(gpu);
    end(&m);
}

static void a_device_that_cannot_be_had_is_a_sentence(void **state)
{
    static const struct { const char *function; int most; int error; em_status status; } cases[] = {
        { "cudaMallocHost", 3, OUT_OF_MEMORY, EM_ENOMEM }, { "cudaMalloc", 7, OUT_OF_MEMORY, EM_ENOMEM },
        { "cudaGetDeviceCount", 1, ILLEGAL_ADDRESS, EM_EDEVICE }, { "cufftPlanMany", 1, CUFFT_EXEC_FAILED, EM_EDEVICE },
    };
    made m;

    (void)state;
    make(&m, 0, 2);
    for (size_t k = 0; k < EM_COUNT(cases); k++)
        for (int n = 1; n <= cases[k].most; n++) {
            em_features_device device = { .ops = &em_ops_cuda };
            em_features *f;
            em_err err = { 0 };

            emu_fail(cases[k].function, n, cases[k].error);
            CHECK(em_features_new(&f, m.set, &m.cfg, &device, 1, 0, &err) == cases[k].status && !f && err.msg[0], "%s, call %d: %s",
                  cases[k].function, n, err.msg);
            device.may_be_left = true;
            emu_fail(cases[k].function, n, cases[k].error);
            CHECK(em_features_new(&f, m.set, &m.cfg, &device, 1, 0, &err) == EM_OK && em_features_note(f), "%s, call %d", cases[k].function, n);
            em_features_free(f);
        }
    emu_fail("", 0, 0);
    CHECK(emu_transforms() == 0, "%d plans are left", emu_transforms());
    end(&m);
}

/* Clips are not to be taken for bad ones, which an evaluation leaves out and a run learns as silence. */
static void a_device_that_fails_ends_what_waits_for_it(void **state)
{
    heard h = { 0 };
    em_scores scores;
    em_err err = { 0 };
    made m;

    (void)state;
    make(&m, 2, SHORT);
    emu_fail("cufftExecR2C", 1, CUFFT_EXEC_FAILED);
    CHECK(score(&scores, &m, &em_ops_cuda, &err) == EM_EDEVICE && strstr(err.msg, "transform"), "%s", err.msg);
    em_scores_deinit(&scores);
    emu_fail("cufftExecR2C", 1, CUFFT_EXEC_FAILED);
    CHECK(train(&h, &m, &em_ops_cuda, made_path(m.folder, "run"), &err) == EM_EDEVICE && strstr(err.msg, "transform"), "%s", err.msg);
    emu_fail("", 0, 0);
    end(&m);
}

static int meet(void **state)
{
    (void)state;
    return em_dist_open(&dist, 60, NULL) == EM_OK ? 0 : -1;
}

static int part(void **state)
{
    (void)state;
    em_dist_close(dist);
    return 0;
}

/* Where that may be, the CPU makes what the device failed at and all that comes later; nothing is lost, and nobody hears of a fault. */
static void a_device_that_may_be_left_is_left(void **state)
{
    const em_features_device device = { .ops = &em_ops_cuda, .may_be_left = true };
    em_features *cpu, *gpu;
    em_err err;
    made m;

    (void)state;
    make(&m, 0, CLIPS);
    cpu = decode(&m, NULL, 1);
    emu_fail("cufftExecR2C", 1, CUFFT_EXEC_FAILED);
    CHECK_OK(em_features_new(&gpu, m.set, &m.cfg, &device, 3, 0, &err));
    for (int i = 0; i < CLIPS; i++) {
        const em_clip_frames want = em_features_get(cpu, i), got = em_features_get(gpu, i);

        CHECK(has_its_bits(&got, &want), "%s", clips[i].name);
        em_features_done(cpu, i);
        em_features_done(gpu, i);
    }
    CHECK_OK(em_features_fault(gpu, &err));
    emu_fail("", 0, 0);
    em_features_free(cpu);
    em_features_free(gpu);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_clip_has_the_frames_of_the_cpu),
        cmocka_unit_test(who_decodes_changes_no_bit),
        cmocka_unit_test(nothing_is_allocated_on_the_way),
        cmocka_unit_test(an_evaluation_has_the_scores_of_the_cpus_frames),
        cmocka_unit_test(a_run_learns_from_them_and_goes_on_bit_for_bit),
        cmocka_unit_test(without_the_library_the_cpu_makes_them),
        cmocka_unit_test(a_device_that_cannot_be_had_is_a_sentence),
        cmocka_unit_test(a_device_that_fails_ends_what_waits_for_it),
        cmocka_unit_test(a_device_that_may_be_left_is_left),
    };

    return cmocka_run_group_tests(tests, meet, part);
}
