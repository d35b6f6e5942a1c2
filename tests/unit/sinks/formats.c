/* Formats of events, byte for byte: rows, cues, the overlay; who leaves when; and outputs that fail. How other programs
 * read them, and what hostile labels do to them: tests/cli/formats.sh. */
#include "check.h"

#include "sinks/line.h"
#include "sinks/onset_order.h"

#include "made.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const tables[] = { "audacity", "dcase", "sed-eval", "audioset", "raven", "csv" };

/* A sound of its own name, from when to when. */
static em_event named(em_event_type type, const char *id, double onset, double offset)
{
    em_event e = sound(type);

    snprintf(e.u.sound.id, sizeof e.u.sound.id, "%s", id);
    e.u.sound.label = id;
    e.u.sound.onset = onset;
    e.u.sound.offset = offset;
    e.time = type == EM_EVENT_OFFSET ? offset : onset;
    return e;
}

static void rows_are_exactly_these(void **state)
{
#define RAVEN_HEAD "Selection\tView\tChannel\tBegin File\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t" \
                   "Species Code\tCommon Name\tConfidence\n"
#define CSV_HEAD "source,onset,offset,utc_onset,index,mid,label,peak,mean,res,id\r\n"
    static const struct { const char *format, *text; } cases[] = {
        { "audacity", "2.240000\t3.520000\tRain, heavy 0.88\n2.240000\t3.520000\t\"wet;\" 0.88\n" },
        { "dcase", "filename\tonset\toffset\tevent_label\ndog.wav\t2.240\t3.520\tRain, heavy\ndog.wav\t2.240\t3.520\t'wet,'\n" },
        { "sed-eval", "2.240\t3.520\tRain, heavy\n2.240\t3.520\t'wet,'\n" },
        { "audioset", "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\ndog_0\t2.240\t3.520\tRain, heavy\ndog_0\t2.240\t3.520\t'wet,'\n" },
        { "raven", RAVEN_HEAD "1\tSpectrogram 1\t1\tdog.wav\t2.240\t3.520\t0\t16000\tRain, heavy\tRain, heavy\t0.875\n"
                   "2\tSpectrogram 1\t1\tdog.wav\t2.240\t3.520\t0\t16000\t'wet,'\t'wet,'\t0.875\n" },
        { "csv", CSV_HEAD "\"dog.wav\",2.240,3.520,,1,\"\",\"Rain, heavy\",0.875,0.625,0.320,000000026RABCDEFGHJKMNPQRS\r\n"
                 "\"dog.wav\",2.240,3.520,1970-01-01T00:00:02.240Z,,\"\",\"\"\"wet;\"\"\",0.875,0.625,0.320,000000026RABCDEFGHJKMNPQRS\r\n" },
    };
    em_event e[5] = { hop(4), sound(EM_EVENT_ONSET), sound(EM_EVENT_OFFSET), sound(EM_EVENT_RETRACT), sound(EM_EVENT_OFFSET) };
    (void)state;

    e[4].u.sound.i_class = -1;
    e[4].u.sound.label = "\"wet;\"";
    e[4].utc_ms = 3520;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_sink_cfg cfg = usual(cases[i].format, in_folder("rows"));
        const char *text;

        cfg.rate_hz = 32000;
        text = written(&cfg, e, 5);
        CHECK(strcmp(text, cases[i].text) == 0, "%s: %s", cases[i].format, text);
    }
}

