/* Options: their layers, how files and words are read, and what is said about mistakes. */
#include "check.h"

#include "cli/midi_map.h"
#include "cli/option_text.h"
#include "reading.h"

static void values_come_from_the_highest_layer(void **state)
{
    const char *file = write_file("a.conf", "top-k = 3\nstep = 0.5\nwatch = Dog\nwatch = Cat\n");
    em_options o;
    em_err err;
    (void)state;

    setenv("EARMARK_STEP", "0.25", 1);
    CHECK_OK(read_args(&o, &err, ARGS("-c", file, "--watch=Rain", "x.wav", "-k7", "y.wav", "--", "-z")));
    CHECK(o.top_k == 7 && o.step == 0.25 && o.threads == 0, "%d %g", o.top_k, o.step);
    CHECK(o.watch.n == 1 && strcmp(o.watch.list[0], "Rain") == 0, "a list replaces the one below");
    CHECK(o.inputs.n == 3 && strcmp(o.inputs.list[2], "-z") == 0, "operands stand between options");
    em_options_deinit(&o);
    CHECK_OK(read_args(&o, &err, ARGS("-c", file)));
    CHECK(o.top_k == 3 && o.watch.n == 2, "from the file");
    em_options_deinit(&o);
    file = write_file("a.conf", "[http]\naddress = 127.0.0.1:8080\nhost = ear.lan\n");
    CHECK_OK(read_args(&o, &err, ARGS("-c", file)));
    CHECK(o.http && strcmp(o.http, "127.0.0.1:8080") == 0 && o.http_hosts.n == 1, "a section of a part");
    em_options_deinit(&o);
    file = write_file("a.conf", "[jack]\nclient = yes\nname = stage\nserver = loud\nwait = 5\n");
    CHECK_OK(read_args(&o, &err, ARGS("-c", file)));
    CHECK(o.jack && strcmp(o.jack_name, "stage") == 0 && strcmp(o.jack_server, "loud") == 0, "[jack]: %s, %s", o.jack_name, o.jack_server);
    em_options_deinit(&o);
    unsetenv("EARMARK_STEP");
}

/* Of options that exclude each other the lower layer's gives way; two of one layer stay, for the mode to refuse. */
static void a_higher_layer_throws_out_what_it_cannot_stand_beside(void **state)
{
    static const struct { const char *file, *args[4], *in_force[3], *gone[3]; } cases[] = {
        { "device = USB\n", { "a.wav" }, { "input" }, { "device" } },
        { "jack = yes\n", { "a.wav" }, { "input" }, { "jack" } },
        { "jack = yes\n", { "-D", "USB" }, { "device" }, { "jack" } },
        { "device = USB\n", { "-j" }, { "jack" }, { "device" } },
        { "input = a.wav\n", { "-D", "USB" }, { "device" }, { "input" } },
        { "raw = s16le\n", { "a.wav" }, { "input" }, { "raw" } },
        { "raw = s16le\n", { "a.wav", "-" }, { "input", "raw" }, { NULL } },
        { "raw = s16le\n", { "-" }, { "input", "raw" }, { NULL } },
        { "raw = s16le\n", { "-D", "USB" }, { "device", "raw" }, { "input" } },
        { "device = USB\n", { "--raw", "f32le" }, { "input", "raw" }, { "device" } },
        { "input = a.wav\n", { "--raw", "f32le" }, { "input", "raw" }, { NULL } },
        { "raw = s16le\n", { NULL }, { "raw" }, { "input" } },
        { "", { "--raw", "f32le" }, { "input", "raw" }, { NULL } },
        { "output = x.txt\nformat = jsonl\n", { "--out-dir", "d" }, { "out-dir", "format" }, { "output" } },
        { "output = x.txt\nappend = yes\n", { "--out-dir", "d" }, { "out-dir" }, { "output", "append" } },
        { "out-dir = d\n", { "-o", "x.txt" }, { "output" }, { "out-dir" } },
        { "live = yes\n", { "--realtime" }, { "realtime" }, { "live" } },
        { "realtime = yes\n", { "--live" }, { "live" }, { "realtime" } },
        { "summary = yes\nout-dir = d\n", { "--jack" }, { "jack" }, { "summary", "out-dir" } },
        { "shard = 1/2\n", { "-D", "USB" }, { "device" }, { "shard" } },
        { "quiet = yes\n", { "-v" }, { "verbose" }, { "quiet" } },
        { "no-connect = yes\n", { "--connect", "x:*" }, { "connect" }, { "no-connect" } },
        { "jack = yes\n", { "--jack=no" }, { NULL }, { "jack" } },
        { "jack = yes\ndevice = USB\n", { "--jack=no" }, { "device" }, { "jack" } },
        { "verbose = 2\n", { "--verbose=0" }, { NULL }, { "verbose" } },
        { "", { "--device", "USB", "a.wav" }, { "device", "input" }, { NULL } },
        { "", { "--raw=f32le", "a.wav" }, { "raw", "input" }, { NULL } },
        { "", { "--live", "--realtime" }, { "live", "realtime" }, { NULL } },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *args[8] = { "-c", write_file("e.conf", cases[i].file) };
        em_options o;
        em_err err;

        for (int a = 0; a < 4 && cases[i].args[a]; a++)
            args[2 + a] = cases[i].args[a];
        CHECK_OK(read_args(&o, &err, args));
        for (int n = 0; n < 3 && cases[i].in_force[n]; n++)
            CHECK(em_options_is_set(&o, em_options_find(cases[i].in_force[n])), "case %zu: %s is in force", i, cases[i].in_force[n]);
        for (int n = 0; n < 3 && cases[i].gone[n]; n++)
            CHECK(!em_options_is_set(&o, em_options_find(cases[i].gone[n])), "case %zu: %s has given way", i, cases[i].gone[n]);
        em_options_deinit(&o);
    }
}

