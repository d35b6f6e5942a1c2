/* stored.h - files of scores (--store): all that events are made of, so that --replay can make them again under other settings,
 * without model or sound.
 *
 *   "earmark scores 2\n", a u32 and as many bytes of JSON: the model, its classes, its windows; then records, each
 *   a letter, a u32 of bytes that follow, and the bytes. Numbers are little-endian; times are seconds of the stream.
 *
 *   n  name of the source that what follows is of
 *   h  time f64, utc_ms i64, filled f64, rms and peak dBFS f32; the number u64 of its first slice of level, how many u8, a byte each
 *      (listener/levels.h); a score f16 for each class; then as often as there are bytes: class u16, a score f16 for each slot (kept.h)
 *   s  time, utc_ms, 1 up or 0 down u8          y  time, utc_ms, drift f64
 *   g  time, utc_ms, frames u64, reason u8      l  time, utc_ms, records u64
 *   m  time, utc_ms, 1 with a clip or 0 u8, an id of 26 letters and digits, the text of a mark (0 to 159 bytes). Files of scores 2 that are
 *      older have none; programs that are older refuse a file with one, and read all others
 *   e  time, utc_ms, captured, taken, dropped, waiting, skipped_hops, resets u64
 *
 * A file from elsewhere is hostile: every length, index and number is checked before it is used. One thread at a time. */
#ifndef EM_SINKS_STORED_H
#define EM_SINKS_STORED_H

#include "base/event.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define EM_STORED_MARK "earmark scores 2\n"

enum { EM_STORED_NAME = 160 };      /* bytes of a source's name, with its NUL */

/* Reasons of gaps by number. Unknown: 0, NULL. */
int         em_stored_reason(const char *text);
const char *em_stored_reason_text(int reason);

typedef struct em_stored_head {
    em_event     start;             /* START; its strings are the head's                      */
    em_classes   classes;
    const bool  *is_trained;        /* [n]                                                    */
    const float *thresholds;        /* [n] the model's own, NULL: it has none                 */
    int    window_samples, n_slots; /* of a window, at start.rate_hz                          */
    double slot_s;
    bool   has_source_names;        /* several sources may follow                             */
    int    n_files;                 /* that were heard; 1 where it does not say               */
} em_stored_head;

typedef struct em_stored em_stored;

/* EM_EIO: cannot be read; EM_EFORMAT: no file of scores, or a damaged one; EM_ENOMEM. The sentence names path, which must outlive
 * *out. The caller ends *out with em_stored_close; on error it is NULL. */
em_status em_stored_open(em_stored **out, const char *path, em_err *err);
void      em_stored_close(em_stored *s);

/* The same of n > 0 bytes in memory, which must outlive *out; sentences call them path. */
em_status em_stored_open_bytes(em_stored **out, const void *bytes, size_t n, const char *path, em_err *err);

/* Valid until em_stored_close. */
const em_stored_head *em_stored_head_of(const em_stored *s);

/* The next event, what it points to being valid until the next call; slots are 0 where none were kept. *has_one false: the file
 * ended behind a whole record. EM_EFORMAT, EM_EIO: what came before was whole. */
em_status em_stored_next(em_stored *s, em_event *e, bool *has_one, em_err *err);

#endif
