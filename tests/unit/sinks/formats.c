/* Formats of events, byte for byte: rows. How other programs
 * read them, and what hostile labels do to them: tests/cli/formats.sh. */
#include "check.h"

#include "sinks/line.h"

#include "made.h"

static const char *const tables[] = { "audacity", "dcase", "sed-eval", "audioset", "raven", "csv" };

static void rows_are_exactly_these(void **state)
{
#define RAVEN_HEAD "Selection\tView\tChannel\tBegin File\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies Code\tCommon Name\tConfidence\n"
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
        { "ms", ",2240,3520,", -1 },       { "samples", ",71680,112640,", -1 },   { "utc", ",1970-01-01T00:00:02.240Z,1970-01-01T00:00:03.520Z,", 3520 },
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
        cmocka_unit_test(no_two_formats_share_an_extension),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
