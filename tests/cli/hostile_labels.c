/* hostile_labels DIR: writes events whose labels are meant to break a reader through every format, as DIR/hostile.EXTENSION,
 * for formats.py to read back. The files of sources.EXTENSION are the same with two sources, which are hostile as well. */
#include "sinks/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define E50 "éééééééééééééééééééééééééééééééééééééééééééééééééé"

static const char *const labels[] = {
    "Bark", "", " ", "\t", "\n", "\r\n\r\n", "\"", "\"a\" \"b", "a,b", "a;b", "a\tb\tc", "a\nb", "-->", "a --> b", "------>", "<b>bold",
    "<00:00:01.000>", "&", "&lt;&#0;", ">", "1\n00:00:01,000 --> 00:00:02,000\nx\n\n", "NOTE", "\n\nWEBVTT\n\nSTYLE\n", "\x1b[2J\x1b]0;x\a",
    "\x7f\x01\x02", "\xc2\x85\xc2\x9b", "\xff\xfe", "\xc0\xaf..\xe2\x82", "\xed\xa0\x80", "\xe2\x80\xa8|\xe2\x80\xa9", "\xe2\x80\xae" "txet",
    "\xf0\x9f\x90\x95", X50 X50 X50 X50 X50 X50, E50 E50 E50 E50 E50 E50, "'", "=1+1", "%s%n%d", "\\n\\", "../../etc/x.wav_0", "[x]: ]", "# 0.5",
    "{\"a\":[1]}", "\xef\xbb\xbf",
};
enum { N = EM_COUNT(labels) };

static const char *const sources[] = { "a\tb\n\"c\";.wav:1", "two, <2> --> &.wav:2" };

static void put(em_sink *s, em_event_type type, int i, bool has_sources)
{
    em_event e = { .type = type, .source = has_sources ? sources[i % 2] : "dog.wav", .utc_ms = -1 };
    em_err err;

    snprintf(e.u.sound.id, sizeof e.u.sound.id, "%026d", i);
    e.u.sound.label = labels[i];
    e.u.sound.i_class = i % 7 ? i : -1;
    e.u.sound.onset = i + 0.25;
    e.u.sound.offset = i + 0.25 + (i % 5 ? 0.6 : 7.125);
    e.u.sound.score = 0.75f;
    e.time = type == EM_EVENT_OFFSET ? e.u.sound.offset : e.u.sound.onset;
    if (em_sink_put(s, &e, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
}

static void write_all(const char *format, const char *dir, bool has_sources)
{
    static const em_classes classes = { labels, labels, N };
    char path[512];
    em_sink_cfg cfg = { .format = format, .path = path, .classes = &classes, .top_k = N, .rate_hz = 32000, .has_source_names = has_sources,
                        .channel = has_sources ? -1 : 0 };
    em_err err = { 0 };
    em_sink *s;

    snprintf(path, sizeof path, "%s/%s.%s", dir, has_sources ? "sources" : "hostile", em_sink_traits_of(format).extension);
    if (em_sink_open(&s, &cfg, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    for (int i = 0; i < N; i++)
        put(s, EM_EVENT_ONSET, i, has_sources);
    for (int i = 0; i < N; i++)                                 /* N is a prime: all of them, in another order */
        put(s, EM_EVENT_OFFSET, i * 7 % N, has_sources);
    if (em_sink_close(s, EM_SINK_WHOLE, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    const char *format;

    if (argc != 2)
        return 2;
    for (int i = 0; (format = em_sink_format(i, NULL)); i++) {
        write_all(format, argv[1], false);
        write_all(format, argv[1], true);
    }
    return 0;
}
