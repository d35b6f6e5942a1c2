/* Every layout on a small made-up set: clips, classes, folds, splits, spans. */
#include "check.h"

#include "made.h"
#include "train/dataset.h"

#include <unistd.h>

enum { RATE = 8000, LENGTH = 800 };

static void sounds(const char *folder, const char *const *names)
{
    for (; *names; names++)
        made_sound(folder, *names, RATE, LENGTH);
}

#define SOUNDS(folder, ...) sounds(folder, (const char *const[]){ __VA_ARGS__, NULL })

/* What a set is, one clip a line: "name fold split: heard -not heard". */
static const char *told(const em_dataset *set)
{
    static const char *const splits[] = { "-", "train", "valid", "test" };
    static char out[8192];
    size_t n = 0;

    n += (size_t)sprintf(out + n, "%s:", set->layout);
    for (int k = 0; k < set->n_classes && set->n_classes < 100; k++)
        n += (size_t)sprintf(out + n, "%s%s", k ? "|" : " ", set->classes[k]);
    n += (size_t)sprintf(out + n, "\n");
    for (int i = 0; i < set->n_clips; i++) {
        const em_clip *c = &set->clips[i];

        n += (size_t)sprintf(out + n, "%s %d %s:", c->name, c->fold, splits[c->split]);
        for (int k = 0; k < c->n_labels; k++)
            n += (size_t)sprintf(out + n, " %s", set->classes[c->labels[k]]);
        for (int k = 0; k < c->n_negatives; k++)
            n += (size_t)sprintf(out + n, " not %s", set->classes[c->negatives[k]]);
        for (int k = 0; k < c->n_spans; k++)
            n += (size_t)sprintf(out + n, " %s@%g-%g", set->classes[c->spans[k].label], c->spans[k].onset, c->spans[k].offset);
        n += (size_t)sprintf(out + n, "\n");
    }
    return out;
}

/* The whole set, found by its looks, is this. Every clip's file is there. */
static void check_set(const char *folder, const char *wanted)
{
    em_dataset *set;
    em_err err;

    CHECK_OK(em_dataset_open(&set, folder, NULL, NULL, 0, &err));
    CHECK(strcmp(told(set), wanted) == 0, "%s", told(set));
    for (int i = 0; i < set->n_clips; i++)
        CHECK(access(set->clips[i].path, R_OK) == 0, "%s", set->clips[i].path);
    em_dataset_free(set);
}

static void esc50_has_folds_and_its_order_of_classes(void **state)
{
    char *folder = made_folder();
    (void)state;

    SOUNDS(folder, "audio/1-a-0.wav", "audio/2-b-9.wav", "audio/1-c-3.wav");
    made_text(folder, "meta/esc50.csv", "filename,fold,target,category,esc10,src_file,take\n1-a-0.wav,1,0,dog,True,1,A\n"
                                        "2-b-9.wav,2,9,crow,False,2,A\n1-c-3.wav,1,3,sea_waves,False,3,B\n");
    check_set(folder, "esc50: dog|sea_waves|crow\n1-a-0.wav 1 -: dog\n2-b-9.wav 2 -: crow\n1-c-3.wav 1 -: sea_waves\n");
    CHECK(rename(made_path(folder, "meta/esc50.csv"), made_path(folder, "meta.csv")) == 0, "rename");
    check_set(folder, "esc50: dog|sea_waves|crow\n1-a-0.wav 1 -: dog\n2-b-9.wav 2 -: crow\n1-c-3.wav 1 -: sea_waves\n");
    made_remove(folder);
}

static void folders_follow_birdnets_rules(void **state)
{
    char *folder = made_folder();
    (void)state;

    SOUNDS(folder, "Bark/b.wav", "Bark/a.wav", "Bark,Rain/c.wav", "-Bark/d.wav", "nOiSe/e.wav", "Silence/f.wav", "beside.wav",
           "Male speech, man speaking/g.wav");
    made_text(folder, "Bark/readme.txt", "no sound");
    check_set(folder, "folders: Bark|Male speech, man speaking|Rain\n-Bark/d.wav 0 -: not Bark\nBark,Rain/c.wav 0 -: Bark Rain\n"
                      "Bark/a.wav 0 -: Bark\nBark/b.wav 0 -: Bark\n"
                      "Male speech, man speaking/g.wav 0 -: Male speech, man speaking\nSilence/f.wav 0 -:\nnOiSe/e.wav 0 -:\n");
    made_remove(folder);
}

