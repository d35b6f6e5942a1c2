/* pack_hdf5.c - packs by libhdf5, whose Debian build is not thread safe: one lock around every call. A module of its own: see
 * pack.h and pack.c. */
#include "train/pack_ops.h"

#include "base/limits.h"
#include "train/table.h"

#include <hdf5.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, MOST_SECONDS = 600 };

struct em_pack {
    em_pack_info info;
    char   shown[EM_SHOWN_PATH];
    hid_t  file, name, wave, target;
    hid_t  name_type, target_type;      /* in memory                                                     */
    size_t name_bytes;
    float  full;                        /* what a sample of 1 is in the file                             */
    char          *names;               /* [BLOCK][name_bytes]: rows [first, first + n) were read        */
    unsigned char *targets;             /* [BLOCK][n_classes]                                            */
    long   first, n;
};

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

static void close_all(em_pack *p)
{
    if (p->name_type >= 0)
        H5Tclose(p->name_type);
    if (p->target_type >= 0)
        H5Tclose(p->target_type);
    if (p->name >= 0)
        H5Dclose(p->name);
    if (p->wave >= 0)
        H5Dclose(p->wave);
    if (p->target >= 0)
        H5Dclose(p->target);
    if (p->file >= 0)
        H5Fclose(p->file);
}

/* The size of a data set with n_dims dimensions. */
static em_status open_data(em_pack *p, hid_t *out, hsize_t *dims, int n_dims, const char *name, em_err *err)
{
    hid_t space;
    int n;

    if (H5Lexists(p->file, name, H5P_DEFAULT) <= 0)
        return em_fail(err, EM_EFORMAT, "%s: holds no %s: audio_name, waveform and target expected", p->shown, name);
    *out = H5Dopen2(p->file, name, H5P_DEFAULT);
    space = *out < 0 ? -1 : H5Dget_space(*out);
    n = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    if (n == n_dims)
        H5Sget_simple_extent_dims(space, dims, NULL);
    if (space >= 0)
        H5Sclose(space);
    if (n != n_dims)
        return em_fail(err, EM_EFORMAT, "%s: %s is not an array of %d dimension%s", p->shown, name, n_dims, n_dims == 1 ? "" : "s");
    return EM_OK;
}

static em_status check_name_type(em_pack *p, em_err *err)
{
    p->name_type = H5Dget_type(p->name);
    p->name_bytes = p->name_type < 0 ? 0 : H5Tget_size(p->name_type);
    if (p->name_type < 0 || H5Tget_class(p->name_type) != H5T_STRING || H5Tis_variable_str(p->name_type) != 0 || p->name_bytes == 0
        || p->name_bytes >= EM_PACK_NAME)
        return em_fail(err, EM_EFORMAT, "%s: audio_name is not text of a fixed length under %d", p->shown, EM_PACK_NAME);
    return EM_OK;
}

/* Samples as they come from libhdf5's conversion to float; integers are over 32767. */
static em_status check_wave_type(em_pack *p, em_err *err)
{
    const hid_t type = H5Dget_type(p->wave);
    const H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    const size_t n_bytes = type < 0 ? 0 : H5Tget_size(type);

    if (type >= 0)
        H5Tclose(type);
    if (class == H5T_FLOAT)
        p->full = 1;
    else if (class == H5T_INTEGER && n_bytes == 2)
        p->full = 32767;
    else
        return em_fail(err, EM_EFORMAT, "%s: waveform is neither 16-bit nor float", p->shown);
    return EM_OK;
}

/* A bool is one byte: an enumeration as h5py writes it, or an integer. */
static em_status check_target_type(em_pack *p, em_err *err)
{
    H5T_class_t class;

    p->target_type = H5Dget_type(p->target);
    class = p->target_type < 0 ? H5T_NO_CLASS : H5Tget_class(p->target_type);
    if ((class != H5T_ENUM && class != H5T_INTEGER) || H5Tget_size(p->target_type) != 1)
        return em_fail(err, EM_EFORMAT, "%s: target is not bool", p->shown);
    return EM_OK;
}

static em_status read_rate(em_pack *p, em_err *err)
{
    hid_t attribute = H5Aexists(p->file, "sample_rate") > 0 ? H5Aopen(p->file, "sample_rate", H5P_DEFAULT) : -1;
    hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
    int rate = 0;

    if (space < 0 || H5Sget_simple_extent_npoints(space) != 1 || H5Aread(attribute, H5T_NATIVE_INT, &rate) < 0)
        rate = 0;
    if (space >= 0)
        H5Sclose(space);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (rate < EM_RATE_LEAST || rate > EM_RATE_MOST)
        return em_fail(err, EM_EFORMAT, "%s: has no attribute sample_rate of %d to %d Hz", p->shown, EM_RATE_LEAST, EM_RATE_MOST);
    p->info.rate_hz = rate;
    return EM_OK;
}

