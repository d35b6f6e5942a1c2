/* sink_table.c - one row an event, written when it is over: what other programs read as lists of labels.
 *
 *   audacity   onset offset text, 6 decimals, no header: a label track (manual.audacityteam.org, Importing and Exporting Labels). A
 *              mark is a point: its end is its onset
 *   dcase      filename onset offset event_label: the strong labels of DESED and of DCASE's task 4
 *   sed-eval   onset offset label, no header; with several sources the name first (sed_eval.io.load_event_list, which has to be
 *              told delimiter="\t": left to guess, it may take the commas in labels)
 *   audioset   segment_id start_time_seconds end_time_seconds label: AudioSet's strong labels, classes by their mids. The id
 *              is NAME_startms, and a whole stream starts at 0 (research.google.com/audioset/download_strong.html)
 *   raven      a selection table of Raven, in the columns of BirdNET-Go; frequencies are all that the model hears
 *   csv        RFC 4180: a header, text in quotes, lines end in CR LF. A text that begins with one of = + - @ ' or a control character gets a
 *              ' before it: spreadsheets take =HYPERLINK(...) for a formula, also in quotes. Who reads it takes one ' from the beginning
 *              of a text away, where there is one
 *
 * Rows come in the order in which events end, as none of these readers asks for another. All but csv are separated by tabs, and
 * most of their readers take a quote or (sed_eval) a semicolon for syntax of their own, so that a label's `"` becomes `'`
 * and its `;` a comma there; to Audacity both are letters. A class without a mid, or a group, goes by its label. */
#include "sinks/line.h"
#include "sinks/row.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
    em_sink  base;
    em_line  line;
    unsigned long long n_rows;
} table;

typedef struct column {
    const char *title;
    void (*put)(table *t, const em_event *e);
} column;

typedef struct layout {
    const column *columns;
    int         n_columns;
    bool        has_header;
    bool        is_first_optional;  /* the first column is there where several sources share the output */
    bool        is_guarded;         /* against spreadsheets that compute with texts                     */
    const char *separator, *quote, *line_end;
    const em_escape *escapes;
    bool        has_marks;
} layout;

enum { NUMBER_BYTES = 64 };         /* of a column that is no text, at most */

/* ---- columns ---- */

static const layout *layout_of(const table *t)
{
    return t->base.row->kind;
}

/* Or what would be one without the ' before it. */
static bool is_formula(char first)
{
    return first && ((unsigned char)first < ' ' || strchr("=+-@'", first));
}

static void put_text(table *t, const char *text)
{
    const layout *y = layout_of(t);

    em_line_put(&t->line, "%s%s", y->quote, y->is_guarded && is_formula(*text) ? "'" : "");
    em_line_put_label(&t->line, text, y->escapes);
    em_line_put(&t->line, "%s", y->quote);
}

static void put_source(table *t, const em_event *e)
{
    put_text(t, e->source);
}

static void put_onset(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.3f", e->u.sound.onset);
}

static void put_offset(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.3f", e->u.sound.offset);
}

static void put_onset_us(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.6f", e->u.sound.onset);
}

static void put_offset_us(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.6f", e->u.sound.offset);
}

/* A machine reads these: where nothing else is asked for, seconds stand in place of the clock. */
static void put_stamp(table *t, const em_event *e)
{
    const em_sink_cfg *cfg = &t->base.cfg;
    bool is_chosen = cfg->time_format && strcmp(cfg->time_format, "clock") != 0;

    em_line_put_stamp(&t->line, e, is_chosen ? cfg->time_format : "seconds", cfg->rate_hz);
}

static void put_onset_stamp(table *t, const em_event *e)
{
    const em_event onset = em_line_onset(e);

    put_stamp(t, &onset);
}

static void put_onset_utc(table *t, const em_event *e)
{
    char utc[EM_UTC_CHARS];

    if (e->utc_ms < 0)
        return;
    em_utc_text(utc, em_line_onset(e).utc_ms);
    em_line_put(&t->line, "%s", utc);
}

static void put_label(table *t, const em_event *e)
{
    put_text(t, e->u.sound.label);
}

static void put_scored_label(table *t, const em_event *e)
{
    em_line_put_sound(&t->line, e, t->base.cfg.has_source_names, layout_of(t)->escapes);
    em_line_put(&t->line, " %.2f", (double)e->u.sound.score);
}

/* "" where there is none. */
static const char *mid_of(const table *t, const em_event *e)
{
    return e->u.sound.i_class < 0 ? "" : t->base.cfg.classes->mids[e->u.sound.i_class];
}

