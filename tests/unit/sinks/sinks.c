/* Records as they leave: jsonl read back by jansson, text lines byte for byte, the live view on a made-up screen,
 * and outputs that fail. */
#include "check.h"

#include "base/text.h"
#include "sinks/line.h"
#include "sinks/out.h"
#include "sinks/recent.h"
#include "sinks/sink.h"
#include "sinks/top.h"
#include "sinks/view.h"

#include "made.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static em_event explanation(void)
{
    em_event e = { .type = EM_EVENT_EXPLAIN, .source = "dog.wav", .time = 12, .utc_ms = -1 };

    e.u.explain.label = "Dog";
    e.u.explain.verdict = "weak";
    e.u.explain.now = 0.25f;
    e.u.explain.peak = 0.375f;
    e.u.explain.at = 11.2;
    e.u.explain.on = 0.5f;
    e.u.explain.off = 0.25f;
    return e;
}

static void scores_records_are_exactly_these(void **state)
{
    static const float slots[2 * N] = { 0, 0.5f, 1, 0.25f, 1e-7f, 0, 0, 0.75f }, latent[3] = { -1, 0.5f, 2 };
    em_sink_cfg cfg = usual("jsonl", in_folder("scores.jsonl"));
    em_event e = hop(12);
    char *text;
    (void)state;

    text = written(&cfg, &e, 1);
    CHECK(strcmp(text, "{\"v\":1,\"type\":\"scores\",\"source\":\"dog.wav\",\"time\":12.000,\"filled\":0.250,\"top\":["
                       "{\"index\":1,\"label\":\"Rain, heavy\",\"score\":0.875},"
                       "{\"index\":2,\"label\":\"bad\\u001b[31m\\\"name\\\\\xef\xbf\xbd\\u000a\",\"score\":0.5}]}\n") == 0, "%s", text);
    cfg.scores = EM_SCORES_ALL;
    cfg.has_slots = cfg.has_embeddings = true;
    e.u.scores.slots = slots;
    e.u.scores.n_slots = 2;
    e.u.scores.embedding = latent;
    e.u.scores.n_embedding = 3;
    e.utc_ms = 1000;
    text = written(&cfg, &e, 1);
    CHECK(strcmp(text, "{\"v\":1,\"type\":\"scores\",\"source\":\"dog.wav\",\"time\":12.000,\"utc\":\"1970-01-01T00:00:01.000Z\","
                       "\"filled\":0.250,\"scores\":[0.25,0.875,0.5,0.125],\"slots\":[[0,0.5,1,0.25],[1e-07,0,0,0.75]],"
                       "\"embedding\":[-1,0.5,2]}\n") == 0, "%s", text);
    cfg.scores = EM_SCORES_NONE;
    CHECK(strcmp(written(&cfg, &e, 1), "") == 0, "none asked for, none written");
}

static void event_records_are_exactly_these(void **state)
{
    em_sink_cfg cfg = usual("jsonl", in_folder("events.jsonl"));
    em_event e[4] = { sound(EM_EVENT_ONSET), sound(EM_EVENT_OFFSET), sound(EM_EVENT_RETRACT), sound(EM_EVENT_ONSET) };
    char *text;
    (void)state;

    e[1].utc_ms = 3520;
    e[3].u.sound.i_class = -1;
    e[3].u.sound.label = "wet & cold";
    e[3].u.sound.dbfs = -INFINITY;
    text = written(&cfg, e, 4);
#define SOUND "\"id\":\"000000026RABCDEFGHJKMNPQRS\",\"index\":1,\"mid\":\"\",\"label\":\"Rain, heavy\",\"slug\":\"rain_heavy\","
    CHECK(strcmp(text, "{\"v\":1,\"type\":\"onset\",\"source\":\"dog.wav\",\"time\":2.240," SOUND
                       "\"score\":0.875,\"threshold\":0.500,\"res\":0.320,\"delay\":1.760,\"dbfs\":-31.2}\n"
                       "{\"v\":1,\"type\":\"offset\",\"source\":\"dog.wav\",\"time\":3.520,\"utc\":\"1970-01-01T00:00:03.520Z\"," SOUND
                       "\"onset\":2.240,\"offset\":3.520,\"duration\":1.280,\"peak\":0.875,\"mean\":0.625,\"clip\":null,"
                       "\"res\":0.320,\"delay\":1.760,\"dbfs\":-31.2}\n"
                       "{\"v\":1,\"type\":\"retract\",\"source\":\"dog.wav\",\"time\":2.240,\"id\":\"000000026RABCDEFGHJKMNPQRS\"}\n"
                       "{\"v\":1,\"type\":\"onset\",\"source\":\"dog.wav\",\"time\":2.240,\"id\":\"000000026RABCDEFGHJKMNPQRS\","
                       "\"group\":\"wet & cold\",\"label\":\"wet & cold\",\"slug\":\"wet_cold\",\"score\":0.875,\"threshold\":0.500,"
                       "\"res\":0.320,\"delay\":1.760,\"dbfs\":null}\n") == 0, "%s", text);
#undef SOUND
}

