/* detector_tell.c - a lane's stretches against what has been told of it: events begin, end, or are taken back. See detector.h. */
#include "listener/detector_inside.h"

#include <math.h>

typedef struct span { int64_t onset, offset; } span;        /* samples */

static int64_t sample_of(const em_detector *d, int64_t cell)
{
    const int64_t sample = cell * d->evidence.cell_samples;

    return sample < d->end_sample ? sample : d->end_sample;
}

double em_detector_seconds(const em_detector *d, int64_t cell)
{
    return (double)sample_of(d, cell) / d->cfg.rate_hz;
}

static em_status tell(em_detector *d, int i, em_detection_type type, const em_stretch *s, span when, em_err *err)
{
    const em_lane *l = &d->lanes[i];
    const double cell_s = (double)d->evidence.cell_samples / d->cfg.rate_hz;
    int64_t soft = s ? em_stretch_rise(s, &l->rule) : 0;
    em_detection event = {
        .type = type, .id = l->id, .label = em_detector_name(&d->cfg, i), .i_class = i < d->cfg.n_classes ? i : -1,
        .i_group = i < d->cfg.n_classes ? -1 : i - d->cfg.n_classes, .onset_s = (double)when.onset / d->cfg.rate_hz,
        .offset_s = (double)when.offset / d->cfg.rate_hz, .told_s = (double)d->end_sample / d->cfg.rate_hz, .threshold = l->rule.on,
    };

    if (s && type == EM_DETECTION_END && em_stretch_fall(s, &l->rule) > soft)
        soft = em_stretch_fall(s, &l->rule);
    event.res_s = fmax(d->cfg.slot_s, (double)soft * cell_s);
    event.score = s ? s->peak : 0;
    event.mean = s ? (float)(s->sum / (double)s->n_cells) : 0;
    return l->is_told && !d->is_rehearsal ? d->cfg.take(d->cfg.ctx, &event, err) : EM_OK;
}

static int64_t onset_of(const em_lane *l, const em_stretch *s, int64_t earliest)
{
    const int64_t onset = em_stretch_onset(s, &l->rule);

    return onset > earliest ? onset : earliest;
}

static bool is_long_enough(const em_lane *l, const em_stretch *s, int64_t earliest)
{
    return em_stretch_offset(s, &l->rule) - onset_of(l, s, earliest) >= l->shortest;
}

/* To the end of the pause before it, if nobody else is heard between; else to an edge of level near by. */
static int64_t onset_near(const em_detector *d, int i, int loudness, int64_t onset)
{
    const int64_t slice = em_detector_slice(d), cell = d->evidence.cell_samples;
    const int64_t pause = em_edges_after_pause(&d->edges, onset, loudness, slice);

    return pause != onset && (pause > onset || !em_detector_is_shared(d, i, pause / cell, onset / cell)) ? pause
           : em_edges_rise(&d->edges, onset, slice);
}

static int64_t offset_near(const em_detector *d, int i, int loudness, int64_t offset)
{
    const int64_t slice = em_detector_slice(d), cell = d->evidence.cell_samples;
    const int64_t pause = em_edges_before_pause(&d->edges, offset, loudness, slice);

    return pause != offset && (pause < offset || !em_detector_is_shared(d, i, offset / cell, pause / cell)) ? pause
           : em_edges_fall(&d->edges, offset, slice);
}

/* Where its evidence says, moved to what levels say near by if it is something so, and in the end long enough; it keeps behind the
 * event before it and its gap before the next. */
static span span_of(const em_detector *d, int i, const em_stretch *s, int64_t earliest, bool is_over)
{
    const em_lane *l = &d->lanes[i];
    const int64_t cell = d->evidence.cell_samples;
    const int loudness = em_detector_loudness(d, s->begin, s->peak_cell);
    const span found = { sample_of(d, onset_of(l, s, earliest)), sample_of(d, em_stretch_offset(s, &l->rule)) };
    const int64_t last = sample_of(d, s->end + l->rule.gap);
    span near = { onset_near(d, i, loudness, found.onset), found.offset };

    if (near.onset < earliest * cell)
        near.onset = earliest * cell;
    if (is_over)
        near.offset = offset_near(d, i, loudness, found.offset);
    if (near.offset > last)
        near.offset = last;
    return near.offset - near.onset >= (is_over ? l->shortest * cell : 1) ? near : found;
}

