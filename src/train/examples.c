/* examples.c - clips drawn, composed, mixed and blotted: see examples.h. */
#include "train/examples.h"

#include "train/draw.h"

#include <stdlib.h>
#include <string.h>

enum { MEASURED = 96 };                 /* windows that the first statistics are made of */

struct em_examples {
    em_examples_cfg cfg;
    em_level   level;
    int        n_frames, n_mels, n_classes;
    float      fill[EM_MOST_MELS];
    long       epoch;                   /* that order is of; -1: none yet                 */
    int       *order;                   /* [n_draws + batch]                              */
    size_t     n_order;
    int       *partners;                /* [batch]                                        */
    em_canvas  other;                   /* the window that is mixed in                    */
    float     *teacher;                 /* [n_classes] its                                */
};

int em_examples_frames(const em_config *model)
{
    return model->frontend == EM_FRONTEND_HTSAT && model->fit == EM_FIT_PAD ? model->n_hops : em_config_sound_frames(model);
}

long em_examples_per_epoch(const em_examples_cfg *cfg)
{
    return cfg->recipe->draws > 0 ? cfg->recipe->draws : cfg->n_clips;
}

em_canvas em_examples_canvas(const em_examples_cfg *cfg)
{
    const em_config *m = cfg->model;

    return (em_canvas){
        .n_frames = em_examples_frames(m), .n_mels = m->n_mels, .n_classes = m->n_classes,
        .n_slots = cfg->recipe->loss.slot_weight > 0 ? em_config_slots(m) : 0, .slot_frames = em_config_slot_seconds(m) * 100,
    };
}

em_status em_examples_new(em_examples **out, const em_examples_cfg *cfg, em_err *err)
{
    const int n_frames = em_examples_frames(cfg->model), n_mels = cfg->model->n_mels, n_classes = cfg->model->n_classes;
    em_examples *e = *out = calloc(1, sizeof *e);

    if (!e)
        return em_fail(err, EM_ENOMEM, "no memory for examples");
    *e = (em_examples){
        .cfg = *cfg, .level = em_level_of(cfg->model->frontend), .n_frames = n_frames, .n_mels = n_mels, .n_classes = n_classes, .epoch = -1,
        .n_order = (size_t)em_examples_per_epoch(cfg) + (size_t)cfg->recipe->batch,
        .other = em_examples_canvas(cfg),
    };
    e->order = malloc(e->n_order * sizeof *e->order);
    e->partners = malloc((size_t)cfg->recipe->batch * sizeof *e->partners);
    e->other.frames = malloc((size_t)n_frames * (size_t)n_mels * sizeof(float));
    e->other.target = malloc((3 + (size_t)e->other.n_slots) * (size_t)n_classes * sizeof(float));
    if (!e->order || !e->partners || !e->other.frames || !e->other.target) {
        em_examples_free(e);
        *out = NULL;
        return em_fail(err, EM_ENOMEM, "no memory for examples");
    }
    e->other.weight = e->other.target + n_classes;
    e->teacher = e->other.weight + n_classes;
    e->other.slots = e->teacher + n_classes;
    for (int f = 0; f < n_mels; f++)
        e->fill[f] = e->level.floor / 2;
    return EM_OK;
}

void em_examples_free(em_examples *e)
{
    if (!e)
        return;
    free(e->order);
    free(e->partners);
    free(e->other.frames);
    free(e->other.target);
    free(e);
}

void em_examples_set_fill(em_examples *e, const double *mean)
{
    for (int f = 0; f < e->n_mels; f++)
        e->fill[f] = (float)mean[f];
}

static em_status order_epoch(em_examples *e, long epoch, em_err *err)
{
    em_rng rng = em_draw_stream(e->cfg.recipe->seed, EM_LANE_ORDER, (uint64_t)epoch, 0);
    em_status status = EM_OK;

    if (e->epoch == epoch)
        return EM_OK;
    status = em_sampler_order(e->order, e->n_order, e->cfg.recipe->sampling, e->cfg.set, e->cfg.clips, e->cfg.n_clips, &rng, err);
    e->epoch = status == EM_OK ? epoch : -1;
    return status;
}