static void put_mid(table *t, const em_event *e)
{
    put_text(t, mid_of(t, e));
}

static void put_code(table *t, const em_event *e)
{
    const char *mid = mid_of(t, e);

    put_text(t, *mid ? mid : e->u.sound.label);
}

static void put_index(table *t, const em_event *e)
{
    if (e->u.sound.i_class >= 0)
        em_line_put(&t->line, "%d", e->u.sound.i_class);
}

static void put_peak(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.3f", (double)e->u.sound.score);
}

static void put_mean(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.3f", (double)e->u.sound.mean);
}

static void put_res(table *t, const em_event *e)
{
    em_line_put(&t->line, "%.3f", e->u.sound.res);
}

static void put_id(table *t, const em_event *e)
{
    em_line_put(&t->line, "%s", e->u.sound.id);
}

/* Bytes of the source's name without the ":2" that says which of its channels it is. */
static int name_bytes(const table *t, const em_event *e)
{
    const char *colon = strrchr(e->source, ':');

    return t->base.cfg.channel < 0 && colon ? (int)(colon - e->source) : (int)strlen(e->source);
}

/* "dog_0" of dog.wav, "dog:2_0" of its second channel. */
static void put_segment(table *t, const em_event *e)
{
    const int n = name_bytes(t, e);
    int n_stem = n;
    char id[EM_LABEL_BYTES];

    for (int i = n - 1; i > 0 && e->source[i] != '/' && n_stem == n; i--)
        if (e->source[i] == '.' && e->source[i - 1] != '/')
            n_stem = i;
    snprintf(id, sizeof id, "%.*s%s_0", n_stem, e->source, e->source + n);
    put_text(t, id);
}

static void put_file(table *t, const em_event *e)
{
    char name[EM_LABEL_BYTES];

    snprintf(name, sizeof name, "%.*s", name_bytes(t, e), e->source);
    put_text(t, name);
}

static void put_channel(table *t, const em_event *e)
{
    const int channel = t->base.cfg.channel, n = name_bytes(t, e);

    if (channel < 0 && e->source[n])
        put_text(t, e->source + n + 1);
    else
        em_line_put(&t->line, "%d", channel > 0 ? channel : 1);
}

static void put_selection(table *t, const em_event *e)
{
    (void)e;
    em_line_put(&t->line, "%llu", t->n_rows + 1);
}

static void put_view(table *t, const em_event *e)
{
    (void)e;
    em_line_put(&t->line, "Spectrogram 1");
}

static void put_low(table *t, const em_event *e)
{
    (void)e;
    em_line_put(&t->line, "0");
}

static void put_high(table *t, const em_event *e)
{
    (void)e;
    em_line_put(&t->line, "%d", t->base.cfg.rate_hz / 2);
}

/* ---- rows ---- */

static em_status put_row(table *t, const em_event *e, em_err *err)
{
    const layout *y = layout_of(t);
    int first = y->is_first_optional && !t->base.cfg.has_source_names;

    t->line.n = 0;
    for (int i = first; i < y->n_columns; i++) {
        em_line_put(&t->line, "%s", i > first ? y->separator : "");
        if (e)
            y->columns[i].put(t, e);
        else
            em_line_put(&t->line, "%s", y->columns[i].title);
    }
    em_line_put(&t->line, "%s", y->line_end);
    return em_out_write(&t->base.out, t->line.text, t->line.n, err);
}

static em_status table_init(em_sink *s, em_err *err)
{
    table *t = (table *)s;
    const layout *y = layout_of(t);

    t->line.room = (size_t)y->n_columns * NUMBER_BYTES + 4 * EM_ESCAPED_BYTES;      /* no row has more than four texts */
    if (!(t->line.text = malloc(t->line.room)))
        return em_fail(err, EM_ENOMEM, "no memory for a %s output", s->row->format);
    return y->has_header ? put_row(t, NULL, err) : EM_OK;
}

/* "12.500000\t12.500000\tmark: the doorbell" */
static em_status put_mark(table *t, const em_event *e, em_err *err)
{
    t->line.n = 0;
    em_line_put(&t->line, "%.6f\t%.6f\tmark", e->time, e->time);
    if (*e->u.mark.text) {
        em_line_put(&t->line, ": ");
        em_line_put_label(&t->line, e->u.mark.text, layout_of(t)->escapes);
    }
    em_line_put(&t->line, "\n");
    return em_out_write(&t->base.out, t->line.text, t->line.n, err);
}

