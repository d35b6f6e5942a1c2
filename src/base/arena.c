/* arena.c - the bump pointer, and the one aligned allocation behind every block: zeroed, so its pages are touched
 * before real time starts, and on huge pages from 4 MiB up. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Weights and activations are walked in strides of many pages: with huge ones the translations fit. */
enum { HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20 };

void *em_arena_alloc(em_arena *arena, size_t n_bytes)
{
    size_t at = arena->used, most = SIZE_MAX / EM_ALIGN * EM_ALIGN;

    /* A size that would wrap around stays at the top instead: the block that was measured can then not be had. */
    arena->used = n_bytes > most - at ? most : at + (n_bytes + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN;
    if (arena->used > arena->high)
        arena->high = arena->used;
    if (!arena->base)
        return NULL;
    assert(arena->used <= arena->size);
    return arena->base + at;
}

void em_arena_rewind(em_arena *arena, size_t mark)
{
    assert(mark <= arena->used);
    arena->used = mark;
}

void *em_alloc(size_t n_bytes)
{
    void *p;

    if (n_bytes > PTRDIFF_MAX - EM_ALIGN)           /* what no allocator gives; also keeps the rounding from wrapping */
        return NULL;
    n_bytes = (n_bytes + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN;
    if (n_bytes >= HUGE_FROM) {
        p = aligned_alloc(HUGE_PAGE, (n_bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
        if (p)
            madvise(p, n_bytes, MADV_HUGEPAGE);         /* a wish: refused, it costs nothing */
    } else {
        p = aligned_alloc(EM_ALIGN, n_bytes ? n_bytes : EM_ALIGN);
    }
    if (p)
        memset(p, 0, n_bytes);
    return p;
}