/* Several sources in one file, and each channel of one. */
static void a_row_says_whose_it_is(void **state)
{
    static const struct { const char *format, *source; int channel; const char *row; } cases[] = {
        { "audacity", "a/b.c/dog.x.wav", 1, "\n2.240000\t3.520000\ta/b.c/dog.x.wav: Rain, heavy 0.88\n" },
        { "dcase", "dog.wav:2", -1, "\ndog.wav:2\t2.240\t3.520\tRain, heavy\n" },
        { "sed-eval", "dog.wav:2", -1, "\ndog.wav:2\t2.240\t3.520\tRain, heavy\n" },
        { "audioset", "a/b.c/dog.x.wav", 1, "\na/b.c/dog.x_0\t2.240\t" },
        { "audioset", "dog.wav:2", -1, "\ndog:2_0\t2.240\t" },
        { "audioset", "a.b/.hidden", 1, "\na.b/.hidden_0\t2.240\t" },
        { "audioset", "porch", 1, "\nporch_0\t2.240\t" },
        { "raven", "dog.wav:12", -1, "\n1\tSpectrogram 1\t12\tdog.wav\t2.240\t" },
        { "raven", "dog.wav", 3, "\n1\tSpectrogram 1\t3\tdog.wav\t2.240\t" },
        { "raven", "odd:name.wav", 0, "\n1\tSpectrogram 1\t1\todd:name.wav\t2.240\t" },
        { "csv", "dog.wav:2", -1, "\n\"dog.wav:2\",2.240,3.520," },
        { "vtt", "dog.wav:2", -1, "\n[dog.wav:2: Rain, heavy]\n" },
        { "srt", "dog.wav:2", -1, "\n[dog.wav:2: Rain, heavy]\n" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_sink_cfg cfg = usual(cases[i].format, in_folder("sources"));
        em_event e = sound(EM_EVENT_OFFSET);
        char text[4096] = "\n";

        cfg.has_source_names = true;
        cfg.channel = cases[i].channel;
        e.source = cases[i].source;
        snprintf(text + 1, sizeof text - 1, "%s", written(&cfg, &e, 1));
        CHECK(strstr(text, cases[i].row), "%s, %s: %s", cases[i].format, cases[i].source, text);
    }
}

static void csv_has_times_as_they_are_asked_for(void **state)
{
    static const struct { const char *format, *times; int64_t utc_ms; } cases[] = {
        { NULL, ",2.240,3.520,", 3520 },   { "clock", ",2.240,3.520,", -1 },      { "seconds", ",2.240,3.520,", -1 },
        { "ms", ",2240,3520,", -1 },       { "samples", ",71680,112640,", -1 },
        { "utc", ",1970-01-01T00:00:02.240Z,1970-01-01T00:00:03.520Z,", 3520 },
    };
    em_sink_cfg cfg = usual("csv", in_folder("times.csv"));
    em_event e = sound(EM_EVENT_OFFSET);
    (void)state;

    cfg.rate_hz = 32000;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *text;

        cfg.time_format = cases[i].format;
        e.utc_ms = cases[i].utc_ms;
        text = written(&cfg, &e, 1);
        CHECK(strstr(text, cases[i].times), "case %zu: %s", i, text);
    }
}

/* Who reads along sees a row when its event is over. */
static void a_row_is_there_when_its_event_is_over(void **state)
{
    em_event e = sound(EM_EVENT_OFFSET);
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(tables); i++) {
        em_sink_cfg cfg = usual(tables[i], in_folder("flushed"));
        em_sink *s;

        CHECK_OK(em_sink_open(&s, &cfg, &err));
        CHECK_OK(em_sink_put(s, &e, &err));
        CHECK(strstr(read_whole(in_folder("flushed.part")), "Rain, heavy"), "%s", tables[i]);
        CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    }
}

static void cues_are_exactly_these(void **state)
{
    em_event e[4] = { hop(9), named(EM_EVENT_OFFSET, "b<i>&", 3725.25, 360000.0004), named(EM_EVENT_OFFSET, "a --> c", 0, 59.9996),
                      named(EM_EVENT_OFFSET, "instant", 3725.25, 3725.25) };
    em_sink_cfg cfg = usual("vtt", in_folder("cues.vtt"));
    const char *text;
    (void)state;

    text = written(&cfg, e, 4);
    CHECK(strcmp(text, "WEBVTT\n\n00:00:00.000 --> 00:01:00.000\n[a --&gt; c]\n\n01:02:05.250 --> 100:00:00.000\n[b&lt;i&gt;&amp;]\n\n"
                       "01:02:05.250 --> 01:02:05.251\n[instant]\n\n") == 0, "%s", text);
    cfg.format = "srt";
    text = written(&cfg, e, 4);
    CHECK(strcmp(text, "1\n00:00:00,000 --> 00:01:00,000\n[a --\u203a c]\n\n2\n01:02:05,250 --> 100:00:00,000\n[b\u2039i\u203a&]\n\n"
                       "3\n01:02:05,250 --> 01:02:05,251\n[instant]\n\n") == 0, "%s", text);
    CHECK(strcmp(written(&cfg, e, 1), "") == 0, "no events, no cues");
}

