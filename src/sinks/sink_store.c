/* sink_store.c - scores into a file that --replay reads: see stored.h. Not a format that people choose with --format. */
#include "sinks/row.h"
#include "sinks/stored.h"

#include "base/json.h"
#include "base/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 5, HOP_BYTES = 41 + EM_EVENT_LEVELS, DIGITS = 20 };       /* digits: a double comes back as it was */

typedef struct store {
    em_sink base;
    unsigned char *bytes;           /* [room] the record being put together     */
    size_t n;
    char   source[EM_STORED_NAME];  /* that was named last                      */
} store;

/* ---- bytes ---- */

static void put_bits(store *s, uint64_t bits, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        s->bytes[s->n++] = (unsigned char)(bits >> 8 * i);
}

static void put_double(store *s, double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    put_bits(s, bits, 8);
}

static void put_float(store *s, float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    put_bits(s, bits, 4);
}

/* A letter, and room for the length, which is known at the end. */
static size_t begin(store *s, char letter)
{
    put_bits(s, (unsigned char)letter, 1);
    put_bits(s, 0, 4);
    return s->n;
}

static void end(store *s, size_t from)
{
    const size_t n = s->n, length = n - from;

    s->n = from - 4;
    put_bits(s, length, 4);
    s->n = n;
}

/* ---- records ---- */

static size_t hop_room(const em_sink_cfg *cfg)
{
    const size_t n = (size_t)cfg->classes->n;

    return 2 * HEAD_BYTES + EM_STORED_NAME + HOP_BYTES + 2 * n + n * (2 + 2 * (size_t)cfg->store->n_slots);
}

static em_status store_init(em_sink *base, em_err *err)
{
    store *s = (store *)base;

    s->bytes = malloc(hop_room(&base->cfg) + 64);           /* the longest other one is a mark */
    return s->bytes ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for a file of scores");
}

static void store_deinit(em_sink *base)
{
    free(((store *)base)->bytes);
}

static void put_classes(em_json *j, const em_sink_cfg *cfg)
{
    em_json_begin(j, "classes", '[');
    for (int c = 0; c < cfg->classes->n; c++) {
        em_json_begin(j, NULL, '{');
        em_json_string(j, "label", cfg->classes->labels[c]);
        em_json_string(j, "mid", cfg->classes->mids[c]);
        em_json_bool(j, "trained", cfg->store->is_trained[c]);
        if (cfg->store->thresholds)
            em_json_fixed(j, "threshold", (double)cfg->store->thresholds[c], DIGITS);
        em_json_end(j, '}');
    }
    em_json_end(j, ']');
}

static void put_head(em_json *j, const em_event *e, const em_sink_cfg *cfg)
{
    em_json_begin(j, NULL, '{');
    em_json_string(j, "version", e->u.start.version);
    em_json_string(j, "model", e->u.start.model);
    em_json_string(j, "sha256", e->u.start.sha256);
    em_json_string(j, "backend", e->u.start.backend);
    em_json_int(j, "utc_ms", e->utc_ms);
    em_json_int(j, "rate", e->u.start.rate_hz);
    em_json_fixed(j, "step", e->u.start.step_s, DIGITS);
    em_json_fixed(j, "window", e->u.start.window_s, DIGITS);
    em_json_int(j, "window_samples", cfg->store->window_samples);
    em_json_int(j, "slots", cfg->store->n_slots);
    em_json_fixed(j, "slot", cfg->store->slot_s, DIGITS);
    em_json_bool(j, "named", cfg->has_source_names);
    if (cfg->store->n_files > 1)
        em_json_int(j, "files", cfg->store->n_files);
    put_classes(j, cfg);
    em_json_end(j, '}');
}

static em_status put_start(store *s, const em_event *e, em_err *err)
{
    static const char mark[] = EM_STORED_MARK;
    em_json j = { 0 };
    em_status status;

    put_head(&j, e, &s->base.cfg);
    s->n = 0;
    memcpy(s->bytes, mark, sizeof mark - 1);
    s->n = sizeof mark - 1;
    put_bits(s, j.n, 4);
    if (j.has_failed)
        status = em_fail(err, EM_ENOMEM, "no memory for a file of scores");
    else if (!(status = em_out_write(&s->base.out, (const char *)s->bytes, s->n, err)))
        status = em_out_write(&s->base.out, j.text, j.n, err);
    em_json_deinit(&j);
    return status;
}

