/* event_json.c - events as records of JSON, which event_json.h describes. */
#include "sinks/event_json.h"

#include "base/text.h"
#include "sinks/clip.h"
#include "sinks/sound_json.h"
#include "sinks/top.h"

#include <limits.h>
#include <stdlib.h>

enum { SLUG_BYTES = 256 };

em_status em_event_json_init(em_event_json *j, const em_sink_cfg *cfg, em_err *err)
{
    *j = (em_event_json){ .cfg = cfg, .top_k = cfg->top_k < cfg->classes->n ? cfg->top_k : cfg->classes->n };
    j->top = calloc((size_t)j->top_k + 1, sizeof *j->top);
    return j->top ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for a record of JSON");
}

void em_event_json_deinit(em_event_json *j)
{
    em_json_deinit(&j->json);
    free(j->top);
}

static bool put_start(em_event_json *s, const em_event *e)
{
    em_json *j = &s->json;

    em_record_json(j, "start");
    em_utc_json(j, e);
    em_json_string(j, "version", e->u.start.version);
    em_json_string(j, "model", e->u.start.model);
    em_json_string(j, "sha256", e->u.start.sha256);
    em_json_int(j, "rate", e->u.start.rate_hz);
    em_json_int(j, "classes", s->cfg->classes->n);
    em_json_string(j, "backend", e->u.start.backend);
    em_json_float(j, "step", e->u.start.step_s);
    em_json_float(j, "window", e->u.start.window_s);
    return true;
}

static bool put_source(em_event_json *s, const em_event *e)
{
    em_record_json(&s->json, "source");
    em_where_json(&s->json, e);
    em_json_string(&s->json, "state", e->u.source_state.is_up ? "up" : "down");
    return true;
}

static void begin_class(em_event_json *s, int c)
{
    em_json_begin(&s->json, NULL, '{');
    em_json_int(&s->json, "index", c);
    em_json_string(&s->json, "label", s->cfg->classes->labels[c]);
}

static bool put_scores(em_event_json *s, const em_event *e)
{
    const em_sink_cfg *cfg = s->cfg;
    em_json *j = &s->json;
    size_t n = (size_t)cfg->classes->n;

    if (cfg->scores == EM_SCORES_NONE)
        return false;
    em_record_json(j, "scores");
    em_where_json(j, e);
    em_json_fixed(j, "filled", e->u.scores.filled, 3);
    if (e->u.scores.is_gated)
        em_json_bool(j, "gated", true);
    if (cfg->scores == EM_SCORES_ALL) {
        em_json_floats(j, "scores", e->u.scores.scores, n);
    } else {
        int n_top = em_top(s->top, s->top_k, e->u.scores.scores, (int)n, cfg->is_shown, NULL);

        em_json_begin(j, "top", '[');
        for (int i = 0; i < n_top; i++) {
            begin_class(s, s->top[i]);
            em_json_float(j, "score", (double)e->u.scores.scores[s->top[i]]);
            em_json_end(j, '}');
        }
        em_json_end(j, ']');
    }
    if (cfg->has_slots && e->u.scores.slots) {
        em_json_begin(j, "slots", '[');
        for (size_t i = 0; i < (size_t)e->u.scores.n_slots; i++)
            em_json_floats(j, NULL, e->u.scores.slots + i * n, n);
        em_json_end(j, ']');
    }
    if (cfg->has_embeddings && e->u.scores.embedding)
        em_json_floats(j, "embedding", e->u.scores.embedding, (size_t)e->u.scores.n_embedding);
    return true;
}

static bool put_sound(em_event_json *s, const em_event *e)
{
    const em_sink_clip_cfg *clip = s->cfg->clip;

    em_sound_json(&s->json, e, s->cfg->classes, clip && !clip->is_judged ? clip->dir : NULL);
    return true;
}

static bool put_clip(em_event_json *s, const em_event *e)
{
    em_clip_json(&s->json, e, s->cfg->clip ? s->cfg->clip->dir : NULL);
    return true;
}

static bool put_explain(em_event_json *s, const em_event *e)
{
    em_json *j = &s->json;
    char slug[SLUG_BYTES];

    em_record_json(j, "explain");
    em_where_json(j, e);
    em_json_string(j, "label", e->u.explain.label);
    em_json_string(j, "slug", em_slug(slug, sizeof slug, e->u.explain.label));
    em_json_string(j, "verdict", e->u.explain.verdict);
    em_json_fixed(j, "now", (double)e->u.explain.now, 3);
    em_json_fixed(j, "peak", (double)e->u.explain.peak, 3);
    em_json_fixed(j, "at", e->u.explain.at, 3);
    em_json_fixed(j, "threshold", (double)e->u.explain.on, 3);
    em_json_fixed(j, "lasts", (double)e->u.explain.off, 3);
    return true;
}

static bool put_gap(em_event_json *s, const em_event *e)
{
    em_record_json(&s->json, "gap");
    em_where_json(&s->json, e);
    em_json_int(&s->json, "frames", (int64_t)e->u.gap.n_frames);
    em_json_string(&s->json, "reason", e->u.gap.reason);
    return true;
}

