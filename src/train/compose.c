/* compose.c - places clips, lays them down by adding powers, counts what of their sound is inside, and puts noise under it. */
#include "train/compose.h"

#include "train/draw.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

enum { MOST_PARTS = 3, FRAMES_PER_SECOND = 100 };

enum { PAUSE_FRAMES = 100 };            /* within a sound, of ticks or breath: longer ones part it in two */

#define SILENCE_DB 15.0f                /* above the floor: less is the rounding of silence to 16 bits, or its resampling */

/* White noise seen through 25 to 32 ms windows every 10 ms (measured: 60 s through the htsat frontend): a band's level has a
 * deviation of 3.5 dB in the lower third, where a band is two or three bins, and of 1.0 dB in the highest one, of 30 bins; a third
 * of it is still there in the next frame, nothing in the one after. */
#define FLUTTER_LOW_DB    3.5f
#define FLUTTER_HIGH_DB   1.0f
#define FLUTTER_LOW_SHARE .3f
#define FLUTTER_KEPT      .33f

/* A clip in a window: frame i of n stands at window frame at + i and is frame (i + roll) % n of what the warp makes of the clip's
 * n_source frames from begin on. */
typedef struct placed {
    const em_part *part;
    int            begin, n_source, n, roll, at;
    float          gain_db, loudest;    /* loudest: of the clip as it is, before warp and gain */
    em_warp        warp;
} placed;

typedef struct composing {
    em_canvas            *out;
    const em_compose_cfg *cfg;
    em_rng                rng;
    placed                parts[MOST_PARTS];
    int                   n_parts;
} composing;

em_compose_cfg em_compose_plain(em_frontend_kind kind)
{
    return (em_compose_cfg){ .level = em_level_of(kind), .place = EM_PLACE_START, .least_inside = 1.0, .sound_db = 30.0,
                             .least_share = .5, .least_frames = FRAMES_PER_SECOND, .bed_below_db = 10.0, .unknown_weight = 1.0f };
}

em_compose_cfg em_compose_defaults(em_frontend_kind kind)
{
    em_compose_cfg cfg = em_compose_plain(kind);

    cfg.place = EM_PLACE_ANY;
    cfg.least_inside = .3;
    cfg.rolls = true;
    cfg.gain_db = 8.0;
    cfg.p_empty = .1;
    cfg.p_before = cfg.p_after = .25;
    cfg.most_gap = FRAMES_PER_SECOND;
    cfg.p_bed = .5;
    cfg.bed_low_db = -90.0;
    cfg.bed_high_db = -20.0;
    cfg.bed_tilt_db = 20.0;
    return cfg;
}

static bool is_share(double x)
{
    return x >= 0.0 && x <= 1.0;
}

static bool is_size(double x, double most)
{
    return x >= 0.0 && x <= most;
}

em_status em_compose_check(const em_compose_cfg *cfg, em_err *err)
{
    if (!is_share(cfg->p_empty) || !is_share(cfg->p_before) || !is_share(cfg->p_after) || !is_share(cfg->p_bed))
        return em_fail(err, EM_EINVAL, "augmentation: a probability lies between 0 and 1 (empty %g, before %g, after %g, bed %g)",
                       cfg->p_empty, cfg->p_before, cfg->p_after, cfg->p_bed);
    if (em_warp_check(&cfg->warp, err))
        return EM_EINVAL;
    if (!is_share(cfg->least_inside) || cfg->least_inside == 0.0 || !is_share(cfg->least_share) || !is_share(cfg->unknown_weight))
        return em_fail(err, EM_EINVAL, "augmentation: a share lies between 0 and 1 (inside %g, which is not 0, of a label %g,"
                       " weight of unknown classes %g)", cfg->least_inside, cfg->least_share, (double)cfg->unknown_weight);
    if (!is_size(cfg->gain_db, 60.0) || !is_size(cfg->bed_tilt_db, 60.0) || !is_size(cfg->bed_below_db, 100.0) ||
        !is_size(cfg->sound_db, 100.0))
        return em_fail(err, EM_EINVAL, "augmentation: gain and tilt are 0 to 60 dB, distances 0 to 100 dB (gain %g, tilt %g,"
                       " bed below %g, sound %g)", cfg->gain_db, cfg->bed_tilt_db, cfg->bed_below_db, cfg->sound_db);
    if (!(cfg->bed_low_db >= -100.0 && cfg->bed_low_db <= cfg->bed_high_db && cfg->bed_high_db <= 40.0))
        return em_fail(err, EM_EINVAL, "augmentation: noise of %g to %g dB: the levels rise and lie between -100 and 40",
                       cfg->bed_low_db, cfg->bed_high_db);
    if (cfg->most_gap < 0 || cfg->most_gap > 100000 || cfg->least_frames < 1)
        return em_fail(err, EM_EINVAL, "augmentation: gaps have 0 to 100000 frames, a label at least one (gap %d, label %d)",
                       cfg->most_gap, cfg->least_frames);
    return EM_OK;
}

