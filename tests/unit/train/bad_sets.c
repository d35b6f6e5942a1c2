/* Every bad data set is refused with a sentence that names the file, the line and what would be right. */
#include "check.h"

#include "made.h"
#include "train/dataset.h"

#include <unistd.h>

enum { RATE = 8000, LENGTH = 800, MOST_FILES = 5 };

/* A name that ends in .wav is a sound; every other file is its text. */
typedef struct file { const char *name, *text; } file;

typedef struct bad_set {
    const char *layout;
    file        files[MOST_FILES];
    em_status   code;
    const char *why;
} bad_set;

#define ESC "filename,fold,target,category\n"
#define STRONG "filename\tonset\toffset\tevent_label\n"

static const bad_set sets[] = {
    { NULL, { { "readme.md", "nothing" } }, EM_EINVAL, "no data set: looked for meta/esc50.csv, testing_list.txt, FSD50K.ground_truth/" },
    { "esc-50", { { "meta.csv", ESC } }, EM_EINVAL, "layout \"esc-50\" is unknown: esc50, speech-commands, fsd50k, dcase" },

    { "esc50", { { "readme.md", "" } }, EM_EFORMAT, "neither meta/esc50.csv nor meta.csv is there" },
    { "esc50", { { "meta.csv", ESC "a.wav,1,0,dog\n" } }, EM_EFORMAT, "/audio: the folder of the sounds is missing" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", "" } }, EM_EFORMAT, "meta.csv: is empty: a first line with the names of columns" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC } }, EM_EFORMAT, "meta.csv: has a header and no clips" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", "filename,fold,target\na.wav,1,0\n" } },
      EM_EFORMAT, "meta.csv: line 1: names no column category" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", "fold,category\n1,dog\n" } }, EM_EFORMAT, "line 1: names no column filename" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", "filename,category\na.wav,dog\n" } }, EM_EFORMAT, "line 1: names no column fold" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,0,dog\nb.wav,0,0,dog\n" } },
      EM_EFORMAT, "meta.csv: line 3: fold \"0\" is not a whole number from 1" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,,0,dog\n" } }, EM_EFORMAT, "line 2: fold \"\" is not a whole number" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1.5,0,dog\n" } }, EM_EFORMAT, "line 2: fold \"1.5\" is not a whole number" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,zero,dog\n" } }, EM_EFORMAT, "line 2: target \"zero\" is not a number" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,0,\n" } }, EM_EFORMAT, "line 2: the category is empty" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,0,dog\nb.wav,1,1,dog\n" } },
      EM_EFORMAT, "line 3: class \"dog\" was there before, with another number" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,0,dog\nb.wav,1,1,cat\na.wav,2,0,dog\n" } },
      EM_EFORMAT, "meta.csv: line 4: a.wav was given in line 2 before" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,0,dog\na.wav,1,0\n" } },
      EM_EFORMAT, "line 3: has 3 fields where the header has 4" },
    { "esc50", { { "audio/a.wav", 0 }, { "meta.csv", ESC "a.wav,1,0,sea waves\nb.wav,1,1,Sea_Waves\n" } },
      EM_EFORMAT, "have the same short name sea_waves" },

    { "csv", { { "readme.md", "" } }, EM_EFORMAT, "no .csv file with columns filename and labels" },
    { "csv", { { "l.csv", "filename,labels\na.wav,dog\nb.wav,cat\n" } }, EM_EFORMAT, "l.csv: none of its 2 sound files is there (the first: a.wav)" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels,split\na.wav,dog,tset\n" } },
      EM_EFORMAT, "l.csv: line 2: split \"tset\" is not train, valid or test" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels\n,dog\n" } }, EM_EFORMAT, "line 2: the filename is empty" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels\na.wav,man, speaking\n" } },
      EM_EFORMAT, "line 2: has 3 fields where the header has 2 (a field with a separator inside stands in double quotes)" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels\na.wav,\"dog\n" } }, EM_EFORMAT, "line 2: a quote is not closed" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels\na.wav,dog\n./a.wav,dog\na.wav,cat\n" } },
      EM_EFORMAT, "line 4: a.wav was given in line 2 before" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels,begin,end\na.wav,dog,-1,\n" } },
      EM_EFORMAT, "line 2: begin \"-1\" is not a number of seconds" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels,begin,end\na.wav,dog,2,1\n" } },
      EM_EFORMAT, "line 2: the part ends at 1 s, before it begins" },
    { "csv", { { "a.wav", 0 }, { "l.csv", "filename,labels\na.wav,\n" } }, EM_EFORMAT, "no clip has a class" },

    { "folders", { { "a.wav", 0 } }, EM_EFORMAT, "no clips: read as folders, it holds no sound" },
    { "folders", { { "Bark/a.txt", "x" } }, EM_EFORMAT, "no clips: read as folders" },
    { "folders", { { "Noise/a.wav", 0 } }, EM_EFORMAT, "no clip has a class" },
    { "folders", { { "Bark/a.wav", 0 }, { "-Brak/b.wav", 0 } }, EM_EFORMAT, "-Brak/b.wav: \"-Brak\" holds negatives of a class that no clip has" },
    { "folders", { { "Sea Waves/a.wav", 0 }, { "sea_waves/b.wav", 0 } }, EM_EFORMAT, "have the same short name sea_waves" },

    { "audioset", { { "a.wav", 0 } }, EM_EFORMAT, "no *segments*.csv and no .tsv with a column segment_id" },
    { "audioset", { { "eval_segments.csv", "# a\na, 0, 10, \"/m/09x0r\"\n" } }, EM_EFORMAT, "no sound files are in this folder or below it" },
    { "audioset", { { "b.wav", 0 }, { "eval_segments.csv", "# a\na, 0, 10, \"/m/09x0r\"\n" } },
      EM_EFORMAT, "no clips left: none of the 1 sound files is there (the first: a)" },
    { "audioset", { { "a.wav", 0 }, { "eval_segments.csv", "# a\n" } }, EM_EFORMAT, "eval_segments.csv: names no clips" },
    { "audioset", { { "a.wav", 0 }, { "eval_segments.csv", "# a\na, 0, \"/m/09x0r\"\n" } },
      EM_EFORMAT, "eval_segments.csv: line 2: is not `id, start, end" },
    { "audioset", { { "a.wav", 0 }, { "eval_segments.csv", "# a\na, 0, x, \"/m/09x0r\"\n" } }, EM_EFORMAT, "line 2: is not `id, start, end" },
    { "audioset", { { "a.wav", 0 }, { "eval_segments.csv", "# a\na, 0, 10, \"/m/09x0\"\n" } },
      EM_EFORMAT, "line 2: class \"/m/09x0\" is unknown; the nearest are" },
    { "audioset", { { "a.wav", 0 }, { "eval_segments.csv", "a, 0, 10, \"/m/09x0r\"\na, 0, 10, \"/m/09x0r\"\n" } },
      EM_EFORMAT, "line 2: a was given in line 1 before" },
    { "audioset", { { "a.wav", 0 }, { "s.tsv", "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\na_0\t2\t1\t/m/09x0r\n" } },
      EM_EFORMAT, "s.tsv: line 2: is not segment_id, start, end, label" },
    { "audioset", { { "a.wav", 0 }, { "s.tsv", "segment_id\tlabel\na_0\t/m/09x0r\n" } },
      EM_EFORMAT, "s.tsv: line 1: names no column start_time_seconds" },

    { "ast", { { "a.wav", 0 } }, EM_EFORMAT, "no .json is there" },
    { "ast", { { "a.json", "{\"data\": [\n{\"wav\": }]}" } }, EM_EFORMAT, "a.json: line 2: is not JSON: " },
    { "ast", { { "a.json", "{\"dota\": []}" } }, EM_EFORMAT, "a.json: has no list \"data\"" },
    { "ast", { { "a.json", "[1]" } }, EM_EFORMAT, "a.json: has no list \"data\"" },
    { "ast", { { "a.json", "{\"data\": []}" } }, EM_EFORMAT, "a.json: its list \"data\" is empty" },
    { "ast", { { "a.json", "{\"data\": [{\"wav\": \"a.wav\", \"labels\": \"x\"}, {\"wav\": 3}]}" } },
      EM_EFORMAT, "a.json: data, entry 1: is not {\"wav\": path" },
    { "ast", { { "a.json", "{\"data\": [{\"wav\": \"a.wav\", \"labels\": \"x\"}]}" },
               { "b.json", "{\"data\": [{\"wav\": \"a.wav\", \"labels\": \"x\"}]}" } },
      EM_EFORMAT, "b.json: a.wav was given in " },
    { "ast", { { "a.json", "{\"data\": [{\"wav\": \"a.wav\", \"labels\": \"x\"}]}" },
               { "class_labels_indices.csv", "index,mid,display_name\n1,/m/1,x\n" } },
      EM_EFORMAT, "class_labels_indices.csv: line 2: index 0 expected" },

    { "speech-commands", { { "yes/a.wav", 0 }, { "testing_list.txt", "" } }, EM_EIO, "validation_list.txt: cannot be read: No such file" },
    { "speech-commands", { { "yes/a.wav", 0 }, { "testing_list.txt", "yes/a.wav\n" }, { "validation_list.txt", "yes/a.wav\n" } },
      EM_EFORMAT, "testing_list.txt: line 1: yes/a.wav was listed before" },
    { "speech-commands", { { "testing_list.txt", "yes/a.wav\n" }, { "validation_list.txt", "" } },
      EM_EFORMAT, "no clips left: none of the 1 sound files is there (the first: yes/a.wav)" },

    { "fsd50k", { { "dev_audio/1.wav", 0 } }, EM_EFORMAT, "FSD50K.ground_truth/vocabulary.csv is missing" },
    { "fsd50k", { { "ground_truth/vocabulary.csv", "0,Bark,/m/1\n" }, { "ground_truth/dev.csv", "fname,labels,mids,split\n1,Bark,/m/1,train\n" } },
      EM_EFORMAT, "neither folder of sounds is there: dev_audio, eval_audio" },
    { "fsd50k", { { "dev_audio/1.wav", 0 },
                  { "ground_truth/vocabulary.csv", "" }, { "ground_truth/dev.csv", "fname,labels,mids,split\n1,Bark,/m/1,train\n" } },
      EM_EFORMAT, "vocabulary.csv: names no class" },
    { "fsd50k", { { "dev_audio/1.wav", 0 }, { "ground_truth/vocabulary.csv", "1,Bark,/m/1\n" } },
      EM_EFORMAT, "vocabulary.csv: line 1: is not `0,label,mid`" },
    { "fsd50k", { { "dev_audio/1.wav", 0 },
                  { "ground_truth/vocabulary.csv", "0,Bark,/m/1\n" }, { "ground_truth/dev.csv", "fname,labels,mids,split\n1,Brak,/m/2,train\n" } },
      EM_EFORMAT, "dev.csv: line 2: class \"Brak\" is unknown; the nearest are \"Bark\"" },
    { "fsd50k", { { "dev_audio/1.wav", 0 },
                  { "ground_truth/vocabulary.csv", "0,Bark,/m/1\n" }, { "ground_truth/dev.csv", "fname,labels,mids,split\n1,Bark,/m/1,trian\n" } },
      EM_EFORMAT, "dev.csv: line 2: split \"trian\" is not train or val" },
    { "fsd50k", { { "dev_audio/1.wav", 0 }, { "ground_truth/vocabulary.csv", "0,Bark,/m/1\n" } }, EM_EIO, "ground_truth/dev.csv: cannot be read" },

    { "dcase", { { "a.wav", 0 } }, EM_EFORMAT, "no .tsv with columns filename and event_label(s) is there" },
    { "dcase", { { "a.tsv", STRONG "a.wav\t0\t1\tDog\n" } }, EM_EFORMAT, "no sound files are in this folder or below it" },
    { "dcase", { { "b.wav", 0 }, { "a.tsv", STRONG "a.wav\t0\t1\tDog\n" } }, EM_EFORMAT, "no clips left: none of the 1 sound files is there" },
    { "dcase", { { "a.wav", 0 }, { "a.tsv", STRONG "a.wav\t2\t1\tDog\n" } },
      EM_EFORMAT, "a.tsv: line 2: onset \"2\" and offset \"1\" are not seconds in order" },
    { "dcase", { { "a.wav", 0 }, { "a.tsv", STRONG "a.wav\tx\t1\tDog\n" } }, EM_EFORMAT, "a.tsv: line 2: onset \"x\"" },
    { "dcase", { { "a.wav", 0 }, { "a.tsv", "filename\tonset\tevent_label\na.wav\t0\tDog\n" } },
      EM_EFORMAT, "a.tsv: line 1: has one of the columns onset and offset without the other" },
    { "dcase", { { "a.wav", 0 }, { "a.tsv", "filename\tevent_labels\na.wav\tDog\na.wav\tCat\n" } },
      EM_EFORMAT, "a.tsv: line 3: a.wav was given before" },
    { "dcase", { { "x/a.wav", 0 }, { "y/a.wav", 0 }, { "a.tsv", STRONG "a.wav\t0\t1\tDog\n" } },
      EM_EFORMAT, "a.tsv: line 2: a.wav could be 2 files" },
    { "dcase", { { "a.wav", 0 }, { "a.tsv", STRONG "\t0\t1\tDog\n" } }, EM_EFORMAT, "a.tsv: line 2: the filename is empty" },

    { "hdf5", { { "a.wav", 0 } }, EM_EFORMAT, "no .h5 or .hdf5 is there" },
};

