/* Files of scores: what was put is read again, and no damage does harm. */
#include "check.h"

#include "base/kept.h"
#include "base/rng.h"
#include "sinks/sink.h"
#include "sinks/stored.h"

#include <math.h>
#include <unistd.h>

enum { N = 3, SLOTS = 4, MOST_BYTES = 1 << 16 };

static const char *const labels[N] = { "Dog", "Rain, heavy", "Ton\xc3\xa9" };
static const char *const mids[N] = { "/m/0bt9lr", "", "" };
static const em_classes classes = { labels, mids, N };
static const bool trained[N] = { true, false, true };
static const float thresholds[N] = { .1f, 1 / 3.f, .9f };
static const em_sink_store_cfg about = { trained, thresholds, 320000, SLOTS, .32, 2 };
static const float scores[N] = { .75f, .001f, .1f };
static const float slots[SLOTS * N] = { .1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, .9f, 1, 0, .05f };

static const uint8_t levels[EM_EVENT_LEVELS] = { 0, 255, 7 };

static const char mark_id[] = "000000026RABCDEFGHJKMNPQRS";

static char path[] = "/tmp/em_stored_XXXXXX";
static unsigned char whole[MOST_BYTES];
static size_t n_whole;

static em_event start_event(void)
{
    em_event e = { .type = EM_EVENT_START, .utc_ms = -1 };

    e.u.start.version = "0.1.0";
    e.u.start.model = "m";
    e.u.start.sha256 = "ab";
    e.u.start.backend = "cpu";
    e.u.start.rate_hz = 32000;
    e.u.start.step_s = .1;
    e.u.start.window_s = 10;
    return e;
}

static em_event event(em_event_type type, const char *source, double time)
{
    em_event e = { .type = type, .source = source, .time = time, .utc_ms = 1234567890123 };

    if (type == EM_EVENT_SCORES) {
        e.u.scores.filled = .3;
        e.u.scores.rms_dbfs = -INFINITY;
        e.u.scores.peak_dbfs = -6.5f;
        e.u.scores.scores = scores;
        e.u.scores.slots = slots;
        e.u.scores.n_slots = SLOTS;
        e.u.scores.levels = levels;
        e.u.scores.n_levels = strcmp(source, "mic:1") == 0 ? EM_EVENT_LEVELS : 0;
        e.u.scores.first_level = 1ll << 40;
    } else if (type == EM_EVENT_GAP) {
        e.u.gap.n_frames = 1ull << 40;
        e.u.gap.reason = "device";
    } else if (type == EM_EVENT_SYNC) {
        e.u.sync.drift_s = -.063;
    } else if (type == EM_EVENT_SOURCE) {
        e.u.source_state.is_up = true;
    } else if (type == EM_EVENT_MARK) {
        memset(e.u.mark.text, '>', EM_MARK_BYTES - 1);      /* as long as they get; hostile */
        e.u.mark.text[0] = '\n';
        e.u.mark.text[1] = '\xff';
        snprintf(e.u.mark.id, sizeof e.u.mark.id, "%s", mark_id);
        e.u.mark.has_clip = true;
    } else if (type == EM_EVENT_LOST) {
        e.u.lost.n_records = 7;
    } else {
        e.u.stop.captured = 10;
        e.u.stop.resets = 3;
    }
    return e;
}

static const struct { em_event_type type; const char *source; double time; } told[] = {
    { EM_EVENT_SOURCE, "mic", 0 }, { EM_EVENT_SCORES, "mic:1", .1 }, { EM_EVENT_SCORES, "mic:2", .1 }, { EM_EVENT_GAP, "mic", .15 },
    { EM_EVENT_SYNC, "mic", .2 },  { EM_EVENT_MARK, "mic", .225 },   { EM_EVENT_LOST, "mic", .25 },
    { EM_EVENT_STOP, "mic", 1 / 3. },
};

static void write_file(const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    CHECK(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, "%s", path);
}