static em_event mark(double time, const char *text)
{
    em_event e = { .type = EM_EVENT_MARK, .source = "dog.wav", .time = time, .utc_ms = -1 };

    snprintf(e.u.mark.id, sizeof e.u.mark.id, "000000026RABCDEFGHJKMNPQRS");
    snprintf(e.u.mark.text, sizeof e.u.mark.text, "%s", text);
    return e;
}

/* Captions: a comment, which is no cue, at once. Scripts are told by a cue, in the order of the others: the earlier event waits for its end. */
static void a_mark_is_a_note_or_a_cue_for_scripts(void **state)
{
    static const char note[] = "WEBVTT\n\nNOTE 01:00:07.250 dog.wav: mark: --&gt;\n\n00:00:02.240 --> 00:00:03.520\n[dog.wav: Rain, heavy]\n\n";
    static const char cue[] = "\n\n01:00:07.250 --> 01:00:07.251\n{\"v\":1,\"type\":\"mark\",\"source\":\"dog.wav\",\"time\":3607.250,"
                              "\"id\":\"000000026RABCDEFGHJKMNPQRS\",\"text\":\"--\\u003e\",\"clip\":null}\n\n";
    em_event e[3] = { sound(EM_EVENT_ONSET), mark(3607.25, "-->"), sound(EM_EVENT_OFFSET) };
    em_sink_cfg cfg = usual("vtt", in_folder("marks.vtt"));
    const char *text;
    (void)state;

    cfg.has_source_names = true;
    text = written(&cfg, e, 3);
    CHECK(strcmp(text, note) == 0, "%s", text);
    cfg.is_metadata = true;
    text = written(&cfg, e, 3);
    CHECK(strstr(text, "WEBVTT\n\n00:00:02.240 --> 00:00:03.520\n{") == text, "%s", text);
    CHECK(strlen(text) > sizeof cue && strcmp(text + strlen(text) - (sizeof cue - 1), cue) == 0, "%s", text);
}

/* ---- onset_order ---- */

/* What leaves after a record, as "a b ". */
static const char *leaving(em_onset_order *o, const em_event *e)
{
    static char ids[256];
    const em_event *next;

    ids[0] = '\0';
    if (e)
        em_onset_order_put(o, e);
    while ((next = em_onset_order_take(o, !e)))
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s ", next->type == EM_EVENT_MARK ? next->u.mark.id : next->u.sound.id);
    return ids;
}

static void an_event_waits_until_none_can_begin_before_it(void **state)
{
    const struct { em_event e; const char *leave, *why; } steps[] = {
        { named(EM_EVENT_ONSET, "rain", 2, 4), "", "begins" },
        { named(EM_EVENT_ONSET, "bark", 5, 6), "", "begins later" },
        { named(EM_EVENT_OFFSET, "bark", 5, 6), "", "is over, the rain is not" },
        { hop(60), "", "the rain still is not" },
        { named(EM_EVENT_OFFSET, "rain", 1.5, 61), "rain bark ", "in order, all long ago" },
        { named(EM_EVENT_ONSET, "cough", 70, 71), "", "begins" },
        { named(EM_EVENT_OFFSET, "sneeze", 62, 63), "", "its onset is two seconds ago" },
        { hop(91.9), "", "not yet three windows" },
        { hop(92), "", "the cough may turn out to have begun before it" },
        { named(EM_EVENT_RETRACT, "cough", 70, 71), "sneeze ", "there was no cough" },
        { named(EM_EVENT_ONSET, "hum", 73.1, 74), "", "begins more than a window behind what follows" },
        { named(EM_EVENT_OFFSET, "click", 63, 64), "", "is over" },
        { hop(93), "click ", "three windows ago, and the hum is not in its way" },
        { named(EM_EVENT_OFFSET, "ring", 94, 95), "", "is over, the hum is not" },
        { hop(200), "", "the hum is not" },
        { { .type = EM_EVENT_LOST }, "ring ", "perhaps the hum's end was lost" },
        { named(EM_EVENT_OFFSET, "last", 190, 195), "", "is over" },
        { mark(180, "m"), "", "was said before that sound" },
        { hop(210), "000000026RABCDEFGHJKMNPQRS ", "three windows behind the mark" },
    };
    em_onset_order *o;
    em_err err;
    (void)state;

    CHECK_OK(em_onset_order_new(&o, &err));
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        const char *ids = leaving(o, &steps[i].e);

        CHECK(strcmp(ids, steps[i].leave) == 0, "step %zu, %s: \"%s\"", i, steps[i].why, ids);
    }
    CHECK(strcmp(leaving(o, NULL), "last ") == 0, "the end lets all go");
    em_onset_order_free(o);
    em_onset_order_free(NULL);
}

