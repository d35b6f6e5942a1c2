/* pack.h - a pack of PANNs and HTS-AT: one HDF5 file of many clips.
 *
 *   audio_name   text of fixed length [N]
 *   waveform     int16 [N][n_samples], over 32767 (or float)
 *   target       bool [N][n_classes]
 *   sample_rate  attribute of the file
 *
 * Where libhdf5 is not built in, opening is EM_EUNSUPPORTED. Any thread may call: the library is used by one at a time. */
#ifndef EM_TRAIN_PACK_H
#define EM_TRAIN_PACK_H

#include "base/status.h"

#include <stdbool.h>

typedef struct em_pack em_pack;

enum { EM_PACK_NAME = 256 };

typedef struct em_pack_info {
    long n_rows;
    int  n_samples;                 /* of each clip, up to 600 s of them */
    int  n_classes;
    int  rate_hz;
} em_pack_info;

/* EM_EFORMAT: the sentence names the file and what is wrong with it. EM_EIO, EM_ENOMEM, EM_EUNSUPPORTED. The caller frees *out
 * with em_pack_close; on error it is NULL. */
em_status em_pack_open(em_pack **out, em_pack_info *info, const char *path, em_err *err);
void      em_pack_close(em_pack *pack);

/* Name and targets of one row: target[n_classes], 0 or 1. */
em_status em_pack_row(em_pack *pack, char name[EM_PACK_NAME], unsigned char *target, long row, em_err *err);

/* The sound of one row: samples[n_samples]. */
em_status em_pack_wave(em_pack *pack, float *samples, long row, em_err *err);

#endif