static void every_record_is_json_with_its_keys(void **state)
{
    static const double at[N] = { 1, 2, 3, 4 };
    static const struct { em_event_type type; const char *keys; } cases[] = {
        { EM_EVENT_START, "v type version model sha256 rate classes backend step window" },
        { EM_EVENT_SOURCE, "v type source time state" },
        { EM_EVENT_SCORES, "v type source time filled top" },
        { EM_EVENT_ONSET, "v type source time id index mid label slug score threshold res delay dbfs" },
        { EM_EVENT_OFFSET, "v type source time id index mid label slug onset offset duration peak mean clip res delay dbfs" },
        { EM_EVENT_RETRACT, "v type source time id" },
        { EM_EVENT_EXPLAIN, "v type source time label slug verdict now peak at threshold lasts" },
        { EM_EVENT_GAP, "v type source time frames reason" },
        { EM_EVENT_SYNC, "v type source time drift" },
        { EM_EVENT_SUMMARY, "v type source duration windows top" },
        { EM_EVENT_LOST, "v type source time records" },
        { EM_EVENT_LISTENING, "v type source time state" },
        { EM_EVENT_MARK, "v type source time id text clip" },
        { EM_EVENT_STOP, "v type source time captured taken dropped waiting skipped_hops resets" },
    };
    em_sink_cfg cfg = usual("jsonl", in_folder("all.jsonl"));
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_event e = hop(1);
        char keys[256] = "";
        const char *key;
        json_t *record, *value;
        json_error_t why;

        if (cases[i].type == EM_EVENT_ONSET || cases[i].type == EM_EVENT_OFFSET || cases[i].type == EM_EVENT_RETRACT)
            e = sound(cases[i].type);
        e.type = cases[i].type;
        if (e.type == EM_EVENT_START) {
            e.u.start.version = e.u.start.model = e.u.start.sha256 = e.u.start.backend = "x";
            e.u.start.rate_hz = 32000;
            e.u.start.step_s = 1;
            e.u.start.window_s = 10;
        } else if (e.type == EM_EVENT_GAP) {
            e.u.gap.n_frames = 1ull << 40;
            e.u.gap.reason = "overrun";
        } else if (e.type == EM_EVENT_EXPLAIN) {
            e = explanation();
        } else if (e.type == EM_EVENT_MARK) {
            e.u.mark = (typeof(e.u.mark)){ .id = "00000001GR4CBZEZR2JQ49QV7C", .text = "my\t\"bell\"\n\x1b[31m\xff", .has_clip = true };
        } else if (e.type == EM_EVENT_SYNC) {
            e.u.sync.drift_s = -0.063;
        } else if (e.type == EM_EVENT_SUMMARY) {
            e.u.summary.n_windows = 3;
            e.u.summary.duration = 3;
            e.u.summary.mean = e.u.summary.max = scores;
            e.u.summary.at = at;
        }
        record = json_loads(written(&cfg, &e, 1), JSON_REJECT_DUPLICATES, &why);
        CHECK(record, "case %zu: %s", i, why.text);
        json_object_foreach(record, key, value)
            snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s%s", *keys ? " " : "", key);
        CHECK(strcmp(keys, cases[i].keys) == 0, "case %zu: %s", i, keys);
        json_decref(record);
    }
}

