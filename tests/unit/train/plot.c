/* Pictures: files that can be read back, with something of the right colour in them; odd data; failures that leave the old file. */
#include "check.h"

#include "drawn.h"

#include "base/rng.h"
#include "train/plot.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

enum { N = 200, C = 14 };

static char folder[] = "/tmp/earmark-plot-XXXXXX";
static float scores[N][C];
static unsigned char targets[N][C];
static int confusion[C][C];
/* Long, not ASCII, a control character, broken UTF-8. */
static const char *const names[C] = {
    "a name that is much too long for any column of any picture that there will ever be, and then some", "H\xc3\xa4hn\xc3\xa9",
    "bad\x1b[31m", "broken \xff\xc3", "", "f", "g", "h", "i", "j", "k", "l", "m", "n",
};

static const char *in_folder(const char *name)
{
    static char path[4][300];
    static int i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", folder, name);
    return path[i];
}

static em_status plot_pr(const char *path, em_err *err)
{
    return em_plot_pr(path, "a title", &(em_scored){ scores[0], targets[0], N, C }, names, 10, err);
}

static void precision_and_recall_are_drawn(void **state)
{
    em_err err;
    (void)state;

    CHECK_OK(plot_pr(in_folder("pr.png"), &err));
    CHECK(count_pixels(in_folder("pr.png"), 0, 114, 178) > 500, "the first class's curve");
    CHECK(count_pixels(in_folder("pr.png"), 33, 33, 33) > 2000, "the mean's");
    CHECK_OK(plot_pr(in_folder("pr.svg"), &err));
    check_svg(in_folder("pr.svg"));
}

static void confusions_are_drawn(void **state)
{
    static int many[150][150];
    static const char *numbers[150];
    em_err err;
    (void)state;

    CHECK_OK(em_plot_confusion(in_folder("c.png"), names[0], confusion[0], C, names, &err));
    CHECK(count_pixels(in_folder("c.png"), 0, 92, 150) > 2000, "the class that is always right");
    CHECK_OK(em_plot_confusion(in_folder("c.svg"), "t", confusion[0], C, names, &err));
    check_svg(in_folder("c.svg"));
    for (int i = 0; i < 150; i++) {
        many[i][i] = 1;
        numbers[i] = "name";
    }
    CHECK_OK(em_plot_confusion(in_folder("many.png"), "t", many[0], 150, numbers, &err));
    CHECK(count_pixels(in_folder("many.png"), 0, 92, 150) > 10000, "many classes");
}

static void trainings_are_drawn(void **state)
{
    enum { STEPS = 5000, EPOCHS = 20 };
    static double x[STEPS], loss[STEPS], rate[STEPS], valid_x[EPOCHS], valid_loss[EPOCHS], valid[EPOCHS];
    const em_training_curves all = { "step", x, loss, rate, STEPS, valid_x, valid_loss, valid, EPOCHS, "mAP", NULL, NULL };
    const em_training_curves both = { .x_name = "epoch", .valid_x = valid_x, .valid = valid, .also = rate, .n_valid = EPOCHS, .valid_name = "mAP",
                                      .also_name = "accuracy" };
    const em_training_curves few = { "epoch", valid_x, valid_loss, NULL, EPOCHS, NULL, NULL, NULL, 0, NULL, NULL, NULL };
    em_err err;
    (void)state;

    for (int i = 0; i < STEPS; i++) {
        x[i] = i;
        loss[i] = i == 7 ? NAN : i == 8 ? INFINITY : exp(-i / 1000.);
        rate[i] = 1e-3;
    }
    for (int i = 0; i < EPOCHS; i++) {
        valid_x[i] = 250 * (i + 1);
        valid_loss[i] = i == 3 ? NAN : 1. / (i + 1);
        valid[i] = 0.5;
    }
    CHECK_OK(em_plot_training(in_folder("t.png"), "t", &all, &err));
    CHECK(count_pixels(in_folder("t.png"), 0, 114, 178) > 2000, "training loss");
    CHECK(count_pixels(in_folder("t.png"), 213, 94, 0) > 1000, "validation loss");
    CHECK(count_pixels(in_folder("t.png"), 0, 158, 115) > 1000, "mAP");
    CHECK(count_pixels(in_folder("t.png"), 204, 121, 167) > 1000, "rate");
    CHECK_OK(em_plot_training(in_folder("t.svg"), "t", &all, &err));
    check_svg(in_folder("t.svg"));
    CHECK_OK(em_plot_training(in_folder("few.png"), "t", &few, &err));
    CHECK(count_pixels(in_folder("few.png"), 0, 114, 178) > 1000, "the loss");
    CHECK(count_pixels(in_folder("few.png"), 213, 94, 0) == 0, "and only it");
    CHECK_OK(em_plot_training(in_folder("both.png"), "t", &both, &err));
    CHECK(count_pixels(in_folder("both.png"), 0, 158, 115) > 1000 && count_pixels(in_folder("both.png"), 204, 121, 167) > 1000, "mAP and accuracy");
}

