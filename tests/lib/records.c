/* records.c - what libearmark tells of a file, written by the sink that the program's JSON Lines come from.
 * lib_records MODEL SOUND CHUNK f32|s16 [KEY=VALUE]...   KEY: a field of earmark_listener_options; lists one text a KEY=VALUE */
#include "lib/earmark.h"
#include "sinks/sink.h"

#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1024, MOST_CHUNK = 65536, MOST_TEXTS = 9 };

typedef struct run {
    const char *source;
    earmark_listener_options o;
    const char *watch[MOST_TEXTS], *ignore[MOST_TEXTS], *groups[MOST_TEXTS], *tunes[MOST_TEXTS];
    em_sink *sink;
} run;

static void die(const char *why)
{
    fprintf(stderr, "lib_records: %s\n", why);
    exit(1);
}

static void set(run *r, char *text)
{
    const struct { const char *name; const char **list; } lists[] = {
        { "watch", r->watch }, { "ignore", r->ignore }, { "groups", r->groups }, { "tunes", r->tunes },
    };
    const struct { const char *name; double *real; int *whole; } numbers[] = {
        { "step_s", &r->o.step_s, NULL },         { "window_s", &r->o.window_s, NULL }, { "threshold", &r->o.threshold, NULL },
        { "hysteresis", &r->o.hysteresis, NULL }, { "min_on_s", &r->o.min_on_s, NULL }, { "min_off_s", &r->o.min_off_s, NULL },
        { "channel", NULL, &r->o.channel },
    };
    char *equals = strchr(text, '=');

    if (!equals)
        die(text);
    *equals = '\0';
    for (size_t i = 0; i < EM_COUNT(lists); i++)
        if (strcmp(lists[i].name, text) == 0)
            for (int k = 0; k < MOST_TEXTS - 1; k++)
                if (!lists[i].list[k]) {
                    lists[i].list[k] = equals + 1;
                    return;
                }
    for (size_t i = 0; i < EM_COUNT(numbers); i++)
        if (strcmp(numbers[i].name, text) == 0) {
            if (numbers[i].real)
                *numbers[i].real = strtod(equals + 1, NULL);
            else
                *numbers[i].whole = atoi(equals + 1);
            return;
        }
    die(text);
}

static void put(run *r, const em_event *e)
{
    em_err err;

    if (em_sink_put(r->sink, e, &err))
        die(err.msg);
}

static void put_scores(run *r, const earmark_scores *s)
{
    em_event e = { .type = EM_EVENT_SCORES, .source = r->source, .time = s->time_s, .utc_ms = -1 };

    e.u.scores.filled = s->filled;
    e.u.scores.rms_dbfs = s->rms_dbfs;
    e.u.scores.peak_dbfs = s->peak_dbfs;
    e.u.scores.scores = s->scores;
    e.u.scores.slots = s->slots;
    e.u.scores.n_slots = s->n_slots;
    e.u.scores.embedding = s->embedding;
    e.u.scores.n_embedding = s->n_embedding;
    put(r, &e);
}

static void put_event(run *r, const earmark_event *told)
{
    static const em_event_type types[] = {
        [EARMARK_ONSET] = EM_EVENT_ONSET, [EARMARK_OFFSET] = EM_EVENT_OFFSET, [EARMARK_RETRACT] = EM_EVENT_RETRACT,
    };
    em_event e = { .type = types[told->type], .source = r->source, .utc_ms = -1 };

    e.time = told->type == EARMARK_OFFSET ? told->offset_s : told->onset_s;
    memcpy(e.u.sound.id, told->id, EM_EVENT_ID_CHARS);
    e.u.sound.label = told->label;
    e.u.sound.i_class = told->class_index;
    e.u.sound.onset = told->onset_s;
    e.u.sound.offset = told->offset_s;
    e.u.sound.delay = told->delay_s;
    e.u.sound.res = told->res_s;
    e.u.sound.score = told->score;
    e.u.sound.mean = told->mean;
    e.u.sound.threshold = told->threshold;
    e.u.sound.dbfs = told->dbfs;
    put(r, &e);
}

static void put_all(run *r, earmark_listener *l)
{
    const earmark_scores *s;
    const earmark_event *e;

    while ((s = earmark_next_scores(l)))
        put_scores(r, s);
    while ((e = earmark_next_event(l)))
        put_event(r, e);
}

static void open_sink(run *r, const earmark_model *m)
{
    static const char *labels[MOST_CLASSES], *mids[MOST_CLASSES];
    static em_classes classes = { labels, mids, 0 };
    const em_sink_cfg cfg = { .format = "jsonl", .classes = &classes, .scores = EM_SCORES_ALL, .has_slots = true, .has_embeddings = true };
    em_err err;

    classes.n = earmark_model_get_info(m)->n_classes;
    for (int i = 0; i < classes.n && i < MOST_CLASSES; i++) {
        labels[i] = earmark_model_class(m, i)->label;
        mids[i] = earmark_model_class(m, i)->mid;
    }
    if (em_sink_open(&r->sink, &cfg, &err))
        die(err.msg);
}

static void hear(run *r, earmark_listener *l, SNDFILE *file, size_t chunk, bool is_s16)
{
    static float floats[MOST_CHUNK * 2];
    static int16_t integers[MOST_CHUNK * 2];
    earmark_error error;
    size_t n, taken;
    int is_done = 0;

    while ((n = (size_t)(is_s16 ? sf_readf_short(file, integers, (sf_count_t)chunk)
                                : sf_readf_float(file, floats, (sf_count_t)chunk))) > 0)
        for (size_t at = 0; at < n; at += taken) {
            const size_t from = at * (size_t)r->o.channels;

            if (is_s16 ? earmark_push_s16(l, integers + from, n - at, &taken, &error)
                       : earmark_push_float(l, floats + from, n - at, &taken, &error))
                die(error.message);
            put_all(r, l);
        }
    while (!is_done) {
        if (earmark_finish(l, &is_done, &error))
            die(error.message);
        put_all(r, l);
    }
}

int main(int argc, char **argv)
{
    SF_INFO info = { 0 };
    SNDFILE *file = argc >= 5 ? sf_open(argv[2], SFM_READ, &info) : NULL;
    const size_t chunk = argc >= 5 ? strtoul(argv[3], NULL, 10) : 0;
    earmark_listener *l;
    earmark_model *m;
    earmark_error error;
    run r = { 0 };

    if (!file || info.channels > 2 || chunk < 1 || chunk > MOST_CHUNK)
        die("MODEL SOUND CHUNK f32|s16");
    earmark_listener_options_init(&r.o, sizeof r.o);
    r.source = r.o.name = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
    r.o.rate_hz = info.samplerate;
    r.o.channels = info.channels;
    for (int i = 5; i < argc; i++)
        set(&r, argv[i]);
    r.o.watch = r.watch;
    r.o.ignore = r.ignore;
    r.o.groups = r.groups;
    r.o.tunes = r.tunes;
    if (earmark_model_open(&m, argv[1], NULL, &error) || earmark_listener_new(&l, m, &r.o, &error))
        die(error.message);
    open_sink(&r, m);
    hear(&r, l, file, chunk, strcmp(argv[4], "s16") == 0);
    earmark_listener_free(l);
    earmark_model_close(m);
    sf_close(file);
    return em_sink_close(r.sink, EM_SINK_WHOLE, NULL) ? 1 : 0;
}