/* Three layers: JACK throws out the summary, and is thrown out itself; the summary is back. */
static void what_was_thrown_out_throws_nothing_out(void **state)
{
    const char *file = write_file("e.conf", "summary = yes\n");
    em_options o;
    em_err err;
    (void)state;

    setenv("EARMARK_JACK", "yes", 1);
    CHECK_OK(read_args(&o, &err, ARGS("-c", file, "a.wav")));
    CHECK(!o.jack && o.summary && o.inputs.n == 1, "files, with the summary");
    em_options_deinit(&o);
    unsetenv("EARMARK_JACK");
    setenv("EARMARK_INPUT", "a.wav;b.wav", 1);
    CHECK_OK(read_args(&o, &err, ARGS("-D", "USB")));
    CHECK(o.inputs.n == 0 && strcmp(o.device, "USB") == 0, "the microphone");
    em_options_deinit(&o);
    unsetenv("EARMARK_INPUT");
}

static void formats_and_outputs_are_pairs(void **state)
{
    em_options o;
    em_err err;
    (void)state;

    CHECK_OK(read_args(&o, &err, ARGS("-f", "jsonl", "-o", "a", "-f", "text", "-o", "b")));
    CHECK(o.formats.n == 2 && o.outputs.n == 2 && strcmp(o.outputs.list[1], "b") == 0, "two pairs");
    em_options_deinit(&o);
    CHECK_OK(read_args(&o, &err, ARGS("-o", "a", "-o", "b", "-f", "jsonl")));
    CHECK(o.outputs.n == 2 && o.formats.n == 2 && strcmp(o.formats.list[0], "text") == 0, "the format belongs to the second");
    em_options_deinit(&o);
}

