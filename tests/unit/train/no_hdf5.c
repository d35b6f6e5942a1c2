/* Without the module that reads packs it is said what is missing. */
#include "check.h"

#include "train/pack.h"

static void a_pack_is_refused_with_the_name_of_the_option(void **state)
{
    em_pack_info info;
    em_pack *pack;
    em_err err;
    (void)state;

    setenv("EARMARK_MODULES", "/nonexistent", 1);

    CHECK(em_pack_open(&pack, &info, "packs/eval.h5", &err) == EM_EUNSUPPORTED && !pack, "%s", err.msg);
    CHECK(strstr(err.msg, "packs/eval.h5") && strstr(err.msg, "-DEARMARK_HDF5=ON") && strstr(err.msg, "libhdf5-dev"), "%s", err.msg);
    em_pack_close(pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_pack_is_refused_with_the_name_of_the_option) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
