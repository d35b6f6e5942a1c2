/* The tape and the sink of clips, without a source: rings that go round, rates that change, events that are too long, taken back or lost
 * of. What the program keeps of real sound: tests/cli/clips.sh. */
#include "check.h"

#include "sinks/clip.h"
#include "sinks/tape.h"

#include "made.h"

#include <math.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATE = 1000 };

/* A sample that 24 bits hold, and tells which it is. */
static float value(int64_t i)
{
    return (float)(i % 1000003) / 0x1p20f;
}

static void push(em_tape *t, int64_t from, size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);

    for (size_t i = 0; i < n; i++)
        x[i] = value(from + (int64_t)i);
    em_tape_push(t, 0, (const float *const[]){ x }, n);
    free(x);
}

static em_tape *tape(double seconds)
{
    em_tape *t;
    em_err err;

    CHECK_OK(em_tape_new(&t, 1, seconds, &err));
    CHECK_OK(em_tape_begin(t, 0, 1, RATE, &err));
    em_tape_name(t, 0, 0, "dog.wav");
    return t;
}

static void a_tape_keeps_the_newest_seconds(void **state)
{
    static const size_t chunks[] = { 1, 7, 999, 1000, 1001, 2500, 40000 };
    em_tape *t = tape(1);
    em_tape_state s;
    int64_t at = 0;
    float x[1001];
    em_err err;
    (void)state;

    for (size_t k = 0; k < EM_COUNT(chunks); at += (int64_t)chunks[k++]) {
        push(t, at, chunks[k]);
        CHECK(em_tape_look(t, "dog.wav", &s) && s.next == at + (int64_t)chunks[k] && s.next - s.first <= s.n_room, "chunk %zu", k);
        CHECK(em_tape_read(t, "dog.wav", x, s.first, (size_t)(s.next - s.first)), "chunk %zu", k);
        for (int64_t i = s.first; i < s.next; i++)
            CHECK(x[i - s.first] == value(i), "chunk %zu: sample %ld", k, (long)i);
    }
    CHECK(!em_tape_read(t, "dog.wav", x, s.first - 1, 2) && !em_tape_read(t, "dog.wav", x, s.next - 1, 2), "what is gone, and what is to come");
    CHECK(!em_tape_look(t, "cat.wav", &s) && !em_tape_read(t, "cat.wav", x, at - 1, 1), "another source");
    em_tape_push(t, 0, NULL, 500);
    CHECK(em_tape_read(t, "dog.wav", x, at - 1, 501) && x[0] == value(at - 1) && x[1] == 0 && x[500] == 0, "a gap is silence");
    em_tape_push(t, 0, NULL, (size_t)1 << 40);
    CHECK(em_tape_read(t, "dog.wav", x, at + 500 + (1ll << 40) - 1000, 1000) && x[0] == 0, "a gap of years");
    CHECK_OK(em_tape_set_rate(t, 0, 2 * RATE, 77, &err));
    CHECK(em_tape_look(t, "dog.wav", &s) && s.next == 0 && s.rate_hz == 2 * RATE && s.start_s > 76, "another rate begins anew");
    em_tape_free(t);
    em_tape_free(NULL);
}

/* ---- the sink ---- */

typedef struct room { em_sink *sink; em_tape *tape; em_sink_clip_cfg clip; int64_t at; } room;

static void open_room(room *r, const char *folder)
{
    em_sink_cfg cfg = { .format = "clip", .classes = &classes, .clip = &r->clip };
    em_err err;

    mkdir(in_folder(folder), 0777);
    *r = (room){ .tape = tape(40), .clip = { .dir = strdup(in_folder(folder)), .pre_s = 1, .post_s = .5, .most_s = 10 } };
    r->clip.tape = r->tape;
    CHECK_OK(em_sink_open(&r->sink, &cfg, &err));
}

/* Sound up to `time`, in whose hop *e is told. */
static void tell(room *r, double time, const em_event *e)
{
    em_err err;

    push(r->tape, r->at, (size_t)(time * RATE) - (size_t)r->at);
    r->at = (int64_t)(time * RATE);
    CHECK_OK(em_sink_put(r->sink, e, &err));
}

