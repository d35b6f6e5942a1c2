/* pack.c - packs through a module: libhdf5 and what it brings along are 5 MB of memory that no tagger wants. See pack.h. */
#include "base/module.h"
#include "train/pack_ops.h"

#include <stdatomic.h>
#include <stddef.h>

/* Set once by the first pack that opens, always to the same table. */
static _Atomic(const em_pack_ops *) loaded;

em_status em_pack_open(em_pack **out, em_pack_info *info, const char *path, em_err *err)
{
    const void *table;
    em_err why;

    *out = NULL;
    *info = (em_pack_info){ 0 };
    if (em_module_find(&table, "hdf5", "em_pack_hdf5", &why) != EM_OK)
        return em_fail(err, EM_EUNSUPPORTED, "%.60s: HDF5 cannot be read: %.80s; "
                       "it is built with -DEARMARK_HDF5=ON and libhdf5 (Debian: libhdf5-dev)", path, why.msg);
    atomic_store(&loaded, table);
    return atomic_load(&loaded)->open(out, info, path, err);
}

void em_pack_close(em_pack *pack)
{
    if (pack)
        atomic_load(&loaded)->close(pack);
}

em_status em_pack_row(em_pack *pack, char name[EM_PACK_NAME], unsigned char *target, long row, em_err *err)
{
    return atomic_load(&loaded)->row(pack, name, target, row, err);
}

em_status em_pack_wave(em_pack *pack, float *samples, long row, em_err *err)
{
    return atomic_load(&loaded)->wave(pack, samples, row, err);
}