static void mistakes_teach(void **state)
{
    static const struct { const char *args[4]; const char *words[3]; } cases[] = {
        { { "--top-j", "3" }, { "--top-j", "--top-k" } },      { { "--xyzzyxyzzy" }, { "--xyzzyxyzzy", "unknown" } },
        { { "-Z" }, { "-Z" } },                                { { "-k" }, { "--top-k", "N" } },
        { { "--top-k" }, { "--top-k", "N" } },                 { { "--jack=5" }, { "--jack", "yes or no" } },
        { { "-k", "0" }, { "--top-k", "'0'", "1 to 10000" } }, { { "-k", "1e99" }, { "1e99" } },
        { { "-k", "2.5" }, { "whole number" } },               { { "-k", "3x" }, { "3x" } },
        { { "-k", "" }, { "--top-k" } },                       { { "-t", "1.01" }, { "--threshold", "0 to 1" } },
        { { "-t", "nan" }, { "nan" } },                        { { "--step", "0.015" }, { "--step", "0.01" } },
        { { "--step", "0" }, { "--step" } },                   { { "--channel", "0" }, { "--channel", "mix" } },
        { { "--channel", "65" }, { "64" } },                   { { "--raw", "u8" }, { "--raw", "s16le|f32le" } },
        { { "--raw", "s16" }, { "--raw" } },                   { { "--raw", "" }, { "--raw" } },
        { { "--scores=some" }, { "--scores", "top" } },        { { "--format", "xml" }, { "--format", "jsonl" } },
        { { "--shard", "3/2" }, { "--shard", "I/N" } },        { { "--shard", "0/2" }, { "I/N" } },
        { { "--start-time", "2026-02-30T00:00:00Z" }, { "--start-time", "2026" } },
        { { "--start-time", "2026-01-01" }, { "Z" } },         { { "--wait=-1" }, { "--wait", "seconds" } },
        { { "--jack-name", "a:b" }, { "--jack-name", "':'" } }, { { "--backend", "tpu" }, { "auto|cpu|cuda" } },
        { { "--inspect", "a", "--bench" }, { "--inspect", "--bench" } }, { { "--rate", "999" }, { "1000 to 768000" } },
        { { "-k", "\x1b[31m" }, { "?[31m" } },                 { { "-c", "/nonexistent.conf" }, { "/nonexistent.conf" } },
        { { "--watch=" }, { "--watch" } },                     { { "" }, { "operand" } },
        { { "--group", "alarm" }, { "--group", "NAME=CLASS" } }, { { "--group", "=Siren" }, { "NAME=CLASS" } },
        { { "--tune", "Dog" }, { "--tune", "NAME:KEY=VALUE" } }, { { "--tune", "Dog:length=1" }, { "Dog:length=1", "min-on" } },
        { { "--tune", "Dog:threshold=0" }, { "0.001 to 1" } }, { { "--tune", "Dog:gate=1" }, { "yes, no" } },
        { { "--tune", ":min-on=1" }, { "NAME:KEY" } },         { { "--min-on", "-1" }, { "--min-on", "0 to 86400" } },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_options o;
        em_err err;

        CHECK(read_args(&o, &err, cases[i].args) != EM_OK, "%s is refused", cases[i].args[0]);
        for (int w = 0; w < 3 && cases[i].words[w]; w++)
            CHECK(strstr(err.msg, cases[i].words[w]), "%s: '%s' does not say %s", cases[i].args[0], err.msg, cases[i].words[w]);
        em_options_deinit(&o);
    }
}

static void broken_files_name_file_line_and_key(void **state)
{
    static char long_line[9000];
    static const struct { const char *text; const char *words[3]; } cases[] = {
        { "\n\ntop-j = 3\n", { "b.conf:3", "top-j", "top-k" } },  { "top-k = x\n", { "b.conf:1", "top-k", "1 to 10000" } },
        { "# fine\nnonsense\n", { "b.conf:2", "key = value" } },  { "help = yes\n", { "b.conf:1", "help" } },
        { "[nowhere]\nx = 1\n", { "b.conf:1", "nowhere" } },      { "slots = maybe\n", { "slots", "yes or no" } },
        { "verbose = 1000\n", { "verbose" } },                    { "top-k =\n", { "top-k", "''" } },     { "labels =\n", { "labels", "no value" } },
        { "jack-wait = soon\n", { "jack-wait", "seconds" } },     { long_line, { "b.conf:1", "longer than" } },
        { "top\x1b[2J = 3\n", { "b.conf:1", "top?[2J" } },       { "top-k = 3\n  nonsense\n", { "b.conf:2", "key = value" } },
        { "[mqtt\n", { "b.conf:1", "no ']'" } },             { "= 3\n", { "b.conf:1", "key = value" } },
        { "[jack]\nserver = x\nx\n", { "b.conf:3", "key = value" } }, { "[jack]\nhost = x\n", { "b.conf:2", "unknown key 'host' in [jack]" } },
        { "[midi]\nbark = note 128\n", { "b.conf:2", "bark", "note 0-127" } },
        { "[class \"Dog\"]\nloud = 3\n", { "b.conf:2", "unknown key 'loud' in [class \"Dog\"]", "min-on" } },
        { "[group \"alarm\"]\nmin-on = soon\n", { "b.conf:2", "min-on", "86400" } },
        { "[class \"\"]\nmin-on = 1\n", { "b.conf:1", "no name" } },  { "[group]\nclass = Dog\n", { "b.conf:1", "no name" } },
    };
    (void)state;

    memset(long_line, 'x', sizeof long_line - 2);
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        const char *path = write_file("b.conf", cases[i].text);
        em_options o;
        em_err err;

        CHECK(read_args(&o, &err, ARGS("-c", path)) == EM_EINVAL, "case %zu: %s", i, err.msg);
        for (int w = 0; w < 3 && cases[i].words[w]; w++)
            CHECK(strstr(err.msg, cases[i].words[w]), "case %zu: '%s' does not say %s", i, err.msg, cases[i].words[w]);
        em_options_deinit(&o);
    }
}

