/* hostile_labels DIR, or --mqtt URL, --osc URL, --exec COMMAND, --clip-dir DIR, --http ADDRESS, --plot FILE, --view plain|color, --status SOCKET,
 * --store DIR: writes events whose labels are meant to break a reader through every format, as DIR/hostile.EXTENSION, for formats.py to
 * read back. The files of sources.EXTENSION are the same with two sources, which are hostile as well. To a broker they go as one node "hostile"
 * with both sources, all labels being classes as well as groups. The web page stays until standard input ends. The live view goes to
 * standard output, --status to a service's manager, and --store makes a file of scores for each label. */
#include "base/notify.h"
#include "sinks/sink.h"
#include "sinks/tape.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define E50 "éééééééééééééééééééééééééééééééééééééééééééééééééé"

static const char *const labels[] = {
    "Bark", "", " ", "\t", "\n", "\r\n\r\n", "\"", "\"a\" \"b", "a,b", "a;b", "a\tb\tc", "a\nb", "-->", "a --> b", "------>", "<b>bold",
    "<00:00:01.000>", "&", "&lt;&#0;", ">", "1\n00:00:01,000 --> 00:00:02,000\nx\n\n", "NOTE", "\n\nWEBVTT\n\nSTYLE\n", "\x1b[2J\x1b]0;x\a",
    "\x7f\x01\x02", "\xc2\x85\xc2\x9b", "\xff\xfe", "\xc0\xaf..\xe2\x82", "\xed\xa0\x80", "\xe2\x80\xa8|\xe2\x80\xa9", "\xe2\x80\xae" "txet",
    "\xf0\x9f\x90\x95", X50 X50 X50 X50 X50 X50, E50 E50 E50 E50 E50 E50, "'", "=1+1", "+1-2", "-2+3", "@SUM(A1)", "\t=1", "%s%n%d", "\\n\\",
    "../../etc/x.wav_0", "[x]: ]", "# 0.5", "{\"a\":[1]}", "\xef\xbb\xbf",
};
enum { N = EM_COUNT(labels) };

static const char *const sources[] = { "a\tb\n\"c\";.wav:1", "two, <2> --> &.wav:2" };

static void give_up(const em_err *err)
{
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

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
    if (em_sink_put(s, &e, &err))
        give_up(&err);
}

static const em_classes classes = { labels, labels, N };

/* One of each source, whose classes are then told by name. */
static void put_hops(em_sink *s)
{
    static const float scores[N];
    em_err err;

    for (size_t i = 0; i < EM_COUNT(sources); i++) {
        em_event e = { .type = EM_EVENT_SCORES, .source = sources[i], .time = 1, .utc_ms = -1, .u.scores = { .filled = 1, .scores = scores } };

        if (em_sink_put(s, &e, &err))
            give_up(&err);
    }
}

static void write_events(const em_sink_cfg *cfg, bool has_sources)
{
    em_event start = { .type = EM_EVENT_START, .u.start.version = labels[N - 2] };
    em_err err = { 0 };
    em_sink *s;

    if (em_sink_open(&s, cfg, &err) || (cfg->mqtt && em_sink_put(s, &start, &err)))
        give_up(&err);
    if (cfg->web)
        put_hops(s);
    for (int i = 0; i < N; i++)
        put(s, EM_EVENT_ONSET, i, has_sources);
    for (int i = 0; i < N; i++)                                 /* N is a prime: all of them, in another order */
        put(s, EM_EVENT_OFFSET, i * 7 % N, has_sources);
    while (cfg->web && getchar() != EOF)
        ;
    if (em_sink_close(s, EM_SINK_WHOLE, &err))
        give_up(&err);
}

static void write_all(const char *format, const char *dir, bool has_sources)
{
    char path[512];
    em_sink_cfg cfg = { .format = format, .path = path, .classes = &classes, .top_k = N, .rate_hz = 32000, .has_source_names = has_sources,
                        .channel = has_sources ? -1 : 0 };

    snprintf(path, sizeof path, "%s/%s.%s", dir, has_sources ? "sources" : "hostile", em_sink_traits_of(format).extension);
    write_events(&cfg, has_sources);
}

