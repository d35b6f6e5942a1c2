/* stored_record.c - see stored_record.h. */
#include "sinks/stored_record.h"

#include "base/half.h"
#include "sinks/stored_head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_CELLS = 1 << 22,           /* classes x slots                                                 */
    SHORT_BYTES = 256,              /* more than any record but a hop                                  */
    TIME_BYTES = 16,                /* of any record                                                   */
    HOP_BYTES = 41,                 /* of a hop before its levels and scores                           */
};

static const double most_time_s = 1e10;

static const char *const reasons[] = { "overrun", "xrun", "device" };

int em_stored_reason(const char *text)
{
    for (size_t i = 0; i < EM_COUNT(reasons); i++)
        if (strcmp(reasons[i], text) == 0)
            return (int)i;
    return 0;
}

const char *em_stored_reason_text(int reason)
{
    return reason >= 0 && (size_t)reason < EM_COUNT(reasons) ? reasons[reason] : NULL;
}

em_status em_stored_record_init(em_stored_record *r, const em_stored_head *head, const char *path, em_err *err)
{
    const size_t n = (size_t)head->classes.n, n_slots = (size_t)head->n_slots;

    *r = (em_stored_record){ .head = head };
    if (n * n_slots > MOST_CELLS)
        return em_stored_broken(path, err, "more slots than any model has");
    r->most = HOP_BYTES + EM_EVENT_LEVELS + 2 * n + n * (2 + 2 * n_slots);
    r->most = r->most < SHORT_BYTES ? SHORT_BYTES : r->most;
    r->bytes = malloc(r->most);
    r->scores = calloc(n, sizeof *r->scores);
    r->slots = calloc(n * n_slots, sizeof *r->slots);
    return r->bytes && r->scores && r->slots ? EM_OK : em_fail(err, EM_ENOMEM, "%s: no memory", path);
}

void em_stored_record_deinit(em_stored_record *r)
{
    free(r->scores);
    free(r->slots);
    free(r->bytes);
}

/* ---- from bytes ---- */

static uint64_t take_bits(em_stored_record *r, int n_bytes)
{
    uint64_t bits = 0;

    for (int i = 0; i < n_bytes; i++)
        bits |= (uint64_t)r->bytes[r->at++] << 8 * i;
    return bits;
}

