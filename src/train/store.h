/* store.h - memory that only grows and goes at once: the strings and arrays of a data set, some millions of them.
 *
 * A zeroed struct is an empty store. Pieces are aligned to 8 bytes and stay where they are. One thread at a time. */
#ifndef EM_TRAIN_STORE_H
#define EM_TRAIN_STORE_H

#include <stddef.h>

typedef struct em_store {
    struct em_store_block *blocks;  /* the newest first */
    size_t used, room;              /* bytes of it      */
} em_store;

/* A zeroed piece, or NULL: no memory. n_bytes 0 gives a pointer, too. */
void *em_store_alloc(em_store *store, size_t n_bytes);

/* The first n bytes of text and a NUL. NULL: no memory. */
char *em_store_text(em_store *store, const char *text, size_t n);

void  em_store_deinit(em_store *store);

#endif
