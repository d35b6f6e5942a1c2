/* training.h - all that a run of --train is made of, and how the model in it comes about. */
#ifndef EM_CLI_TRAINING_H
#define EM_CLI_TRAINING_H

#include "backend/backend.h"
#include "cli/init.h"
#include "cli/study.h"
#include "train/trainer.h"

#include <limits.h>

/* Filled in the order of cmd_train.c, which frees it. */
typedef struct em_training {
    const em_options *o;
    em_study     study;
    em_recipe    recipe;
    em_config    model, practice, first;    /* first, old: what --init says of itself    */
    em_card      card, old;
    int          n_old;                 /* classes that are appended to; 0: a new head   */
    bool        *learns;                /* [n_classes] --head append: which are new, or named but never trained; NULL: a new head */
    char       **new_names;             /* [classes of the data] NULL where it has them  */
    int          n_new_names;
    char        *provenance, *licence;  /* of the card, where data was added: ours       */
    char       **labels;                /* [n_classes] names, borrowed; the array is ours */
    em_backend   backend;
    em_init      init;
    char         init_path[PATH_MAX];   /* a model file: --init, or what it was imported to */
    bool         is_imported, has_made_folder;
    bool         has_statistics;        /* bn0's, in what --init names: else the data's serve */
    float       *priors;                /* [n_classes] log-odds, for --head-bias=prior  */
    char         init_hash[EM_SHA256_CHARS];
    em_kd       *kd;
    em_dist     *dist;
    char        *identity;
} em_training;

/* The model of the options, the data's classes and what --init names, which is opened: model, practice, labels and init of a
 * training whose study is open. --head append opens that again, with all classes. EM_EINVAL: options that do not go together,
 * as a sentence for the user; what em_st_open, em_import and em_config_parse fail with. */
em_status em_training_make_model(em_training *t, em_err *err);

/* What the model will say of itself: the card, with the classes that a clip to learn from has. EM_ENOMEM. */
em_status em_training_make_card(em_training *t, em_err *err);

/* --head-bias=prior: priors, and init begins the head with them. EM_ENOMEM. */
em_status em_training_find_priors(em_training *t, em_err *err);

#endif
