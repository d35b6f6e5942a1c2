/* imported.h - what the tests of --import share: a checkpoint's file, the model file made of it, and looks into that. */
#ifndef EM_TESTS_MODEL_IMPORTED_H
#define EM_TESTS_MODEL_IMPORTED_H

#include "model/config.h"
#include "model/import.h"
#include "model/safetensors.h"

/* Setup and teardown of a test group: these two are in a folder of their own. */
int make_folder(void **state);
int remove_folder(void **state);
extern char in_path[128], out_path[128];

/* What was reported of each kind (em_import_what): how many, and the last name. */
typedef struct log { int n[3]; char last[3][600]; } log;

/* em_import of in_path to out_path, which is not there before. */
em_status run(log *l, bool mean_embed, em_import_counts *counts, em_err *err);

/* The file at out_path; ends with close_out. */
typedef struct opened { em_st *st; em_config cfg; em_card card; } opened;

opened open_out(void);
void   close_out(opened *o);

/* The configurations are the same as text; labels and card aside. */
void check_same_kind(em_config got, em_config want, const char *what);

/* The model has this tensor, with these numbers. */
void check_tensor(opened *o, const char *name, const float *want, size_t n, const char *what);

#endif