static void make(const char *folder, const file *files)
{
    for (int i = 0; i < MOST_FILES && files[i].name; i++) {
        if (files[i].text)
            made_text(folder, files[i].name, files[i].text);
        else
            made_sound(folder, files[i].name, RATE, LENGTH);
    }
}

static void every_bad_set_has_its_message(void **state)
{
    (void)state;

    for (size_t i = 0; i < EM_COUNT(sets); i++) {
        char *folder = made_folder();
        em_dataset *set;
        em_err err = { 0 };
        em_status status;

        make(folder, sets[i].files);
        status = em_dataset_open(&set, folder, sets[i].layout, NULL, 0, &err);
        CHECK(!set, "case %zu: was read", i);
        CHECK(status == sets[i].code && strstr(err.msg, sets[i].why), "case %zu: %d: %s", i, status, err.msg);
        CHECK(!strchr(err.msg, '\n') && err.msg[strlen(err.msg) - 1] != '.', "case %zu: %s", i, err.msg);
        made_remove(folder);
    }
}

static void a_folder_that_is_not_there_is_an_io_error(void **state)
{
    em_dataset *set;
    em_err err;
    (void)state;

    CHECK(em_dataset_open(&set, "/nowhere/at/all", NULL, NULL, 0, &err) == EM_EIO && !set, "%s", err.msg);
    CHECK(strstr(err.msg, "/nowhere/at/all: cannot be read: No such file"), "%s", err.msg);
}

