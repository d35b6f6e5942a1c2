/* assembly.h - how the readers of layouts make a data set: clips in the order of their files, labels by name.
 * Inside src/train only.
 *
 * A reader numbers clips and marks classes on them; em_assembly_end sorts the set's own classes, finds what was given twice
 * and packs the marks into the clips. Every function that can fail has filled b->err then. */
#ifndef EM_TRAIN_ASSEMBLY_H
#define EM_TRAIN_ASSEMBLY_H

#include "model/labels.h"
#include "train/dataset.h"
#include "train/files.h"
#include "train/names.h"
#include "train/table.h"

typedef enum em_mark_kind { EM_HEARD, EM_NOT_HEARD, EM_FROM_TO } em_mark_kind;

typedef struct em_mark { int clip, label; em_mark_kind kind; double onset, offset; } em_mark;

/* What --data names: a folder, and the one file of it that is meant, if the path is a file's. */
typedef struct em_place {
    const char *dir;
    const char *only;               /* as in files.paths; NULL: the whole folder */
    em_files    files;              /* label files and packs under dir           */
} em_place;

typedef struct em_assembly {
    em_dataset *set;
    em_store   *store;              /* the set's                                                */
    const char *dir;
    bool        is_given;           /* the classes are the caller's                             */
    bool        is_closed;          /* no class may come to those there are                     */
    em_names    classes;
    double     *ranks;              /* [classes.room]: classes are sorted by rank, then by name */
    int         ranks_room;
    em_labels   known;              /* AudioSet's names and mids, or the set's                  */
    em_names    known_names, known_mids;
    const char **mids;              /* [classes.n] of a closed list, borrowed from known        */
    em_names    asked;              /* names that were looked up                                */
    int        *answers;            /* [asked.room] their classes                               */
    int         answers_room;
    em_origin  *origins;            /* [clips_room] where each clip is from                     */
    int         clips_room;
    em_mark    *marks;
    size_t      n_marks, marks_room;
    em_err     *err;
} em_assembly;

em_status em_assembly_begin(em_assembly *b, em_dataset *set, const char *dir, const char *const *classes, int n_classes, em_err *err);
void      em_assembly_deinit(em_assembly *b);
em_status em_assembly_end(em_assembly *b);

/* The set's own list of mids and names, *class_labels_indices.csv (index,mid,display_name), in place of AudioSet's if the
 * folder has one. */
em_status em_assembly_known(em_assembly *b, const em_place *place);

/* All classes of that list in its order, and no others. */
em_status em_assembly_seed(em_assembly *b);

/* A class the set has, also if no clip has it; nothing where the caller gave the classes. Classes are sorted by rank. */
em_status em_assembly_class(em_assembly *b, const char *name, double rank, em_origin at);

/* From here on a class that is not there is an error. */
em_status em_assembly_close(em_assembly *b);

/* The class called `text`, or else `other` (NULL: none): a name, or a mid. EM_EFORMAT when it must be there and is not. */
em_status em_assembly_label(em_assembly *b, int *out, const char *text, const char *other, em_origin at);

/* A clip without labels yet. The path is copied, taken from the data set's folder on. */
em_status em_assembly_clip(em_assembly *b, int *out, const char *path, const char *name, em_origin at);
em_clip  *em_assembly_at(em_assembly *b, int clip);

em_status em_assembly_mark(em_assembly *b, const em_mark *mark);

/* Marks every class of a list "A|B", "A;B" or "A, B". Commas do not cut a name that is known ("Male speech, man speaking").
 * With signs, "-A" is a class that is certainly not heard. */
em_status em_assembly_list(em_assembly *b, int clip, const char *list, bool has_signs, em_origin at);

/* A clip whose file is not there: counted, left out. */
em_status em_assembly_missing(em_assembly *b, const char *name);

/* "train", "validation", "eval" … in any case, "" none; false: no such word. */
bool      em_split_of_word(em_split *out, const char *word);

/* Which of these words a file's name has, by the first that it has; EM_SPLIT_NONE. */
em_split  em_split_of_path(const char *path);

em_status em_assembly_no_memory(em_assembly *b);

/* One layout: whether what is there looks like it, and the reader. */
typedef struct em_layout {
    const char *name;
    const char *mark;               /* what it is known by, for the sentence that nothing fits */
    bool      (*fits)(const em_place *place);
    em_status (*read)(em_assembly *b, const em_place *place);
} em_layout;

extern const em_layout em_layout_esc50, em_layout_csv, em_layout_folders, em_layout_audioset, em_layout_ast,
    em_layout_speech_commands, em_layout_fsd50k, em_layout_dcase, em_layout_hdf5;

/* Whether place has a file with this path from its folder on; NULL: no, else the path. */
const char *em_place_file(const em_place *place, const char *path);

/* Whether the first row of a table names this column. */
bool        em_place_has_column(const em_place *place, const char *path, const char *names);

/* The full path of a file under the place; in the build's store. NULL: no memory. */
char       *em_assembly_path(em_assembly *b, const char *path);

#endif
