/* Packs as PANNs and HTS-AT write them, and packs that are not. */
#include "check.h"

#include "made.h"
#include "train/features.h"

#include <hdf5.h>
#include <math.h>

enum { ROWS = 4, SAMPLES = 32000, CLASSES = 527 };

typedef struct pack {
    hsize_t n_names, n_waves, n_targets;
    hsize_t n_samples, n_classes;
    int     rate_hz;                    /* 0: no attribute                             */
    bool    is_int32, is_float;         /* waves: else int16                           */
    bool    has_no_wave, has_long_names;
} pack;

static const pack good = { ROWS, ROWS, ROWS, SAMPLES, CLASSES, 32000, false, false, false, false };

static void put(hid_t file, const char *name, int n_dims, const hsize_t *dims, hid_t type, const void *data)
{
    hid_t space = H5Screate_simple(n_dims, dims, NULL);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

    CHECK(set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, "%s", name);
    H5Dclose(set);
    H5Sclose(space);
}

/* h5py's bool. */
static hid_t bool_type(void)
{
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    int8_t no = 0, yes = 1;

    H5Tenum_insert(type, "FALSE", &no);
    H5Tenum_insert(type, "TRUE", &yes);
    return type;
}

/* Row r: a tone of amplitude .5, but the second is all zero; its targets are classes r and 2 r. */
static void put_waves(hid_t file, const pack *p)
{
    const hsize_t dims[2] = { p->n_waves, p->n_samples };
    const size_t n = (size_t)(p->n_waves * p->n_samples);
    int16_t *narrow = calloc(n + 1, sizeof *narrow);
    int32_t *wide = calloc(n + 1, sizeof *wide);
    float *real = calloc(n + 1, sizeof *real);

    CHECK(narrow && wide && real, "no memory");
    for (size_t i = 0; i < n; i++) {
        real[i] = i / p->n_samples == 1 ? 0 : 0.5f * sinf((float)(i % p->n_samples) * 0.1f);
        narrow[i] = (int16_t)(real[i] * 32767);
        real[i] = (float)narrow[i] / 32767;
        wide[i] = narrow[i];
    }
    put(file, "waveform", 2, dims, p->is_float ? H5T_NATIVE_FLOAT : p->is_int32 ? H5T_NATIVE_INT32 : H5T_NATIVE_INT16,
        p->is_float ? (void *)real : p->is_int32 ? (void *)wide : (void *)narrow);
    free(narrow);
    free(wide);
    free(real);
}

static void put_labels(hid_t file, const pack *p)
{
    const hsize_t names[1] = { p->n_names }, dims[2] = { p->n_targets, p->n_classes };
    const size_t n_bytes = p->has_long_names ? 400 : 20;
    char *text = calloc((size_t)p->n_names + 1, n_bytes);
    int8_t *target = calloc((size_t)(p->n_targets * p->n_classes) + 1, 1);
    hid_t type = H5Tcopy(H5T_C_S1), truth = bool_type();

    CHECK(text && target, "no memory");
    H5Tset_size(type, n_bytes);
    for (size_t r = 0; r < p->n_names; r++)
        snprintf(text + r * n_bytes, n_bytes, "Yclip%zu.wav", r);
    for (size_t r = 0; r < p->n_targets; r++)
        target[r * p->n_classes + r] = target[r * p->n_classes + 2 * r] = 1;
    put(file, "audio_name", 1, names, type, text);
    put(file, "target", 2, dims, truth, target);
    H5Tclose(type);
    H5Tclose(truth);
    free(text);
    free(target);
}

static void make_pack(const char *path, const pack *p)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate(H5S_SCALAR), attribute;

    CHECK(file >= 0, "%s", path);
    put_labels(file, p);
    if (!p->has_no_wave)
        put_waves(file, p);
    if (p->rate_hz != 0) {
        attribute = H5Acreate2(file, "sample_rate", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
        CHECK(attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT, &p->rate_hz) >= 0, "sample_rate");
        H5Aclose(attribute);
    }
    H5Sclose(space);
    H5Fclose(file);
}

