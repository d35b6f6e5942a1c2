/* Examples of a run: clips that are what they are only alone stay alone, whatever the recipe draws. */
#include "check.h"

#include "made.h"
#include "train/examples.h"

#include <math.h>
#include <stdlib.h>

enum { RATE = 32000, MELS = 64, CLIPS = 4, EXAMPLES = 200, MOST_CLASSES = 2 };

typedef struct heard { float target[MOST_CLASSES]; float loudest; } heard;

/* Two clips of a tone and two of faint noise; of the latter only what the listener's own floor would have. */
static char *make_set(void)
{
    char *folder = made_folder();
    float *x = malloc(RATE * sizeof *x);
    uint32_t seed = 7;

    CHECK(x, "no memory");
    for (int i = 0; i < RATE; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed / 2147483648.0f * 1e-4f;
    }
    made_sound(folder, "Tone/a.wav", RATE, RATE);
    made_sound(folder, "Tone/b.wav", RATE, RATE);
    made_wave(folder, "Quiet/a.wav", RATE, 1, x, RATE);
    made_wave(folder, "Quiet/b.wav", RATE, 1, x, RATE);
    free(x);
    return folder;
}

/* A recipe that mixes, joins and puts noise under all it can. */
static em_recipe busy(void)
{
    em_recipe r = em_recipe_defaults(EM_FRONTEND_HTSAT);

    r.batch = 8;
    r.draws = EXAMPLES;
    r.compose.p_empty = 0;
    r.compose.p_before = r.compose.p_after = .7;
    r.compose.p_bed = 1;
    r.compose.bed_low_db = r.compose.bed_high_db = -20;
    r.mixup.p = .5;
    r.mixup.alpha = 1;
    r.cutmix = (em_mix_cfg){ .form = EM_MIX_CUT, .p = .5, .alpha = 1 };
    r.specaugment.n_time = r.specaugment.n_mel = 0;
    return r;
}

/* Examples of the set in a folder, for a window of nano's. */
typedef struct practice {
    char        *folder;
    em_recipe    recipe;
    em_config    model;
    em_dataset  *set;
    em_features *features;
    em_examples *e;
    em_canvas    c;
    float        targets[2 * MOST_CLASSES], teacher[MOST_CLASSES];
    int          clips[CLIPS];
} practice;

/* Clips of the first class are alone, if so; n_decoders and cache_mb are em_features_new's. */
static void open_practice(practice *p, char *folder, em_recipe recipe, bool is_alone, int n_decoders, size_t cache_mb)
{
    em_err err;

    *p = (practice){ .folder = folder, .recipe = recipe, .c.n_mels = MELS };
    CHECK_OK(em_config_preset(&p->model, "nano", &err));
    CHECK_OK(em_dataset_open(&p->set, folder, "folders", NULL, 0, &err));
    CHECK(p->set->n_clips == CLIPS, "%d clips", p->set->n_clips);
    for (int i = 0; i < CLIPS; i++) {
        p->clips[i] = i;
        p->set->clips[i].is_alone = is_alone && p->set->clips[i].labels[0] == 0;
    }
    p->model.n_classes = p->c.n_classes = p->set->n_classes;
    CHECK_OK(em_features_new(&p->features, p->set, &p->model, NULL, n_decoders, cache_mb, &err));
    CHECK_OK(em_examples_new(&p->e, &(em_examples_cfg){ &p->recipe, &p->model, p->set, p->features, p->clips, CLIPS, NULL }, &err));
    p->c.n_frames = em_examples_frames(&p->model);
    p->c.frames = malloc((size_t)p->c.n_frames * MELS * sizeof *p->c.frames);
    p->c.target = p->targets;
    p->c.weight = p->targets + MOST_CLASSES;
}

static void close_practice(practice *p)
{
    free(p->c.frames);
    em_examples_free(p->e);
    em_features_free(p->features);
    em_dataset_free(p->set);
    made_remove(p->folder);
}

