/* pack_none.c - what stands for pack_hdf5.c in a build without libhdf5. */
#include "train/pack.h"

#include <assert.h>
#include <stddef.h>

em_status em_pack_open(em_pack **out, em_pack_info *info, const char *path, em_err *err)
{
    *out = NULL;
    *info = (em_pack_info){ 0 };
    return em_fail(err, EM_EUNSUPPORTED, "%.100s: this build reads no HDF5: build with -DEARMARK_HDF5=ON and libhdf5 (Debian: libhdf5-dev)",
                   path);
}

void em_pack_close(em_pack *pack)
{
    assert(pack == NULL);
    (void)pack;
}

em_status em_pack_row(em_pack *pack, char name[EM_PACK_NAME], unsigned char *target, long row, em_err *err)
{
    (void)pack, (void)name, (void)target, (void)row;
    return em_fail(err, EM_EUNSUPPORTED, "this build reads no HDF5");
}

em_status em_pack_wave(em_pack *pack, float *samples, long row, em_err *err)
{
    (void)pack, (void)samples, (void)row;
    return em_fail(err, EM_EUNSUPPORTED, "this build reads no HDF5");
}