static void text_lines_are_plain(void **state)
{
    em_sink_cfg cfg = usual("text", in_folder("lines.txt"));
    em_event e[3] = { hop(12), hop(3725.25), hop(1.003) };
    static const float high[N] = { 0.3f, 0.3f, 0.3f, 0.3f };
    char *text;
    (void)state;

    text = written(&cfg, e, 3);
    CHECK(strcmp(text, "0:12.0  Rain, heavy 0.88  bad?[31m\"name\\?? 0.50\n1:02:05.25  Rain, heavy 0.88  bad?[31m\"name\\?? 0.50\n"
                       "0:01.003  Rain, heavy 0.88  bad?[31m\"name\\?? 0.50\n") == 0, "%s", text);
    cfg.thresholds = high;
    cfg.has_source_names = true;
    cfg.is_shown = (const bool[]){ true, false, true, true };
    text = written(&cfg, e, 1);
    CHECK(strcmp(text, "dog.wav  0:12.0  bad?[31m\"name\\?? 0.50\n") == 0, "%s", text);
    CHECK(!strchr(text, '\x1b'), "no escape sequence in a pipe");
}

/* What people write at a mark is hostile text. */
static void marks_are_one_line(void **state)
{
    static const struct { const char *format, *text, *want; } cases[] = {
        { "text", "", "0:12.5  mark\n" },
        { "text", "the\n\x1b[31mbell", "0:12.5  mark: the??[31mbell\n" },
        { "audacity", "", "12.500000\t12.500000\tmark\n" },
        { "audacity", "the\n\tbell\x1b", "12.500000\t12.500000\tmark: the  bell?\n" },
        { "sed-eval", "the bell", "" },
        { "vtt", "", "WEBVTT\n\nNOTE 00:00:12.500 mark\n\n" },
        { "vtt", "a\n\n --> <b>", "WEBVTT\n\nNOTE 00:00:12.500 mark: a   --&gt; &lt;b&gt;\n\n" },
        { "srt", "the bell", "" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_sink_cfg cfg = usual(cases[i].format, in_folder("marks.txt"));
        em_event e = { .type = EM_EVENT_MARK, .source = "dog.wav", .time = 12.5, .utc_ms = -1 };
        const char *text;

        snprintf(e.u.mark.text, sizeof e.u.mark.text, "%s", cases[i].text);
        text = written(&cfg, &e, 1);
        CHECK(strcmp(text, cases[i].want) == 0, "case %zu: '%s'", i, text);
    }
}

/* A line when an event is over, and none when it begins or never was. */
static void an_event_is_a_line_from_when_to_when(void **state)
{
    em_sink_cfg cfg = usual("text", in_folder("events.txt"));
    em_event e[4] = { sound(EM_EVENT_ONSET), hop(4), sound(EM_EVENT_OFFSET), sound(EM_EVENT_RETRACT) };
    char *text;
    (void)state;

    cfg.scores = EM_SCORES_NONE;
    text = written(&cfg, e, 4);
    CHECK(strcmp(text, "0:02.24 - 0:03.52  Rain, heavy 0.88\n") == 0, "%s", text);
    cfg.time_format = "utc";
    cfg.has_source_names = true;
    e[2].utc_ms = 3520;
    text = written(&cfg, e, 4);
    CHECK(strcmp(text, "dog.wav  1970-01-01T00:00:02.240Z - 1970-01-01T00:00:03.520Z  Rain, heavy 0.88\n") == 0, "%s", text);
    e[0] = explanation();
    text = written(&cfg, e, 1);
    CHECK(strcmp(text, "dog.wav  0:12.0  Dog? weak: 0.38 at 0:11.2, 0.25 now; begins at 0.50, lasts to 0.25\n") == 0, "%s", text);
    e[0] = sound(EM_EVENT_ONSET);
    cfg.time_format = "samples";
    cfg.rate_hz = 32000;
    cfg.scores = EM_SCORES_TOP;
    cfg.has_source_names = false;
    cfg.top_k = 1;
    text = written(&cfg, e, 4);
    CHECK(strcmp(text, "128000  Rain, heavy 0.88\n71680 - 112640  Rain, heavy 0.88\n") == 0, "%s", text);
}

static void the_largest_come_first_and_ties_by_index(void **state)
{
    static const float x[] = { 0.1f, 0.5f, 0.5f, 0.9f, 0.5f };
    static const bool shown[] = { true, true, false, true, true };
    static const float above[] = { 0, 0.6f, 0, 0, 0 };
    int top[5];
    (void)state;

    CHECK(em_top(top, 3, x, 5, NULL, NULL) == 3 && top[0] == 3 && top[1] == 1 && top[2] == 2, "%d %d %d", top[0], top[1], top[2]);
    CHECK(em_top(top, 3, x, 5, shown, NULL) == 3 && top[1] == 1 && top[2] == 4, "without a hidden one");
    CHECK(em_top(top, 3, x, 5, NULL, above) == 3 && top[1] == 2 && top[2] == 4, "without one below its threshold");
    CHECK(em_top(top, 5, x, 5, NULL, NULL) == 5 && top[4] == 0, "all of them");
    CHECK(em_top(top, 0, x, 5, NULL, NULL) == 0, "none asked for");
}

/* A screen that knows just what the view sends: text, newline, CSI nF, K, J, H, m. */
typedef struct screen { char cells[40][300]; int row, col, n_up; } screen;

static void show(screen *s, const char *text, int width)
{
    for (const char *p = text; *p;) {
        if (*p == '\n') {
            s->row++;
            s->col = 0;
            p++;
        } else if (p[0] == '\x1b') {
            char *end;
            long n = strtol(p + 2, &end, 10);

            CHECK(p[1] == '[', "only CSI");
            if (*end == 'F') {
                s->row -= (int)n;
                s->col = 0;
                s->n_up++;
            } else if (*end == 'H') {
                s->row = s->col = 0;
            } else {
                CHECK(strchr("KJm", *end), "unknown sequence ending in %c", *end);
            }
            p = end + 1;
        } else {
            CHECK(s->row >= 0 && s->row < 40, "row %d", s->row);
            CHECK(s->col < width, "row %d is wider than the terminal of %d", s->row, width);
            s->cells[s->row][s->col++] = *p;
            p += em_utf8_length(p) ? em_utf8_length(p) : 1;
        }
    }
}

static void the_view_redraws_in_place_at_any_size(void **state)
{
    static const int sizes[][2] = { { 80, 24 }, { 80, 24 }, { 58, 9 }, { 40, 8 }, { 20, 5 }, { 7, 3 }, { 1, 1 }, { 500, 60 } };
    static const int top[] = { 1, 2, 0, 3 };
    em_view view = { .cfg = { .has_color = true, .has_utf8 = true, .n_rows = 6 } };
    em_view_state what = { .source = "porch", .status = "2 frames lost", .is_up = true, .time = 12, .filled = 0.5, .rms_dbfs = -INFINITY,
                           .peak_dbfs = -3, .n = N, .top = top, .scores = scores, .classes = &classes };
    em_line line = { .room = em_view_room(&view.cfg) };
    em_event e[2] = { sound(EM_EVENT_OFFSET), sound(EM_EVENT_ONSET) };
    em_recent recent = { 0 };
    static screen s;
    (void)state;

    e[1].u.sound.id[0] = '1';
    em_recent_take(&recent, &e[0]);
    em_recent_take(&recent, &e[1]);
    what.recent = &recent;

    line.text = malloc(line.room);
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        int row = s.row;

        line.n = 0;
        em_view_draw(&view, &line, &what, sizes[i][0], sizes[i][1]);
        show(&s, line.text, sizes[i][0]);
        CHECK(line.n < line.room - 1, "%d columns: nothing was cut", sizes[i][0]);
        CHECK(view.n_drawn < sizes[i][1] || sizes[i][1] <= 3, "%d lines on a terminal of %d", view.n_drawn, sizes[i][1]);
        if (i == 1)
            CHECK(s.row == row && s.n_up == 1, "the second drawing lies over the first");
        CHECK(sizes[i][0] < 20 || strncmp(s.cells[0], "porch  0:12", 11) == 0, "%d columns: \"%.20s\"", sizes[i][0], s.cells[0]);
    }
    CHECK(strstr(s.cells[0], "porch") && strstr(s.cells[0], "-inf dBFS"), "head: %s", s.cells[0]);
    CHECK(strstr(s.cells[1], "0.88 Rain, heavy"), "first bar: %s", s.cells[1]);
    CHECK(strstr(s.cells[7], "0:02.24 - 0:03.52  Rain, heavy 0.88"), "first event: %s", s.cells[7]);
    CHECK(strstr(s.cells[8], "0:02.24 - ...  Rain, heavy 0.88"), "one that is not over: %s", s.cells[8]);
    free(line.text);
}

