/* sound_json.h - the JSON object of a sound that has begun, ended or been taken back, the same in every output: see event_json.h for
 * its keys. The caller begins it with em_sound_json, adds what is its own, and ends it ('}'). */
#ifndef EM_SINKS_SOUND_JSON_H
#define EM_SINKS_SOUND_JSON_H

#include "base/event.h"
#include "base/json.h"

/* "v" and "type": how every record of ours begins. Empties j. */
void em_record_json(em_json *j, const char *type);

/* "source", "time", and "utc" where it is known. */
void em_where_json(em_json *j, const em_event *e);
void em_utc_json(em_json *j, const em_event *e);

/* "dbfs", "lufs", "laeq"; no finite number is null, and laeq always: it wants a calibrated microphone. */
void em_level_json(em_json *j, double dbfs, double lufs);

/* e is an ONSET, OFFSET or RETRACT. Empties j. clip_dir: where clips are kept (an OFFSET names its own, which is there as soon as its
 * last sample has come); NULL: they are not. */
void em_sound_json(em_json *j, const em_event *e, const em_classes *classes, const char *clip_dir);

/* The same of a CLIP. */
void em_clip_json(em_json *j, const em_event *e, const char *clip_dir);

#endif