static void put_name(store *s, const char *source)
{
    size_t from;

    if (strncmp(s->source, source, sizeof s->source - 1) == 0)
        return;
    snprintf(s->source, sizeof s->source, "%s", source);
    from = begin(s, 'n');
    memcpy(s->bytes + s->n, s->source, strlen(s->source));
    s->n += strlen(s->source);
    end(s, from);
}

static void put_hop(store *s, const em_event *e)
{
    const size_t n = (size_t)s->base.cfg.classes->n;

    put_double(s, e->u.scores.filled);
    put_float(s, e->u.scores.rms_dbfs);
    put_float(s, e->u.scores.peak_dbfs);
    put_bits(s, (uint64_t)e->u.scores.first_level, 8);
    put_bits(s, (uint64_t)e->u.scores.n_levels, 1);
    for (int i = 0; i < e->u.scores.n_levels; i++)
        put_bits(s, e->u.scores.levels[i], 1);
    for (size_t c = 0; c < n; c++)
        put_bits(s, em_f16_of_float(e->u.scores.scores[c]), 2);
    for (size_t c = 0; c < n && e->u.scores.slots; c++) {
        if (!em_keeps_slots(e->u.scores.scores[c]))
            continue;
        put_bits(s, c, 2);
        for (int i = 0; i < e->u.scores.n_slots; i++)
            put_bits(s, em_f16_of_float(e->u.scores.slots[(size_t)i * n + c]), 2);
    }
}

static void put_stop(store *s, const em_event *e)
{
    put_bits(s, e->u.stop.captured, 8);
    put_bits(s, e->u.stop.taken, 8);
    put_bits(s, e->u.stop.dropped, 8);
    put_bits(s, e->u.stop.waiting, 8);
    put_bits(s, e->u.stop.skipped_hops, 8);
    put_bits(s, e->u.stop.resets, 8);
}

static void put_mark(store *s, const em_event *e)
{
    const size_t n_id = sizeof e->u.mark.id - 1, n_text = strnlen(e->u.mark.text, sizeof e->u.mark.text - 1);

    put_bits(s, e->u.mark.has_clip, 1);
    memcpy(s->bytes + s->n, e->u.mark.id, n_id);
    memcpy(s->bytes + s->n + n_id, e->u.mark.text, n_text);
    s->n += n_id + n_text;
}

static char letter_of(em_event_type type)
{
    static const char letters[] = {
        [EM_EVENT_SCORES] = 'h', [EM_EVENT_SOURCE] = 's', [EM_EVENT_SYNC] = 'y', [EM_EVENT_GAP] = 'g', [EM_EVENT_LOST] = 'l',
        [EM_EVENT_STOP] = 'e', [EM_EVENT_MARK] = 'm',
    };

    return (size_t)type < sizeof letters ? letters[type] : '\0';
}

static void put_rest(store *s, const em_event *e)
{
    switch (e->type) {
    case EM_EVENT_SCORES:
        put_hop(s, e);
        break;
    case EM_EVENT_SOURCE:
        put_bits(s, e->u.source_state.is_up, 1);
        break;
    case EM_EVENT_SYNC:
        put_double(s, e->u.sync.drift_s);
        break;
    case EM_EVENT_GAP:
        put_bits(s, e->u.gap.n_frames, 8);
        put_bits(s, (uint64_t)em_stored_reason(e->u.gap.reason), 1);
        break;
    case EM_EVENT_LOST:
        put_bits(s, e->u.lost.n_records, 8);
        break;
    case EM_EVENT_MARK:
        put_mark(s, e);
        break;
    default:
        put_stop(s, e);
    }
}

static em_status store_put(em_sink *base, const em_event *e, em_err *err)
{
    store *s = (store *)base;
    size_t from;

    if (e->type == EM_EVENT_START)
        return put_start(s, e, err);
    if (!letter_of(e->type))
        return EM_OK;                                       /* what is made of scores is made again */
    s->n = 0;
    put_name(s, e->source ? e->source : "");
    from = begin(s, letter_of(e->type));
    put_double(s, e->time);
    put_bits(s, (uint64_t)e->utc_ms, 8);
    put_rest(s, e);
    end(s, from);
    return em_out_write(&base->out, (const char *)s->bytes, s->n, err);
}

const em_sink_row em_sink_store = {
    .format = "store", .help = NULL, .n_bytes = sizeof(store), .init = store_init, .put = store_put, .deinit = store_deinit,
};