static em_status check_sizes(em_pack *p, const hsize_t *names, const hsize_t *wave, const hsize_t *target, em_err *err)
{
    if (names[0] != wave[0] || names[0] != target[0])
        return em_fail(err, EM_EFORMAT, "%s: is ragged: %llu names, %llu waveforms, %llu targets", p->shown,
                       (unsigned long long)names[0], (unsigned long long)wave[0], (unsigned long long)target[0]);
    if (names[0] == 0 || names[0] > INT_MAX / 2)
        return em_fail(err, EM_EFORMAT, "%s: holds %llu clips", p->shown, (unsigned long long)names[0]);
    if (target[1] == 0 || target[1] > EM_MOST_CLASSES)
        return em_fail(err, EM_EFORMAT, "%s: has %llu classes: 1 to %d can be read", p->shown, (unsigned long long)target[1], EM_MOST_CLASSES);
    if (wave[1] == 0 || wave[1] > (hsize_t)p->info.rate_hz * MOST_SECONDS)
        return em_fail(err, EM_EFORMAT, "%s: has clips of %llu samples: up to %d s can be read", p->shown, (unsigned long long)wave[1],
                       MOST_SECONDS);
    p->info.n_rows = (long)names[0];
    p->info.n_samples = (int)wave[1];
    p->info.n_classes = (int)target[1];
    return EM_OK;
}

static em_status open_file(em_pack *p, const char *path, em_err *err)
{
    hsize_t names[1], wave[2], target[2];
    em_status status;

    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);              /* libraries do not write to stderr */
    p->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (p->file < 0)
        return em_fail(err, EM_EFORMAT, "%s: is not a whole HDF5 file", p->shown);
    if ((status = open_data(p, &p->name, names, 1, "audio_name", err)) || (status = open_data(p, &p->wave, wave, 2, "waveform", err))
        || (status = open_data(p, &p->target, target, 2, "target", err)) || (status = check_name_type(p, err))
        || (status = check_wave_type(p, err)) || (status = check_target_type(p, err)) || (status = read_rate(p, err))
        || (status = check_sizes(p, names, wave, target, err)))
        return status;
    p->names = calloc(BLOCK, p->name_bytes);
    p->targets = calloc(BLOCK, (size_t)p->info.n_classes);
    return p->names && p->targets ? EM_OK : em_fail(err, EM_ENOMEM, "%s: no memory", p->shown);
}

static void pack_close(em_pack *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&library);
    close_all(p);
    pthread_mutex_unlock(&library);
    free(p->names);
    free(p->targets);
    free(p);
}

static em_status pack_open(em_pack **out, em_pack_info *info, const char *path, em_err *err)
{
    em_pack *p = calloc(1, sizeof *p);
    em_status status;

    *out = NULL;
    *info = (em_pack_info){ 0 };
    if (!p)
        return em_fail(err, EM_ENOMEM, "no memory for a pack");
    p->file = p->name = p->wave = p->target = p->name_type = p->target_type = -1;
    em_shown_path(p->shown, path);
    pthread_mutex_lock(&library);
    status = open_file(p, path, err);
    pthread_mutex_unlock(&library);
    if (status != EM_OK) {
        pack_close(p);
        return status;
    }
    *info = p->info;
    *out = p;
    return EM_OK;
}

/* Rows [first, first + n) of a data set with n_dims dimensions, the second whole. */
static em_status read_rows(em_pack *p, hid_t data, hid_t type, void *out, long first, long n, int n_columns, em_err *err)
{
    const hsize_t start[2] = { (hsize_t)first, 0 }, count[2] = { (hsize_t)n, (hsize_t)n_columns };
    const int n_dims = n_columns > 0 ? 2 : 1;
    const hid_t from = H5Dget_space(data), to = H5Screate_simple(n_dims, count, NULL);
    herr_t failed = from < 0 || to < 0 ? -1 : H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL);

    if (failed >= 0)
        failed = H5Dread(data, type, to, from, H5P_DEFAULT, out);
    if (from >= 0)
        H5Sclose(from);
    if (to >= 0)
        H5Sclose(to);
    if (failed < 0)
        return em_fail(err, EM_EFORMAT, "%s: rows from %ld on cannot be read: the file is damaged or compressed in an unknown way",
                       p->shown, first);
    return EM_OK;
}

static em_status read_block(em_pack *p, long row, em_err *err)
{
    const long n = p->info.n_rows - row < BLOCK ? p->info.n_rows - row : BLOCK;
    em_status status = read_rows(p, p->name, p->name_type, p->names, row, n, 0, err);

    if (status == EM_OK)
        status = read_rows(p, p->target, p->target_type, p->targets, row, n, p->info.n_classes, err);
    p->first = row;
    p->n = status == EM_OK ? n : 0;
    return status;
}

static em_status pack_row(em_pack *p, char name[EM_PACK_NAME], unsigned char *target, long row, em_err *err)
{
    const size_t n_classes = (size_t)p->info.n_classes;
    em_status status = EM_OK;

    pthread_mutex_lock(&library);
    if (row < p->first || row >= p->first + p->n)
        status = read_block(p, row, err);
    if (status == EM_OK) {
        const size_t at = (size_t)(row - p->first);

        memcpy(name, p->names + at * p->name_bytes, p->name_bytes);
        name[p->name_bytes] = '\0';
        for (size_t c = 0; c < n_classes; c++)
            target[c] = p->targets[at * n_classes + c] != 0;
    }
    pthread_mutex_unlock(&library);
    return status;
}

static em_status pack_wave(em_pack *p, float *samples, long row, em_err *err)
{
    em_status status;

    pthread_mutex_lock(&library);
    status = read_rows(p, p->wave, H5T_NATIVE_FLOAT, samples, row, 1, p->info.n_samples, err);
    pthread_mutex_unlock(&library);
    for (int i = 0; i < p->info.n_samples && status == EM_OK; i++)
        samples[i] /= p->full;
    return status;
}

const em_pack_ops em_pack_hdf5 = { pack_open, pack_close, pack_row, pack_wave };
