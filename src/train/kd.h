/* kd.h - a teacher's answers in a file: logits of whole clips, to learn from without running the teacher.
 *
 * A safetensors file (F32), so that any program can make one:
 *   logits   [n][C]       in the order of the classes
 *   clips    [n][4]       which clip a row answers: the first 8 bytes of the SHA-256 of its name, as four 16-bit numbers, the first
 *                         byte highest (names themselves would not fit the header of a large set)
 *   metadata classes      SHA-256, in hex, of the names of the classes, each followed by a newline; may be missing: not checked
 * A name is em_clip.name, as the layout calls the clip. Plain data once open: any thread may look up. */
#ifndef EM_TRAIN_KD_H
#define EM_TRAIN_KD_H

#include "base/status.h"

typedef struct em_kd em_kd;

/* Reads all of the file at `path` for the classes[n_classes]. EM_EIO, EM_EFORMAT (no such tensors, a clip twice), EM_ESHAPE (another
 * number of classes, or other ones), EM_ENOMEM. The caller frees *out with em_kd_free; on error it is NULL. */
em_status em_kd_open(em_kd **out, const char *path, char *const *classes, int n_classes, em_err *err);
void      em_kd_free(em_kd *kd);

int em_kd_count(const em_kd *kd);

/* The logits [n_classes] of the clip of that name, as long as kd lives; NULL: the file has none. */
const float *em_kd_find(const em_kd *kd, const char *name);

/* Writes such a file for names[n_clips] and logits[n_clips][n_classes]. EM_EINVAL: a name twice, more than the format holds;
 * EM_EIO, EM_ENOMEM. */
em_status em_kd_write(const char *path, const char *const *names, const float *logits, int n_clips, char *const *classes, int n_classes,
                      em_err *err);

#endif