/* ------------------------------------------------------------------ one window of clips */

static em_part borrow(em_examples *e, int i)
{
    const em_clip_frames f = em_features_get(e->cfg.features, i);

    return (em_part){ f.frames, f.n_frames, &e->cfg.set->clips[i] };
}

/* Any clip that is learnt from. */
static int neighbour(em_examples *e, em_rng *rng) { return e->cfg.clips[em_draw_below(rng, e->cfg.n_clips)]; }

static bool is_alone(const em_examples *e, int clip) { return e->cfg.set->clips[clip].is_alone; }

/* clips[0] is the main one, the others are its neighbours if the scene wants them. */
static void keep_alone(const em_examples *e, em_scene *scene, const int clips[3])
{
    if (is_alone(e, clips[0]))
        *scene = (em_scene){ .is_alone = true, .rng = scene->rng };
    scene->has_before &= !is_alone(e, clips[1]);
    scene->has_after &= !is_alone(e, clips[2]);
}

/* All that the clip is labelled with is heard in the window. */
static bool is_heard(const em_canvas *c, const em_clip *clip)
{
    for (int i = 0; i < clip->n_labels; i++)
        if (c->target[clip->labels[i]] < 1)
            return false;
    return clip->n_labels > 0;
}

/* The teacher answered whole clips: it says nothing of a window with others in it, or with none, or too little of one. */
static bool ask_teacher(const em_examples *e, float *teacher, const em_scene *scene, const em_canvas *out, int main)
{
    const float *row;

    if (!e->cfg.kd || scene->is_empty || scene->has_before || scene->has_after || !is_heard(out, &e->cfg.set->clips[main]))
        return false;
    row = em_kd_find(e->cfg.kd, e->cfg.set->clips[main].name);
    if (row)
        memcpy(teacher, row, (size_t)e->n_classes * sizeof *row);
    return row;
}

static bool compose(em_examples *e, em_canvas *out, float *teacher, long index, em_rng *rng)
{
    const em_compose_cfg *cfg = &e->cfg.recipe->compose;
    em_scene scene = em_scene_draw(cfg, rng);
    const int clips[3] = { e->order[index], neighbour(e, rng), neighbour(e, rng) };
    em_part parts[3] = { { 0 } };
    bool wanted[3];

    keep_alone(e, &scene, clips);
    wanted[0] = !scene.is_empty;
    wanted[1] = scene.has_before;
    wanted[2] = scene.has_after;
    for (int i = 0; i < 3; i++)
        if (wanted[i])
            parts[i] = borrow(e, clips[i]);
    em_compose(out, cfg, &scene, wanted[0] ? &parts[0] : NULL, wanted[1] ? &parts[1] : NULL, wanted[2] ? &parts[2] : NULL);
    for (int i = 0; i < 3; i++)
        if (wanted[i])
            em_features_done(e->cfg.features, clips[i]);
    return ask_teacher(e, teacher, &scene, out, clips[0]);
}

static em_rng sample_stream(const em_examples *e, long epoch, long index)
{
    return em_draw_stream(e->cfg.recipe->seed, EM_LANE_SAMPLE, (uint64_t)epoch, (uint64_t)index);
}

/* Of this batch, drawn anew for each of its examples: cheap beside one. */
static long partner_of(em_examples *e, long epoch, long index)
{
    const int B = e->cfg.recipe->batch;
    em_rng rng = em_draw_stream(e->cfg.recipe->seed, EM_LANE_BATCH, (uint64_t)epoch, (uint64_t)(index / B));

    em_partners(e->partners, B, e->cfg.recipe->partners, &rng);
    return index / B * B + e->partners[index % B];
}

/* Either kind of mixture, or none. */
static const em_mix_cfg *draw_mix(em_mix *mix, const em_examples *e, em_rng *rng)
{
    const em_mix_cfg *kinds[] = { &e->cfg.recipe->mixup, &e->cfg.recipe->cutmix };

    for (size_t i = 0; i < EM_COUNT(kinds); i++) {
        *mix = em_mix_draw(kinds[i], e->n_frames, e->n_mels, rng);
        if (mix->lambda < 1)
            return kinds[i];
    }
    return NULL;
}