static void folders_may_lie_in_splits(void **state)
{
    char *folder = made_folder();
    (void)state;

    SOUNDS(folder, "train/Bark/a.wav", "train/Rain/x/b.wav", "valid/Bark/c.wav", "test/Rain/d.wav");
    check_set(folder, "folders: Bark|Rain\ntest/Rain/d.wav 0 test: Rain\ntrain/Bark/a.wav 0 train: Bark\n"
                      "train/Rain/x/b.wav 0 train: Rain\nvalid/Bark/c.wav 0 valid: Bark\n");
    made_remove(folder);
}

static void csv_takes_lists_splits_folds_and_parts(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    SOUNDS(folder, "audio/a.wav", "audio/b.wav", "c.wav", "clips/d.wav", "audio/in/e.wav");
    made_text(folder, "labels.csv", "filename,labels,split,fold,begin,end\na.wav,\"Dog,Bark\",train,1,,\nb.wav,Dog;Cat,VAL,2,,\n"
                                    "c.wav,\"Male speech, man speaking\",test,,,\nd.wav,\"Male speech, man speaking|Dog\",,,,\n"
                                    "in/e.wav,,,,0.01,0.05\nin/e.wav,Cat,,,0.05,\n");
    check_set(folder, "csv: Bark|Cat|Dog|Male speech, man speaking\na.wav 1 train: Bark Dog\nb.wav 2 valid: Cat Dog\n"
                      "c.wav 0 test: Male speech, man speaking\nd.wav 0 -: Dog Male speech, man speaking\nin/e.wav 0 -:\nin/e.wav 0 -: Cat\n");
    CHECK_OK(em_dataset_open(&set, made_path(folder, "labels.csv"), "csv", NULL, 0, &err));
    CHECK(set->clips[4].begin_s == 0.01 && set->clips[4].end_s == 0.05 && set->clips[5].end_s == 0, "%g", set->clips[4].end_s);
    CHECK(!set->is_single, "two classes a clip");
    em_dataset_free(set);
    made_remove(folder);
}

static void csv_takes_any_place_and_other_names_of_columns(void **state)
{
    char *folder = made_folder(), *data = made_folder(), text[512];
    (void)state;

    made_sound(folder, "far/a.wav", RATE, LENGTH);
    made_sound(data, "b.wav", RATE, LENGTH);
    snprintf(text, sizeof text, "\xef\xbb\xbf" "file_name;label\r\n%s/far/a.wav;dog\r\n../%s/b.wav;cat\r\n", folder, strrchr(data, '/') + 1);
    made_text(data, "metadata.csv", text);
    snprintf(text, sizeof text, "csv: cat|dog\n%s/far/a.wav 0 -: dog\n../%s/b.wav 0 -: cat\n", folder, strrchr(data, '/') + 1);
    check_set(data, text);
    made_remove(folder);
    made_remove(data);
}

static void audioset_finds_its_sounds_and_counts_the_lost(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    SOUNDS(folder, "balanced/--abc.wav", "balanced/Yd-e.wav", "eval/f_30.000.wav", "eval/g_30000.wav");
    made_text(folder, "balanced_train_segments.csv", "# a\n# b\n# YTID, start_seconds, end_seconds, positive_labels\n"
              "--abc, 30.000, 40.000, \"/m/09x0r,/m/05tny_\"\nd-e, 0.000, 10.000, \"/m/05zppz\"\nlost, 0.000, 10.000, \"/m/09x0r\"\n");
    made_text(folder, "eval_segments.csv", "# a\n# b\n# c\nf, 30.000, 40.000, \"/m/09x0r\"\ng, 30.000, 40.000, \"/m/09x0r\"\n");
    CHECK_OK(em_dataset_open(&set, folder, NULL, NULL, 0, &err));
    CHECK(strcmp(told(set), "audioset:\n--abc 0 train: Speech Bark\nd-e 0 train: Male speech, man speaking\nf 0 test: Speech\n"
                            "g 0 test: Speech\n") == 0, "%s", told(set));
    CHECK(set->n_classes == 527 && set->n_missing == 1 && strcmp(set->missing, "lost") == 0, "%d", set->n_missing);
    em_dataset_free(set);
    made_remove(folder);
}

static void audioset_strong_has_spans(void **state)
{
    char *folder = made_folder();
    (void)state;

    SOUNDS(folder, "wav/ab_c_30000.wav", "wav/Yde.wav");
    made_text(folder, "audioset_eval_strong.tsv", "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"
              "ab_c_30000\t0.5\t1.25\t/m/05tny_\nde_0\t0\t10\t/m/09x0r\nab_c_30000\t0\t10\t/m/unheard\n");
    check_set(folder, "audioset: /m/unheard|Bark|Speech\nab_c_30000 0 test: /m/unheard Bark /m/unheard@0-10 Bark@0.5-1.25\n"
                      "de_0 0 test: Speech Speech@0-10\n");
    made_remove(folder);
}

