/* groups.h - which parameters learn, how fast, and which of them decay: the flat block cut into ranges for em_ops.adamw. */
#ifndef EM_TRAIN_GROUPS_H
#define EM_TRAIN_GROUPS_H

#include "base/status.h"
#include "model/config.h"
#include "model/params.h"
#include "ops/ops.h"

#include <stdbool.h>

typedef struct em_groups_cfg {
    double decay;                   /* of those that decay, .05                                             */
    bool   decays_all;              /* HTS-AT's way; else not: vectors (norms, biases, Ds), A_logs, dt_projs_bias, tables of
                                     * relative positions                                                   */
    double layer_decay;             /* (0, 1]: a layer learns by this factor slower than the one after it; the head fully. 1: all alike */
    bool   is_frozen;               /* only the head learns: classifier.*, tscam_conv.*                     */
    const bool *learns;             /* [n_classes] only the head's rows of these classes learn: what is shared and the others stay as
                                     * they are, bit for bit. NULL: all learn; borrowed as long as the cfg  */
    int    n_classes;               /* of `learns`                                                          */
} em_groups_cfg;

/* Ranges whose `rate` is what a step's rate is multiplied by. bn0's running statistics and what is frozen are in none. */
typedef struct em_groups {
    em_adamw_range *ranges;         /* [n] rising, neighbours of equal settings joined                      */
    int             n;
    size_t          n_learning;     /* numbers in all of them                                               */
} em_groups;

/* EM_EINVAL: a setting out of range; EM_ENOMEM. The caller ends *out with em_groups_deinit. */
em_status em_groups_init(em_groups *out, const em_params *params, const em_config *model, const em_groups_cfg *cfg, em_err *err);
void      em_groups_deinit(em_groups *g);

/* ranges[g->n] of a step: the same with absolute rates. */
void em_groups_at(em_adamw_range *ranges, const em_groups *g, double rate);

/* Classes whose rows stay as they are; 0 without `learns`. */
int em_groups_kept(const em_groups_cfg *cfg);

/* What one parameter is, by its official name. */
bool em_group_learns(const em_param *p);                            /* not a running statistic   */
bool em_group_decays(const em_param *p);
bool em_group_is_head(const em_param *p);

/* A row of it belongs to one class: tscam_conv.*, classifier.head.*. */
bool em_group_has_rows(const em_param *p);

/* How many layers come after it: 0 the head, 1 the last block (with the window attention behind it), …, the number of blocks + 1:
 * embed and bn0. A downsample counts with the block before it. */
int  em_group_layers_after(const em_param *p, const em_config *model);

#endif
