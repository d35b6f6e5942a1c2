/* store.c - a chain of blocks, each handed out from its start: see store.h. */
#include "train/store.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 << 10, PIECE = 8 };

struct em_store_block {
    struct em_store_block *next;
    _Alignas(PIECE) char   bytes[];
};

static int add_block(em_store *store, size_t n_bytes)
{
    size_t room = n_bytes > BLOCK ? n_bytes : BLOCK;
    struct em_store_block *block = calloc(1, sizeof *block + room);

    if (!block)
        return -1;
    block->next = store->blocks;
    store->blocks = block;
    store->room = room;
    store->used = 0;
    return 0;
}

void *em_store_alloc(em_store *store, size_t n_bytes)
{
    char *piece;

    if (n_bytes > PTRDIFF_MAX / 2)                  /* keeps the sums below from wrapping */
        return NULL;
    n_bytes = (n_bytes + PIECE) / PIECE * PIECE;    /* at least one piece, so that no two share an address */
    if (n_bytes > store->room - store->used && add_block(store, n_bytes) != 0)
        return NULL;
    piece = store->blocks->bytes + store->used;
    store->used += n_bytes;
    return piece;
}

char *em_store_text(em_store *store, const char *text, size_t n)
{
    char *copy = n < PTRDIFF_MAX ? em_store_alloc(store, n + 1) : NULL;

    if (copy)
        memcpy(copy, text, n);
    return copy;
}

void em_store_deinit(em_store *store)
{
    while (store->blocks) {
        struct em_store_block *next = store->blocks->next;

        free(store->blocks);
        store->blocks = next;
    }
    *store = (em_store){ 0 };
}