/* What is around keys and values means nothing, and a path of any length that the system takes can stand in a line. */
static void lines_are_read_as_people_write_them(void **state)
{
    enum { N_PATH = 4000 };
    static char text[N_PATH + 400];
    em_options o;
    em_err err;
    int n = snprintf(text, sizeof text, "\xef\xbb\xbftop-k = 3 ; a few\r\n  # indented\n\t step : 0.5\nwatch = Dog\n   watch = a;b\nlabels=");
    (void)state;

    memset(text + n, 'x', N_PATH);
    strcpy(text + n + N_PATH, "\n[class \"Dog\"]\nthreshold = 0.5\n");
    CHECK_OK(read_args(&o, &err, ARGS("-c", write_file("f.conf", text))));
    CHECK(o.top_k == 3 && o.step == 0.5 && o.threshold == 0, "%d %g", o.top_k, o.step);
    CHECK(o.watch.n == 2 && strcmp(o.watch.list[1], "a;b") == 0, "an indented line is a line of its own");
    CHECK(strlen(o.labels) == N_PATH, "%zu bytes of path", strlen(o.labels));
    em_options_deinit(&o);
}

static void what_is_printed_reads_back(void **state)
{
    em_options o, again;
    em_err err;
    char *first, *second;
    (void)state;

    CHECK_OK(read_args(&o, &err, ARGS("-k9", "--wait=2.5", "--jack-wait", "-f", "jsonl", "-o", "out put.jsonl", "--watch=Smoke detector, smoke alarm",
                                      "--watch=Dog=0.5", "--scores=all", "-vv", "x.wav")));
    first = printed(&o);
    CHECK_OK(read_args(&again, &err, ARGS("-c", write_file("c.conf", first))));
    second = printed(&again);
    CHECK(strcmp(first, second) == 0, "%s\n---\n%s", first, second);
    CHECK(again.wait == 2.5 && again.jack_wait == -1 && again.verbose == 2 && again.watch.n == 2, "the values");
    free(first);
    free(second);
    em_options_deinit(&o);
    em_options_deinit(&again);
}

/* A section is another way to write a list. */
static void sections_are_of_a_class_or_a_group(void **state)
{
    const char *file = write_file("s.conf", "min-on = 3\n[class \"Smoke detector, smoke alarm\"]\nthreshold = 0.3\nmin-off = 5\n"
                                            "[midi]\nbark = note 36\n[group \"alarm\"]\nclass = Siren\nclass = /m/07pp_mv\ngate = yes\n");
    static const char *const tunes[] = { "Smoke detector, smoke alarm:threshold=0.3", "Smoke detector, smoke alarm:min-off=5", "alarm:gate=yes" };
    em_options o;
    em_err err;
    (void)state;

    CHECK_OK(read_args(&o, &err, ARGS("-c", file)));
    CHECK(o.min_on == 3 && o.min_off == 2, "what stands before the sections is of all");
    CHECK(o.tunes.n == 3 && o.groups.n == 2, "%d and %d items", o.tunes.n, o.groups.n);
    for (int i = 0; i < 3; i++)
        CHECK(strcmp(o.tunes.list[i], tunes[i]) == 0, "%s", o.tunes.list[i]);
    CHECK(o.midi_map.n == 1 && strcmp(o.midi_map.list[0], "bark=note 36") == 0, "%d notes", o.midi_map.n);
    CHECK(strcmp(o.groups.list[0], "alarm=Siren") == 0 && strcmp(o.groups.list[1], "alarm=/m/07pp_mv") == 0, "%s", o.groups.list[1]);
    em_options_deinit(&o);
    CHECK_OK(read_args(&o, &err, ARGS("-c", file, "--tune", "Dog:min-on=1")));
    CHECK(o.tunes.n == 1 && o.groups.n == 2, "a list replaces the one below");
    em_options_deinit(&o);
}