static void ast_json_is_read_with_its_own_names(void **state)
{
    char *folder = made_folder(), text[512];
    (void)state;

    SOUNDS(folder, "a.wav", "b.wav");
    snprintf(text, sizeof text, "{\"data\": [{\"wav\": \"%s/a.wav\", \"labels\": \"/m/07rwj00,/m/09x0r\"}, "
             "{\"wav\": \"b.wav\", \"labels\": \"/m/07rwj00\"}]}", folder);
    made_text(folder, "esc_train_data_1.json", text);
    snprintf(text, sizeof text, "ast: /m/07rwj00|Speech\n%s/a.wav 0 train: /m/07rwj00 Speech\nb.wav 0 train: /m/07rwj00\n", folder);
    check_set(folder, text);
    made_text(folder, "esc_class_labels_indices.csv", "index,mid,display_name\n0,/m/07rwj00,\"dog\"\n1,/m/09x0r,\"talk\"\n");
    snprintf(text, sizeof text, "ast: dog|talk\n%s/a.wav 0 train: dog talk\nb.wav 0 train: dog\n", folder);
    check_set(folder, text);
    made_remove(folder);
}

static void speech_commands_has_its_lists_and_noise(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    SOUNDS(folder, "yes/a.wav", "yes/b.wav", "no/a.wav", "no/c.wav", "_background_noise_/pink.wav");
    made_text(folder, "testing_list.txt", "yes/b.wav\nno/lost.wav\n");
    made_text(folder, "validation_list.txt", "no/a.wav\n");
    check_set(folder, "speech-commands: no|yes\n_background_noise_/pink.wav 0 train:\nno/a.wav 0 valid: no\nno/c.wav 0 train: no\n"
                      "yes/a.wav 0 train: yes\nyes/b.wav 0 test: yes\n");
    CHECK_OK(em_dataset_open(&set, folder, "speech-commands", NULL, 0, &err));
    CHECK(set->is_single && set->n_missing == 1 && strcmp(set->missing, "no/lost.wav") == 0, "%d", set->n_missing);
    em_dataset_free(set);
    made_remove(folder);
}

static void fsd50k_has_its_vocabulary_and_splits(void **state)
{
    static const char *const prefixes[] = { "FSD50K.", "" };
    (void)state;

    for (int i = 0; i < 2; i++) {
        char *folder = made_folder(), name[64];

        snprintf(name, sizeof name, "%sdev_audio/1.wav", prefixes[i]);
        made_sound(folder, name, RATE, LENGTH);
        snprintf(name, sizeof name, "%sdev_audio/2.wav", prefixes[i]);
        made_sound(folder, name, RATE, LENGTH);
        snprintf(name, sizeof name, "%seval_audio/3.wav", prefixes[i]);
        made_sound(folder, name, RATE, LENGTH);
        snprintf(name, sizeof name, "%sground_truth/vocabulary.csv", prefixes[i]);
        made_text(folder, name, "0,Zipper_(clothing),/m/01s0vc\n1,Acoustic_guitar,/m/042v_gx\n");
        snprintf(name, sizeof name, "%sground_truth/dev.csv", prefixes[i]);
        made_text(folder, name, "fname,labels,mids,split\n1,\"Acoustic_guitar,Zipper_(clothing)\",\"/m/042v_gx,/m/01s0vc\",train\n"
                                "2,Acoustic_guitar,/m/042v_gx,val\n");
        snprintf(name, sizeof name, "%sground_truth/eval.csv", prefixes[i]);
        made_text(folder, name, "fname,labels,mids\n3,Zipper_(clothing),/m/01s0vc\n");
        check_set(folder, "fsd50k: Zipper_(clothing)|Acoustic_guitar\n1 0 train: Zipper_(clothing) Acoustic_guitar\n"
                          "2 0 valid: Acoustic_guitar\n3 0 test: Zipper_(clothing)\n");
        made_remove(folder);
    }
}

