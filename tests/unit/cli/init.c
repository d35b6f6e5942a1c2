/* Which files bring bn0's running statistics along: those in which somebody measured them. */
#include "check.h"

#include "cli/init.h"

#include <stdlib.h>
#include <unistd.h>

enum { BANDS = 4 };

static bool has_statistics(const float mean[BANDS], const float var[BANDS], int n_mels)
{
    char path[] = "/tmp/earmark-init-XXXXXX";
    const int64_t shape[] = { BANDS };
    const em_st_out tensors[] = {
        { .name = "bn0.running_mean", .rank = 1, .shape = shape, .data = mean, .dtype = EM_F32 },
        { .name = "bn0.running_var", .rank = 1, .shape = shape, .data = var, .dtype = EM_F32 },
        { .name = "bn0.weight", .rank = 1, .shape = shape, .data = (float[BANDS]){ 2, 2, 2, 2 }, .dtype = EM_F32 },
    };
    const int first = mean ? 0 : 2, fd = mkstemp(path);
    em_init init;
    em_err err;
    bool has = true;

    CHECK(fd >= 0, "%s", path);
    close(fd);
    CHECK_OK(em_st_write(path, tensors + first, (int)EM_COUNT(tensors) - first, NULL, NULL, 0, &err));
    CHECK_OK(em_init_open(&init, path, 1, &err));
    CHECK_OK(em_init_has_statistics(&has, &init, n_mels, &err));
    em_init_close(&init);
    unlink(path);
    return has;
}

static void measured_statistics_are_told_from_fresh_ones(void **state)
{
    static const float zeros[BANDS] = { 0 }, ones[BANDS] = { 1, 1, 1, 1 }, mean[BANDS] = { 0, 0, 0, -40 }, var[BANDS] = { 1, 1, 90, 1 };
    (void)state;

    CHECK(!has_statistics(zeros, ones, BANDS), "0 and 1 are those of a fresh model");
    CHECK(has_statistics(mean, ones, BANDS), "a mean that is not 0");
    CHECK(has_statistics(zeros, var, BANDS), "a variance that is not 1");
    CHECK(!has_statistics(mean, var, BANDS + 1), "of other bands");
    CHECK(!has_statistics(NULL, NULL, BANDS), "a file without them");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(measured_statistics_are_told_from_fresh_ones) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