static bool put_sync(em_event_json *s, const em_event *e)
{
    em_record_json(&s->json, "sync");
    em_where_json(&s->json, e);
    em_json_fixed(&s->json, "drift", e->u.sync.drift_s, 3);
    return true;
}

static bool put_summary(em_event_json *s, const em_event *e)
{
    const em_sink_cfg *cfg = s->cfg;
    em_json *j = &s->json;
    int n_top = em_top(s->top, s->top_k, e->u.summary.max, cfg->classes->n, cfg->is_shown, NULL);

    em_record_json(j, "summary");
    em_json_string(j, "source", e->source);
    em_json_fixed(j, "duration", e->u.summary.duration, 3);
    em_json_int(j, "windows", e->u.summary.n_windows);
    em_json_begin(j, "top", '[');
    for (int i = 0; i < n_top; i++) {
        int c = s->top[i];

        begin_class(s, c);
        em_json_float(j, "mean", (double)e->u.summary.mean[c]);
        em_json_float(j, "max", (double)e->u.summary.max[c]);
        em_json_fixed(j, "at", e->u.summary.at[c], 3);
        em_json_end(j, '}');
    }
    em_json_end(j, ']');
    return true;
}

static bool put_stop(em_event_json *s, const em_event *e)
{
    em_record_json(&s->json, "stop");
    em_where_json(&s->json, e);
    em_json_int(&s->json, "captured", (int64_t)e->u.stop.captured);
    em_json_int(&s->json, "taken", (int64_t)e->u.stop.taken);
    em_json_int(&s->json, "dropped", (int64_t)e->u.stop.dropped);
    em_json_int(&s->json, "waiting", (int64_t)e->u.stop.waiting);
    em_json_int(&s->json, "skipped_hops", (int64_t)e->u.stop.skipped_hops);
    em_json_int(&s->json, "resets", (int64_t)e->u.stop.resets);
    if (e->u.stop.is_private)
        em_json_int(&s->json, "clips_dropped", (int64_t)e->u.stop.clips_dropped);
    return true;
}

static bool put_listening(em_event_json *s, const em_event *e)
{
    em_record_json(&s->json, "listening");
    em_where_json(&s->json, e);
    em_json_string(&s->json, "state", e->u.listening.is_on ? "on" : "off");
    return true;
}

static bool put_mark(em_event_json *s, const em_event *e)
{
    const em_sink_clip_cfg *clip = e->u.mark.has_clip && s->cfg->clip && !s->cfg->clip->is_judged ? s->cfg->clip : NULL;
    char path[PATH_MAX];

    em_record_json(&s->json, "mark");
    em_where_json(&s->json, e);
    em_json_string(&s->json, "id", e->u.mark.id);
    em_json_string(&s->json, "text", e->u.mark.text);
    if (clip)
        em_json_string(&s->json, "clip", em_clip_path(path, sizeof path, clip->dir, e->source, "mark", e->u.mark.id));
    else
        em_json_null(&s->json, "clip");
    return true;
}

static bool put_lost(em_event_json *s, const em_event *e)
{
    em_record_json(&s->json, "lost");
    em_where_json(&s->json, e);
    em_json_int(&s->json, "records", (int64_t)e->u.lost.n_records);
    return true;
}

static bool put_level(em_event_json *s, const em_event *e)
{
    if (!s->cfg->has_level)
        return false;
    em_record_json(&s->json, "level");
    em_where_json(&s->json, e);
    em_level_json(&s->json, (double)e->u.level.dbfs, (double)e->u.level.lufs);
    return true;
}

em_status em_event_json_put(em_event_json *s, const em_event *e, bool *has_one, em_err *err)
{
    static bool (*const put[])(em_event_json *, const em_event *) = {
        [EM_EVENT_START] = put_start, [EM_EVENT_SOURCE] = put_source, [EM_EVENT_SCORES] = put_scores,
        [EM_EVENT_ONSET] = put_sound, [EM_EVENT_OFFSET] = put_sound, [EM_EVENT_RETRACT] = put_sound,
        [EM_EVENT_EXPLAIN] = put_explain,  [EM_EVENT_CLIP] = put_clip,
        [EM_EVENT_GAP] = put_gap, [EM_EVENT_SYNC] = put_sync, [EM_EVENT_SUMMARY] = put_summary, [EM_EVENT_STOP] = put_stop,
        [EM_EVENT_LOST] = put_lost, [EM_EVENT_LISTENING] = put_listening, [EM_EVENT_MARK] = put_mark,
        [EM_EVENT_LEVEL] = put_level,
    };

    *has_one = put[e->type](s, e);
    if (!*has_one)
        return EM_OK;
    em_json_end(&s->json, '}');
    return s->json.has_failed ? em_fail(err, EM_ENOMEM, "no memory for a record of JSON") : EM_OK;
}