static em_status table_put(em_sink *s, const em_event *e, em_err *err)
{
    table *t = (table *)s;
    em_status status;

    if (e->type == EM_EVENT_MARK && layout_of(t)->has_marks)
        return put_mark(t, e, err);
    status = e->type == EM_EVENT_OFFSET ? put_row(t, e, err) : EM_OK;

    t->n_rows += e->type == EM_EVENT_OFFSET && !status;
    return status;
}

static void table_deinit(em_sink *s)
{
    table *t = (table *)s;

    free(t->line.text);
}

/* ---- formats ---- */

static const em_escape tab_escapes[] = { { '"', "'" }, { ';', "," }, { 0 } };
static const em_escape csv_escapes[] = { { '"', "\"\"" }, { 0 } };

static const column audacity[] = { { "", put_onset_us }, { "", put_offset_us }, { "", put_scored_label } };
static const column dcase[] = { { "filename", put_source }, { "onset", put_onset }, { "offset", put_offset }, { "event_label", put_label } };
static const column sed_eval[] = { { "", put_source }, { "", put_onset }, { "", put_offset }, { "", put_label } };
static const column audioset[] = { { "segment_id", put_segment }, { "start_time_seconds", put_onset },
                                   { "end_time_seconds", put_offset }, { "label", put_code } };
static const column raven[] = { { "Selection", put_selection }, { "View", put_view }, { "Channel", put_channel }, { "Begin File", put_file },
                                { "Begin Time (s)", put_onset }, { "End Time (s)", put_offset }, { "Low Freq (Hz)", put_low },
                                { "High Freq (Hz)", put_high }, { "Species Code", put_code }, { "Common Name", put_label },
                                { "Confidence", put_peak } };
static const column csv[] = { { "source", put_source }, { "onset", put_onset_stamp }, { "offset", put_stamp }, { "utc_onset", put_onset_utc },
                              { "index", put_index }, { "mid", put_mid }, { "label", put_label }, { "peak", put_peak }, { "mean", put_mean },
                              { "res", put_res }, { "id", put_id } };

#define TABS(list) .columns = list, .n_columns = (int)EM_COUNT(list), .separator = "\t", .quote = "", .line_end = "\n"

static const layout audacity_layout = { TABS(audacity), .has_marks = true };
static const layout dcase_layout = { TABS(dcase), .has_header = true, .escapes = tab_escapes };
static const layout sed_eval_layout = { TABS(sed_eval), .is_first_optional = true, .escapes = tab_escapes };
static const layout audioset_layout = { TABS(audioset), .has_header = true, .escapes = tab_escapes };
static const layout raven_layout = { TABS(raven), .has_header = true, .escapes = tab_escapes };
static const layout csv_layout = { .columns = csv, .n_columns = (int)EM_COUNT(csv), .has_header = true, .separator = ",", .quote = "\"",
                                   .line_end = "\r\n", .escapes = csv_escapes, .is_guarded = true };

#define TABLE .n_bytes = sizeof(table), .init = table_init, .put = table_put, .deinit = table_deinit

const em_sink_row em_sink_audacity = {
    TABLE, .format = "audacity", .help = "a label track of Audacity", .kind = &audacity_layout,
    .traits = { .extension = "audacity.txt", .is_events = true, .is_one_timeline = true },
};
const em_sink_row em_sink_dcase = {
    TABLE, .format = "dcase", .help = "strong labels as DESED and DCASE have them", .kind = &dcase_layout,
    .traits = { .extension = "dcase.tsv", .is_events = true },
};
const em_sink_row em_sink_sed_eval = {
    TABLE, .format = "sed-eval", .help = "an event list of sed_eval", .kind = &sed_eval_layout,
    .traits = { .extension = "sed-eval.txt", .is_events = true },
};
const em_sink_row em_sink_audioset = {
    TABLE, .format = "audioset", .help = "strong labels as AudioSet has them", .kind = &audioset_layout,
    .traits = { .extension = "audioset.tsv", .is_events = true },
};
const em_sink_row em_sink_raven = {
    TABLE, .format = "raven", .help = "a selection table of Raven", .kind = &raven_layout,
    .traits = { .extension = "raven.txt", .is_events = true, .is_one_timeline = true },
};
const em_sink_row em_sink_csv = {
    TABLE, .format = "csv", .help = "comma-separated values", .kind = &csv_layout,
    .traits = { .extension = "csv", .is_events = true },
};