static void the_last_events_are_kept_by_their_ids(void **state)
{
    em_recent r = { 0 };
    em_event e = sound(EM_EVENT_ONSET), other = hop(1);
    (void)state;

    CHECK(!em_recent_take(&r, &other) && r.n == 0, "scores are no event");
    for (int i = 0; i < EM_RECENT + 2; i++) {
        e.u.sound.id[0] = (char)('A' + i);
        CHECK(em_recent_take(&r, &e) && r.n == (i < EM_RECENT ? i + 1 : EM_RECENT), "%d of them", r.n);
    }
    CHECK(r.sounds[0].id[0] == 'C' && r.sounds[EM_RECENT - 1].id[0] == 'E' && !r.sounds[0].is_over, "the newest, oldest first");
    e = sound(EM_EVENT_OFFSET);
    e.u.sound.id[0] = 'D';
    CHECK(em_recent_take(&r, &e) && r.n == EM_RECENT && r.sounds[1].is_over && r.sounds[1].offset == 3.52, "one is over");
    e.type = EM_EVENT_RETRACT;
    CHECK(em_recent_take(&r, &e) && r.n == EM_RECENT - 1 && r.sounds[1].id[0] == 'E', "one never was");
    CHECK(!em_recent_take(&r, &e), "and is not there twice");
}

