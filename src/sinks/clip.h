/* clip.h - one clip: its name, and its file.
 *
 * FLAC of 24 bits, mono, at the source's rate: samples that had up to 24 bits come back as they were (of 16-bit sound FLAC stores 16). */
#ifndef EM_SINKS_CLIP_H
#define EM_SINKS_CLIP_H

#include "base/event.h"
#include "base/status.h"
#include "sinks/tape.h"

/* DIR/SOURCE-LABEL-ID.flac, the names as slugs, cut at 80 characters: a pure function of the event, so that whoever tells of it
 * knows the clip's name. Returns out. */
char *em_clip_path(char *out, size_t room, const char *dir, const char *source, const char *label, const char *id);

typedef struct em_clip {
    const char *path;
    em_tape    *tape;
    const char *source;             /* of the tape's lane                   */
    int         rate_hz;
    int64_t     begin, end;         /* samples of the tape                  */
    const char *title, *comment;    /* tags                                 */
} em_clip;

/* Writes path.part and gives it its name when it is whole. What has the name already stays: *is_old. EM_EIO: the sentence names
 * path and the cause, nothing is left; EM_EFORMAT: FLAC has no such rate. */
em_status em_clip_write(bool *is_old, const em_clip *clip, em_err *err);

#endif