em_scene em_scene_draw(const em_compose_cfg *cfg, em_rng *rng)
{
    em_scene scene;

    scene.is_empty = em_draw_chance(rng, cfg->p_empty);
    scene.has_before = em_draw_chance(rng, cfg->p_before) && !scene.is_empty;
    scene.has_after = em_draw_chance(rng, cfg->p_after) && !scene.is_empty;
    scene.rng.state = em_rng_u64(rng);
    return scene;
}

/* ---- where clips stand ---- */

static float frame_loudest(const composing *c, const placed *p, int frame)
{
    size_t n_mels = (size_t)c->out->n_mels;

    return em_level_loudest(&c->cfg->level, p->part->frames + (size_t)frame * n_mels, n_mels);
}

static void trim(const composing *c, placed *p)
{
    float silence = c->cfg->level.floor + SILENCE_DB * c->cfg->level.per_db;

    while (p->n_source > 0 && frame_loudest(c, p, p->begin + p->n_source - 1) <= silence)
        p->n_source--;
    while (p->n_source > 0 && frame_loudest(c, p, p->begin) <= silence) {
        p->begin++;
        p->n_source--;
    }
}

/* A clip of its own loudness, turned round and made louder; false: there is nothing of it. */
static bool prepare(composing *c, placed *p, const em_part *part)
{
    const em_compose_cfg *cfg = c->cfg;

    *p = (placed){ .part = part, .n_source = part->n_frames };
    if (cfg->trims)
        trim(c, p);
    em_warp_draw(&p->warp, &cfg->warp, c->out->n_mels, &c->rng);
    p->n = em_warp_length(&p->warp, p->n_source);
    p->roll = cfg->rolls ? em_draw_below(&c->rng, p->n) : 0;
    p->gain_db = (float)em_draw_between(&c->rng, -cfg->gain_db, cfg->gain_db);
    p->loudest = em_level_loudest(&cfg->level, part->frames, (size_t)part->n_frames * (size_t)c->out->n_mels);
    return p->n > 0 && p->loudest > cfg->level.floor;
}

static int main_place(composing *c, int n)
{
    int T = c->out->n_frames, shorter = n < T ? n : T, inside = (int)ceil(c->cfg->least_inside * shorter);

    if (c->cfg->place == EM_PLACE_ANY)
        return em_draw_range(&c->rng, inside - n, T - inside);
    if (n > T)
        return em_draw_range(&c->rng, T - n, 0);
    if (c->cfg->place == EM_PLACE_INSIDE)
        return em_draw_range(&c->rng, 0, T - n);
    return c->cfg->place == EM_PLACE_START ? 0 : T - n;
}

static void add_part(composing *c, const placed *p, int at)
{
    bool is_inside = at < c->out->n_frames && at + p->n > 0;

    if (!is_inside)
        return;
    c->parts[c->n_parts] = *p;
    c->parts[c->n_parts++].at = at;
}

static void place_parts(composing *c, const em_part *main, const em_part *before, const em_part *after)
{
    placed p;
    int begin, end, gap;

    begin = end = em_draw_below(&c->rng, c->out->n_frames + 1);     /* where neighbours meet if the clip itself is empty */
    if (prepare(c, &p, main)) {
        begin = main_place(c, p.n);
        end = begin + p.n;
        add_part(c, &p, begin);
    }
    gap = em_draw_range(&c->rng, 0, c->cfg->most_gap);
    if (before && prepare(c, &p, before))
        add_part(c, &p, begin - gap - p.n);
    gap = em_draw_range(&c->rng, 0, c->cfg->most_gap);
    if (after && prepare(c, &p, after))
        add_part(c, &p, end + gap);
}

