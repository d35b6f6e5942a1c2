/* stored.c - reads what sink_store.c wrote, or anybody else: see stored.h. */
#include "sinks/stored.h"

#include "base/half.h"
#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_HEAD = 8 << 20,            /* bytes of JSON, and more than any record that fits it            */
    MOST_CLASSES = 10000, MOST_LABEL = 255, MOST_SLOTS = 4096, MOST_RATE = 768000, MOST_WINDOW = 1 << 24, MOST_CELLS = 1 << 22, MOST_FILES = 1 << 30,
    HOP_BYTES = 41,                 /* of a hop before its levels and scores                           */
    MARK_BYTES = sizeof EM_STORED_MARK - 1,
};

static const double most_time_s = 1e10;

struct em_stored {
    FILE  *file;
    const char *path;
    json_t *root;                   /* owns the strings                                                */
    em_stored_head head;
    const char **labels, **mids;
    bool  *is_trained;
    float *thresholds;
    float *scores, *slots;          /* of the newest hop                                               */
    unsigned char *bytes;           /* [most] of the newest record                                     */
    size_t most, n, at;             /* at: read so far                                                 */
    char   source[EM_STORED_NAME];
};

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

static em_status broken(const em_stored *s, em_err *err, const char *why)
{
    return em_fail(err, EM_EFORMAT, "%s: is no file of scores, or a damaged one: %s", s->path, why);
}

/* ---- the head ---- */

static bool get_int(int *out, const json_t *o, const char *key, int least, int most)
{
    const json_t *value = json_object_get(o, key);
    const json_int_t x = json_integer_value(value);

    *out = (int)x;
    return json_is_integer(value) && x >= least && x <= most;
}

static bool get_real(double *out, const json_t *o, const char *key, double least, double most)
{
    const json_t *value = json_object_get(o, key);

    *out = json_number_value(value);
    return json_is_number(value) && *out >= least && *out <= most;
}

static bool get_text(const char **out, const json_t *o, const char *key)
{
    *out = json_string_value(json_object_get(o, key));
    return *out;
}

/* As a model's labels are: short, and nothing that a terminal obeys. */
static bool is_clean(const char *text)
{
    char clean[MOST_LABEL + 1];

    return strlen(text) < sizeof clean && strcmp(em_text_clean(clean, sizeof clean, text), text) == 0;
}

static bool read_class(em_stored *s, int c, const json_t *o)
{
    double threshold = 0;

    s->is_trained[c] = json_is_true(json_object_get(o, "trained"));
    if (json_object_get(o, "threshold")) {
        if (!get_real(&threshold, o, "threshold", 0, 1))
            return false;
        s->head.thresholds = s->thresholds;
    }
    s->thresholds[c] = (float)threshold;
    return get_text(&s->labels[c], o, "label") && get_text(&s->mids[c], o, "mid") && is_clean(s->labels[c]) && is_clean(s->mids[c]);
}

static em_status read_classes(em_stored *s, em_err *err)
{
    const json_t *list = json_object_get(s->root, "classes");
    const size_t n = json_array_size(list);

    if (n < 1 || n > MOST_CLASSES)
        return broken(s, err, "it names no classes");
    s->labels = calloc(n, sizeof *s->labels);
    s->mids = calloc(n, sizeof *s->mids);
    s->is_trained = calloc(n, sizeof *s->is_trained);
    s->thresholds = calloc(n, sizeof *s->thresholds);
    if (!s->labels || !s->mids || !s->is_trained || !s->thresholds)
        return em_fail(err, EM_ENOMEM, "%s: no memory", s->path);
    for (size_t c = 0; c < n; c++)
        if (!read_class(s, (int)c, json_array_get(list, c)))
            return broken(s, err, "its classes are not as they should be");
    s->head.classes = (em_classes){ s->labels, s->mids, (int)n };
    s->head.is_trained = s->is_trained;
    return EM_OK;
}

