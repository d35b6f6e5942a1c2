/* sink_text.c - for people. In a pipe or file: one line a hop, and one an event when it is over, from when to when,
 *
 *   0:12.0  Dog 0.87  Bark 0.81
 *   0:11.04 - 0:12.48  Bark 0.93
 *   0:13.2  mark: the doorbell
 *
 * and one a file with --summary: name, length, and each class with its largest score and when. On a terminal
 * (cfg.is_terminal): the live view. No escape sequence ever leaves here unless is_terminal or has_color. */
#include "sinks/line.h"
#include "sinks/row.h"
#include "sinks/top.h"
#include "sinks/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CLASS_BYTES = 160, NOTICE_BYTES = 240 };

static const double notice_s = 15;  /* of sound, until the keys are told again */

typedef struct text {
    em_sink  base;
    em_line  line;
    int     *top;                   /* [top_k] scratch                          */
    em_view  view;
    em_view_state state;
    em_recent recent;
    float   *scores;                /* [n_classes] of the newest hop, for the view */
    uint64_t n_lost;                /* frames missing so far                    */
    char     source[128], status[NOTICE_BYTES];
    char     notice[NOTICE_BYTES], mark[NOTICE_BYTES];      /* the newest message; the newest mark, until there is one */
    double   told_s;                /* when it came                             */
} text;

static em_status text_init(em_sink *s, em_err *err)
{
    text *t = (text *)s;

    if (s->cfg.top_k > s->cfg.classes->n)
        s->cfg.top_k = s->cfg.classes->n;
    t->view.cfg = (em_view_cfg){ s->cfg.has_color, s->cfg.has_utf8, s->cfg.top_k };
    t->line.room = (size_t)(s->cfg.top_k + 2) * CLASS_BYTES + em_view_room(&t->view.cfg);
    t->line.text = malloc(t->line.room);
    t->top = calloc((size_t)s->cfg.top_k + 1, sizeof *t->top);
    t->state = (em_view_state){ .source = t->source, .status = t->status, .is_up = true, .rms_dbfs = -INFINITY,
                                .peak_dbfs = -INFINITY, .classes = s->cfg.classes, .top = t->top,
                                .recent = &t->recent };
    t->state.scores = t->scores = calloc((size_t)s->cfg.classes->n + 1, sizeof *t->scores);
    if (!t->line.text || !t->top || !t->scores)
        return em_fail(err, EM_ENOMEM, "no memory for a text output");
    return EM_OK;
}

static void text_deinit(em_sink *s)
{
    text *t = (text *)s;

    free(t->line.text);
    free(t->top);
    free(t->scores);
}

static em_status flush(text *t, em_err *err)
{
    return em_out_write(&t->base.out, t->line.text, t->line.n, err);
}

/* ---- lines ---- */

static void put_source(text *t, const em_event *e)
{
    if (t->base.cfg.has_source_names) {
        em_line_put_name(&t->line, e->source);
        em_line_put(&t->line, "  ");
    }
}

static void put_named(text *t, const char *name, float score)
{
    bool is_loud = t->base.cfg.has_color && score >= 0.5f;

    em_line_put(&t->line, is_loud ? "  \x1b[1m" : "  ");
    em_line_put_name(&t->line, name);
    em_line_put(&t->line, " %.2f%s", (double)score, is_loud ? "\x1b[0m" : "");
}

static void put_class(text *t, int c, float score)
{
    put_named(t, t->base.cfg.classes->labels[c], score);
}

static em_status put_hop(text *t, const em_event *e, em_err *err)
{
    const em_sink_cfg *cfg = &t->base.cfg;
    int n = em_top(t->top, cfg->top_k, e->u.scores.scores, cfg->classes->n, cfg->is_shown, cfg->thresholds);

    t->line.n = 0;
    put_source(t, e);
    em_line_put_stamp(&t->line, e, cfg->time_format, cfg->rate_hz);
    for (int i = 0; i < n; i++)
        put_class(t, t->top[i], e->u.scores.scores[t->top[i]]);
    if (e->u.scores.is_gated)
        em_line_put(&t->line, "  (gated)");
    em_line_put(&t->line, "\n");
    return flush(t, err);
}

static em_status put_event(text *t, const em_event *e, em_err *err)
{
    const em_sink_cfg *cfg = &t->base.cfg;
    const em_event onset = em_line_onset(e);

    t->line.n = 0;
    put_source(t, e);
    em_line_put_stamp(&t->line, &onset, cfg->time_format, cfg->rate_hz);
    em_line_put(&t->line, " - ");
    em_line_put_stamp(&t->line, e, cfg->time_format, cfg->rate_hz);
    put_named(t, e->u.sound.label, e->u.sound.score);
    em_line_put(&t->line, "\n");
    return flush(t, err);
}

/* "0:12.0  Bark? weak: 0.41 at 0:11.2, 0.30 now; begins at 0.50, lasts to 0.35" */
static em_status put_explain(text *t, const em_event *e, em_err *err)
{
    t->line.n = 0;
    put_source(t, e);
    em_line_put_stamp(&t->line, e, t->base.cfg.time_format, t->base.cfg.rate_hz);
    em_line_put(&t->line, "  ");
    em_line_put_name(&t->line, e->u.explain.label);
    em_line_put(&t->line, "? %s: %.2f at ", e->u.explain.verdict, (double)e->u.explain.peak);
    em_line_put_time(&t->line, e->u.explain.at);
    em_line_put(&t->line, ", %.2f now; begins at %.2f, lasts to %.2f\n", (double)e->u.explain.now, (double)e->u.explain.on,
                (double)e->u.explain.off);
    return flush(t, err);
}