static void a_file_gets_its_name_at_the_end(void **state)
{
    em_sink_cfg cfg = usual("text", in_folder("late.txt"));
    em_event e = hop(1);
    struct stat st;
    em_sink *s;
    em_err err;
    (void)state;

    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK(stat(in_folder("late.txt"), &st) != 0 && stat(in_folder("late.txt.part"), &st) == 0 && st.st_size > 0, "only .part, flushed");
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    CHECK(stat(in_folder("late.txt"), &st) == 0 && stat(in_folder("late.txt.part"), &st) != 0, "only the name");
}

/* A link stays a link, whether the file behind it is there or not, and through links of links. */
static void a_link_stays_and_its_file_is_replaced(void **state)
{
    static const struct { const char *link, *to, *file; } cases[] = {
        { "link1", "there.txt", "there.txt" },  { "link2", "new.txt", "new.txt" },
        { "link3", "link1", "there.txt" },      { "link4", "sub/far.txt", "sub/far.txt" },
    };
    em_event e = hop(1);
    (void)state;

    CHECK(mkdir(in_folder("sub"), 0777) == 0, "a folder");
    written(&(em_sink_cfg){ .format = "jsonl", .path = in_folder("there.txt"), .classes = &classes }, &e, 1);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_sink_cfg cfg = usual("text", in_folder(cases[i].link));
        char to[64] = "";

        CHECK(symlink(cases[i].to, cfg.path) == 0, "%s", cases[i].link);
        CHECK(strstr(written(&cfg, &e, 1), "0:01.0"), "%s", cases[i].link);
        CHECK(readlink(cfg.path, to, sizeof to - 1) > 0 && strcmp(to, cases[i].to) == 0, "%s is still a link", cases[i].link);
        CHECK(strstr(read_whole(in_folder(cases[i].file)), "0:01.0"), "%s", cases[i].file);
    }
    CHECK(symlink("round", in_folder("round")) == 0, "a link to itself");
    em_sink_cfg cfg = usual("text", in_folder("round"));
    em_sink *s;
    em_err err;
    CHECK(em_sink_open(&s, &cfg, &err) == EM_EIO && strstr(err.msg, "round"), "a link to itself");
}

static void an_open_descriptor_is_written_as_it_is(void **state)
{
    static const struct { const char *path; int fd; } cases[] = {
        { "-", 1 }, { "/dev/stdout", 1 }, { "/dev/stderr", 2 }, { "/dev/fd/7", 7 }, { "/proc/self/fd/12", 12 },
        { "/dev/fd/", -1 }, { "/dev/fd/1x", -1 }, { "/dev/fd/../x", -1 }, { "/dev/fd/12345678901", -1 }, { "/dev/null", -1 }, { "", -1 },
    };
    const char *path = in_folder("open.txt");
    char name[32];
    em_event e = hop(1);
    em_sink_cfg cfg;
    em_sink *s;
    em_err err;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(em_out_descriptor(cases[i].path) == cases[i].fd, "%s: %d", cases[i].path, em_out_descriptor(cases[i].path));
    CHECK(fd >= 0 && write(fd, "before\n", 7) == 7, "a file");
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    CHECK(symlink(name, in_folder("descriptor")) == 0, "a link to it");
    cfg = usual("text", name);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(em_sink_open(&s, &cfg, &err));
        CHECK_OK(em_sink_put(s, &e, &err));
        CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
        cfg.path = in_folder("descriptor");
    }
    CHECK(fcntl(fd, F_GETFD) >= 0, "it is still open");
    close(fd);
    CHECK(strncmp(read_whole(path), "before\n0:01.0", 13) == 0, "appended: %s", read_whole(path));
    cfg.path = "/dev/fd/999999";
    CHECK(em_sink_open(&s, &cfg, &err) == EM_EIO && strstr(err.msg, cfg.path), "not open: %s", err.msg);
}