/* Longer windows hold longer, and a full list lets its first one go; what comes too late takes the last onset. */
static void an_onset_never_goes_back(void **state)
{
    em_event start = { .type = EM_EVENT_START }, soon = named(EM_EVENT_OFFSET, "soon", 1, 2),
             late = named(EM_EVENT_OFFSET, "late", 1, 2);
    const em_event *next;
    em_onset_order *o;
    em_err err;
    (void)state;

    start.u.start.window_s = 160;
    CHECK_OK(em_onset_order_new(&o, &err));
    leaving(o, &start);
    leaving(o, &(em_event){ .type = EM_EVENT_SCORES, .time = 480.5 });
    CHECK(strcmp(leaving(o, &soon), "") == 0 && strcmp(leaving(o, &(em_event){ .type = EM_EVENT_SCORES, .time = 481 }), "soon ") == 0,
          "three windows of 160 s");
    for (int i = 0; i < EM_ORDER_MOST; i++) {
        const em_event e = named(EM_EVENT_OFFSET, "many", 1000 - 0.5 * i, 1001);
        const char *ids = leaving(o, &e);

        CHECK(strcmp(ids, i < EM_ORDER_MOST - 1 ? "" : "many ") == 0, "event %d: \"%s\"", i, ids);
    }
    em_onset_order_put(o, &late);
    CHECK((next = em_onset_order_take(o, false)) && strcmp(next->u.sound.id, "late") == 0, "a full list");
    CHECK(next->u.sound.onset >= 1000 - 0.5 * (EM_ORDER_MOST - 1) && next->u.sound.offset >= next->u.sound.onset, "at %g to %g",
          next->u.sound.onset, next->u.sound.offset);
    for (double last = 0; (next = em_onset_order_take(o, true)); last = next->u.sound.onset)
        CHECK(next->u.sound.onset >= last, "%g behind %g", next->u.sound.onset, last);
    em_onset_order_free(o);
}

/* ---- the overlay ---- */