/* Silence stays what it is at any level of its noise, so nothing of it is trimmed away or too quiet to count. */
static void place_alone(composing *c, const em_part *main)
{
    placed p = { .part = main, .n_source = main->n_frames, .n = main->n_frames, .warp = { .is_none = true, .step = 1 } };

    p.roll = em_draw_below(&c->rng, p.n);
    p.gain_db = (float)em_draw_between(&c->rng, -c->cfg->gain_db, c->cfg->gain_db);
    add_part(c, &p, p.n > c->out->n_frames ? em_draw_range(&c->rng, c->out->n_frames - p.n, 0) : 0);
    for (int i = 0; i < main->clip->n_labels && p.n > 0; i++) {
        c->out->target[main->clip->labels[i]] = 1.0f;
        for (int s = 0; s < c->out->n_slots; s++)
            c->out->slots[s * c->out->n_classes + main->clip->labels[i]] = 1.0f;
    }
}

/* ---- what is heard ---- */

static int source_frame(const placed *p, int i)
{
    return p->begin + em_warp_source(&p->warp, (i + p->roll) % p->n);
}

static void lay(const composing *c, const placed *p)
{
    int T = c->out->n_frames, first = p->at < 0 ? -p->at : 0, end = p->n < T - p->at ? p->n : T - p->at;
    size_t n_mels = (size_t)c->out->n_mels;
    float warped[EM_MOST_MELS];

    for (int i = first; i < end; i++) {
        const float *row = p->part->frames + (size_t)source_frame(p, i) * n_mels;

        if (!p->warp.is_none) {
            em_warp_frame(warped, &p->warp, &c->cfg->level, p->part->frames + (size_t)p->begin * n_mels, p->n_source, c->out->n_mels,
                          (i + p->roll) % p->n);
            row = warped;
        }
        em_level_add(&c->cfg->level, c->out->frames + (size_t)(p->at + i) * n_mels, row, p->gain_db, n_mels);
    }
}

/* Weak labels sound everywhere. */
static bool is_within_span(const em_clip *clip, int label, int frame)
{
    double t = (frame + .5) / FRAMES_PER_SECOND;
    bool has_spans = false;

    for (int i = 0; i < clip->n_spans; i++) {
        const em_span *s = &clip->spans[i];

        if (s->label != label)
            continue;
        has_spans = true;
        if (t >= s->onset && t < s->offset)
            return true;
    }
    return !has_spans;
}

/* Whether the label's sound is in frame i of the placed clip. */
static bool is_sound(const composing *c, const placed *p, int label, int i)
{
    const em_level *level = &c->cfg->level;
    const float quiet = fmaxf(p->loudest - (float)c->cfg->sound_db * level->per_db, level->floor + SILENCE_DB * level->per_db);
    const int frame = source_frame(p, i);

    return frame_loudest(c, p, frame) > quiet && is_within_span(p->part->clip, label, frame);
}

/* Frames in which the label's sound is: inside the window, and of the whole clip. */
static int count_sound(const composing *c, const placed *p, int label, int *n_whole)
{
    int n_inside = 0;

    *n_whole = 0;
    for (int i = 0; i < p->n; i++) {
        const int at = p->at + i;

        if (!is_sound(c, p, label, i))
            continue;
        ++*n_whole;
        n_inside += at >= 0 && at < c->out->n_frames;
    }
    return n_inside;
}

/* The label sounds in window frames [from, to): each slot gets its share, never more than all of it. */
static void cover_slots(em_canvas *out, int label, int from, int to)
{
    for (int s = 0; s < out->n_slots; s++) {
        float *slot = &out->slots[s * out->n_classes + label];
        int begin, end, first, last;

        em_canvas_slot(&begin, &end, out, s);
        first = from > begin ? from : begin;
        last = to < end ? to : end;
        if (first < last)
            *slot = fminf(1.0f, *slot + (float)(last - first) / (float)(end - begin));
    }
}

/* When the label is heard. Pauses within its sound belong to it. */
static void mark_slots(const composing *c, const placed *p, int label)
{
    int begin = -1, end = -1;

    for (int i = 0; i < p->n && c->out->n_slots > 0; i++) {
        if (!is_sound(c, p, label, i))
            continue;
        if (begin >= 0 && i - end > PAUSE_FRAMES)
            cover_slots(c->out, label, p->at + begin, p->at + end);
        if (begin < 0 || i - end > PAUSE_FRAMES)
            begin = i;
        end = i + 1;
    }
    if (begin >= 0)
        cover_slots(c->out, label, p->at + begin, p->at + end);
}