static void what_is_not_whole_does_not_replace_a_result(void **state)
{
    static const struct { em_sink_end end; const char *want; bool has_part; } cases[] = {
        { EM_SINK_CUT, "old\n", true }, { EM_SINK_EMPTY, "old\n", false }, { EM_SINK_WHOLE, "0:01.0", false },
    };
    em_sink_cfg cfg = usual("text", in_folder("kept.txt"));
    em_event e = hop(1);
    struct stat st;
    em_sink *s;
    em_err err;
    int fd = open(in_folder("kept.txt"), O_WRONLY | O_CREAT, 0666);
    (void)state;

    CHECK(fd >= 0 && write(fd, "old\n", 4) == 4 && close(fd) == 0, "an old result");
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK_OK(em_sink_open(&s, &cfg, &err));
        CHECK_OK(em_sink_put(s, &e, &err));
        CHECK_OK(em_sink_close(s, cases[i].end, &err));
        CHECK(strncmp(read_whole(cfg.path), cases[i].want, strlen(cases[i].want)) == 0, "case %zu: %s", i, read_whole(cfg.path));
        CHECK((stat(in_folder("kept.txt.part"), &st) == 0) == cases[i].has_part, "case %zu: PATH.part", i);
    }
}

static void outputs_that_cannot_be_name_themselves(void **state)
{
    static const char *const paths[] = { "/dev/null/x.txt", "/", "/dev/full" };
    em_event e = hop(1);
    (void)state;

    for (size_t i = 0; i < EM_COUNT(paths); i++) {
        em_sink_cfg cfg = usual("text", paths[i]);
        em_err err = { 0 };
        em_sink *s;
        em_status status = em_sink_open(&s, &cfg, &err);

        if (!status)
            status = em_sink_put(s, &e, &err);
        CHECK(status == EM_EIO && strstr(err.msg, paths[i]), "%s: %d %s", paths[i], status, err.msg);
        em_sink_close(s, EM_SINK_WHOLE, NULL);
    }
}

/* A disk that fills up in the middle of a record: whole records stay, the next one is tried, the old file is kept. */
static void a_full_disk_leaves_whole_records(void **state)
{
    em_sink_cfg cfg = usual("text", in_folder("full.txt"));
    struct rlimit old, tight;
    em_event e = hop(1);
    em_err err = { 0 };
    size_t n_line;
    em_sink *s;
    char *text;
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    n_line = strlen(written(&cfg, &e, 1));
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 2 * n_line + n_line / 2;
    setrlimit(RLIMIT_FSIZE, &tight);
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK(em_sink_put(s, &e, &err) == EM_EIO && strstr(err.msg, "full.txt"), "%s", err.msg);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK(strlen(read_whole(in_folder("full.txt.part"))) == 2 * n_line, "no half line");
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    text = read_whole(in_folder("full.txt.part"));
    CHECK(strlen(text) == 3 * n_line && memcmp(text, text + 2 * n_line, n_line) == 0, "three whole lines: %s", text);
    CHECK(strlen(read_whole(in_folder("full.txt"))) == n_line, "the old file is untouched");
}

static void limit_file(const char *path, size_t more)
{
    struct rlimit r;
    struct stat st;

    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = more ? (stat(path, &st) == 0 ? (size_t)st.st_size : 0) + more : r.rlim_max;
    setrlimit(RLIMIT_FSIZE, &r);
}

/* A log that others fill too, opened with >> or with >: on a full disk nothing that was there is cut away, and half
 * a record is a line of its own. */