static void the_overlay_holds_the_newest_events(void **state)
{
    static const struct { em_event_type type; const char *id; double onset; const char *want; } steps[] = {
        { EM_EVENT_ONSET, "a", 59.9, "00:00:59 a\n" },
        { EM_EVENT_OFFSET, "a", 59.9, "00:00:59 a\n" },
        { EM_EVENT_ONSET, "b\t\x1b[2J", 3600, "00:00:59 a\n01:00:00 b??[2J\n" },
        { EM_EVENT_ONSET, "c", 3725, "01:00:00 b??[2J\n01:02:05 c\n" },
        { EM_EVENT_RETRACT, "b\t\x1b[2J", 3600, "01:02:05 c\n" },
        { EM_EVENT_RETRACT, "a", 59.9, "01:02:05 c\n" },
        { EM_EVENT_RETRACT, "c", 3725, "" },
    };
    em_sink_cfg cfg = usual("obs", in_folder("obs.txt"));
    char path[256];
    struct stat st;
    em_sink *s;
    em_err err;
    (void)state;

    written(&(em_sink_cfg){ .format = "text", .path = cfg.path, .classes = &classes, .top_k = 1, .scores = EM_SCORES_TOP },
            (em_event[]){ hop(1) }, 1);
    snprintf(path, sizeof path, "%s", cfg.path);
    cfg.path = path;
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    path[0] = '\0';                             /* a sink has its own copy */
    CHECK(strcmp(read_whole(in_folder("obs.txt")), "") == 0, "what an earlier run left is gone");
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        const em_event e = named(steps[i].type, steps[i].id, steps[i].onset, steps[i].onset + 1);
        const char *text;

        CHECK_OK(em_sink_put(s, &e, &err));
        text = read_whole(in_folder("obs.txt"));
        CHECK(strcmp(text, steps[i].want) == 0, "step %zu: %s", i, text);
        CHECK(stat(in_folder("obs.txt.part"), &st) != 0, "step %zu: nothing beside it", i);
    }
    CHECK_OK(em_sink_close(s, EM_SINK_EMPTY, &err));
    CHECK(stat(in_folder("obs.txt"), &st) == 0, "it stays");
}

/* Every version is a file of its own: who has the old one open reads it to its end. */
static void the_overlay_is_replaced_whole(void **state)
{
    em_sink_cfg cfg = usual("obs", in_folder("obs_link"));
    em_event e = sound(EM_EVENT_ONSET);
    struct stat before, after;
    em_sink *s;
    em_err err;
    (void)state;

    e.source = "porch";
    e.utc_ms = 36000000;
    setenv("TZ", "XYZ-2", 1);
    tzset();
    cfg.has_source_names = true;
    CHECK(symlink("obs_target", cfg.path) == 0, "a link");
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK(stat(in_folder("obs_target"), &before) == 0, "what the link leads to");
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK(stat(in_folder("obs_target"), &after) == 0 && after.st_ino != before.st_ino, "a new file");
    CHECK(strcmp(read_whole(in_folder("obs_target")), "12:00:00 porch: Rain, heavy\n") == 0, "%s", read_whole(in_folder("obs_target")));
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    unsetenv("TZ");
    tzset();
}

static void an_overlay_wants_a_file(void **state)
{
    static const struct { const char *path; em_status status; } cases[] = { { NULL, EM_EINVAL }, { "-", EM_EINVAL }, { "/dev/null", EM_EIO } };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_sink_cfg cfg = usual("obs", cases[i].path);
        em_err err = { 0 };
        em_sink *s;

        CHECK(em_sink_open(&s, &cfg, &err) == cases[i].status && !s && err.msg[0], "case %zu: %s", i, err.msg);
    }
}

/* ---- failures ---- */

static void limit_files(size_t n_bytes)
{
    struct rlimit r;

    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = n_bytes ? n_bytes : r.rlim_max;
    setrlimit(RLIMIT_FSIZE, &r);
}

/* A full disk is told by whoever writes first: a header, an event, or what was held back, at the close. */
static void a_full_disk_is_told_by_every_format(void **state)
{
    const em_event e[2] = { sound(EM_EVENT_ONSET), sound(EM_EVENT_OFFSET) };
    const char *format;
    (void)state;

    for (int i = 0; (format = em_sink_format(i, NULL)); i++) {
        em_sink_cfg cfg = usual(format, "/dev/full");
        em_err err = { 0 };
        em_sink *s;
        em_status status = em_sink_open(&s, &cfg, &err), closed;

        for (int k = 0; k < 2 && !status; k++)
            status = em_sink_put(s, &e[k], &err);
        closed = em_sink_close(s, EM_SINK_WHOLE, status ? NULL : &err);
        CHECK((status ? status : closed) == EM_EIO && strstr(err.msg, "/dev/full"), "%s: %d %s", format, status, err.msg);
    }
}