static int make_whole(void **state)
{
    em_sink_cfg cfg = { .format = "store", .path = path, .classes = &classes, .store = &about };
    em_event e = start_event();
    em_sink *s;
    em_err err;
    FILE *f;
    int fd = mkstemp(path);
    (void)state;

    close(fd);
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK_OK(em_sink_put(s, &e, &err));
    for (size_t i = 0; i < EM_COUNT(told); i++) {
        em_event made_of_scores = event(EM_EVENT_STOP, "mic", 1);

        e = event(told[i].type, told[i].source, told[i].time);
        CHECK_OK(em_sink_put(s, &e, &err));
        made_of_scores.type = EM_EVENT_ONSET;
        CHECK_OK(em_sink_put(s, &made_of_scores, &err));
    }
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    f = fopen(path, "rb");
    n_whole = fread(whole, 1, sizeof whole, f);
    fclose(f);
    return n_whole == 0 || n_whole == sizeof whole;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void check_head(const em_stored_head *h)
{
    CHECK(h->start.type == EM_EVENT_START && h->start.utc_ms == -1 && strcmp(h->start.u.start.sha256, "ab") == 0, "the start");
    CHECK(h->start.u.start.step_s == .1 && h->slot_s == .32 && h->n_slots == SLOTS && h->window_samples == 320000 && h->n_files == 2,
          "numbers as they were");
    CHECK(h->classes.n == N && strcmp(h->classes.labels[1], "Rain, heavy") == 0 && strcmp(h->classes.mids[0], "/m/0bt9lr") == 0, "classes");
    for (int c = 0; c < N; c++)
        CHECK(h->is_trained[c] == trained[c] && h->thresholds[c] == thresholds[c], "class %d: %.9g", c, (double)h->thresholds[c]);
}

static void check_scores(const em_event *e)
{
    CHECK(e->u.scores.filled == .3 && e->u.scores.rms_dbfs == -INFINITY && e->u.scores.peak_dbfs == -6.5f && e->u.scores.n_slots == SLOTS, "a hop");
    CHECK(e->u.scores.n_levels == (strcmp(e->source, "mic:1") == 0 ? EM_EVENT_LEVELS : 0) && e->u.scores.first_level == 1ll << 40 &&
          memcmp(e->u.scores.levels, levels, (size_t)e->u.scores.n_levels) == 0, "levels");
    for (int c = 0; c < N; c++) {
        CHECK(e->u.scores.scores[c] == em_kept(scores[c]), "class %d: %g", c, (double)e->u.scores.scores[c]);
        for (int i = 0; i < SLOTS; i++)
            CHECK(e->u.scores.slots[i * N + c] == (c == 1 ? 0 : em_kept(slots[i * N + c])), "class %d, slot %d", c, i);
    }
}

static void check_mark(const em_event *e)
{
    const em_event want = event(EM_EVENT_MARK, "mic", 0);

    CHECK(strcmp(e->u.mark.id, mark_id) == 0 && e->u.mark.has_clip, "a mark's id: %s", e->u.mark.id);
    CHECK(strcmp(e->u.mark.text, want.u.mark.text) == 0, "its text, all %zu bytes: %zu", strlen(want.u.mark.text), strlen(e->u.mark.text));
}

static void what_was_put_is_read_again(void **state)
{
    em_stored *s;
    em_event e;
    em_err err;
    bool has_one;
    (void)state;

    write_file(whole, n_whole);
    CHECK_OK(em_stored_open(&s, path, &err));
    check_head(em_stored_head_of(s));
    for (size_t i = 0; i < EM_COUNT(told); i++) {
        CHECK_OK(em_stored_next(s, &e, &has_one, &err));
        CHECK(has_one && e.type == told[i].type && e.time == told[i].time && e.utc_ms == 1234567890123, "record %zu", i);
        CHECK(strcmp(e.source, told[i].source) == 0, "record %zu: %s", i, e.source);
        if (e.type == EM_EVENT_SCORES)
            check_scores(&e);
        if (e.type == EM_EVENT_GAP)
            CHECK(e.u.gap.n_frames == 1ull << 40 && strcmp(e.u.gap.reason, "device") == 0, "a gap");
        if (e.type == EM_EVENT_SYNC)
            CHECK(e.u.sync.drift_s == -.063, "a sync");
        if (e.type == EM_EVENT_MARK)
            check_mark(&e);
        if (e.type == EM_EVENT_LOST)
            CHECK(e.u.lost.n_records == 7, "a loss");
        if (e.type == EM_EVENT_STOP)
            CHECK(e.u.stop.captured == 10 && e.u.stop.resets == 3 && e.u.stop.taken == 0, "a stop");
    }
    CHECK_OK(em_stored_next(s, &e, &has_one, &err));
    CHECK(!has_one, "and no more");
    em_stored_close(s);
}

/* Reads a file to its end or its damage; what is told must be within bounds. Returns whether it was whole. */
static bool read_all(const unsigned char *bytes, size_t n, int *n_events)
{
    em_stored *s = NULL;
    em_err err = { 0 };
    em_status status;
    bool has_one = true;
    em_event e;

    *n_events = 0;
    if (n == 0)
        write_file(bytes, n);
    status = n ? em_stored_open_bytes(&s, bytes, n, path, &err) : em_stored_open(&s, path, &err);
    while (!status && has_one && !(status = em_stored_next(s, &e, &has_one, &err)) && has_one) {
        (*n_events)++;
        if (e.type == EM_EVENT_SCORES)
            for (int c = 0; c < em_stored_head_of(s)->classes.n; c++)
                CHECK(e.u.scores.scores[c] >= 0 && e.u.scores.scores[c] <= 1, "a score of %g", (double)e.u.scores.scores[c]);
        if (e.type == EM_EVENT_MARK)
            CHECK(strlen(e.u.mark.id) == EM_EVENT_ID_CHARS - 1 && strlen(e.u.mark.text) < EM_MARK_BYTES, "a mark");
        CHECK(strlen(e.source) < EM_STORED_NAME && e.time >= 0, "a source and a time");
    }
    CHECK(!status || (strstr(err.msg, path) && !strchr(err.msg, '\n')), "one sentence with the file's name: %s", err.msg);
    em_stored_close(s);
    return !status;
}

/* A hop may say that it has more levels than any has, and have them: whoever queues it has no room for them. */
static void too_many_levels_are_refused(void **state)
{
    static const uint8_t first[8] = { 0, 0, 0, 0, 0, 1 };   /* 1 << 40, little-endian */
    unsigned char *bytes = malloc(n_whole + 1), *at = memmem(whole, n_whole, first, sizeof first);
    size_t n = (size_t)(at - whole) + sizeof first;         /* up to the count */
    int n_events;
    (void)state;

    assert_int_equal(whole[n], EM_EVENT_LEVELS);
    memcpy(bytes, whole, n + 1);
    bytes[n]++;
    bytes[n + 1] = 77;
    memcpy(bytes + n + 2, whole + n + 1, n_whole - n - 1);
    bytes[n - 44]++;                                        /* the record's length, before 40 bytes of it */
    CHECK(!read_all(bytes, n_whole + 1, &n_events) && n_events == 1, "%d events", n_events);
    free(bytes);
}

/* A mark's id is no text, and its text is neither longer than any is nor two. */
static void marks_of_other_forms_are_refused(void **state)
{
    enum { LENGTH = 1, FLAG = 5 + 16, ID = FLAG + 1, TEXT = ID + EM_EVENT_ID_CHARS - 1, MOST = TEXT - 5 + EM_MARK_BYTES - 1 };
    static const struct { int at; unsigned char byte; const char *why; } cases[] = {
        { ID, 'a', "small letters" },   { ID + 25, '"', "a quotation mark" },  { TEXT + 9, 0, "a text in two" },
        { FLAG, 2, "neither with a clip nor without" },                        { LENGTH, TEXT - 5 - 1, "no room for an id" },
        { LENGTH, MOST + 1, "a text that is too long" },
    };
    static unsigned char bytes[MOST_BYTES];
    const unsigned char *id = memmem(whole, n_whole, mark_id, sizeof mark_id - 1);
    const size_t at = (size_t)(id - whole) - ID;
    int n_events;
    (void)state;

    assert_non_null(id);
    assert_int_equal(whole[at], 'm');
    assert_int_equal(whole[at + LENGTH], MOST);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        memcpy(bytes, whole, n_whole);
        bytes[at + (size_t)cases[i].at] = cases[i].byte;
        CHECK(!read_all(bytes, n_whole, &n_events) && n_events == 5, "%s: %d events", cases[i].why, n_events);
    }
}

