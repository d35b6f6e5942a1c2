/* Records as they leave: jsonl read back by jansson, text lines byte for byte. */
#include "check.h"

#include "sinks/sink.h"

#include "made.h"

#include <jansson.h>
#include <math.h>

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
        { EM_EVENT_LEVEL, "v type source time dbfs lufs laeq" },
        { EM_EVENT_LISTENING, "v type source time state" },
        { EM_EVENT_MARK, "v type source time id text clip" },
        { EM_EVENT_STOP, "v type source time captured taken dropped waiting skipped_hops resets" },
    };
    em_sink_cfg cfg = usual("jsonl", in_folder("all.jsonl"));
    (void)state;

    cfg.has_level = true;
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
        } else if (e.type == EM_EVENT_LEVEL) {
            e.u.level = (typeof(e.u.level)){ -INFINITY, NAN };
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
        if (cases[i].type == EM_EVENT_LEVEL)
            CHECK(json_is_null(json_object_get(record, "dbfs")) && json_is_null(json_object_get(record, "lufs")), "silence has a number");
        json_decref(record);
    }
    {
        em_event e = { .type = EM_EVENT_LEVEL, .source = "dog.wav", .time = 20, .utc_ms = -1, .u.level = { -21.26f, -20.5f } };
        const char *text = written(&cfg, &e, 1);

        CHECK(strcmp(text, "{\"v\":1,\"type\":\"level\",\"source\":\"dog.wav\",\"time\":20.000,\"dbfs\":-21.3,\"lufs\":-20.5,\"laeq\":null}\n") == 0,
              "%s", text);
        cfg.has_level = false;
        CHECK(*written(&cfg, &e, 1) == '\0', "a level that nobody asked for");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_records_are_exactly_these),
        cmocka_unit_test(every_record_is_json_with_its_keys),
        cmocka_unit_test(event_records_are_exactly_these),
        cmocka_unit_test(text_lines_are_plain),
        cmocka_unit_test(marks_are_one_line),
        cmocka_unit_test(an_event_is_a_line_from_when_to_when),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
