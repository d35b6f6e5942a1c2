/* arena.h - bump allocation from one block that is sized once.
 *
 * The same code walks an arena twice: with base NULL it only measures, and em_arena_alloc hands out NULL;
 * with memory behind it, the same calls hand out the pieces. A piece is aligned to 64 bytes (a cache line
 * and a 512-bit vector). Marks rewind it, so that scratch of one step is reused by the next. */
#ifndef EM_BASE_ARENA_H
#define EM_BASE_ARENA_H

#include <stddef.h>

enum { EM_ALIGN = 64 };

typedef struct em_arena {
    char  *base;                    /* NULL while measuring                                */
    size_t used;                    /* bytes handed out since the start                    */
    size_t high;                    /* the most that was ever in use: the size to allocate */
    size_t size;                    /* bytes behind base, 0 while measuring                */
} em_arena;

/* An aligned piece of n_bytes, or NULL while measuring. Asserts that it fits. Measured sizes never wrap around:
 * what is too much for a size_t ends as a `high` that em_alloc refuses. */
void *em_arena_alloc(em_arena *arena, size_t n_bytes);

/* Everything allocated since used was `mark` is free again. */
void em_arena_rewind(em_arena *arena, size_t mark);

/* n_bytes of zeroed, EM_ALIGN-aligned memory, or NULL; ends with free(). */
void *em_alloc(size_t n_bytes);

#endif