static double take_double(em_stored_record *r)
{
    const uint64_t bits = take_bits(r, 8);
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static float take_float(em_stored_record *r)
{
    const uint32_t bits = (uint32_t)take_bits(r, 4);
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static float take_score(em_stored_record *r)
{
    const float x = em_float_of_f16((uint16_t)take_bits(r, 2));

    return x >= 0 && x <= 1 ? x : -1;
}

static bool take_scores(em_stored_record *r)
{
    bool is_right = true;

    for (int c = 0; c < r->head->classes.n; c++) {
        r->scores[c] = take_score(r);
        is_right &= r->scores[c] >= 0;
    }
    return is_right;
}

static bool take_slots(em_stored_record *r)
{
    const size_t n = (size_t)r->head->classes.n, n_slots = (size_t)r->head->n_slots, row = 2 + 2 * n_slots;
    bool is_right = (r->n - r->at) % row == 0;

    memset(r->slots, 0, n * n_slots * sizeof *r->slots);
    while (is_right && r->at < r->n) {
        const size_t c = (size_t)take_bits(r, 2);

        for (size_t i = 0; c < n && is_right && i < n_slots; i++)
            is_right = (r->slots[i * n + c] = take_score(r)) >= 0;
        is_right &= c < n;
    }
    return is_right;
}

/* A level may be that of digital silence. */
static bool is_level(float dbfs)
{
    return dbfs <= 200;                                     /* no NaN, nor +infinity */
}

static bool take_levels(em_stored_record *r, em_event *e)
{
    e->u.scores.first_level = (int64_t)take_bits(r, 8);
    e->u.scores.n_levels = (int)take_bits(r, 1);
    e->u.scores.levels = r->bytes + r->at;
    if (e->u.scores.first_level < 0 || e->u.scores.first_level >= 1ll << 53 || e->u.scores.n_levels > EM_EVENT_LEVELS ||
        r->n - r->at < (size_t)e->u.scores.n_levels + 2 * (size_t)r->head->classes.n)
        return false;
    r->at += (size_t)e->u.scores.n_levels;
    return true;
}

static bool take_hop(em_stored_record *r, em_event *e)
{
    e->u.scores.filled = take_double(r);
    e->u.scores.rms_dbfs = take_float(r);
    e->u.scores.peak_dbfs = take_float(r);
    e->u.scores.scores = r->scores;
    e->u.scores.slots = r->slots;
    e->u.scores.n_slots = r->head->n_slots;
    return take_levels(r, e) && take_scores(r) && take_slots(r) && e->u.scores.filled >= 0 && e->u.scores.filled <= 1 &&
           is_level(e->u.scores.rms_dbfs) && is_level(e->u.scores.peak_dbfs);
}

static bool take_gap(em_stored_record *r, em_event *e)
{
    e->u.gap.n_frames = take_bits(r, 8);
    e->u.gap.reason = em_stored_reason_text((int)take_bits(r, 1));
    return e->u.gap.n_frames < 1ull << 62 && e->u.gap.reason;
}

static bool take_sync(em_stored_record *r, em_event *e)
{
    e->u.sync.drift_s = take_double(r);
    return fabs(e->u.sync.drift_s) < most_time_s;
}

static bool take_stop(em_stored_record *r, em_event *e)
{
    uint64_t *const counters[] = { &e->u.stop.captured, &e->u.stop.taken,        &e->u.stop.dropped,
                                   &e->u.stop.waiting,  &e->u.stop.skipped_hops, &e->u.stop.resets };
    bool is_right = true;

    for (size_t i = 0; i < EM_COUNT(counters); i++) {
        *counters[i] = take_bits(r, 8);
        is_right &= *counters[i] < 1ull << 62;
    }
    return is_right;
}

static bool take_state(em_stored_record *r, em_event *e)
{
    e->u.source_state.is_up = take_bits(r, 1) != 0;
    return true;
}

/* As event ids are: nothing that means something to a format. */
static bool is_id(const char *id)
{
    return strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == EM_EVENT_ID_CHARS - 1;
}

static bool take_mark(em_stored_record *r, em_event *e)
{
    const size_t id = r->at + 1, text = id + EM_EVENT_ID_CHARS - 1;
    uint64_t flag;

    if (memchr(r->bytes + text, '\0', r->n - text))
        return false;
    flag = take_bits(r, 1);
    memcpy(e->u.mark.id, r->bytes + id, EM_EVENT_ID_CHARS - 1);         /* *e was zeroed */
    memcpy(e->u.mark.text, r->bytes + text, r->n - text);
    e->u.mark.has_clip = flag == 1;
    return flag <= 1 && is_id(e->u.mark.id);
}

static bool take_lost(em_stored_record *r, em_event *e)
{
    e->u.lost.n_records = take_bits(r, 8);
    return e->u.lost.n_records < 1ull << 62;
}

/* How long records are, from least to most bytes: the one place that looks, so that each take finds the bytes that it takes. A hop looks
 * itself for what behind HOP_BYTES depends on its numbers. */
#define EXACTLY(n) TIME_BYTES + (n), TIME_BYTES + (n)
#define MARK_BYTES (TIME_BYTES + 1 + EM_EVENT_ID_CHARS - 1)

static const struct kind { char letter; em_event_type type; size_t least, most; bool (*take)(em_stored_record *r, em_event *e); } kinds[] = {
    { 'h', EM_EVENT_SCORES, HOP_BYTES, SIZE_MAX, take_hop }, { 'm', EM_EVENT_MARK, MARK_BYTES, MARK_BYTES + EM_MARK_BYTES - 1, take_mark },
    { 's', EM_EVENT_SOURCE, EXACTLY(1), take_state },        { 'y', EM_EVENT_SYNC, EXACTLY(8), take_sync },
    { 'g', EM_EVENT_GAP, EXACTLY(9), take_gap },             { 'l', EM_EVENT_LOST, EXACTLY(8), take_lost },
    { 'e', EM_EVENT_STOP, EXACTLY(48), take_stop },
};

bool em_stored_record_take(em_stored_record *r, char letter, em_event *e)
{
    for (size_t i = 0; i < EM_COUNT(kinds); i++) {
        const struct kind *k = &kinds[i];

        if (k->letter != letter)
            continue;
        if (r->n < k->least || r->n > k->most)
            return false;
        *e = (em_event){ .type = k->type, .source = r->source };
        r->at = 0;
        e->time = take_double(r);
        e->utc_ms = (int64_t)take_bits(r, 8);
        return e->time >= 0 && e->time < most_time_s && e->utc_ms >= -1 && e->utc_ms < 1ll << 53 && k->take(r, e);
    }
    return false;
}

bool em_stored_record_take_name(em_stored_record *r)
{
    if (r->n >= sizeof r->source || memchr(r->bytes, '\0', r->n))
        return false;
    memcpy(r->source, r->bytes, r->n);
    r->source[r->n] = '\0';
    return true;
}