static em_event named(em_event_type type, const char *id, double onset, double offset)
{
    em_event e = sound(type);

    snprintf(e.u.sound.id, sizeof e.u.sound.id, "%s", id);
    e.u.sound.onset = onset;
    e.u.sound.offset = offset;
    return e;
}

static const char *path_of(const room *r, const char *id)
{
    static char path[512];
    const em_event e = named(EM_EVENT_OFFSET, id, 0, 0);

    return em_clip_path(path, sizeof path, r->clip.dir, e.source, e.u.sound.label, id);
}

/* Its file holds [begin, end) of what was pushed. */
static void holds(const room *r, const char *id, int64_t begin, int64_t end)
{
    SF_INFO info = { 0 };
    SNDFILE *file = sf_open(path_of(r, id), SFM_READ, &info);
    int x;

    CHECK(file && info.frames == end - begin && info.samplerate == RATE, "%s: %ld samples, not %ld", id, (long)info.frames, (long)(end - begin));
    for (int64_t i = begin; i < end; i++)
        CHECK(sf_readf_int(file, &x, 1) == 1 && x == (int)lrintf(value(i) * 0x1p23f) * 256, "%s: sample %ld", id, (long)i);
    sf_close(file);
}

static bool is_there(const room *r, const char *id)
{
    return access(path_of(r, id), F_OK) == 0;
}

static em_status close_room(room *r, em_err *err)
{
    const em_status status = em_sink_close(r->sink, EM_SINK_WHOLE, err);

    em_tape_free(r->tape);
    free((char *)(uintptr_t)r->clip.dir);
    return status;
}

static void a_clip_waits_for_its_last_sample(void **state)
{
    const em_event on = named(EM_EVENT_ONSET, "A", 3, 4), off = named(EM_EVENT_OFFSET, "A", 2.5, 4.25), next = hop(8);
    room r;
    em_err err;
    (void)state;

    open_room(&r, "waits");
    tell(&r, 4, &on);
    tell(&r, 4.5, &off);
    CHECK(!is_there(&r, "A"), "half a second behind the offset is to come");
    tell(&r, 4.749, &next);
    CHECK(!is_there(&r, "A"), "a sample is to come");
    tell(&r, 4.75, &next);
    holds(&r, "A", 1500, 4750);
    CHECK_OK(close_room(&r, &err));
}

static void the_ends_of_the_stream_end_clips(void **state)
{
    const em_event first = named(EM_EVENT_OFFSET, "A", .25, 1), on = named(EM_EVENT_ONSET, "B", 5, 6), last = named(EM_EVENT_OFFSET, "B", 5, 6);
    em_event stop = { .type = EM_EVENT_STOP, .source = "dog.wav", .time = 6.2 };
    room r;
    em_err err;
    (void)state;

    open_room(&r, "ends");
    tell(&r, 2, &first);
    holds(&r, "A", 0, 1500);
    tell(&r, 6.1, &on);
    tell(&r, 6.3, &last);
    tell(&r, 6.3, &stop);
    holds(&r, "B", 4000, 6200);
    CHECK_OK(close_room(&r, &err));
}

/* While it sounds nobody knows its end: it is cut when its beginning would be gone. */
static void a_long_event_has_its_beginning(void **state)
{
    const em_event on = named(EM_EVENT_ONSET, "A", 5, 6), off = named(EM_EVENT_OFFSET, "A", 5.25, 30), other = named(EM_EVENT_ONSET, "B", 6, 7);
    const em_event never = named(EM_EVENT_RETRACT, "B", 6, 7), next = hop(1);
    room r;
    em_err err;
    (void)state;

    open_room(&r, "long");
    tell(&r, 7, &on);
    tell(&r, 7.5, &other);
    tell(&r, 38, &next);
    CHECK(!is_there(&r, "A"), "it can wait");
    tell(&r, 39.5, &next);
    holds(&r, "A", 4000, 14000);
    tell(&r, 40.5, &next);
    holds(&r, "B", 5000, 15000);
    tell(&r, 41, &off);
    holds(&r, "A", 4000, 14000);
    tell(&r, 41, &never);
    CHECK(!is_there(&r, "B"), "what never was has no clip");
    CHECK_OK(close_room(&r, &err));
}