static void a_tuning_is_read_from_its_end(void **state)
{
    em_tuning t;
    char longest[300];
    (void)state;

    CHECK(em_parse_tuning(&t, "a:b=c:min-on=2.5") && strcmp(t.name, "a:b=c") == 0 && t.key == EM_TUNE_MIN_ON && t.value == 2.5, "%s", t.name);
    CHECK(em_parse_tuning(&t, "Dog:gate=yes") && t.key == EM_TUNE_GATE && t.value == 1, "a gate");
    CHECK(em_parse_tuning(&t, "Dog:gate=no") && t.value == 0, "no gate");
    CHECK(!em_parse_tuning(&t, "Dog:min=1") && !em_parse_tuning(&t, "Dog:threshold=1.1") && !em_parse_tuning(&t, "min-on=1"), "none of these");
    memset(longest, 'x', sizeof longest);
    strcpy(longest + 256, ":min-on=1");
    CHECK(!em_parse_tuning(&t, longest) && em_parse_tuning(&t, longest + 1), "a name of up to 255 bytes");
}

static void notes_are_read_to_the_last_word(void **state)
{
    static const struct { const char *text; em_midi_key key; } good[] = {
        { "bark=note 36 channel 10", { 9, 36, -1 } }, { "a=b=cc 0", { 0, 69, 0 } }, { "x= cc 119\tchannel 16  note 0 ", { 15, 0, 119 } },
    };
    static const char *const bad[] = {
        "bark", "=note 1", "bark=", "bark=note", "bark=note 128", "bark=note -1", "bark=channel 0", "bark=channel 17", "bark=cc 120",
        "bark=note 36.5", "bark=note 36x", "bark=note 36 note 37", "bark=velocity 3", "bark=note 36 channel",
        "bark=note 99999999999", "bark=36", "bark=note36",
    };
    em_midi_key key;
    size_t n;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(good); i++)
        CHECK(em_parse_midi_map(&n, &key, good[i].text) && key.note == good[i].key.note && key.channel == good[i].key.channel &&
              key.control == good[i].key.control && n == (size_t)(strrchr(good[i].text, '=') - good[i].text), "%s", good[i].text);
    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(!em_parse_midi_map(&n, &key, bad[i]), "%s", bad[i]);
}

static void times_are_read_to_the_millisecond(void **state)
{
    int64_t ms;
    (void)state;

    CHECK(em_parse_utc(&ms, "1970-01-01T00:00:01.5Z") && ms == 1500, "%lld", (long long)ms);
    CHECK(em_parse_utc(&ms, "2026-05-01T04:30:00Z") && ms == 1777609800000, "%lld", (long long)ms);
    CHECK(!em_parse_utc(&ms, "2026-05-01T04:30:00") && !em_parse_utc(&ms, "2026-05-01T24:30:00.Z"), "without Z, without digits");
    CHECK(!em_parse_utc(&ms, "1969-12-31T23:59:59Z"), "before 1970");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_from_the_highest_layer),
        cmocka_unit_test(a_higher_layer_throws_out_what_it_cannot_stand_beside),
        cmocka_unit_test(what_was_thrown_out_throws_nothing_out),
        cmocka_unit_test(formats_and_outputs_are_pairs),
        cmocka_unit_test(mistakes_teach),
        cmocka_unit_test(broken_files_name_file_line_and_key),
        cmocka_unit_test(lines_are_read_as_people_write_them),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(sections_are_of_a_class_or_a_group),
        cmocka_unit_test(a_tuning_is_read_from_its_end),
        cmocka_unit_test(notes_are_read_to_the_last_word),
        cmocka_unit_test(times_are_read_to_the_millisecond),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
