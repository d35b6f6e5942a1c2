/* pack_ops.h - what the module earmark-hdf5.so has: pack.h's functions in a table. */
#ifndef EM_TRAIN_PACK_OPS_H
#define EM_TRAIN_PACK_OPS_H

#include "train/pack.h"

typedef struct em_pack_ops {
    em_status (*open)(em_pack **out, em_pack_info *info, const char *path, em_err *err);
    void      (*close)(em_pack *pack);
    em_status (*row)(em_pack *pack, char name[EM_PACK_NAME], unsigned char *target, long row, em_err *err);
    em_status (*wave)(em_pack *pack, float *samples, long row, em_err *err);
} em_pack_ops;

extern const em_pack_ops em_pack_hdf5;

#endif