/* What a lane's own track has of cells that are judged now. */
static void forget_judged(em_lane *l)
{
    if ((l->track.has_sound && l->track.sound.begin < l->floor) || (l->track.has_run && l->track.run.begin < l->floor))
        em_track_forget(&l->track);
}

static void judge_until(em_lane *l, int64_t cell)
{
    l->is_open = false;
    l->floor = cell;
    forget_judged(l);
}

/* A stretch that is over, told or not: only its lane remembers it, and where it was surest, and what is above its class is hidden. */
static void close_stretch(em_detector *d, int i, const em_stretch *s)
{
    em_lane *l = &d->lanes[i];

    judge_until(l, s->end + l->rule.gap);
    em_track_remember(&l->track, s);
    em_detector_hide_others(d, i, s->begin, s->end, EM_FOR_GOOD);
}

/* The open event never was: its cells are judged for good. */
em_status em_detector_retract(em_detector *d, int i, em_err *err)
{
    em_lane *l = &d->lanes[i];

    judge_until(l, l->now.end);
    return tell(d, i, EM_DETECTION_RETRACT, NULL, (span){ l->begun, sample_of(d, l->now.end) }, err);
}

static em_status begin(em_detector *d, int i, const em_stretch *s, const em_known *found, int64_t earliest, em_err *err)
{
    em_lane *l = &d->lanes[i];
    const span when = span_of(d, i, s, earliest, false);

    l->is_open = true;
    l->earliest = earliest;
    l->now = *found;
    l->begun = when.onset;
    if (!d->is_rehearsal)
        em_event_id(l->id, d->cfg.source, i < d->cfg.n_classes ? "class" : "group", em_detector_name(&d->cfg, i), l->begun, d->cfg.rate_hz);
    return tell(d, i, EM_DETECTION_BEGIN, s, when, err);
}

static em_status end(em_detector *d, int i, const em_stretch *s, em_err *err)
{
    em_lane *l = &d->lanes[i];

    close_stretch(d, i, s);
    l->last = l->now;
    return tell(d, i, EM_DETECTION_END, s, span_of(d, i, s, l->earliest, true), err);
}

/* A stretch that is over and another sound's shade. */
static em_status give_up(em_detector *d, int i, const em_stretch *s, em_err *err)
{
    em_lane *l = &d->lanes[i];
    const bool was_told = l->is_open;

    close_stretch(d, i, s);
    return was_told ? tell(d, i, EM_DETECTION_RETRACT, NULL, (span){ l->begun, sample_of(d, l->now.end) }, err) : EM_OK;
}

/* An event that is found later than a window after its onset does not reach back further than that. */
static int64_t earliest_of(const em_detector *d, const em_lane *l)
{
    const int64_t past = d->evidence.next - d->evidence.n_room - l->shortest;

    return past > l->floor ? past : l->floor;
}

/* Its onset is the one that it was told with. */
static em_known known_of(const em_lane *l, const em_stretch *s, int64_t earliest)
{
    return (em_known){ .onset = l->is_open ? l->now.onset : onset_of(l, s, earliest), .end = s->end, .rise = em_stretch_onset(s, &l->rule),
                       .fall = em_stretch_offset(s, &l->rule), .peak = s->peak };
}

em_status em_detector_report(em_detector *d, int i, const em_stretch *s, bool is_over, em_err *err)
{
    em_lane *l = &d->lanes[i];
    em_status status = EM_OK;
    em_known found;
    int64_t earliest;
    bool is_long;

    if (l->is_open && s->end <= l->now.onset)
        return EM_OK;                               /* turned up before an event that has begun */
    if (l->is_open && s->begin > l->now.end + l->rule.gap)
        status = em_detector_retract(d, i, err);
    earliest = l->is_open ? l->earliest : earliest_of(d, l);
    is_long = is_long_enough(l, s, earliest);
    found = known_of(l, s, earliest);
    l->is_shade = !d->is_rehearsal && em_detector_is_shade(d, i, &found);
    if (!status && !l->is_open && !l->is_shade && is_long)
        status = begin(d, i, s, &found, earliest, err);
    if (status)
        return status;
    if (l->is_open)
        l->now = found;
    if (is_over && !is_long)
        return l->is_open ? em_detector_retract(d, i, err) : EM_OK;
    if (is_over)
        return l->is_shade ? give_up(d, i, s, err) : end(d, i, s, err);
    em_detector_hide_others(d, i, s->begin, s->end, EM_FOR_NOW);      /* also when it may yet be too short: the general class waits */
    return EM_OK;
}