/* Whole records in front of a cut are told. */
static void every_cut_is_found(void **state)
{
    int n_events, most = 0;
    (void)state;

    for (size_t n = 0; n < n_whole; n++) {
        const bool is_whole = read_all(whole, n, &n_events);

        CHECK(n_events >= most && (size_t)n_events <= EM_COUNT(told), "%zu bytes: %d events", n, n_events);
        CHECK(!is_whole || n_events > 0 || whole[n] == 's' || whole[n] == 'n', "%zu bytes are no whole file", n);
        most = n_events;
    }
    CHECK(most == (int)EM_COUNT(told) - 1, "%d events before the last byte", most);
}

static void no_damage_does_harm(void **state)
{
    static unsigned char bytes[MOST_BYTES];
    em_rng rng = { 11 };
    int n_events, n_found = 0;
    (void)state;

    for (int k = 0; k < 20000; k++) {
        memcpy(bytes, whole, n_whole);
        for (int i = 0; i < 1 + k % 3; i++)
            bytes[em_rng_u64(&rng) % n_whole] = (unsigned char)em_rng_u64(&rng);
        n_found += !read_all(bytes, n_whole, &n_events);
    }
    CHECK(n_found > 5000, "%d of 20000 found", n_found);
}

/* A hop as long as what stands before its scores: those of the hop before it must not be told once more. */
static void a_hop_without_scores_is_found(void **state)
{
    enum { LENGTH = 1, HEAD = 5 };
    static const size_t lengths[] = { 32, 41 };         /* without levels; with none */
    static unsigned char bytes[MOST_BYTES];
    size_t at = 0, rest;
    int n_events;
    (void)state;

    for (size_t i = 0; i + HEAD < n_whole; i++)         /* the last one: its head is a letter and a length */
        if (whole[i] == 'h' && whole[i + LENGTH] > lengths[1] && !whole[i + 2] && !whole[i + 3] && !whole[i + 4])
            at = i;
    CHECK(at > 0, "no hop");
    rest = at + HEAD + whole[at + LENGTH];
    for (size_t i = 0; i < EM_COUNT(lengths); i++) {
        memcpy(bytes, whole, at + HEAD + lengths[i]);
        bytes[at + LENGTH] = (unsigned char)lengths[i];
        memcpy(bytes + at + HEAD + lengths[i], whole + rest, n_whole - rest);
        CHECK(!read_all(bytes, n_whole - (rest - at - HEAD - lengths[i]), &n_events) && n_events == 2, "%d events", n_events);
    }
}