static bool read_numbers(em_stored *s)
{
    em_stored_head *h = &s->head;
    em_event *e = &h->start;
    const json_t *utc = json_object_get(s->root, "utc_ms");

    *e = (em_event){ .type = EM_EVENT_START, .utc_ms = json_integer_value(utc) };
    h->has_source_names = json_is_true(json_object_get(s->root, "named"));
    h->n_files = 1;
    return (!json_object_get(s->root, "files") || get_int(&h->n_files, s->root, "files", 1, MOST_FILES)) && json_is_integer(utc) &&
           get_text(&e->u.start.version, s->root, "version") && get_text(&e->u.start.model, s->root, "model") &&
           get_text(&e->u.start.sha256, s->root, "sha256") && get_text(&e->u.start.backend, s->root, "backend") &&
           get_int(&e->u.start.rate_hz, s->root, "rate", 1, MOST_RATE) && get_real(&e->u.start.step_s, s->root, "step", 0, 1e6) &&
           get_real(&e->u.start.window_s, s->root, "window", 0, 1e6) &&
           get_int(&h->window_samples, s->root, "window_samples", 1, MOST_WINDOW) &&
           get_int(&h->n_slots, s->root, "slots", 1, MOST_SLOTS) && get_real(&h->slot_s, s->root, "slot", 1e-4, 1e4);
}

static em_status make_room(em_stored *s, em_err *err)
{
    const size_t n = (size_t)s->head.classes.n, n_slots = (size_t)s->head.n_slots;

    if (n * n_slots > MOST_CELLS)
        return broken(s, err, "more slots than any model has");
    s->most = HOP_BYTES + EM_EVENT_LEVELS + 2 * n + n * (2 + 2 * n_slots);
    s->most = s->most < 256 ? 256 : s->most;
    s->bytes = malloc(s->most);
    s->scores = calloc(n, sizeof *s->scores);
    s->slots = calloc(n * n_slots, sizeof *s->slots);
    return s->bytes && s->scores && s->slots ? EM_OK : em_fail(err, EM_ENOMEM, "%s: no memory", s->path);
}

static em_status read_json(em_stored *s, em_err *err)
{
    unsigned char start[MARK_BYTES + 4];
    json_error_t why;
    uint32_t n = 0;
    char *text;

    if (fread(start, 1, sizeof start, s->file) != sizeof start || memcmp(start, EM_STORED_MARK, MARK_BYTES) != 0)
        return broken(s, err, "it does not begin like one");
    for (int i = 0; i < 4; i++)
        n |= (uint32_t)start[MARK_BYTES + i] << 8 * i;
    if (n > MOST_HEAD)
        return broken(s, err, "its head is too long");
    if (!(text = malloc((size_t)n + 1)))
        return em_fail(err, EM_ENOMEM, "%s: no memory", s->path);
    if (fread(text, 1, n, s->file) == n)
        s->root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    free(text);
    return s->root ? EM_OK : broken(s, err, "its head is not JSON");
}

/* Takes the file, NULL: it could not be opened. */
static em_status open_file(em_stored **out, FILE *file, const char *path, em_err *err)
{
    em_stored *s = calloc(1, sizeof *s);
    em_status status;

    *out = NULL;
    if (!file || !s) {
        status = file ? em_fail(err, EM_ENOMEM, "%s: no memory", path)
                      : em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
        if (file)
            fclose(file);
        free(s);
        return status;
    }
    s->path = path;
    s->file = file;
    status = read_json(s, err);
    if (!status && !read_numbers(s))
        status = broken(s, err, "its head lacks something");
    if (!status)
        status = read_classes(s, err);
    if (!status)
        status = make_room(s, err);
    if (status) {
        em_stored_close(s);
        return status;
    }
    *out = s;
    return EM_OK;
}

em_status em_stored_open(em_stored **out, const char *path, em_err *err)
{
    return open_file(out, fopen(path, "rbe"), path, err);
}

em_status em_stored_open_bytes(em_stored **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    return open_file(out, fmemopen((void *)(uintptr_t)bytes, n, "rb"), path, err);
}

void em_stored_close(em_stored *s)
{
    if (!s)
        return;
    if (s->file)
        fclose(s->file);
    json_decref(s->root);
    free(s->labels);
    free(s->mids);
    free(s->is_trained);
    free(s->thresholds);
    free(s->scores);
    free(s->slots);
    free(s->bytes);
    free(s);
}

