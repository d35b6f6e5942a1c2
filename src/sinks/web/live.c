#include "sinks/web/live.h"

#include "base/clock.h"
#include "sinks/web/base64.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOURCES = 64, NAME = 160,
    POOL = 4,                           /* frames of 10 ms in a column of the picture            */
    MOST = 256,                         /* columns that wait; those of more than 10 s are no news */
};

static const double least_s = 0.1;      /* between two messages of a source                      */

typedef struct canvas {                 /* one source's picture, as far as it was not sent       */
    char   name[NAME];
    int    n_bands, n, n_pooled;
    double sent_s, end_s;
    unsigned char columns[];            /* [MOST + 1][n_bands], the last one being pooled         */
} canvas;

struct em_web_live {
    canvas *canvases[SOURCES];
    int     n_canvases, n_classes;
    unsigned char *bytes;               /* [n_classes]                                           */
    char   *text;                       /* base64                                                */
    size_t  room;
    em_json json;
};

em_status em_web_live_new(em_web_live **out, int n_classes, em_err *err)
{
    em_web_live *l = calloc(1, sizeof *l);

    *out = NULL;
    if (!l || !(l->bytes = malloc((size_t)n_classes + 1))) {
        em_web_live_free(l);
        return em_fail(err, EM_ENOMEM, "no memory for the live page");
    }
    l->n_classes = n_classes;
    *out = l;
    return EM_OK;
}

void em_web_live_free(em_web_live *l)
{
    if (!l)
        return;
    for (int i = 0; i < l->n_canvases; i++)
        free(l->canvases[i]);
    free(l->bytes);
    free(l->text);
    em_json_deinit(&l->json);
    free(l);
}

/* NULL: there are too many sources, or no memory. */
static canvas *canvas_of(em_web_live *l, const em_event *e)
{
    const int n_bands = e->u.scores.columns ? e->u.scores.n_bands : 0;
    canvas *c;

    for (int i = 0; i < l->n_canvases; i++)
        if (strcmp(l->canvases[i]->name, e->source) == 0)
            return l->canvases[i];
    if (l->n_canvases == SOURCES || !(c = calloc(1, sizeof *c + (MOST + 1) * (size_t)n_bands)))
        return NULL;
    strncpy(c->name, e->source, NAME - 1);
    c->n_bands = n_bands;
    c->sent_s = -least_s;
    return l->canvases[l->n_canvases++] = c;
}

/* The loudest of POOL frames: a click stays to be seen. */
static void draw(canvas *c, const em_event *e)
{
    const size_t n = (size_t)c->n_bands;

    if (!e->u.scores.columns || e->u.scores.n_bands != c->n_bands)
        return;
    for (int i = 0; i < e->u.scores.n_columns; i++) {
        const unsigned char *in = e->u.scores.columns + (size_t)i * n;
        unsigned char *out = c->columns + (size_t)c->n * n;

        for (size_t b = 0; b < n; b++)
            out[b] = c->n_pooled == 0 || in[b] > out[b] ? in[b] : out[b];
        if (++c->n_pooled < POOL)
            continue;
        c->n_pooled = 0;
        if (c->n < MOST)
            c->n++;
        else
            memmove(c->columns, c->columns + n, MOST * n);
    }
    c->end_s = e->u.scores.columns_end - c->n_pooled * e->u.scores.column_s;
}

/* "": no memory. Valid until the next call. */
static const char *base64(em_web_live *l, const unsigned char *in, size_t n)
{
    const size_t room = em_base64_room(n);
    char *out = room > l->room ? realloc(l->text, room) : l->text;

    if (!out)
        return "";
    l->text = out;
    l->room = room > l->room ? room : l->room;
    em_base64_write(out, in, n);
    return l->text;
}

static void put_columns(em_web_live *l, const canvas *c, double column_s)
{
    em_json_int(&l->json, "bands", c->n_bands);
    em_json_fixed(&l->json, "column", column_s * POOL, 4);
    em_json_fixed(&l->json, "end", c->end_s, 3);
    em_json_string(&l->json, "columns", base64(l, c->columns, (size_t)c->n * (size_t)c->n_bands));
}

const char *em_web_live_take(em_web_live *l, const em_event *e)
{
    canvas *c = canvas_of(l, e);
    em_json *j = &l->json;
    char utc[EM_UTC_CHARS];

    if (!c)
        return NULL;
    draw(c, e);
    if (fabs(e->time - c->sent_s) < least_s - 1e-6)
        return NULL;
    c->sent_s = e->time;
    for (int i = 0; i < l->n_classes; i++)
        l->bytes[i] = (unsigned char)lrintf(fminf(fmaxf(e->u.scores.scores[i], 0), 1) * 255);
    em_json_reset(j);
    em_json_begin(j, NULL, '{');
    em_json_string(j, "source", e->source);
    em_json_fixed(j, "time", e->time, 3);
    if (e->utc_ms >= 0) {
        em_utc_text(utc, e->utc_ms);
        em_json_string(j, "utc", utc);
    }
    em_json_fixed(j, "filled", e->u.scores.filled, 3);
    em_json_fixed(j, "rms", (double)e->u.scores.rms_dbfs, 1);
    em_json_fixed(j, "peak", (double)e->u.scores.peak_dbfs, 1);
    em_json_string(j, "scores", base64(l, l->bytes, (size_t)l->n_classes));
    if (c->n_bands > 0)
        put_columns(l, c, e->u.scores.column_s);
    em_json_end(j, '}');
    if (c->n_bands > 0)
        memcpy(c->columns, c->columns + (size_t)c->n * (size_t)c->n_bands, (size_t)c->n_bands);
    c->n = 0;
    return j->has_failed ? NULL : j->text;
}