static void write_metadata(const char *dir, bool has_sources)
{
    char path[512];
    const em_sink_cfg cfg = { .format = "vtt", .path = path, .classes = &classes, .is_metadata = true };

    snprintf(path, sizeof path, "%s/%s.meta.vtt", dir, has_sources ? "sources" : "hostile");
    write_events(&cfg, has_sources);
}

static void tell_broker(const char *url)
{
    static bool is_watched[N];
    const em_sink_mqtt_cfg mqtt = { .url = url, .node = "hostile", .discovery = "device", .discovery_prefix = "homeassistant",
                                    .is_watched = is_watched, .groups = labels, .n_groups = N };
    const em_sink_cfg cfg = { .format = "mqtt", .classes = &classes, .channel = -1, .mqtt = &mqtt };

    for (int i = 0; i < N; i++)
        is_watched[i] = true;
    write_events(&cfg, false);
    write_events(&cfg, true);
}

static void tell_osc(const char *url)
{
    const em_sink_cfg cfg = { .format = "osc", .classes = &classes, .osc_url = url };

    write_events(&cfg, false);
    write_events(&cfg, true);
}

static void draw(const char *path)
{
    const em_sink_plot_cfg plot = { 0 };
    const em_sink_cfg cfg = { .format = "picture", .path = path, .classes = &classes, .plot = &plot };

    write_events(&cfg, true);
}

static void run_commands(const char *command)
{
    const em_sink_exec_cfg exec = { .command = command, .on_onset = true, .on_offset = true, .n_most = 2, .limit_s = 60 };
    const em_sink_cfg cfg = { .format = "exec", .classes = &classes, .exec = &exec };

    write_events(&cfg, false);
    write_events(&cfg, true);
}

/* A minute of silence from each source, which ends behind the last event. */
static void write_clips(const char *dir)
{
    enum { RATE_HZ = 8000, SECONDS = 60 };
    em_sink_clip_cfg clip = { .dir = dir, .pre_s = 1, .post_s = 1, .most_s = 5 };
    const em_sink_cfg cfg = { .format = "clip", .classes = &classes, .clip = &clip };
    em_err err;

    if (em_tape_new(&clip.tape, 1, SECONDS + 1, &err) || em_tape_begin(clip.tape, 0, 3, RATE_HZ, &err))
        give_up(&err);
    em_tape_name(clip.tape, 0, 0, "dog.wav");
    em_tape_name(clip.tape, 0, 1, sources[0]);
    em_tape_name(clip.tape, 0, 2, sources[1]);
    em_tape_push(clip.tape, 0, NULL, (size_t)SECONDS * RATE_HZ);
    write_events(&cfg, false);
    write_events(&cfg, true);
    em_tape_free(clip.tape);
}

static void show_page(const char *address)
{
    static bool is_watched[N];
    const em_event start = { .type = EM_EVENT_START, .source = sources[0],
                             .u.start = { labels[N - 2], labels[7], labels[23], labels[3], 32000, 1, 10 } };
    const em_sink_web_cfg web = { .address = address, .is_watched = is_watched, .start = &start };
    const em_sink_cfg cfg = { .format = "web", .classes = &classes, .web = &web };

    for (int i = 0; i < N; i++)
        is_watched[i] = true;
    write_events(&cfg, true);
}

static void put_or_give_up(em_sink *s, const em_event *e)
{
    em_err err;

    if (em_sink_put(s, e, &err))
        give_up(&err);
}

/* Each label in turn is among the best classes, the newest event and the text of a mark. */
static void draw_view(const char *color)
{
    const em_sink_cfg cfg = { .format = "text", .classes = &classes, .scores = EM_SCORES_TOP, .top_k = 5, .is_terminal = true, .has_utf8 = true,
                              .has_color = strcmp(color, "color") == 0, .keys = "q quit" };
    em_err err;
    em_sink *s;

    if (em_sink_open(&s, &cfg, &err))
        give_up(&err);
    for (int i = 0; i < N; i++) {
        float scores[N] = { 0 };
        em_event hop = { .type = EM_EVENT_SCORES, .source = sources[i % 2], .time = i + 1, .utc_ms = -1,
                         .u.scores = { .filled = 1, .scores = scores } };
        em_event mark = { .type = EM_EVENT_MARK, .source = sources[i % 2], .time = i + 1, .utc_ms = -1 };

        scores[i] = 0.9f;
        snprintf(mark.u.mark.text, sizeof mark.u.mark.text, "%s", labels[i]);
        put_or_give_up(s, &hop);
        put(s, EM_EVENT_ONSET, i, true);
        put_or_give_up(s, &mark);
        put(s, EM_EVENT_OFFSET, i, true);
    }
    if (em_sink_close(s, EM_SINK_WHOLE, &err))
        give_up(&err);
}