static bool is_listed(const int *list, int n, int label)
{
    for (int i = 0; i < n; i++)
        if (list[i] == label)
            return true;
    return false;
}

static void weigh_unknown(const composing *c, const em_clip *clip)
{
    for (int k = 0; k < c->out->n_classes && c->cfg->unknown_weight < 1.0f; k++)
        if (!is_listed(clip->labels, clip->n_labels, k) && !is_listed(clip->negatives, clip->n_negatives, k))
            c->out->weight[k] = fminf(c->out->weight[k], c->cfg->unknown_weight);
}

static void label(const composing *c, const placed *p)
{
    const em_clip *clip = p->part->clip;

    weigh_unknown(c, clip);
    for (int i = 0; i < clip->n_labels; i++) {
        int k = clip->labels[i], n_whole, n_inside = count_sound(c, p, k, &n_whole);
        double enough = fmin(c->cfg->least_share * n_whole, c->cfg->least_frames);

        assert(k >= 0 && k < c->out->n_classes);
        mark_slots(c, p, k);
        if (n_inside > 0 && n_inside >= enough)
            c->out->target[k] = 1.0f;
        else if (n_inside > 0)
            c->out->weight[k] = 0.0f;
    }
}

/* ---- noise ---- */

/* The level of a flat bed, low enough to hide none of the clips, in dB. */
static double bed_level(composing *c, double tilt)
{
    const em_compose_cfg *cfg = c->cfg;
    double level = em_draw_between(&c->rng, cfg->bed_low_db, cfg->bed_high_db);

    for (int i = 0; i < c->n_parts; i++) {
        const placed *p = &c->parts[i];
        double loudest = -100.0 + (p->loudest - cfg->level.floor) / cfg->level.per_db + p->gain_db;

        level = fmin(level, loudest - cfg->bed_below_db - .5 * fabs(tilt));
    }
    return level;
}

static void lay_bed(composing *c)
{
    const em_level *level = &c->cfg->level;
    int F = c->out->n_mels;
    double tilt = em_draw_between(&c->rng, -c->cfg->bed_tilt_db, c->cfg->bed_tilt_db), base = bed_level(c, tilt);
    float mean[EM_MOST_MELS], spread[EM_MOST_MELS], flutter[EM_MOST_MELS], row[EM_MOST_MELS];
    const float fresh = sqrtf(1.0f - FLUTTER_KEPT * FLUTTER_KEPT);

    for (int f = 0; f < F; f++) {
        float place = F > 1 ? (float)f / (float)(F - 1) : .5f;
        float above = fmaxf(0.0f, place - FLUTTER_LOW_SHARE) / (1.0f - FLUTTER_LOW_SHARE);

        mean[f] = (float)(base + tilt * (place - .5));
        spread[f] = FLUTTER_LOW_DB + (FLUTTER_HIGH_DB - FLUTTER_LOW_DB) * above;
        flutter[f] = em_draw_rough_normal(&c->rng);
    }
    for (int t = 0; t < c->out->n_frames; t++) {
        for (int f = 0; f < F; f++) {
            flutter[f] = FLUTTER_KEPT * flutter[f] + fresh * em_draw_rough_normal(&c->rng);
            row[f] = level->floor + (mean[f] + spread[f] * flutter[f] + 100.0f) * level->per_db;
        }
        em_level_add(level, c->out->frames + (size_t)t * (size_t)F, row, 0.0f, (size_t)F);
    }
}

void em_compose(em_canvas *out, const em_compose_cfg *cfg, const em_scene *scene, const em_part *main, const em_part *before,
                const em_part *after)
{
    composing c = { .out = out, .cfg = cfg, .rng = scene->rng };

    assert(out->n_mels <= EM_MOST_MELS);
    em_canvas_clear(out, &cfg->level);
    if (scene->is_alone) {
        place_alone(&c, main);
        for (int i = 0; i < c.n_parts; i++)
            lay(&c, &c.parts[i]);
        return;
    }
    if (!scene->is_empty)
        place_parts(&c, main, scene->has_before ? before : NULL, scene->has_after ? after : NULL);
    for (int i = 0; i < c.n_parts; i++) {
        lay(&c, &c.parts[i]);
        label(&c, &c.parts[i]);
    }
    for (int k = 0; k < out->n_classes; k++)
        if (out->target[k] > 0)
            out->weight[k] = 1.0f;                  /* one clip is enough, whatever others leave open */
    if (em_draw_chance(&c.rng, cfg->p_bed))
        lay_bed(&c);
}
