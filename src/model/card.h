/* card.h - the part of a model's metadata that is text: labels, trained classes, thresholds, where it is from.
 * Inside src/model only, beside config_json.c. All of it is hostile: strings lose their control characters, counts
 * and indices are checked against the number of labels. */
#ifndef EM_MODEL_CARD_H
#define EM_MODEL_CARD_H

#include "model/config.h"
#include "model/labels.h"

#include <jansson.h>

/* Fills *card, less card->json, from the metadata's object, and says how many classes there are. */
em_status em_card_read(em_card *card, int *n_classes, const json_t *root, const char *path, em_err *err);

/* Adds the card's keys to root; false when memory runs out. */
bool em_card_write(json_t *root, const em_card *card, int n_classes);

/* Whether `key` is one that em_card_read reads. */
bool em_card_knows(const char *key);

/* Digits of a written number: a decimal of so many comes back as it was, .8968 and not .89680000000000004. */
enum { EM_DIGITS = 15 };

/* A float as the shortest decimal that reads back as the same float: -4.2677393 and not -4.2677392959594727. */
json_t *em_json_of_float(float x);

#endif
