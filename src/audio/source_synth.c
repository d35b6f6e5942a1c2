/* The "synth" row: sound that needs no device and is the same on every run.
 *
 *   silence[:SECONDS[:RATE[:CHANNELS]]]        zeros
 *   sine:HZ[:SECONDS[:RATE[:CHANNELS]]]        0.5 * sin(2 pi HZ n / RATE), the same in every channel
 *   noise:SEED[:SECONDS[:RATE[:CHANNELS]]]     uniform in [-0.5, 0.5), drawn frame by frame, channel by channel
 *   ramp[:SECONDS[:RATE[:CHANNELS]]]           channel c of frame n is ((n + 65536 c) mod 2^23) / 2^23, exactly
 *
 * An empty or missing SECONDS never ends; RATE is 32000, CHANNELS 1. Paced, if asked for; live, it drops like a
 * device when nobody takes. */
#include "audio/feed.h"
#include "audio/sources.h"

#include "base/limits.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_RATE = 32000, RAMP_LENGTH = 1 << 23, RAMP_CHANNEL = 1 << 16, MOST_FIELDS = 5 };

#define MOST_SECONDS 1e9
static const double PI2 = 6.283185307179586;

typedef struct synth_source synth_source;
typedef float voice(synth_source *s, uint64_t n, int channel);

struct synth_source {
    voice   *voice;
    double   argument;                  /* HZ or SEED                       */
    int      rate_hz, n_channels;
    uint64_t n, n_frames;               /* made so far; to make             */
    bool     is_paced, is_live;
    em_rng   rng;
    em_feed  feed;
};

static float silence(synth_source *s, uint64_t n, int channel)
{
    (void)s, (void)n, (void)channel;
    return 0.0f;
}

static float sine(synth_source *s, uint64_t n, int channel)
{
    double turns = s->argument * (double)n / s->rate_hz;

    (void)channel;
    return (float)(0.5 * sin(PI2 * (turns - floor(turns))));
}

static float noise(synth_source *s, uint64_t n, int channel)
{
    (void)n, (void)channel;
    return (float)(em_rng_u64(&s->rng) >> 40) * (1.0f / 16777216.0f) - 0.5f;
}

static float ramp(synth_source *s, uint64_t n, int channel)
{
    (void)s;
    return (float)((n + (uint64_t)channel * RAMP_CHANNEL) % RAMP_LENGTH) * (1.0f / RAMP_LENGTH);
}

static const struct { const char *name; voice *voice; bool has_argument; } voices[] = {
    { "silence", silence, false },
    { "sine",    sine,    true  },
    { "noise",   noise,   true  },
    { "ramp",    ramp,    false },
};

static em_status refuse(const char *name, em_err *err)
{
    return em_fail(err, EM_EINVAL, "synthetic sound \"%.60s\" is not known: write silence, ramp, sine:HZ or noise:SEED, "
                   "then :SECONDS:RATE:CHANNELS as wanted", name);
}

/* A whole field, from least to most. Empty: *out stays. */
static bool read_field(double *out, const char *field, double least, double most)
{
    char *end;
    double x;

    if (*field == '\0')
        return true;
    x = strtod(field, &end);
    if (*end != '\0' || !(x >= least && x <= most))
        return false;
    *out = x;
    return true;
}

static em_status parse(synth_source *s, const char *name, em_err *err)
{
    char text[128], *rest = text, *fields[MOST_FIELDS] = { "", "", "", "", "" };
    double seconds = -1.0, rate = DEFAULT_RATE, channels = 1.0;
    int n_fields = 0, i = 1;

    if (strlen(name) >= sizeof text)
        return refuse(name, err);
    strcpy(text, name);
    while (rest && n_fields < MOST_FIELDS)
        fields[n_fields++] = strsep(&rest, ":");
    for (size_t v = 0; v < EM_COUNT(voices) && !s->voice; v++) {
        if (strcmp(voices[v].name, fields[0]) != 0)
            continue;
        s->voice = voices[v].voice;
        if (voices[v].has_argument && (*fields[i] == '\0' || !read_field(&s->argument, fields[i++], 0.0, 9e15)))
            return refuse(name, err);
    }
    if (!s->voice || rest || (i == 1 && n_fields == MOST_FIELDS))
        return refuse(name, err);
    if (!read_field(&seconds, fields[i], 0.0, MOST_SECONDS)
        || !read_field(&rate, fields[i + 1], EM_RATE_LEAST, EM_RATE_MOST)
        || !read_field(&channels, fields[i + 2], 1, EM_CAPTURE_MAX_CHANNELS))
        return refuse(name, err);
    s->rate_hz = (int)rate;
    s->n_channels = (int)channels;
    s->n_frames = seconds < 0.0 ? UINT64_MAX : (uint64_t)(seconds * s->rate_hz + 0.5);
    s->rng.state = (uint64_t)s->argument;
    return EM_OK;
}

static em_status synth_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    synth_source *s = calloc(1, sizeof *s);
    em_status status;

    *out = NULL;
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for a source");
    s->is_live = cfg->is_live;
    s->is_paced = cfg->is_paced || cfg->is_live;
    status = parse(s, cfg->name ? cfg->name : "silence", err);
    if (status != EM_OK) {
        free(s);
        return status;
    }
    strcpy(plan->info.name, "synth");
    plan->info.rate_hz = s->rate_hz;
    plan->info.n_channels = s->n_channels;
    plan->info.is_live = s->is_live;
    plan->info.n_frames = s->n_frames == UINT64_MAX ? -1 : (int64_t)s->n_frames;
    plan->ring_frames = s->is_live ? 0 : EM_FEED_RING;
    *out = s;
    return EM_OK;
}

static int synth_pull(void *ctx, float *dst, int max, em_err *err)
{
    synth_source *s = ctx;
    uint64_t left = s->n_frames - s->n;
    int n = left < (uint64_t)max ? (int)left : max;

    (void)err;
    for (int t = 0; t < n; t++) {
        for (int c = 0; c < s->n_channels; c++)
            *dst++ = s->voice(s, s->n + (uint64_t)t, c);
    }
    s->n += (uint64_t)n;
    return n > 0 ? n : EM_FEED_END;
}

static em_status synth_start(void *self, em_capture *capture, em_err *err)
{
    synth_source *s = self;
    const em_feed_cfg cfg = { synth_pull, s, s->rate_hz, s->n_channels, s->is_paced, s->is_live };

    return em_feed_start(&s->feed, capture, &cfg, err);
}

static void synth_stop(void *self)
{
    synth_source *s = self;

    em_feed_stop(&s->feed);
}

static void synth_close(void *self)
{
    free(self);
}

const em_source_ops em_source_synth_ops = {
    .open = synth_open, .start = synth_start, .stop = synth_stop, .close = synth_close,
};
