/* kd.c - a teacher's answers written, found again by clip, and files that are something else. */
#include "check.h"

#include "model/safetensors.h"
#include "train/kd.h"

#include <math.h>
#include <unistd.h>

static char folder[] = "/tmp/earmark-kd-XXXXXX", path[64];
static char bark[] = "Bark", rain[] = "Rain", *const classes[] = { bark, rain }, *const swapped[] = { rain, bark };
static const char *const names[] = { "1-100032-A-0.ogg", "b", "caf\xc3\xa9" };
static const float logits[] = { 1, 2, 3, 4, 5, 6 };

static void each_clip_finds_its_own_logits(void **state)
{
    const float *row;
    em_kd *kd;
    em_err err;

    (void)state;
    CHECK_OK(em_kd_write(path, names, logits, 3, classes, 2, &err));
    CHECK_OK(em_kd_open(&kd, path, classes, 2, &err));
    CHECK(em_kd_count(kd) == 3, "count");
    for (int i = 0; i < 3; i++) {
        row = em_kd_find(kd, names[i]);
        CHECK(row && row[0] == logits[2 * i] && row[1] == logits[2 * i + 1], "%s", names[i]);
    }
    CHECK(!em_kd_find(kd, "B") && !em_kd_find(kd, ""), "others have none");
    em_kd_free(kd);
}

static void keys_are_those_of_any_sha256(void **state)
{
    static const float want[] = { 0xba78, 0x16bf, 0x8f01, 0xcfea };        /* of "abc": FIPS 180-4's example */
    const char *const abc = "abc";
    float got[4];
    em_st *st;
    em_err err;

    (void)state;
    CHECK_OK(em_kd_write(path, &abc, logits, 1, classes, 2, &err));
    CHECK_OK(em_st_open(&st, path, &err));
    CHECK_OK(em_st_read(st, em_st_find(st, "clips"), got, &err));
    CHECK(memcmp(got, want, sizeof want) == 0, "%g %g %g %g", (double)got[0], (double)got[1], (double)got[2], (double)got[3]);
    em_st_close(st);
}

static void a_file_for_other_classes_is_refused(void **state)
{
    em_kd *kd;
    em_err err;

    (void)state;
    CHECK_OK(em_kd_write(path, names, logits, 3, classes, 2, &err));
    CHECK(em_kd_open(&kd, path, classes, 1, &err) == EM_ESHAPE && !kd && strstr(err.msg, "2 classes, the model has 1"), "%s", err.msg);
    CHECK(em_kd_open(&kd, path, swapped, 2, &err) == EM_ESHAPE && !kd && strstr(err.msg, "another order"), "%s", err.msg);
    CHECK(em_kd_open(&kd, "/nowhere/at.all", classes, 2, &err) == EM_EIO && !kd, "%s", err.msg);
}

static void clips_of_one_name_cannot_be_told_apart(void **state)
{
    static const char *const twice[] = { "a", "b", "a" };
    em_err err;

    (void)state;
    CHECK(em_kd_write(path, twice, logits, 3, classes, 2, &err) == EM_EINVAL && strstr(err.msg, "two clips are called a"), "%s", err.msg);
}

static void a_file_without_clips_is_legal(void **state)
{
    em_kd *kd;
    em_err err;

    (void)state;
    CHECK_OK(em_kd_write(path, NULL, logits, 0, classes, 2, &err));
    CHECK_OK(em_kd_open(&kd, path, classes, 2, &err));
    CHECK(em_kd_count(kd) == 0 && !em_kd_find(kd, "a"), "nothing in it");
    em_kd_free(kd);
}

static void files_that_break_the_format_are_refused_with_their_fault(void **state)
{
    static const int64_t two_by_two[] = { 2, 2 }, two_by_four[] = { 2, 4 }, two_by_three[] = { 2, 3 }, one_by_four[] = { 1, 4 },
                         flat[] = { 8 };
    static const float keys[] = { 1, 2, 3, 4, 1, 2, 3, 5 }, same[] = { 1, 2, 3, 4, 1, 2, 3, 4 }, half[] = { 1, 2, 3, 4, 1, 2, 3, 4.5f },
                       large[] = { 1, 2, 3, 65536, 1, 2, 3, 4 }, negative[] = { -1, 2, 3, 4, 1, 2, 3, 4 };
    const em_st_out z = { "logits", 2, two_by_two, logits, EM_F32 };
    const struct { em_st_out tensors[2]; int n; const char *says; } rows[] = {
        { { z }, 1, "no tensor 'clips'" }, { { { "clips", 2, two_by_four, keys, EM_F32 } }, 1, "no tensor 'logits'" },
        { { z, { "clips", 1, flat, keys, EM_F32 } }, 2, "1 dimensions" },
        { { { "logits", 1, flat, keys, EM_F32 }, { "clips", 2, two_by_four, keys, EM_F32 } }, 2, "1 dimensions" },
        { { z, { "clips", 2, two_by_three, keys, EM_F32 } }, 2, "2 x 3" }, { { z, { "clips", 2, one_by_four, keys, EM_F32 } }, 2, "1 x 4" },
        { { z, { "clips", 2, two_by_four, same, EM_F32 } }, 2, "another row" }, { { z, { "clips", 2, two_by_four, half, EM_F32 } }, 2, "4.5" },
        { { z, { "clips", 2, two_by_four, large, EM_F32 } }, 2, "65536" }, { { z, { "clips", 2, two_by_four, negative, EM_F32 } }, 2, "-1" },
    };
    em_kd *kd;
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        CHECK_OK(em_st_write(path, rows[i].tensors, rows[i].n, NULL, NULL, 0, &err));
        CHECK(em_kd_open(&kd, path, classes, 2, &err) == EM_EFORMAT && !kd && strstr(err.msg, rows[i].says) && strstr(err.msg, path),
              "case %zu: %s", i, err.msg);
    }
    CHECK_OK(em_st_write(path, (em_st_out[]){ z, { "clips", 2, two_by_four, keys, EM_F32 } }, 2, NULL, NULL, 0, &err));
    CHECK_OK(em_kd_open(&kd, path, classes, 2, &err));         /* classes are not said: not checked */
    em_kd_free(kd);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/teacher.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_clip_finds_its_own_logits),
        cmocka_unit_test(keys_are_those_of_any_sha256),
        cmocka_unit_test(a_file_for_other_classes_is_refused),
        cmocka_unit_test(clips_of_one_name_cannot_be_told_apart),
        cmocka_unit_test(a_file_without_clips_is_legal),
        cmocka_unit_test(files_that_break_the_format_are_refused_with_their_fault),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
