/* sink_picture.c - a run as a picture (picture.h), which is drawn at its end. Until then it is kept in memory that does not grow: where
 * the stream is longer, each pair of moments becomes its larger one (timeline.h).
 *
 * Of the channels of --channel each the loudest and best counts. An event is shown when it is over. */
#include "sinks/line.h"
#include "sinks/picture.h"
#include "sinks/row.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GROUPS = 64, CELLS = 2048, EVENT_CELLS = 4096, NAME_BYTES = 256, MOST_BANDS = 512 };

static const double first_cell_s = 0.01;        /* a frame of the model */

typedef struct picture {
    em_sink     base;
    em_picture  of;
    em_picture_row *rows;           /* [n_classes + MOST_GROUPS]                                   */
    uint8_t    *scratch;            /* [n_classes]                                                 */
    double      step_s;
    int64_t     start_ms;           /* wall clock at time 0, -1: unknown                           */
    char        model[NAME_BYTES], source[NAME_BYTES], subtitle[2 * NAME_BYTES];
} picture;

static em_status picture_init(em_sink *s, em_err *err)
{
    picture *p = (picture *)s;
    const int n = s->cfg.classes->n, n_bands = s->cfg.plot->n_bands;
    em_status status;

    p->step_s = 1;
    p->start_ms = -1;
    p->of.band_hz = s->cfg.plot->band_hz;
    p->of.is_shown = s->cfg.is_shown;
    p->rows = calloc((size_t)n + MOST_GROUPS, sizeof *p->rows);
    p->scratch = calloc((size_t)n + MOST_BANDS, 1);
    if (!p->rows || !p->scratch)
        return em_fail(err, EM_ENOMEM, "no memory for what a picture is drawn of");
    p->of.rows = p->rows;
    for (int c = 0; c < n; c++)
        p->rows[c] = (em_picture_row){ .label = s->cfg.classes->labels[c], .has_score = true,
                                       .threshold = s->cfg.plot->thresholds ? s->cfg.plot->thresholds[c] : 0 };
    if ((status = em_page_check(s->out.path, err)) || (status = em_timeline_init(&p->of.scores, n, CELLS, first_cell_s, err)) ||
        (status = em_timeline_init(&p->of.events, n + MOST_GROUPS, EVENT_CELLS, first_cell_s, err)))
        return status;
    return n_bands > 0 && n_bands <= MOST_BANDS ? em_timeline_init(&p->of.sound, n_bands, CELLS, first_cell_s, err) : EM_OK;
}

static void picture_deinit(em_sink *s)
{
    picture *p = (picture *)s;

    em_timeline_deinit(&p->of.sound);
    em_timeline_deinit(&p->of.scores);
    em_timeline_deinit(&p->of.events);
    free(p->rows);
    free(p->scratch);
}

static void put_columns(picture *p, const em_event *e)
{
    const int n_bands = e->u.scores.n_bands;

    if (!e->u.scores.columns || !p->of.sound.cells || n_bands != p->of.sound.n_rows)
        return;
    for (int i = 0; i < e->u.scores.n_columns; i++) {
        const double from_s = e->u.scores.columns_end - (e->u.scores.n_columns - i) * e->u.scores.column_s;
        const uint8_t *column = e->u.scores.columns + (size_t)i * (size_t)n_bands;

        for (int band = 0; band < n_bands; band++)
            p->scratch[band] = (uint8_t)(column[band] < 255 ? column[band] + 1 : 255);
        em_timeline_put(&p->of.sound, from_s, from_s + e->u.scores.column_s, p->scratch);
        p->of.has_sound = true;
    }
}

/* A hop tells of the step that is new in it. */
static void put_scores(picture *p, const em_event *e)
{
    for (int c = 0; c < p->of.scores.n_rows; c++) {
        const float score = fminf(fmaxf(e->u.scores.scores[c], 0), 1);

        p->scratch[c] = (uint8_t)(1 + lrintf(254 * score));
        if (p->rows[c].n_events == 0 && score > p->rows[c].best)
            p->rows[c].best = score;
    }
    em_timeline_put(&p->of.scores, e->time - p->step_s, e->time, p->scratch);
    put_columns(p, e);
}

