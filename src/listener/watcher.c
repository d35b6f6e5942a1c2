/* watcher.c - what a detector tells becomes events: see watcher.h. */
#include "listener/watcher.h"

#include "base/arena.h"
#include "base/kept.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_CHARS = 176 };        /* a name and a time */

static const float nearer = .01f;   /* by so much more evidence a quiet class is worth another record */

/* What was said last of a class that is explained. */
typedef struct told_look { em_verdict verdict; float peak; } told_look;

struct em_watcher {
    em_watcher_cfg cfg;
    em_detector *detector;
    bool    has_heard;              /* a hop                                    */
    bool    has_met;                /* see em_watcher_has_met                   */
    char    source[SOURCE_CHARS];   /* of ids                                   */
    float  *scores, *slots;         /* of the rules' classes: [n], [n_slots][n] */
    told_look *looks;               /* [n_explained]                            */
    float   dbfs;                   /* of the newest hop, and its wall clock    */
    int64_t anchor_ms;
};

static em_event_type type_of(em_detection_type type)
{
    static const em_event_type types[] = {
        [EM_DETECTION_BEGIN] = EM_EVENT_ONSET, [EM_DETECTION_END] = EM_EVENT_OFFSET, [EM_DETECTION_RETRACT] = EM_EVENT_RETRACT,
    };

    return types[type];
}

static bool is_awaited(const em_watch_rules *rules, const em_detection *d)
{
    return rules->awaited && d->type == EM_DETECTION_BEGIN &&
           rules->awaited[d->i_class >= 0 ? d->i_class : rules->detector.n_classes + d->i_group];
}

static em_status tell(void *ctx, const em_detection *d, em_err *err)
{
    em_watcher *w = ctx;
    em_event e = { .type = type_of(d->type), .source = w->cfg.source, .utc_ms = -1 };

    e.time = d->type == EM_DETECTION_END ? d->offset_s : d->onset_s;
    if (w->anchor_ms >= 0)
        e.utc_ms = w->anchor_ms + llround(e.time * 1e3);
    memcpy(e.u.sound.id, d->id, sizeof e.u.sound.id);
    e.u.sound.label = d->label;
    e.u.sound.i_class = d->i_class < 0 ? -1 : w->cfg.rules->classes[d->i_class];
    e.u.sound.onset = d->onset_s;
    e.u.sound.offset = d->offset_s;
    e.u.sound.delay = d->told_s - e.time;
    e.u.sound.res = d->res_s;
    e.u.sound.score = d->score;
    e.u.sound.mean = d->mean;
    e.u.sound.threshold = d->threshold;
    e.u.sound.dbfs = w->dbfs;
    w->has_met |= is_awaited(w->cfg.rules, d);
    return w->cfg.take(w->cfg.ctx, &e, err);
}

em_status em_watcher_new(em_watcher **out, const em_watcher_cfg *cfg, em_err *err)
{
    em_watcher *w = calloc(1, sizeof *w);
    em_detector_cfg detector = cfg->rules->detector;
    const size_t n = (size_t)detector.n_classes;
    em_status status;

    *out = NULL;
    if (!w)
        return em_fail(err, EM_ENOMEM, "no memory for the events of %s", cfg->source);
    w->cfg = *cfg;
    snprintf(w->source, sizeof w->source, "%s", cfg->source);
    detector.source = w->source;
    detector.take = tell;
    detector.ctx = w;
    w->scores = em_alloc(n * sizeof *w->scores);
    w->slots = em_alloc((size_t)detector.n_slots * n * sizeof *w->slots);
    w->looks = em_alloc(((size_t)cfg->rules->n_explained + 1) * sizeof *w->looks);
    for (int i = 0; w->looks && i < cfg->rules->n_explained; i++)
        w->looks[i] = (told_look){ EM_VERDICT_QUIET, -1 };              /* any evidence is more: its first verdict is told */
    status = w->scores && w->slots && w->looks ? em_detector_new(&w->detector, &detector, err)
                                   : em_fail(err, EM_ENOMEM, "no memory for the events of %s", cfg->source);
    if (status) {
        em_watcher_free(w);
        return status;
    }
    *out = w;
    return EM_OK;
}

void em_watcher_free(em_watcher *w)
{
    if (!w)
        return;
    em_detector_free(w->detector);
    free(w->scores);
    free(w->slots);
    free(w->looks);
    free(w);
}

static void name_run(em_watcher *w, int64_t start_ms)
{
    if (w->cfg.is_live)
        snprintf(w->source, sizeof w->source, "%.150s@%" PRId64, w->cfg.source, start_ms);
    w->has_heard = true;
}

/* The scores of the rules' classes. */
static void pick(em_watcher *w, const em_detector_hop *hop)
{
    const em_watch_rules *rules = w->cfg.rules;
    const size_t n = (size_t)rules->detector.n_classes, n_scores = (size_t)rules->n_scores;

    for (size_t c = 0; c < n; c++) {
        const size_t from = (size_t)rules->classes[c];
        const bool has_slots = em_keeps_slots(hop->scores[from]);

        w->scores[c] = em_kept(hop->scores[from]);
        for (size_t s = 0; s < (size_t)rules->detector.n_slots; s++)
            w->slots[s * n + c] = has_slots ? em_kept(hop->slots[s * n_scores + from]) : 0;
    }
}

