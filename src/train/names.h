/* names.h - numbers strings in the order in which they first come, and finds them again at once.
 *
 * A zeroed struct is empty. The strings lie in the caller's store and live as long as that. One thread at a time. */
#ifndef EM_TRAIN_NAMES_H
#define EM_TRAIN_NAMES_H

#include "train/store.h"

typedef struct em_names {
    const char **text;              /* [n] */
    int          n, room;
    int         *slots;             /* [n_slots] an index into text, plus 1; 0: free */
    size_t       n_slots;           /* a power of two, more than 2 n                 */
} em_names;

/* -1: not there. */
int  em_names_find(const em_names *names, const char *text);

/* The number of text, which is copied into the store when it is new: then it is the old names->n. -1: no memory. */
int  em_names_add(em_names *names, em_store *store, const char *text);

void em_names_deinit(em_names *names);

#endif