static void desed_has_weak_and_strong_clips_and_clips_of_nothing(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    SOUNDS(folder, "audio/train/weak/a.wav", "audio/train/synthetic/soundscapes/0.wav", "audio/validation/validation/0.wav",
           "audio/validation/validation/1.wav", "audio/validation/validation/2.wav");
    made_text(folder, "metadata/train/weak.tsv", "filename\tevent_labels\na.wav\tSpeech,Dog\nlost.wav\tDog\n");
    made_text(folder, "metadata/train/synthetic/soundscapes.tsv", "filename\tonset\toffset\tevent_label\n0.wav\t0.0\t1.5\tDog\n");
    made_text(folder, "metadata/validation/validation.tsv", "filename\tonset\toffset\tevent_label\n0.wav\t2.0\t3.0\tCat\n0.wav\t0.5\t1\tDog\n"
                                                            "1.wav\t\t\t\n");
    made_text(folder, "metadata/validation/validation_durations.tsv", "filename\tduration\n0.wav\t10\n1.wav\t10\n2.wav\t10\n");
    check_set(folder, "dcase: Cat|Dog|Speech\n0.wav 0 train: Dog Dog@0-1.5\na.wav 0 train: Dog Speech\n"
                      "0.wav 0 valid: Cat Dog Dog@0.5-1 Cat@2-3\n1.wav 0 valid:\n2.wav 0 valid:\n");
    CHECK_OK(em_dataset_open(&set, folder, NULL, NULL, 0, &err));
    CHECK(set->n_missing == 1 && strcmp(set->missing, "lost.wav") == 0, "%d", set->n_missing);
    em_dataset_free(set);
    made_remove(folder);
}

static void a_callers_classes_are_found_by_name_and_mid(void **state)
{
    static const char *const classes[] = { "Speech", "Crackle", "Bark", "Acoustic guitar" };
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    SOUNDS(folder, "a.wav", "b.wav", "c.wav");
    made_text(folder, "labels.csv", "filename,labels\na.wav,bark\nb.wav,\"/m/05tny_,/m/09x0r\"\nc.wav,Acoustic_guitar\n");
    CHECK_OK(em_dataset_open(&set, folder, NULL, classes, 4, &err));
    CHECK(strcmp(told(set), "csv: Speech|Crackle|Bark|Acoustic guitar\na.wav 0 -: Bark\nb.wav 0 -: Speech Bark\nc.wav 0 -: Acoustic guitar\n")
          == 0, "%s", told(set));
    em_dataset_free(set);
    made_text(folder, "labels.csv", "filename,labels\na.wav,Bark\nb.wav,Brak\n");
    CHECK(em_dataset_open(&set, folder, NULL, classes, 4, &err) == EM_EFORMAT && !set, "%s", err.msg);
    CHECK(strstr(err.msg, "labels.csv: line 3: class \"Brak\" is unknown; the nearest are \"Bark\", "), "%s", err.msg);
    made_remove(folder);
}

static void esc10_is_400_clips_in_five_folds(void **state)
{
    static const char *const classes[] = { "dog", "rooster", "rain", "sea_waves", "crackling_fire", "crying_baby", "sneezing",
                                           "clock_tick", "helicopter", "chainsaw" };
    em_dataset *set;
    em_err err;
    int folds[6] = { 0 }, each[10] = { 0 };
    (void)state;

    if (access(EM_SHARED_DIR "/data/esc10/meta.csv", R_OK) != 0) {
        print_message("SKIPPED: " EM_SHARED_DIR "/data/esc10 is not at hand\n");
        skip();
    }
    CHECK_OK(em_dataset_open(&set, EM_SHARED_DIR "/data/esc10", NULL, NULL, 0, &err));
    CHECK(strcmp(set->layout, "esc50") == 0 && set->n_clips == 400 && set->n_classes == 10 && set->is_single, "%d", set->n_clips);
    for (int i = 0; i < 400; i++) {
        folds[set->clips[i].fold]++;
        each[set->clips[i].labels[0]]++;
    }
    for (int k = 1; k <= 5; k++)
        CHECK(folds[k] == 80, "fold %d: %d", k, folds[k]);
    for (int k = 0; k < 10; k++)
        CHECK(each[k] == 40 && strcmp(set->classes[k], classes[k]) == 0, "%s: %d", set->classes[k], each[k]);
    em_dataset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(esc50_has_folds_and_its_order_of_classes),
        cmocka_unit_test(folders_follow_birdnets_rules),
        cmocka_unit_test(folders_may_lie_in_splits),
        cmocka_unit_test(csv_takes_lists_splits_folds_and_parts),
        cmocka_unit_test(csv_takes_any_place_and_other_names_of_columns),
        cmocka_unit_test(audioset_finds_its_sounds_and_counts_the_lost),
        cmocka_unit_test(audioset_strong_has_spans),
        cmocka_unit_test(ast_json_is_read_with_its_own_names),
        cmocka_unit_test(speech_commands_has_its_lists_and_noise),
        cmocka_unit_test(fsd50k_has_its_vocabulary_and_splits),
        cmocka_unit_test(desed_has_weak_and_strong_clips_and_clips_of_nothing),
        cmocka_unit_test(a_callers_classes_are_found_by_name_and_mid),
        cmocka_unit_test(esc10_is_400_clips_in_five_folds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