/* A class's own row; of a group the one that has its label, or the next free one. NULL: there are too many. */
static em_picture_row *row_of(picture *p, const em_event *e)
{
    const int n = p->of.scores.n_rows;

    if (e->u.sound.i_class >= 0)
        return e->u.sound.i_class < n ? &p->rows[e->u.sound.i_class] : NULL;
    for (int i = n; i < p->of.events.n_rows; i++)
        if (!p->rows[i].label || strcmp(p->rows[i].label, e->u.sound.label) == 0) {
            p->rows[i].label = e->u.sound.label;                /* outlives every sink */
            return &p->rows[i];
        }
    return NULL;
}

/* The stream is at least so long. */
static void stretch(picture *p, double to_s)
{
    if (to_s > p->of.seconds && to_s < EM_TIMELINE_MOST_S)
        p->of.seconds = to_s;
}

static void put_event(picture *p, const em_event *e)
{
    em_picture_row *r = row_of(p, e);

    if (!r)
        return;
    if (r->n_events == 0 || e->u.sound.onset < r->first_s)
        r->first_s = e->u.sound.onset;
    r->best = r->n_events == 0 ? e->u.sound.score : fmaxf(r->best, e->u.sound.score);
    r->total_s += fmax(e->u.sound.offset - e->u.sound.onset, 0);
    r->n_events++;
    em_timeline_mark(&p->of.events, (int)(r - p->rows), e->u.sound.onset, e->u.sound.offset, 1);
    stretch(p, e->u.sound.offset);
}

static em_status picture_put(em_sink *s, const em_event *e, em_err *err)
{
    picture *p = (picture *)s;

    (void)err;
    if (e->type == EM_EVENT_START) {
        p->step_s = e->u.start.step_s;
        snprintf(p->model, sizeof p->model, "%s", e->u.start.model ? e->u.start.model : "");
        return EM_OK;
    }
    if (e->source && (!*p->source || e->type == EM_EVENT_STOP))         /* STOP has it without a channel */
        snprintf(p->source, sizeof p->source, "%s", e->source);
    if (e->type == EM_EVENT_SCORES && p->start_ms < 0 && e->utc_ms >= 0)
        p->start_ms = e->utc_ms - llround(e->time * 1e3);
    if (e->type == EM_EVENT_SCORES)
        put_scores(p, e);
    else if (e->type == EM_EVENT_OFFSET)
        put_event(p, e);
    if (e->type == EM_EVENT_SCORES || e->type == EM_EVENT_STOP)
        stretch(p, e->time);
    return EM_OK;
}

static void put_subtitle(picture *p)
{
    em_line line = { p->subtitle, 0, sizeof p->subtitle };
    char utc[EM_UTC_CHARS];

    em_line_put_time(&line, p->of.seconds);
    if (p->start_ms >= 0) {
        em_utc_text(utc, p->start_ms);
        em_line_put(&line, " from %s", utc);
    }
    if (*p->model) {
        em_line_put(&line, ", model ");
        em_line_put_name(&line, p->model);
    }
}

static em_status picture_end(em_sink *s, em_err *err)
{
    picture *p = (picture *)s;
    em_page page;
    em_status status;

    put_subtitle(p);
    p->of.title = p->source;
    p->of.subtitle = p->subtitle;
    status = em_picture_draw(&page, s->out.path, &p->of, err);
    if (status == EM_OK)
        status = em_out_write(&s->out, (const char *)page.bytes, page.n, err);
    em_page_drop(&page);
    return status;
}

const em_sink_row em_sink_picture = {
    .format = "picture", .n_bytes = sizeof(picture), .init = picture_init, .put = picture_put, .end = picture_end,
    .deinit = picture_deinit,
};