em_status em_examples_expect(em_examples *e, long epoch, long index, int n, em_err *err)
{
    const em_status status = order_epoch(e, epoch, err);

    for (int i = 0; i < n && status == EM_OK; i++)
        em_features_want(e->cfg.features, e->order[index + i]);
    return status;
}

void em_examples_forget(em_examples *e, long index, int n)
{
    for (int i = 0; i < n; i++)
        em_features_done(e->cfg.features, e->order[index + i]);
}

em_status em_examples_make(em_examples *e, em_canvas *out, float *teacher, bool *has_teacher, long epoch, long index, em_err *err)
{
    em_rng rng = sample_stream(e, epoch, index), partners_rng;
    const em_mix_cfg *kind;
    long partner;
    em_mix mix;

    if (order_epoch(e, epoch, err) != EM_OK)
        return err ? err->code : EM_ENOMEM;
    *has_teacher = compose(e, out, teacher, index, &rng);
    kind = draw_mix(&mix, e, &rng);
    partner = kind ? partner_of(e, epoch, index) : index;
    if (kind && !is_alone(e, e->order[index]) && !is_alone(e, e->order[partner])) {
        bool is_both;

        partners_rng = sample_stream(e, epoch, partner);
        is_both = compose(e, &e->other, e->teacher, partner, &partners_rng) && *has_teacher;
        em_mix_apply(out, out, &e->other, &mix, kind, &e->level);
        if (is_both)
            em_loss_mix_teachers(teacher, teacher, e->teacher, mix.lambda, e->n_classes);
        *has_teacher = is_both;
    }
    em_specaugment(out, &e->cfg.recipe->specaugment, e->fill, &rng);
    for (int c = 0; c < e->n_classes && e->cfg.recipe->groups.learns; c++)
        out->weight[c] *= (float)e->cfg.recipe->groups.learns[c];
    return em_features_fault(e->cfg.features, err);
}

/* ------------------------------------------------------------------ statistics before the first step */

/* A whole set of missing files would be learnt as silence. */
static em_status need_a_clip(const em_examples *e, em_err *err)
{
    const em_examples_cfg *cfg = &e->cfg;
    const char *why = "";
    bool has_one = false;
    em_status status;

    for (int i = 0; i < cfg->n_clips && !has_one; i++) {
        const em_clip_frames f = em_features_get(cfg->features, cfg->clips[i]);

        has_one = f.n_frames > 0;
        why = has_one ? "" : f.why;
        em_features_done(cfg->features, cfg->clips[i]);
    }
    status = em_features_fault(cfg->features, err);
    if (status != EM_OK)
        return status;
    return has_one ? EM_OK : em_fail(err, EM_EFORMAT, "none of %d clips could be used: %s", cfg->n_clips, why);
}

em_status em_examples_measure(em_examples *e, double *mean, double *var, em_err *err)
{
    double squares[EM_MOST_MELS] = { 0 };
    const long n = e->n_order < MEASURED ? (long)e->n_order : MEASURED;
    const double frames = (double)n * e->n_frames;
    const em_status status = need_a_clip(e, err);

    if (status != EM_OK)
        return status;
    if (order_epoch(e, 0, err) != EM_OK)
        return err ? err->code : EM_ENOMEM;
    memset(mean, 0, (size_t)e->n_mels * sizeof *mean);
    for (long i = 0; i < n; i++) {
        em_rng rng = sample_stream(e, 0, i);

        compose(e, &e->other, e->teacher, i, &rng);
        em_canvas_sum(mean, squares, &e->other);
    }
    for (int f = 0; f < e->n_mels; f++) {
        mean[f] /= frames;
        var[f] = squares[f] / frames - mean[f] * mean[f];
    }
    em_examples_set_fill(e, mean);
    return em_features_fault(e->cfg.features, err);
}