const em_stored_head *em_stored_head_of(const em_stored *s)
{
    return &s->head;
}

/* ---- records ---- */

static uint64_t take_bits(em_stored *s, int n_bytes)
{
    uint64_t bits = 0;

    for (int i = 0; i < n_bytes; i++)
        bits |= (uint64_t)s->bytes[s->at++] << 8 * i;
    return bits;
}

static double take_double(em_stored *s)
{
    const uint64_t bits = take_bits(s, 8);
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static float take_float(em_stored *s)
{
    const uint32_t bits = (uint32_t)take_bits(s, 4);
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static float take_score(em_stored *s)
{
    const float x = em_float_of_f16((uint16_t)take_bits(s, 2));

    return x >= 0 && x <= 1 ? x : -1;
}

static bool take_scores(em_stored *s)
{
    bool is_right = true;

    for (int c = 0; c < s->head.classes.n; c++) {
        s->scores[c] = take_score(s);
        is_right &= s->scores[c] >= 0;
    }
    return is_right;
}

static bool take_slots(em_stored *s)
{
    const size_t n = (size_t)s->head.classes.n, n_slots = (size_t)s->head.n_slots, row = 2 + 2 * n_slots;
    bool is_right = (s->n - s->at) % row == 0;

    memset(s->slots, 0, n * n_slots * sizeof *s->slots);
    while (is_right && s->at < s->n) {
        const size_t c = (size_t)take_bits(s, 2);

        for (size_t i = 0; c < n && is_right && i < n_slots; i++)
            is_right = (s->slots[i * n + c] = take_score(s)) >= 0;
        is_right &= c < n;
    }
    return is_right;
}

/* A level may be that of digital silence. */
static bool is_level(float dbfs)
{
    return dbfs <= 200;                                     /* no NaN, nor +infinity */
}

static bool take_levels(em_stored *s, em_event *e)
{
    e->u.scores.first_level = (int64_t)take_bits(s, 8);
    e->u.scores.n_levels = (int)take_bits(s, 1);
    e->u.scores.levels = s->bytes + s->at;
    if (e->u.scores.first_level < 0 || e->u.scores.first_level >= 1ll << 53 || e->u.scores.n_levels > EM_EVENT_LEVELS ||
        s->n - s->at < (size_t)e->u.scores.n_levels + 2 * (size_t)s->head.classes.n)
        return false;
    s->at += (size_t)e->u.scores.n_levels;
    return true;
}

static bool take_hop(em_stored *s, em_event *e)
{
    if (s->n < HOP_BYTES)
        return false;
    e->u.scores.filled = take_double(s);
    e->u.scores.rms_dbfs = take_float(s);
    e->u.scores.peak_dbfs = take_float(s);
    e->u.scores.scores = s->scores;
    e->u.scores.slots = s->slots;
    e->u.scores.n_slots = s->head.n_slots;
    return take_levels(s, e) && take_scores(s) && take_slots(s) && e->u.scores.filled >= 0 && e->u.scores.filled <= 1 && is_level(e->u.scores.rms_dbfs) &&
           is_level(e->u.scores.peak_dbfs);
}

static bool take_gap(em_stored *s, em_event *e)
{
    e->u.gap.n_frames = take_bits(s, 8);
    e->u.gap.reason = em_stored_reason_text((int)take_bits(s, 1));
    return e->u.gap.n_frames < 1ull << 62 && e->u.gap.reason;
}

static bool take_sync(em_stored *s, em_event *e)
{
    e->u.sync.drift_s = take_double(s);
    return fabs(e->u.sync.drift_s) < most_time_s;
}

static bool take_stop(em_stored *s, em_event *e)
{
    uint64_t *const counters[] = { &e->u.stop.captured, &e->u.stop.taken,        &e->u.stop.dropped,
                                   &e->u.stop.waiting,  &e->u.stop.skipped_hops, &e->u.stop.resets };
    bool is_right = true;

    for (size_t i = 0; i < EM_COUNT(counters); i++) {
        *counters[i] = take_bits(s, 8);
        is_right &= *counters[i] < 1ull << 62;
    }
    return is_right;
}

static bool take_state(em_stored *s, em_event *e)
{
    e->u.source_state.is_up = take_bits(s, 1) != 0;
    return true;
}

/* As event ids are: nothing that means something to a format. */
static bool is_id(const char *id)
{
    return strlen(id) == EM_EVENT_ID_CHARS - 1 && strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == EM_EVENT_ID_CHARS - 1;
}

static bool take_mark(em_stored *s, em_event *e)
{
    const size_t id = s->at + 1, text = id + EM_EVENT_ID_CHARS - 1;
    uint64_t flag;

    if (s->n < text || s->n - text >= sizeof e->u.mark.text || memchr(s->bytes + text, '\0', s->n - text))
        return false;
    flag = take_bits(s, 1);
    memcpy(e->u.mark.id, s->bytes + id, EM_EVENT_ID_CHARS - 1);         /* *e was zeroed */
    memcpy(e->u.mark.text, s->bytes + text, s->n - text);
    e->u.mark.has_clip = flag == 1;
    return flag <= 1 && is_id(e->u.mark.id);
}

static bool take_lost(em_stored *s, em_event *e)
{
    e->u.lost.n_records = take_bits(s, 8);
    return e->u.lost.n_records < 1ull << 62;
}

static const struct kind { char letter; em_event_type type; size_t n_bytes; bool (*take)(em_stored *s, em_event *e); } kinds[] = {
    { 'h', EM_EVENT_SCORES, 0, take_hop }, { 's', EM_EVENT_SOURCE, 1, take_state }, { 'y', EM_EVENT_SYNC, 8, take_sync },
    { 'g', EM_EVENT_GAP, 9, take_gap },    { 'l', EM_EVENT_LOST, 8, take_lost },    { 'e', EM_EVENT_STOP, 48, take_stop },
    { 'm', EM_EVENT_MARK, 0, take_mark },
};

/* n_bytes 0: take looks itself. Behind 16 of time. */
static bool take_record(em_stored *s, char letter, em_event *e)
{
    for (size_t i = 0; i < EM_COUNT(kinds); i++) {
        const struct kind *k = &kinds[i];

        if (k->letter != letter)
            continue;
        if (s->n < 16 || (k->n_bytes && s->n != 16 + k->n_bytes))
            return false;
        *e = (em_event){ .type = k->type, .source = s->source };
        e->time = take_double(s);
        e->utc_ms = (int64_t)take_bits(s, 8);
        return e->time >= 0 && e->time < most_time_s && e->utc_ms >= -1 && e->utc_ms < 1ll << 53 && k->take(s, e);
    }
    return false;
}

static bool take_name(em_stored *s)
{
    if (s->n >= sizeof s->source || memchr(s->bytes, '\0', s->n))
        return false;
    memcpy(s->source, s->bytes, s->n);
    s->source[s->n] = '\0';
    return true;
}

/* The next record into s->bytes; letter '\0': there is none. */
static em_status read_record(em_stored *s, char *letter, em_err *err)
{
    unsigned char head[5];
    const size_t got = fread(head, 1, sizeof head, s->file);

    *letter = '\0';
    s->n = s->at = 0;
    if (got == 0 && !ferror(s->file))
        return EM_OK;
    for (int i = 0; i < 4 && got == sizeof head; i++)
        s->n |= (size_t)head[1 + i] << 8 * i;
    if (s->n > s->most)
        return broken(s, err, "a record is too long");
    if (got < sizeof head || fread(s->bytes, 1, s->n, s->file) != s->n)
        return ferror(s->file) ? em_fail(err, EM_EIO, "%s: cannot be read: %s", s->path, strerror(errno))
                               : em_fail(err, EM_EFORMAT, "%s: ends inside a record; the records before it are whole", s->path);
    *letter = (char)head[0];
    return EM_OK;
}

em_status em_stored_next(em_stored *s, em_event *e, bool *has_one, em_err *err)
{
    char letter;
    em_status status;

    *has_one = false;
    while (!(status = read_record(s, &letter, err)) && letter == 'n')
        if (!take_name(s))
            return broken(s, err, "a name is not as it should be");
    if (status || !letter)
        return status;
    if (!take_record(s, letter, e))
        return broken(s, err, "a record is not as it should be");
    *has_one = true;
    return EM_OK;
}