static void a_sound_is_no_data_set(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    made_sound(folder, "a.wav", RATE, LENGTH);
    CHECK(em_dataset_open(&set, made_path(folder, "a.wav"), NULL, NULL, 0, &err) == EM_EINVAL && !set, "%s", err.msg);
    CHECK(strstr(err.msg, "a.wav: is no data set: give a folder"), "%s", err.msg);
    made_remove(folder);
}

/* Names of files and classes may hold what a terminal would obey. */
static void messages_and_classes_hold_no_control_characters(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_err err;
    (void)state;

    made_text(folder, "l.csv", "filename,labels\nx\x1b[2J.wav,dog\n");
    CHECK(em_dataset_open(&set, folder, "csv", NULL, 0, &err) == EM_EFORMAT && !strchr(err.msg, '\x1b'), "%s", err.msg);
    made_text(folder, "l.csv", "filename,labels,split\na.wav,do\x1bg,\na.wav,x,\x1b[2J\n");
    made_sound(folder, "a.wav", RATE, LENGTH);
    CHECK(em_dataset_open(&set, folder, "csv", NULL, 0, &err) == EM_EFORMAT && !strchr(err.msg, '\x1b'), "%s", err.msg);
    made_text(folder, "l.csv", "filename,labels,split\na.wav,do\x1bg,\n");
    CHECK_OK(em_dataset_open(&set, folder, "csv", NULL, 0, &err));
    CHECK(strcmp(set->classes[0], "do?g") == 0, "%s", set->classes[0]);
    em_dataset_free(set);
    made_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_set_has_its_message),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_io_error),
        cmocka_unit_test(a_sound_is_no_data_set),
        cmocka_unit_test(messages_and_classes_hold_no_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