static void a_full_disk_never_cuts_what_was_there(void **state)
{
    static const struct { int flags; const char *why; } cases[] = { { O_APPEND, "opened with >>" }, { 0, "opened with >" } };
    static const char before[] = "before 1\nbefore 2\n", others[] = "of another program\n";
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *path = in_folder("log.txt");
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | cases[i].flags, 0666);
        em_out o = { .fd = fd, .is_regular = true };
        em_err err = { 0 };
        char *text;

        CHECK(fd >= 0 && write(fd, before, strlen(before)) > 0, "a log");
        if (cases[i].flags == O_APPEND)
            CHECK(lseek(fd, 0, SEEK_SET) == 0, "as a shell leaves it");
        limit_file(path, 5);
        CHECK(em_out_write(&o, "a whole record\n", 15, &err) == EM_EIO, "%s: no room", cases[i].why);
        limit_file(path, 0);
        if (cases[i].flags == O_APPEND)
            CHECK(write(fd, others, strlen(others)) > 0, "another program");
        CHECK_OK(em_out_write(&o, "the next\n", 9, &err));
        CHECK_OK(em_out_close(&o, EM_SINK_WHOLE, &err));
        close(fd);
        text = read_whole(path);
        CHECK(strncmp(text, before, strlen(before)) == 0, "%s: what was there: %s", cases[i].why, text);
        CHECK(strstr(text, "\nthe next\n"), "%s: a line of its own: %s", cases[i].why, text);
        if (cases[i].flags == O_APPEND)
            CHECK(strstr(text, others), "%s: what others wrote: %s", cases[i].why, text);
    }
}

/* With nothing written after it, the end gives the torn record its newline. */
static void a_torn_end_is_a_line(void **state)
{
    const char *path = in_folder("torn.txt");
    em_out o = { .fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0666), .is_regular = true };
    int fd = o.fd;
    em_err err = { 0 };
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    limit_file(path, 5);
    CHECK(em_out_write(&o, "a whole record\n", 15, &err) == EM_EIO, "no room");
    limit_file(path, 0);
    CHECK_OK(em_out_close(&o, EM_SINK_WHOLE, &err));
    close(fd);
    CHECK(strcmp(read_whole(path), "a who\n") == 0, "%s", read_whole(path));
}

static void a_closed_pipe_is_no_failure_and_a_stopped_reader_is_left(void **state)
{
    em_event e = hop(1);
    atomic_bool give_up = false;
    em_err err;
    em_out o;
    int fds[2];
    static char block[65536];
    (void)state;

    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe(fds) == 0, "a pipe");
    o = (em_out){ .fd = fds[1], .give_up = &give_up };
    CHECK_OK(em_out_write(&o, block, sizeof block, &err));      /* fills the pipe */
    atomic_store(&give_up, true);
    CHECK(em_out_write(&o, block, 100, &err) == EM_ECANCELED, "nobody takes it");
    atomic_store(&give_up, false);
    atomic_store(&o.is_ending, true);
    CHECK(em_out_write(&o, block, 100, &err) == EM_ECANCELED, "nobody takes it at the end");
    close(fds[0]);
    CHECK(em_out_write(&o, block, 100, &err) == EM_ECANCELED, "nobody is there");
    close(fds[1]);
    (void)e;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_records_are_exactly_these),
        cmocka_unit_test(every_record_is_json_with_its_keys),
        cmocka_unit_test(event_records_are_exactly_these),
        cmocka_unit_test(text_lines_are_plain),
        cmocka_unit_test(marks_are_one_line),
        cmocka_unit_test(an_event_is_a_line_from_when_to_when),
        cmocka_unit_test(the_largest_come_first_and_ties_by_index),
        cmocka_unit_test(the_view_redraws_in_place_at_any_size),
        cmocka_unit_test(the_last_events_are_kept_by_their_ids),
        cmocka_unit_test(a_file_gets_its_name_at_the_end),
        cmocka_unit_test(a_link_stays_and_its_file_is_replaced),
        cmocka_unit_test(an_open_descriptor_is_written_as_it_is),
        cmocka_unit_test(what_is_not_whole_does_not_replace_a_result),
        cmocka_unit_test(outputs_that_cannot_be_name_themselves),
        cmocka_unit_test(a_full_disk_leaves_whole_records),
        cmocka_unit_test(a_full_disk_never_cuts_what_was_there),
        cmocka_unit_test(a_torn_end_is_a_line),
        cmocka_unit_test(a_closed_pipe_is_no_failure_and_a_stopped_reader_is_left),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
