/* scene.c - see scene.h. */
#include "scene.h"

#include <math.h>

enum { MOST_LEVELS = 2048 };

static const double LEVEL_S = .08;

static const char *const labels[CLASSES] = { "Dog", "Bark", "Rain", "Speech", "Siren", "Buzzer", "Tick", "Animal" };

static em_status take(void *ctx, const em_detection *d, em_err *err)
{
    scene *s = ctx;
    told *t = &s->told[s->n_told++];

    (void)err;
    assert_true(s->n_told <= MOST_TOLD);
    *t = (told){ .type = d->type, .i_class = d->i_class, .i_group = d->i_group, .onset_s = d->onset_s, .offset_s = d->offset_s,
                 .told_s = d->told_s, .res_s = d->res_s, .score = d->score, .mean = d->mean };
    snprintf(t->id, sizeof t->id, "%s", d->id);
    if (d->type == EM_DETECTION_END)
        s->events[s->n_events++] = *t;
    return EM_OK;
}

void scene_init(scene *s, const sound *sounds, int n_sounds, double seconds)
{
    *s = (scene){ .sounds = sounds, .n_sounds = n_sounds, .step_s = 1, .seconds = seconds, .believed = { 0, 1e9 } };
    s->cfg = em_detector_default();
    s->cfg.source = "scene";
    s->cfg.rate_hz = RATE;
    s->cfg.window_samples = WINDOW;
    s->cfg.n_slots = SLOTS;
    s->cfg.slot_s = .32;
    s->cfg.labels = labels;
    s->cfg.n_classes = CLASSES;
    for (int c = 0; c < CLASSES; c++) {
        s->classes[c] = em_sound_default(0);
        s->classes[c].gap_s = .5;
    }
}

/* A slot hears a sound by the share of its length that it covers; a clip has its loudest sound in full. */
static void score(const scene *s, double end, float *clip, float (*slots)[CLASSES])
{
    for (int c = 0; c < CLASSES; c++) {
        clip[c] = .01f;
        for (int i = 0; i < SLOTS; i++)
            slots[i][c] = .02f;
    }
    for (int k = 0; k < s->n_sounds; k++) {
        const sound *x = &s->sounds[k];
        const double begin = end - 10;

        if (x->to <= begin + .1 || x->from >= end - .1)
            continue;
        if (x->i_class == 1 && (end < x->from + s->believed.from || end > x->from + s->believed.to))
            continue;
        clip[x->i_class] = fmaxf(clip[x->i_class], x->score);
        for (int i = 0; i < SLOTS; i++) {
            const double from = begin + i * .32, to = fmin(from + .32, end);
            const double share = (fmin(to, x->to) - fmax(from, x->from)) / (to - from);

            slots[i][x->i_class] = fmaxf(slots[i][x->i_class], (float)share * x->score);
        }
    }
}

/* Slices up to `end`, from *n on. */
static void add_levels(const scene *s, double end, uint8_t *levels, int64_t *n)
{
    for (; (*n + 1) * LEVEL_S <= end && *n < MOST_LEVELS; (*n)++) {
        levels[*n] = 40;
        for (int k = 0; k < s->n_loud; k++)
            if ((*n + .5) * LEVEL_S > s->loud[k].from && (*n + .5) * LEVEL_S < s->loud[k].to)
                levels[*n] = 90;
    }
}

static bool is_skipped(const scene *s, double end)
{
    for (int i = 0; i < MOST_SKIPPED; i++)
        if (end > s->skipped[i].from && end < s->skipped[i].to)
            return true;
    return false;
}

void scene_run(scene *s)
{
    em_detector *d;
    em_err err;
    float clip[CLASSES], slots[SLOTS][CLASSES];
    uint8_t levels[MOST_LEVELS];
    int64_t n_levels = 0;

    s->cfg.classes = s->classes;
    s->cfg.take = take;
    s->cfg.ctx = s;
    CHECK_OK(em_detector_new(&d, &s->cfg, &err));
    for (int i = 1; (i - 1) * s->step_s < s->seconds; i++) {
        const double end = fmin(i * s->step_s, s->seconds);
        em_detector_hop hop = { .end_sample = llround(end * RATE), .filled = fmin(1, end / 10), .scores = clip, .slots = slots[0] };

        if (s->silent_from > 0 && end > s->silent_from)
            hop.filled = 0;
        if (is_skipped(s, end))
            continue;
        score(s, end, clip, slots);
        if (s->n_loud > 0) {
            hop.first_level = n_levels;
            add_levels(s, end, levels, &n_levels);
            hop.levels = levels + hop.first_level;
            hop.n_levels = (int)(n_levels - hop.first_level);
        }
        CHECK_OK(em_detector_push(d, &hop, &err));
        for (int c = 0; c < CLASSES && end == s->look_at_s; c++)
            em_detector_look(&s->looks[c], d, c);
    }
    CHECK_OK(em_detector_finish(d, &err));
    em_detector_free(d);
}

int scene_count(const scene *s, int i_class, em_detection_type type)
{
    int n = 0;

    for (int i = 0; i < s->n_told; i++)
        n += s->told[i].type == type && (i_class < 0 || s->told[i].i_class == i_class);
    return n;
}

const told *scene_only(const scene *s, int i_class)
{
    const told *only = NULL;

    CHECK(scene_count(s, i_class, EM_DETECTION_END) == 1, "class %d: %d events", i_class, scene_count(s, i_class, EM_DETECTION_END));
    for (int i = 0; i < s->n_events; i++)
        if (i_class < 0 || s->events[i].i_class == i_class)
            only = &s->events[i];
    return only;
}

const double steps[N_STEPS] = { .25, 1, 2, 5 };

void check_times(const told *t, double from, double to, double collar, double step)
{
    CHECK(fabs(t->onset_s - from) <= collar && fabs(t->offset_s - to) <= collar, "step %g: %.2f-%.2f s, not %.2f-%.2f", step, t->onset_s,
          t->offset_s, from, to);
}

static const int above[][2] = { { BARK, DOG }, { BARK, ANIMAL }, { DOG, ANIMAL } };

void scene_use_ontology(scene *s)
{
    s->cfg.above = above;
    s->cfg.n_above = EM_COUNT(above);
}