static void the_same_data_make_the_same_png(void **state)
{
    char *a, *b;
    size_t n;
    em_err err;
    (void)state;

    CHECK_OK(plot_pr(in_folder("1.png"), &err));
    CHECK_OK(plot_pr(in_folder("2.png"), &err));
    n = read_picture(in_folder("1.png"), &a);
    CHECK(read_picture(in_folder("2.png"), &b) == n && !memcmp(a, b, n), "%zu bytes", n);
}

static void nothing_much_to_draw_is_an_empty_picture(void **state)
{
    static const double nan_only[] = { NAN, NAN }, two[] = { 1, 2 }, hair[] = { 0.5, 0.5 + 0x1p-53 }, huge[] = { -1e308, 1e308 };
    const em_training_curves none = { .x_name = "step" },
                             bad = { .x_name = "step", .x = nan_only, .loss = nan_only, .rate = nan_only, .n = 2 },
                             flat = { .x_name = "step", .x = two, .loss = hair, .rate = huge, .n = 2 },
                             narrow = { .x_name = "step", .x = hair, .loss = two, .n = 2 };
    em_err err;
    (void)state;

    CHECK_OK(em_plot_pr(in_folder("e.png"), "", &(em_scored){ scores[0], (const unsigned char[C]){ 0 }, 1, C }, names, 10, &err));
    CHECK_OK(em_plot_pr(in_folder("e.png"), "", &(em_scored){ NULL, NULL, 0, 0 }, NULL, 10, &err));
    CHECK_OK(em_plot_confusion(in_folder("e.png"), "", confusion[0], 0, NULL, &err));
    CHECK_OK(em_plot_training(in_folder("e.svg"), "", &none, &err));
    CHECK_OK(em_plot_training(in_folder("e.svg"), "", &bad, &err));
    CHECK_OK(em_plot_training(in_folder("e.svg"), "", &flat, &err));
    CHECK_OK(em_plot_training(in_folder("e.svg"), "", &narrow, &err));
}

static int files_in_folder(void)
{
    DIR *dir = opendir(folder);
    int n = -2;                                         /* . and .. */

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* A limit on file size stands in for a full disk. */
static void a_full_disk_leaves_the_old_picture(void **state)
{
    struct rlimit before, small;
    char *old, *now;
    em_status status;
    size_t n;
    int n_files;
    em_err err;
    (void)state;

    CHECK_OK(plot_pr(in_folder("full.svg"), &err));
    n = read_picture(in_folder("full.svg"), &old);
    n_files = files_in_folder();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ 4000, before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &small);
    status = em_plot_confusion(in_folder("full.svg"), "t", confusion[0], C, names, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(status == EM_EIO && strstr(err.msg, "full.svg"), "%s", err.msg);
    CHECK(read_picture(in_folder("full.svg"), &now) == n && !memcmp(old, now, n), "the old one");
    CHECK(files_in_folder() == n_files, "and no other");
}

static void names_that_cannot_be_written_are_refused(void **state)
{
    static const char *const bad[] = { "picture.jpg", "png", ".svg", "" };
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(bad); i++)
        CHECK(plot_pr(bad[i], &err) == EM_EINVAL && strstr(err.msg, ".svg or .png"), "%s", err.msg);
    CHECK(plot_pr("/nowhere-at-all/p.png", &err) == EM_EIO && strstr(err.msg, "nowhere"), "%s", err.msg);
}

static int make_data(void **state)
{
    em_rng rng = { 4 };
    (void)state;

    for (int i = 0; i < N; i++) {
        const int truth = (int)(em_rng_u64(&rng) % C);

        targets[i][truth] = 1;
        confusion[truth][i % 5 == 0 && truth > 0 ? (truth + 1) % C : truth]++;
        for (int c = 0; c < C; c++)
            scores[i][c] = (float)(em_rng_normal(&rng) + (c == truth ? 2 : 0));
    }
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    (void)state;

    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            unlink(in_folder(entry->d_name));
    closedir(dir);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precision_and_recall_are_drawn),
        cmocka_unit_test(confusions_are_drawn),
        cmocka_unit_test(trainings_are_drawn),
        cmocka_unit_test(the_same_data_make_the_same_png),
        cmocka_unit_test(nothing_much_to_draw_is_an_empty_picture),
        cmocka_unit_test(a_full_disk_leaves_the_old_picture),
        cmocka_unit_test(names_that_cannot_be_written_are_refused),
    };
    return cmocka_run_group_tests(tests, make_data, remove_folder);
}
