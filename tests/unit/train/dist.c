/* One process alone, and one of several where the module of MPI is missing. */
#include "check.h"

#include "train/dist.h"

static const char *const variables[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS" };
static const char *const places[] = { "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID" };

static int forget_launchers(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(variables); i++) {
        unsetenv(variables[i]);
        unsetenv(places[i]);
    }
    return 0;
}

static void alone_every_sum_is_what_is_there(void **state)
{
    float x[] = { 1, -2, 3e-40f };
    double d[] = { 0.1, -1e300 };
    char word[] = "word";
    em_dist *dist;
    em_err err;
    (void)state;

    CHECK_OK(em_dist_open(&dist, 1, &err));
    CHECK(em_dist_rank(dist) == 0 && em_dist_size(dist) == 1, "rank %d of %d", em_dist_rank(dist), em_dist_size(dist));
    em_dist_sum_begin(dist, x, EM_COUNT(x));
    CHECK_OK(em_dist_sum_wait(dist, &err));
    CHECK_OK(em_dist_sum_doubles(dist, d, EM_COUNT(d), &err));
    CHECK_OK(em_dist_broadcast(dist, word, sizeof word, &err));
    CHECK(x[0] == 1 && x[1] == -2 && x[2] == 3e-40f && d[0] == 0.1 && d[1] == -1e300 && !strcmp(word, "word"), "untouched");
    em_dist_fail(dist, 7, "there is nobody to tell");
    em_dist_close(dist);
    em_dist_close(NULL);
}

static void one_started_by_a_launcher_is_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(variables); i++) {
        em_dist *dist;
        em_err err;

        setenv(variables[i], i ? "1" : "", 1);
        CHECK_OK(em_dist_open(&dist, 1, &err));
        CHECK(em_dist_size(dist) == 1, "%s", variables[i]);
        em_dist_close(dist);
    }
}

static void a_process_has_a_place_on_its_machine(void **state)
{
    (void)state;
    setenv("SLURM_LOCALID", "2", 1);
    CHECK(em_dist_place() == 0, "alone: %d", em_dist_place());
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    CHECK(em_dist_place() == 2, "srun: %d", em_dist_place());
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    setenv("OMPI_COMM_WORLD_LOCAL_RANK", "3", 1);
    CHECK(em_dist_place() == 3, "mpirun under srun: %d", em_dist_place());
    setenv("OMPI_COMM_WORLD_LOCAL_RANK", "x", 1);
    CHECK(em_dist_place() == 0, "no number: %d", em_dist_place());
}

static void one_of_several_without_mpi_names_the_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(variables); i++) {
        em_dist *dist;
        em_err err;

        forget_launchers(NULL);
        setenv(variables[i], "2", 1);
        setenv("EARMARK_MODULES", "/nowhere", 1);
        CHECK(em_dist_open(&dist, 1, &err) == EM_EUNSUPPORTED && !dist && strstr(err.msg, "-DEARMARK_MPI=ON") && strstr(err.msg, "2 processes"),
              "%s: %s", variables[i], err.msg);
    }
}

static void no_time_to_wait_is_refused(void **state)
{
    em_dist *dist;
    em_err err;
    (void)state;

    CHECK(em_dist_open(&dist, 0, &err) == EM_EINVAL && !dist, "0 s");
    CHECK(em_dist_open(&dist, -1, &err) == EM_EINVAL && strstr(err.msg, "-1"), "%s", err.msg);
}

#define TEST(name) cmocka_unit_test_setup(name, forget_launchers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alone_every_sum_is_what_is_there),
        TEST(one_started_by_a_launcher_is_alone),
        TEST(a_process_has_a_place_on_its_machine),
        TEST(one_of_several_without_mpi_names_the_option),
        TEST(no_time_to_wait_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