static void packs_have_names_targets_splits_and_sound(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_features *f;
    em_clip_frames got[3];
    em_config cfg;
    pack real = good;
    em_err err;
    (void)state;

    real.is_float = true;
    make_pack(made_path(folder, "balanced_train.h5"), &good);
    make_pack(made_path(folder, "eval.h5"), &real);
    CHECK_OK(em_dataset_open(&set, folder, NULL, NULL, 0, &err));
    CHECK(strcmp(set->layout, "hdf5") == 0 && set->n_clips == 2 * ROWS && set->n_classes == CLASSES, "%s %d", set->layout, set->n_clips);
    CHECK(set->clips[0].split == EM_SPLIT_TRAIN && set->clips[ROWS].split == EM_SPLIT_TEST, "splits");
    CHECK(strcmp(set->clips[3].name, "Yclip3.wav") == 0 && set->clips[3].row == 3, "%s", set->clips[3].name);
    CHECK(set->clips[3].n_labels == 2 && set->clips[3].labels[0] == 3 && set->clips[3].labels[1] == 6, "%d", set->clips[3].n_labels);

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    CHECK_OK(em_features_new(&f, set, &cfg, NULL, 2, 0, &err));
    got[0] = em_features_get(f, 0);
    got[1] = em_features_get(f, 1);
    got[2] = em_features_get(f, ROWS);
    CHECK(got[0].n_frames == 101 && got[2].n_frames == 101, "%s", got[0].why);
    CHECK(memcmp(got[0].frames, got[2].frames, 101 * 64 * sizeof(float)) == 0, "float and int16 differ");
    CHECK(got[1].n_frames == 0 && got[1].is_lost && strstr(got[1].why, "row 1 (Yclip1.wav) is all zero"), "%s", got[1].why);
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
}

/* Frames of the tone of a pack are those of the same tone in a file. */
static void a_row_sounds_like_a_file(void **state)
{
    char *folder = made_folder();
    float *x = malloc(SAMPLES * sizeof *x);
    em_dataset *set[2];
    em_features *f[2];
    em_clip_frames got[2];
    em_config cfg;
    em_err err;
    (void)state;

    CHECK(x, "no memory");
    for (int i = 0; i < SAMPLES; i++)                   /* rows are int16 over 32767 */
        x[i] = (float)(int16_t)(0.5f * sinf((float)i * 0.1f) * 32767) / 32767;
    make_pack(made_path(folder, "a.h5"), &good);
    made_wave(folder, "a/a.wav", 32000, 1, x, SAMPLES);
    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    for (int k = 0; k < 2; k++) {
        CHECK_OK(em_dataset_open(&set[k], folder, k ? "folders" : "hdf5", NULL, 0, &err));
        CHECK_OK(em_features_new(&f[k], set[k], &cfg, NULL, 1, 0, &err));
        got[k] = em_features_get(f[k], 0);
    }
    CHECK(got[0].n_frames == 101 && got[1].n_frames == 101, "%d %d", got[0].n_frames, got[1].n_frames);
    CHECK(memcmp(got[0].frames, got[1].frames, 101 * 64 * sizeof *x) == 0, "other frames");
    for (int k = 0; k < 2; k++) {
        em_features_free(f[k]);
        em_dataset_free(set[k]);
    }
    made_remove(folder);
    free(x);
}

static void bad_packs_have_their_message(void **state)
{
    static const struct { pack p; const char *why; } cases[] = {
        { { ROWS, ROWS + 1, ROWS, 100, CLASSES, 32000, 0, 0, 0, 0 }, "is ragged: 4 names, 5 waveforms, 4 targets" },
        { { ROWS, ROWS, ROWS - 1, 100, CLASSES, 32000, 0, 0, 0, 0 }, "is ragged: 4 names, 4 waveforms, 3 targets" },
        { { ROWS, ROWS, ROWS, 100, 50, 32000, 0, 0, 0, 0 }, "its target has 50 classes where 527 are named" },
        { { ROWS, ROWS, ROWS, 100, CLASSES, 0, 0, 0, 0, 0 }, "has no attribute sample_rate" },
        { { ROWS, ROWS, ROWS, 100, CLASSES, 7, 0, 0, 0, 0 }, "has no attribute sample_rate of 1000 to 768000 Hz" },
        { { ROWS, ROWS, ROWS, 100, CLASSES, 32000, 1, 0, 0, 0 }, "waveform is neither 16-bit nor float" },
        { { ROWS, ROWS, ROWS, 100, CLASSES, 32000, 0, 0, 1, 0 }, "holds no waveform" },
        { { ROWS, ROWS, ROWS, 100, CLASSES, 32000, 0, 0, 0, 1 }, "audio_name is not text of a fixed length under 256" },
        { { 0, 0, 0, 100, CLASSES, 32000, 0, 0, 0, 0 }, "holds 0 clips" },
    };
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        make_pack(made_path(folder, "a.h5"), &cases[i].p);
        CHECK(em_dataset_open(&set, folder, "hdf5", NULL, 0, &err) == EM_EFORMAT && !set, "case %zu: %s", i, err.msg);
        CHECK(strstr(err.msg, "a.h5: ") && strstr(err.msg, cases[i].why), "case %zu: %s", i, err.msg);
    }
    made_text(folder, "a.h5", "\x89HDF\r\n\x1a\n but no more");
    CHECK(em_dataset_open(&set, folder, "hdf5", NULL, 0, &err) == EM_EFORMAT && strstr(err.msg, "is not a whole HDF5 file"), "%s", err.msg);
    made_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_have_names_targets_splits_and_sound),
        cmocka_unit_test(a_row_sounds_like_a_file),
        cmocka_unit_test(bad_packs_have_their_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
