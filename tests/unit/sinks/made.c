/* made.c - events and files for the tests of sinks: see made.h. */
#include "made.h"

#include "check.h"

#include <unistd.h>

static const char *const labels[N] = { "Dog", "Rain, heavy", "bad\x1b[31m\"name\\\xff\n", "Ton\xc3\xa9" };
static const char *const mids[N] = { "", "", "", "" };
const em_classes classes = { labels, mids, N };
const float scores[N] = { 0.25f, 0.875f, 0.5f, 0.125f };

static char folder[] = "/tmp/em_sinks_XXXXXX";

const char *in_folder(const char *name)
{
    static char path[4][128];
    static int i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", folder, name);
    return path[i];
}

char *read_whole(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    CHECK(f, "%s is there", path);
    text[n] = '\0';
    fclose(f);
    return text;
}

em_sink_cfg usual(const char *format, const char *path)
{
    return (em_sink_cfg){ .format = format, .path = path, .classes = &classes, .scores = EM_SCORES_TOP, .top_k = 2 };
}

em_event hop(double time)
{
    em_event e = { .type = EM_EVENT_SCORES, .source = "dog.wav", .time = time, .utc_ms = -1 };

    e.u.scores.filled = 0.25;
    e.u.scores.rms_dbfs = -20;
    e.u.scores.peak_dbfs = -6;
    e.u.scores.scores = scores;
    return e;
}

em_event sound(em_event_type type)
{
    em_event e = { .type = type, .source = "dog.wav", .time = type == EM_EVENT_OFFSET ? 3.52 : 2.24, .utc_ms = -1 };

    snprintf(e.u.sound.id, sizeof e.u.sound.id, "000000026RABCDEFGHJKMNPQRS");
    e.u.sound.label = labels[1];
    e.u.sound.i_class = 1;
    e.u.sound.onset = 2.24;
    e.u.sound.offset = 3.52;
    e.u.sound.delay = 1.76;
    e.u.sound.res = 0.32;
    e.u.sound.score = 0.875f;
    e.u.sound.mean = 0.625f;
    e.u.sound.threshold = 0.5f;
    e.u.sound.dbfs = -31.25f;
    return e;
}

char *written(const em_sink_cfg *cfg, const em_event *events, int n)
{
    em_sink *s;
    em_err err;

    CHECK_OK(em_sink_open(&s, cfg, &err));
    for (int i = 0; i < n; i++)
        CHECK_OK(em_sink_put(s, &events[i], &err));
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    return read_whole(cfg->path);
}

int make_folder(void **state) { (void)state; return mkdtemp(folder) ? 0 : -1; }

int remove_folder(void **state)
{
    char command[256];
    (void)state;

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}