static em_event explanation(const em_watcher *w, int lane, const em_look *look, double time)
{
    static const char *const verdicts[] = {
        [EM_VERDICT_TOLD] = "told",   [EM_VERDICT_QUIET] = "quiet",   [EM_VERDICT_WEAK] = "weak",       [EM_VERDICT_SHORT] = "short",
        [EM_VERDICT_HIDDEN] = "hidden", [EM_VERDICT_GATED] = "gated", [EM_VERDICT_IGNORED] = "ignored",
        [EM_VERDICT_SHADE] = "shade",
    };
    const em_detector_cfg *d = &w->cfg.rules->detector;
    const bool is_class = lane < d->n_classes;
    em_event e = { .type = EM_EVENT_EXPLAIN, .source = w->cfg.source, .time = time, .utc_ms = -1 };

    if (w->anchor_ms >= 0)
        e.utc_ms = w->anchor_ms + llround(time * 1e3);
    e.u.explain.label = is_class ? d->labels[lane] : d->groups[lane - d->n_classes].name;
    e.u.explain.verdict = verdicts[look->verdict];
    e.u.explain.now = look->now;
    e.u.explain.peak = look->peak;
    e.u.explain.at = look->peak_s;
    e.u.explain.on = look->on;
    e.u.explain.off = look->off;
    return e;
}

/* At each hop, but that a class is quiet, as it was, only if it never came so near. */
static bool is_news(const told_look *before, const em_look *look)
{
    return look->verdict != EM_VERDICT_QUIET || before->verdict != EM_VERDICT_QUIET || look->peak >= before->peak + nearer;
}

static em_status explain(em_watcher *w, double time, em_err *err)
{
    const em_watch_rules *rules = w->cfg.rules;
    em_status status = EM_OK;

    for (int i = 0; i < rules->n_explained && !status; i++) {
        em_look look;
        em_event e;

        em_detector_look(&look, w->detector, rules->explained[i]);
        if (!is_news(&w->looks[i], &look))
            continue;
        w->looks[i] = (told_look){ look.verdict, look.peak };
        e = explanation(w, rules->explained[i], &look, time);
        status = w->cfg.take(w->cfg.ctx, &e, err);
    }
    return status;
}

em_status em_watcher_hop(em_watcher *w, const em_watched *hop, em_err *err)
{
    em_detector_hop picked = hop->hop;
    em_status status;

    if (!w->has_heard)
        name_run(w, hop->anchor_ms);
    pick(w, &hop->hop);
    picked.scores = w->scores;
    picked.slots = w->slots;
    picked.is_quiet = em_watch_is_quiet(w->cfg.rules, hop->dbfs);
    w->dbfs = hop->dbfs;
    w->anchor_ms = hop->anchor_ms;
    status = em_detector_push(w->detector, &picked, err);
    return status ? status : explain(w, (double)hop->hop.end_sample / w->cfg.rules->detector.rate_hz, err);
}

em_status em_watcher_change(em_watcher **w, const em_watch_rules *rules, em_err *err)
{
    em_watcher *old = *w, *next;
    em_watcher_cfg cfg = old->cfg;
    em_status status;

    cfg.rules = rules;
    if ((status = em_watcher_new(&next, &cfg, err)))
        return status;
    next->has_heard = old->has_heard;
    next->has_met = old->has_met;
    memcpy(next->source, old->source, sizeof next->source);
    next->dbfs = old->dbfs;
    next->anchor_ms = old->anchor_ms;
    status = em_detector_inherit(next->detector, old->detector, err);
    em_watcher_free(old);
    *w = next;
    return status;
}

static int lane_named(const em_watch_rules *rules, int i_class, const char *group)
{
    const em_detector_cfg *d = &rules->detector;

    for (int c = 0; i_class >= 0 && c < d->n_classes; c++)
        if (rules->classes[c] == i_class)
            return c;
    for (int g = 0; i_class < 0 && g < d->n_groups; g++)
        if (strcmp(d->groups[g].name, group) == 0)
            return d->n_classes + g;
    return -1;
}

bool em_watcher_set_threshold(em_watcher *w, int i_class, const char *group, float on)
{
    const int lane = lane_named(w->cfg.rules, i_class, group);

    return lane >= 0 && em_detector_set_threshold(w->detector, lane, on);
}

em_status em_watcher_finish(em_watcher *w, em_err *err)
{
    return em_detector_finish(w->detector, err);
}

bool em_watch_is_quiet(const em_watch_rules *rules, float dbfs)
{
    return rules->has_gate && dbfs < rules->gate_dbfs;
}

bool em_watcher_has_met(const em_watcher *w)
{
    return w->has_met;
}