/* What finds the manager's socket full is left out: here it waits until it is not. */
static void tell_manager(const char *path)
{
    em_notify notify;
    const em_sink_cfg cfg = { .format = "status", .classes = &classes, .notify = &notify };
    em_err err;
    em_sink *s;

    if (setenv("NOTIFY_SOCKET", path, 1) != 0 || em_notify_open(&notify, &err) || em_sink_open(&s, &cfg, &err))
        give_up(&err);
    for (int i = 0; i < 4 * N; i++) {
        struct pollfd p = { .fd = notify.fd, .events = POLLOUT };

        if (poll(&p, 1, 10000) != 1)
            give_up(&(em_err){ .msg = "nobody reads the socket" });
        put(s, i % 2 ? EM_EVENT_OFFSET : EM_EVENT_ONSET, i / 2 % N, i >= 2 * N);
    }
    if (em_sink_close(s, EM_SINK_WHOLE, &err))
        give_up(&err);
    em_notify_close(&notify);
}

/* Some seconds of a sound that is sure to be told; its only class has the label. */
static void store_one(const char *path, int i)
{
    enum { SECONDS = 6, SLOTS = 32, RATE_HZ = 32000 };
    static const bool trained[] = { true };
    static float slots[SLOTS], score = 0.9f;
    const em_classes one = { &labels[i], &labels[i], 1 };
    const em_sink_store_cfg store = { .is_trained = trained, .window_samples = 10 * RATE_HZ, .n_slots = SLOTS, .slot_s = 0.3125, .n_files = 1 };
    const em_sink_cfg cfg = { .format = "store", .path = path, .classes = &one, .has_source_names = true, .store = &store };
    em_event e = { .type = EM_EVENT_START, .source = sources[i % 2], .utc_ms = -1,
                   .u.start = { labels[i], labels[i], labels[i], labels[i], RATE_HZ, 1, 10 } };
    em_err err;
    em_sink *s;

    if (em_sink_open(&s, &cfg, &err))
        give_up(&err);
    put_or_give_up(s, &e);
    for (int k = 0; k < SLOTS; k++)
        slots[k] = score;
    for (int t = 1; t <= SECONDS; t++) {
        e = (em_event){ .type = EM_EVENT_SCORES, .source = sources[i % 2], .time = t, .utc_ms = -1,
                        .u.scores = { .filled = 1, .scores = &score, .slots = slots, .n_slots = SLOTS } };
        put_or_give_up(s, &e);
    }
    e = (em_event){ .type = EM_EVENT_STOP, .source = sources[i % 2], .time = SECONDS, .utc_ms = -1 };
    put_or_give_up(s, &e);
    if (em_sink_close(s, EM_SINK_WHOLE, &err))
        give_up(&err);
}

static void store_all(const char *dir)
{
    for (int i = 0; i < N; i++) {
        char path[512];

        snprintf(path, sizeof path, "%s/%02d.scores", dir, i);
        store_one(path, i);
    }
}

int main(int argc, char **argv)
{
    static const struct { const char *option; void (*tell)(const char *value); } modes[] = {
        { "--mqtt", tell_broker }, { "--osc", tell_osc }, { "--exec", run_commands }, { "--clip-dir", write_clips }, { "--http", show_page },
        { "--plot", draw }, { "--view", draw_view }, { "--status", tell_manager }, { "--store", store_all },
    };
    const char *format;

    for (size_t i = 0; argc == 3 && i < EM_COUNT(modes); i++)
        if (strcmp(argv[1], modes[i].option) == 0) {
            modes[i].tell(argv[2]);
            return 0;
        }
    if (argc != 2)
        return 2;
    for (int i = 0; (format = em_sink_format(i, NULL)); i++) {
        write_all(format, argv[1], false);
        write_all(format, argv[1], true);
    }
    write_metadata(argv[1], false);
    write_metadata(argv[1], true);
    return 0;
}