static em_status put_mark(text *t, const em_event *e, em_err *err)
{
    t->line.n = 0;
    put_source(t, e);
    em_line_put_stamp(&t->line, e, t->base.cfg.time_format, t->base.cfg.rate_hz);
    em_line_put(&t->line, *e->u.mark.text ? "  mark: " : "  mark");
    em_line_put_name(&t->line, e->u.mark.text);
    em_line_put(&t->line, "\n");
    return flush(t, err);
}

static em_status put_summary(text *t, const em_event *e, em_err *err)
{
    const em_sink_cfg *cfg = &t->base.cfg;
    int n = em_top(t->top, cfg->top_k, e->u.summary.max, cfg->classes->n, cfg->is_shown, cfg->thresholds);

    t->line.n = 0;
    em_line_put_name(&t->line, e->source);
    em_line_put(&t->line, "  ");
    em_line_put_time(&t->line, e->u.summary.duration);
    for (int i = 0; i < n; i++) {
        put_class(t, t->top[i], e->u.summary.max[t->top[i]]);
        em_line_put(&t->line, " at ");
        em_line_put_time(&t->line, e->u.summary.at[t->top[i]]);
    }
    em_line_put(&t->line, "\n");
    return flush(t, err);
}

/* ---- live view ---- */

static void terminal_size(int fd, int *width, int *height)
{
    struct winsize w;
    bool is_known = ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0;

    *width = is_known ? w.ws_col : 80;
    *height = is_known ? w.ws_row : 24;
}

/* The last line: the newest message or mark; with keys, that is for a while, and then they are told. */
static void find_status(text *t)
{
    const em_sink_cfg *cfg = &t->base.cfg;
    em_line status = { t->status, 0, sizeof t->status };
    char newest[NOTICE_BYTES] = "";

    if (cfg->notice)
        cfg->notice(cfg->notice_ctx, newest, sizeof newest);
    if (strcmp(newest, t->notice) != 0) {
        memcpy(t->notice, newest, sizeof newest);
        t->mark[0] = '\0';
        t->told_s = t->state.time;
    }
    t->status[0] = '\0';
    if (cfg->keys && t->state.time - t->told_s >= notice_s)
        em_line_put(&status, "%s", cfg->keys);
    else if (t->mark[0] || t->notice[0])
        em_line_put(&status, "%s", t->mark[0] ? t->mark : t->notice);
    else if (t->n_lost)
        em_line_put(&status, "%llu frames lost so far", (unsigned long long)t->n_lost);
    else if (cfg->keys)
        em_line_put(&status, "%s", cfg->keys);
}

static em_status draw(text *t, const em_event *e, em_err *err)
{
    em_line source = { t->source, 0, sizeof t->source };
    int width, height;

    em_line_put_name(&source, e->source ? e->source : "");
    find_status(t);
    t->line.n = 0;
    terminal_size(t->base.out.fd, &width, &height);
    em_view_draw(&t->view, &t->line, &t->state, width, height);
    return flush(t, err);
}

static void take_mark(text *t, const em_event *e)
{
    em_line mark = { t->mark, 0, sizeof t->mark };

    em_line_put(&mark, "mark at ");
    em_line_put_time(&mark, e->time);
    em_line_put(&mark, "  ");
    em_line_put_name(&mark, e->u.mark.text);
    t->told_s = t->state.time;
}

static em_status view_put(text *t, const em_event *e, em_err *err)
{
    const em_sink_cfg *cfg = &t->base.cfg;

    if (em_recent_take(&t->recent, e))
        return draw(t, e, err);
    if (e->type != EM_EVENT_MARK)                           /* that one is ahead */
        t->state.time = e->time;
    switch (e->type) {
    case EM_EVENT_SCORES:
        t->state.n = em_top(t->top, cfg->top_k, e->u.scores.scores, cfg->classes->n, cfg->is_shown, cfg->thresholds);
        memcpy(t->scores, e->u.scores.scores, (size_t)cfg->classes->n * sizeof *t->scores);
        t->state.filled = e->u.scores.filled;
        t->state.rms_dbfs = e->u.scores.rms_dbfs;
        t->state.peak_dbfs = e->u.scores.peak_dbfs;
        t->state.is_up = true;
        break;
    case EM_EVENT_SOURCE:
        t->state.is_up = e->u.source_state.is_up;
        t->state.n = 0;
        break;
    case EM_EVENT_LISTENING:
        t->state.is_paused = !e->u.listening.is_on;
        break;
    case EM_EVENT_MARK:
        take_mark(t, e);
        break;
    case EM_EVENT_GAP:
        t->n_lost += e->u.gap.n_frames;
        return EM_OK;
    default:
        return EM_OK;
    }
    return draw(t, e, err);
}

static em_status text_put(em_sink *s, const em_event *e, em_err *err)
{
    text *t = (text *)s;

    if (e->type == EM_EVENT_SUMMARY)
        return put_summary(t, e, err);
    if (s->cfg.is_terminal)
        return view_put(t, e, err);
    if (e->type == EM_EVENT_OFFSET)
        return put_event(t, e, err);
    if (e->type == EM_EVENT_EXPLAIN)
        return put_explain(t, e, err);
    if (e->type == EM_EVENT_MARK)
        return put_mark(t, e, err);
    return e->type == EM_EVENT_SCORES && s->cfg.scores != EM_SCORES_NONE ? put_hop(t, e, err) : EM_OK;
}

const em_sink_row em_sink_text = {
    .format = "text", .help = "one line a hop and one an event; on a terminal the live view", .n_bytes = sizeof(text),
    .traits = { .extension = "txt", .is_asked = true },
    .init = text_init, .put = text_put, .deinit = text_deinit,
};