/* Heads that are JSON and yet no heads: put in front of the records. */
static void heads_of_other_sizes_are_refused(void **state)
{
    static const struct { const char *from, *to; } cases[] = {
        { "\"slots\":4", "\"slots\": 4" },            /* as good as it was */
        { "\"slots\":4", "\"slots\":0" },             { "\"slots\":4", "\"slots\":4.5" },
        { "\"slots\":4", "\"slots\":99999" },         { "\"rate\":32000", "\"rate\":-1" },
        { "\"label\":\"Dog\"", "\"label\":7" },       { "\"label\":\"Dog\"", "\"label\":\"D\\u001bg\"" },
        { "\"threshold\":0.1", "\"threshold\":2.1" }, { "\"classes\":", "\"klasses\":" },
        { "\"window_samples\":320000", "\"window_samples\":99999999" },    { "\"slot\":", "\"slot\":1e-9,\"y\":" },
    };
    const size_t mark = strlen(EM_STORED_MARK) + 4;
    const char *json = (const char *)whole + mark;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        static unsigned char bytes[MOST_BYTES];
        const char *at = strstr(json, cases[i].from), *rest;
        size_t n;
        int n_events;

        CHECK(at, "%s", cases[i].from);
        rest = at + strlen(cases[i].from);
        memcpy(bytes, whole, mark);                         /* of the records only the head's end is left: '}' follows ']' */
        n = (size_t)snprintf((char *)bytes + mark, sizeof bytes - mark, "%.*s%s%.*s", (int)(at - json), json, cases[i].to,
                             (int)(strrchr(json, ']') + 2 - rest), rest);
        for (int b = 0; b < 4; b++)
            bytes[mark - 4 + (size_t)b] = (unsigned char)(n >> 8 * b);
        CHECK(read_all(bytes, mark + n, &n_events) == (i == 0), "%s", cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read_again),
        cmocka_unit_test(every_cut_is_found),
        cmocka_unit_test(too_many_levels_are_refused),
        cmocka_unit_test(marks_of_other_forms_are_refused),
        cmocka_unit_test(no_damage_does_harm),
        cmocka_unit_test(a_hop_without_scores_is_found),
        cmocka_unit_test(heads_of_other_sizes_are_refused),
    };

    return cmocka_run_group_tests(tests, make_whole, remove_file);
}