static void hear_epoch(heard *out, bool is_alone)
{
    practice p;
    bool has_teacher;
    em_err err;

    open_practice(&p, make_set(), busy(), is_alone, 1, 0);
    CHECK(!strcmp(p.set->classes[0], "Quiet") && !strcmp(p.set->classes[1], "Tone"), "%s, %s", p.set->classes[0], p.set->classes[1]);
    for (int i = 0; i < EXAMPLES; i++) {
        CHECK_OK(em_examples_make(p.e, &p.c, p.teacher, &has_teacher, 0, i, &err));
        memcpy(out[i].target, p.c.target, sizeof out[i].target);
        out[i].loudest = -INFINITY;
        for (int k = 0; k < p.c.n_frames * MELS; k++)
            out[i].loudest = fmaxf(out[i].loudest, p.c.frames[k]);
    }
    close_practice(&p);
}

static void silence_is_alone_in_its_window(void **state)
{
    static heard h[EXAMPLES];
    int n_silent = 0;
    (void)state;

    hear_epoch(h, true);
    for (int i = 0; i < EXAMPLES; i++) {
        n_silent += h[i].target[0] > 0;
        CHECK(h[i].target[0] == 0 || (h[i].target[0] == 1 && h[i].target[1] == 0), "example %d: silence %g, tone %g", i,
              (double)h[i].target[0], (double)h[i].target[1]);
        CHECK(h[i].target[0] == 0 || h[i].loudest < -50, "example %d: silence of %g dB", i, (double)h[i].loudest);
        CHECK(h[i].target[0] > 0 || h[i].loudest > -30, "example %d: a tone of %g dB", i, (double)h[i].loudest);
    }
    CHECK(n_silent > EXAMPLES / 3 && n_silent < 2 * EXAMPLES / 3, "silence in %d of %d", n_silent, EXAMPLES);
}

/* What the test above would see, were there no such clips. */
static void else_it_is_mixed_joined_and_put_over_noise(void **state)
{
    static heard h[EXAMPLES];
    int n_both = 0, n_loud = 0;
    (void)state;

    hear_epoch(h, false);
    for (int i = 0; i < EXAMPLES; i++) {
        n_both += h[i].target[0] > 0 && h[i].target[1] > 0;
        n_loud += h[i].target[0] > 0 && h[i].loudest > -40;
    }
    CHECK(n_both > 20 && n_loud > 20, "%d with a tone, %d loud", n_both, n_loud);
}

/* Four clips of 1.5 MB each and 1 MB to keep them in: none is kept, and a batch of sixteen asks for each several times. */
static void a_batch_reads_a_file_once_even_where_nothing_can_be_kept(void **state)
{
    enum { BATCH = 16, LONG = 60 };
    static const char *const names[CLIPS] = { "A/a.wav", "A/b.wav", "B/a.wav", "B/b.wav" };
    char *folder = made_folder();
    em_recipe recipe = em_recipe_defaults(EM_FRONTEND_HTSAT);
    practice p;
    bool has_teacher;
    em_err err;
    (void)state;

    for (int i = 0; i < CLIPS; i++)
        made_sound(folder, names[i], RATE, (size_t)LONG * RATE);
    recipe.batch = recipe.draws = BATCH;
    recipe.compose.p_empty = 0;
    open_practice(&p, folder, recipe, false, 2, 1);
    for (int batch = 0; batch < 2; batch++) {
        const long before = em_features_count(p.features).n_decoded;

        CHECK_OK(em_examples_expect(p.e, batch, 0, BATCH, &err));
        for (int i = 0; i < BATCH; i++)
            CHECK_OK(em_examples_make(p.e, &p.c, p.teacher, &has_teacher, batch, i, &err));
        em_examples_forget(p.e, 0, BATCH);
        CHECK(em_features_count(p.features).n_decoded - before <= 2 * CLIPS, "batch %d: %ld files read", batch,
              em_features_count(p.features).n_decoded - before);
    }
    close_practice(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_alone_in_its_window),
        cmocka_unit_test(else_it_is_mixed_joined_and_put_over_noise),
        cmocka_unit_test(a_batch_reads_a_file_once_even_where_nothing_can_be_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