/* The cues that were held back come at the close: that this fails is told there, and the part keeps its name. */
static void a_disk_that_fills_up_at_the_end_is_told(void **state)
{
    static const char *const formats[] = { "vtt", "srt" };
    em_event e = sound(EM_EVENT_OFFSET);
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < EM_COUNT(formats); i++) {
        em_sink_cfg cfg = usual(formats[i], in_folder("filled"));
        em_err err = { 0 };
        struct stat st;
        em_status status;
        em_sink *s;

        CHECK_OK(em_sink_open(&s, &cfg, &err));
        CHECK_OK(em_sink_put(s, &e, &err));
        limit_files(12);
        status = em_sink_close(s, EM_SINK_WHOLE, &err);
        limit_files(0);
        CHECK(status == EM_EIO && strstr(err.msg, "filled"), "%s: %d %s", formats[i], status, err.msg);
        CHECK(stat(in_folder("filled"), &st) != 0 && stat(in_folder("filled.part"), &st) == 0, "%s: not whole", formats[i]);
        unlink(in_folder("filled.part"));
    }
}

/* The old lines stay while there is no room for new ones, and the next event tries again. */
static void a_full_disk_leaves_the_overlay_as_it_was(void **state)
{
    em_sink_cfg cfg = usual("obs", in_folder("tight"));
    em_event e[3] = { named(EM_EVENT_ONSET, "a", 1, 2), named(EM_EVENT_ONSET, "b", 2, 3), named(EM_EVENT_ONSET, "c", 3, 4) };
    em_err err = { 0 };
    em_sink *s;
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK_OK(em_sink_put(s, &e[0], &err));
    limit_files(15);
    CHECK(em_sink_put(s, &e[1], &err) == EM_EIO && strstr(err.msg, "tight"), "%s", err.msg);
    limit_files(0);
    CHECK(strcmp(read_whole(in_folder("tight")), "00:00:01 a\n") == 0, "%s", read_whole(in_folder("tight")));
    CHECK_OK(em_sink_put(s, &e[2], &err));
    CHECK(strcmp(read_whole(in_folder("tight")), "00:00:02 b\n00:00:03 c\n") == 0, "%s", read_whole(in_folder("tight")));
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
}

/* Held-back cues for a reader that has gone are no failure. */
static void a_reader_that_is_gone_at_the_end_is_no_failure(void **state)
{
    em_event e = sound(EM_EVENT_OFFSET);
    char path[32];
    int ends[2];
    em_sink_cfg cfg;
    em_err err = { 0 };
    em_sink *s;
    (void)state;

    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe(ends) == 0, "a pipe");
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    cfg = usual("srt", path);
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK_OK(em_sink_put(s, &e, &err));
    close(ends[0]);
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    close(ends[1]);
}

static void no_two_formats_share_an_extension(void **state)
{
    const char *a, *b;
    (void)state;

    for (int i = 0; (a = em_sink_format(i, NULL)); i++)
        for (int j = 0; j < i; j++) {
            b = em_sink_format(j, NULL);
            CHECK(strcmp(em_sink_traits_of(a).extension, em_sink_traits_of(b).extension) != 0, "%s and %s", a, b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_exactly_these),
        cmocka_unit_test(a_row_says_whose_it_is),
        cmocka_unit_test(csv_has_times_as_they_are_asked_for),
        cmocka_unit_test(a_row_is_there_when_its_event_is_over),
        cmocka_unit_test(cues_are_exactly_these),
        cmocka_unit_test(a_mark_is_a_note_or_a_cue_for_scripts),
        cmocka_unit_test(an_event_waits_until_none_can_begin_before_it),
        cmocka_unit_test(an_onset_never_goes_back),
        cmocka_unit_test(the_overlay_holds_the_newest_events),
        cmocka_unit_test(the_overlay_is_replaced_whole),
        cmocka_unit_test(an_overlay_wants_a_file),
        cmocka_unit_test(a_full_disk_is_told_by_every_format),
        cmocka_unit_test(a_disk_that_fills_up_at_the_end_is_told),
        cmocka_unit_test(a_full_disk_leaves_the_overlay_as_it_was),
        cmocka_unit_test(a_reader_that_is_gone_at_the_end_is_no_failure),
        cmocka_unit_test(no_two_formats_share_an_extension),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
