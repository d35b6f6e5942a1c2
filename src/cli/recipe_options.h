/* recipe_options.h - the recipe and the model that options ask for. */
#ifndef EM_CLI_RECIPE_OPTIONS_H
#define EM_CLI_RECIPE_OPTIONS_H

#include "cli/options.h"
#include "model/config.h"
#include "train/recipe.h"

/* Names were checked when they were set. */
em_recipe em_recipe_of_options(const em_options *o, em_frontend_kind kind);

/* How thresholds are chosen, by --train and by --eval --thresholds. */
em_threshold_rule em_threshold_rule_of_options(const em_options *o);

/* --preset and what changes it; without --preset the network that the weights begin as (`first`; NULL: nano).
 * n_classes as given. EM_EINVAL. */
em_status em_config_of_options(em_config *cfg, const em_options *o, const em_config *first, int n_classes, em_err *err);

#endif
