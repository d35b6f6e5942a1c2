/* files.h - the files of a data set's folder, sorted by their bytes, so that no result hangs on the file system's order. */
#ifndef EM_TRAIN_FILES_H
#define EM_TRAIN_FILES_H

#include "base/status.h"
#include "train/names.h"

#include <stdbool.h>

typedef struct em_files {
    char   **paths;                 /* [n] from the folder on: "Bark/a.wav"; they lie in store */
    int      n, room;
    em_store store;
} em_files;

/* Every file under dir whose name `is_wanted` likes, folders within folders to a depth of EM_MOST_DEPTH, hidden ones left
 * out. EM_EIO: dir itself cannot be read. EM_ENOMEM. End *out with em_files_deinit, also after an error. */
enum { EM_MOST_DEPTH = 6 };
typedef bool em_file_wanted(const char *name);
em_status em_files_find(em_files *out, const char *dir, em_file_wanted *is_wanted, em_err *err);
void      em_files_deinit(em_files *files);

/* By the ending. Endings of formats that libsndfile does not read count, too: such a file is then told as unreadable. */
bool      em_is_sound_name(const char *name);
bool      em_has_ending(const char *name, const char *ending);      /* ".csv", in any case */

bool      em_is_folder(const char *path);
bool      em_is_file(const char *path);

/* "dir/name", or the name alone when it is absolute; NULL: no memory. */
char     *em_path_join(em_store *store, const char *dir, const char *name);

/* Sounds by their name without folder and ending: what label files without endings mean. */
typedef struct em_sounds {
    em_files files;
    em_names stems;
    int     *first, *count;         /* [stems.n] index into files of the first with this stem, and how many there are */
} em_sounds;

em_status em_sounds_find(em_sounds *out, const char *dir, em_err *err);
void      em_sounds_deinit(em_sounds *sounds);

/* The path from the folder on of the sound with this stem, or with this name if it has a sound's ending; NULL: there is
 * none. *n: how many there are. */
const char *em_sounds_get(const em_sounds *sounds, const char *name, int *n);

#endif