static em_event verdict(const char *id, double begin, double end, bool is_over, const char *why_not)
{
    em_event e = { .type = EM_EVENT_CLIP, .source = "dog.wav" };

    snprintf(e.u.clip.id, sizeof e.u.clip.id, "%s", id);
    e.u.clip.label = named(EM_EVENT_OFFSET, id, 0, 0).u.sound.label;
    e.u.clip.begin = begin;
    e.u.clip.end = end;
    e.u.clip.is_over = is_over;
    e.u.clip.why_not = why_not;
    return e;
}

/* Of clips that are judged nothing is written but what a verdict lets be, and that as it says. */
static void a_judged_clip_waits_for_its_verdict(void **state)
{
    const em_event on = named(EM_EVENT_ONSET, "A", 3, 4), off = named(EM_EVENT_OFFSET, "A", 3, 4), next = hop(8);
    const em_event others[] = { named(EM_EVENT_OFFSET, "B", 3, 4), named(EM_EVENT_OFFSET, "C", 3, 4) };
    const em_event yes = verdict("A", 2, 4.5, true, NULL), no = verdict("B", 2, 4.5, true, "speech"), on_long = verdict("D", 5, 15, false, NULL);
    const em_event never = named(EM_EVENT_RETRACT, "D", 6, 20), stop = { .type = EM_EVENT_STOP, .source = "dog.wav", .time = 30 };
    room r;
    em_err err;
    (void)state;

    open_room(&r, "judged");
    r.clip.is_judged = true;
    tell(&r, 4, &on);
    tell(&r, 5, &off);
    tell(&r, 5, &others[0]);
    tell(&r, 5, &others[1]);
    tell(&r, 20, &next);
    CHECK(!is_there(&r, "A"), "no verdict, no clip");
    tell(&r, 20, &yes);
    tell(&r, 20, &no);
    holds(&r, "A", 2000, 4500);
    CHECK(!is_there(&r, "B"), "not near speech");
    tell(&r, 20, &on_long);
    holds(&r, "D", 5000, 15000);
    tell(&r, 21, &never);
    CHECK(!is_there(&r, "D"), "what never was has no clip");
    tell(&r, 30, &stop);
    CHECK(!is_there(&r, "C"), "nor what was not judged at the end");
    CHECK_OK(close_room(&r, &err));
}

static void what_is_gone_is_counted(void **state)
{
    const em_event on = named(EM_EVENT_ONSET, "A", 5, 6), off = named(EM_EVENT_OFFSET, "A", 5, 6);
    room r;
    em_err err;
    (void)state;

    open_room(&r, "gone");
    tell(&r, 7, &on);
    tell(&r, 100, &off);
    CHECK(!is_there(&r, "A"), "its sound is gone");
    CHECK(close_room(&r, &err) == EM_EIO && strstr(err.msg, "of 1 clips 1"), "%s", err.msg);
}

static void names_stay_in_the_folder(void **state)
{
    static const struct { const char *source, *label, *want; } cases[] = {
        { "dog.wav", "Bark", "d/dog_wav-bark-ID.flac" },        { "../../x", "/etc/passwd", "d/x-etc_passwd-ID.flac" },
        { "\xff\xfe", "\n", "d/source-sound-ID.flac" },         { "", "..", "d/source-sound-ID.flac" },
        { "a/b:2", "%s%n", "d/a_b_2-s_n-ID.flac" },
    };
    char path[512], label[1000];
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(strcmp(em_clip_path(path, sizeof path, "d", cases[i].source, cases[i].label, "ID"), cases[i].want) == 0, "case %zu: %s", i, path);
    memset(label, 'a', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    CHECK(strlen(em_clip_path(path, sizeof path, "d", label, label, "ID")) < 200, "%s", path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tape_keeps_the_newest_seconds),
        cmocka_unit_test(a_clip_waits_for_its_last_sample),
        cmocka_unit_test(the_ends_of_the_stream_end_clips),
        cmocka_unit_test(a_long_event_has_its_beginning),
        cmocka_unit_test(a_judged_clip_waits_for_its_verdict),
        cmocka_unit_test(what_is_gone_is_counted),
        cmocka_unit_test(names_stay_in_the_folder),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
