/* What --dry-run shows of a data set. */
#include "check.h"

#include "made.h"
#include "train/listing.h"

#include <unistd.h>

static char *listed(const char *folder, const char *layout, bool has_features, const em_listing_plan *plan)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    em_features *f = NULL;
    em_dataset *set;
    em_config cfg;
    em_err err;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    CHECK_OK(em_dataset_open(&set, folder, layout, NULL, 0, &err));
    if (has_features)
        CHECK_OK(em_features_new(&f, set, &cfg, NULL, 2, 0, &err));
    CHECK_OK(em_dataset_list(out, set, f, plan, &err));
    fclose(out);
    em_features_free(f);
    em_dataset_free(set);
    return text;
}

static void has(const char *text, const char *line)
{
    CHECK(strstr(text, line), "\"%s\" is not in:\n%s", line, text);
}

static void classes_are_counted_by_fold_and_the_time_is_told(void **state)
{
    static const int clips[] = { 0, 1, 3 };
    const em_listing_plan plan = { .seconds_per_window = 0.5, .n_epochs = 100, .clips = clips, .n_clips = 3, .n_valid = 1 };
    char *folder = made_folder(), *text;
    (void)state;

    made_sound(folder, "audio/a.wav", 8000, 8000);
    made_sound(folder, "audio/b.wav", 8000, 16000);
    made_sound(folder, "audio/c.wav", 8000, 8000);
    made_text(folder, "audio/d.wav", "no sound");
    made_text(folder, "meta.csv", "filename,fold,target,category\na.wav,1,0,dog\nb.wav,1,1,sea_waves\nc.wav,2,0,dog\nd.wav,1,0,dog\n");
    text = listed(folder, NULL, true, &plan);
    has(text, "esc50: 4 clips, 2 classes, one a clip\n");
    has(text, "class                                       clips   fold 1   fold 2\n");
    has(text, "dog                                             3        2        1\n");
    has(text, "sea_waves                                       1        1        0\n");
    has(text, "cannot be used:\n  /tmp/");
    has(text, "d.wav: is not a sound file that libsndfile reads");
    has(text, "sound: 0:00:04 in 3 clips; 1 cannot be used\n");
    has(text, "training: 2 windows an epoch, 100 epochs, 0.5 s a window: about 0:01:40\nvalidation: 1 clips\n");
    free(text);
    made_remove(folder);
}

static void splits_empty_classes_noise_and_missing_clips_are_told(void **state)
{
    static const int clips[] = { 0 };
    const em_listing_plan plan = { .n_epochs = 3, .clips = clips, .n_clips = 1 };
    char *folder = made_folder(), *text;
    (void)state;

    made_sound(folder, "a.wav", 8000, 8000);
    made_sound(folder, "b.wav", 8000, 8000);
    made_text(folder, "balanced_train_segments.csv", "a, 0, 10, \"/m/09x0r,/m/05tny_\"\nlost, 0, 10, \"/m/09x0r\"\n");
    made_text(folder, "eval_segments.csv", "b, 0, 10, \"\"\n");
    text = listed(folder, NULL, false, &plan);
    has(text, "audioset: 2 clips, 527 classes\n");
    has(text, "class                                       clips    train     test\n");
    has(text, "Bark                                            1        1        0\n");
    has(text, "(no class)                                      1        0        1\n");
    has(text, "525 more classes have no clip\n");
    has(text, "missing: 1 clips that the labels name (the first: lost)\n");
    has(text, "training: 1 windows an epoch, 3 epochs\n");
    free(text);
    made_remove(folder);
}

static void a_full_disk_is_told(void **state)
{
    char *folder = made_folder();
    FILE *full = fopen("/dev/full", "w");
    em_dataset *set;
    em_err err;
    (void)state;

    CHECK(full, "/dev/full");
    made_sound(folder, "a/a.wav", 8000, 8000);
    CHECK_OK(em_dataset_open(&set, folder, NULL, NULL, 0, &err));
    CHECK(em_dataset_list(full, set, NULL, NULL, &err) == EM_EIO && strstr(err.msg, "No space left"), "%s", err.msg);
    fclose(full);
    em_dataset_free(set);
    made_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_counted_by_fold_and_the_time_is_told),
        cmocka_unit_test(splits_empty_classes_noise_and_missing_clips_are_told),
        cmocka_unit_test(a_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
