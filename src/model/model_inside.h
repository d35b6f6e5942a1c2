/* model_inside.h - what a model is made of, for model.c and session.c. */
#ifndef EM_MODEL_MODEL_INSIDE_H
#define EM_MODEL_MODEL_INSIDE_H

#include "model/model.h"
#include "model/weights.h"

struct em_model {
    em_config     cfg;
    em_card       card;
    em_weights    weights;
    const em_ops *ops;
    em_dev       *dev;
    void         *block;                /* all weights, on the device */
    char          hash[EM_SHA256_CHARS];
};

#endif
