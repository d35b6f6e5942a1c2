/* event_json.h - an event as one object of JSON, for a line of jsonl and for whoever else sends the same record. Within "v":1 keys
 * never change meaning.
 *
 *   start    version, model, sha256, rate, classes (how many), backend, step, window
 *   scores   source, time, filled, gated (true; only then: its newest sound is below --gate), then "scores" (every class in index order)
 *            or "top"; "slots", "embedding"
 *   onset    source, time, id, index, mid, label, slug (a group: group, label, slug), score so far, threshold, res
 *            (uncertainty of time, seconds), delay (seconds from time to when it was known), dbfs (level then)
 *   offset   the same, score and threshold left out, then onset, offset, duration, peak, mean, clip (its file; null: none is kept)
 *   retract  source, time of the onset, id: that event never was
 *   clip     source, time when it was known, id of the event, clip (its file) or, if none is kept, clip null and reason (speech, unheard): only
 *            with --private, whose offsets have no clip
 *   explain  source, time, label, slug, verdict (told, quiet, weak, short, hidden, shade, gated, ignored), now, peak and at (when), threshold,
 *            lasts (down to): only with --explain
 *   gap      frames, reason         source   state up | down
 *   sync     drift: seconds that the wall clock was ahead; every utc from here on is counted anew
 *   summary  duration, windows, top: ordered by the largest score, "at" the end of its window
 *   stop     captured, taken, dropped, waiting, skipped_hops, resets; with --private clips_dropped
 *   listening  source, time, state on | off: what comes from there on is heard, or is silence; only when that changes
 *   mark     source, time, id, text ("": none was given), clip (its file; null: none is asked for): somebody said so then
 *   level    source, time, dbfs, lufs and laeq of the ten seconds before; null: digital silence, or not known: only with --level
 *   lost     records: how many this output's reader was too slow for (live only); source and time: of the next one
 *
 * Times are seconds of the stream; "utc" stands beside them where the wall clock is known. One thread at a time; after
 * the longest record nothing allocates. */
#ifndef EM_SINKS_EVENT_JSON_H
#define EM_SINKS_EVENT_JSON_H

#include "base/json.h"
#include "sinks/sink.h"

typedef struct em_event_json {
    const em_sink_cfg *cfg;         /* classes, scores, has_slots, has_embeddings, has_level, is_shown, clip */
    em_json json;                   /* the record, valid until the next one                            */
    int     top_k;
    int    *top;                    /* [top_k] scratch                                                 */
} em_event_json;

/* cfg must outlive *j. EM_ENOMEM. End with em_event_json_deinit, also after an error. */
em_status em_event_json_init(em_event_json *j, const em_sink_cfg *cfg, em_err *err);
void      em_event_json_deinit(em_event_json *j);

/* Makes j->json of *e, without a newline. *has_one false: cfg leaves such records out. EM_ENOMEM. */
em_status em_event_json_put(em_event_json *j, const em_event *e, bool *has_one, em_err *err);

#endif
