/* sound_json.c - see sound_json.h. */
#include "sinks/sound_json.h"

#include "base/clock.h"
#include "base/text.h"
#include "sinks/clip.h"

#include <limits.h>

enum { SLUG_BYTES = 256 };

void em_record_json(em_json *j, const char *type)
{
    em_json_reset(j);
    em_json_begin(j, NULL, '{');
    em_json_int(j, "v", 1);
    em_json_string(j, "type", type);
}

void em_utc_json(em_json *j, const em_event *e)
{
    char utc[EM_UTC_CHARS];

    if (e->utc_ms < 0)
        return;
    em_utc_text(utc, e->utc_ms);
    em_json_string(j, "utc", utc);
}

void em_where_json(em_json *j, const em_event *e)
{
    em_json_string(j, "source", e->source ? e->source : "");
    em_json_fixed(j, "time", e->time, 3);
    em_utc_json(j, e);
}

/* Which sound: what onset and offset have in common. */
static void put_sound(em_json *j, const em_event *e, const em_classes *classes)
{
    const int c = e->u.sound.i_class;
    char slug[SLUG_BYTES];

    em_where_json(j, e);
    em_json_string(j, "id", e->u.sound.id);
    if (c >= 0) {
        em_json_int(j, "index", c);
        em_json_string(j, "mid", classes->mids[c]);
    } else {
        em_json_string(j, "group", e->u.sound.label);
    }
    em_json_string(j, "label", e->u.sound.label);
    em_json_string(j, "slug", em_slug(slug, sizeof slug, e->u.sound.label));
}

/* How well it is known. */
static void put_doubt(em_json *j, const em_event *e)
{
    em_json_fixed(j, "res", e->u.sound.res, 3);
    em_json_fixed(j, "delay", e->u.sound.delay, 3);
    em_json_fixed(j, "dbfs", (double)e->u.sound.dbfs, 1);
}

static void put_onset(em_json *j, const em_event *e)
{
    em_json_fixed(j, "score", (double)e->u.sound.score, 3);
    em_json_fixed(j, "threshold", (double)e->u.sound.threshold, 3);
    put_doubt(j, e);
}

/* The file of an event; dir NULL: there is none. */
static void put_path(em_json *j, const char *dir, const char *source, const char *label, const char *id)
{
    char path[PATH_MAX];

    if (dir)
        em_json_string(j, "clip", em_clip_path(path, sizeof path, dir, source, label, id));
    else
        em_json_null(j, "clip");
}

static void put_offset(em_json *j, const em_event *e, const char *clip_dir)
{
    em_json_fixed(j, "onset", e->u.sound.onset, 3);
    em_json_fixed(j, "offset", e->u.sound.offset, 3);
    em_json_fixed(j, "duration", e->u.sound.offset - e->u.sound.onset, 3);
    em_json_fixed(j, "peak", (double)e->u.sound.score, 3);
    em_json_fixed(j, "mean", (double)e->u.sound.mean, 3);
    put_path(j, clip_dir, e->source, e->u.sound.label, e->u.sound.id);
    put_doubt(j, e);
}

void em_level_json(em_json *j, double dbfs, double lufs)
{
    em_json_fixed(j, "dbfs", dbfs, 1);
    em_json_fixed(j, "lufs", lufs, 1);
    em_json_null(j, "laeq");
}

void em_sound_json(em_json *j, const em_event *e, const em_classes *classes, const char *clip_dir)
{
    if (e->type == EM_EVENT_RETRACT) {
        em_record_json(j, "retract");
        em_where_json(j, e);
        em_json_string(j, "id", e->u.sound.id);
        return;
    }
    em_record_json(j, e->type == EM_EVENT_ONSET ? "onset" : "offset");
    put_sound(j, e, classes);
    if (e->type == EM_EVENT_ONSET)
        put_onset(j, e);
    else
        put_offset(j, e, clip_dir);
}

void em_clip_json(em_json *j, const em_event *e, const char *clip_dir)
{
    em_record_json(j, "clip");
    em_where_json(j, e);
    em_json_string(j, "id", e->u.clip.id);
    put_path(j, e->u.clip.why_not ? NULL : clip_dir, e->source, e->u.clip.label, e->u.clip.id);
    if (e->u.clip.why_not)
        em_json_string(j, "reason", e->u.clip.why_not);
}
