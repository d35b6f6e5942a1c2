/* panels.h - how a matrix w[n][k] is packed for gemm: where its panels begin, and which of them ends with half a vector.
 *
 * A panel is 2 or 3 vectors of columns wide (3 once when their number is odd, so that no vector is empty), stored [k][width].
 * A last vector that is half empty holds two steps of k instead, in neighbouring lanes: half the FMAs. */
#ifndef EM_OPS_CPU_ISA_PANELS_H
#define EM_OPS_CPU_ISA_PANELS_H

#include "ops/cpu/isa/vec.h"

#include <stdbool.h>

EM_INLINE int em_count_vectors(int n) { return (n + LANES - 1) / LANES; }

EM_INLINE int em_panels(int n)
{
    int v = em_count_vectors(n);

    return v == 1 ? 1 : v / 2;                      /* odd: 3 + 2 + 2 ...; even: 2 + 2 ... */
}

EM_INLINE int em_panel_vector(int n, int panel)
{
    int v = em_count_vectors(n);

    if (panel >= em_panels(n))
        return v;
    return panel == 0 ? 0 : 2 * panel + v % 2;
}

/* The vectors [vector, vector + nv) of columns. halved: the last of them is at most half full, and takes two steps of k at once. */
typedef struct em_panel { int vector, nv; bool halved; } em_panel;

EM_INLINE em_panel em_panel_at(int n, int k, int panel)
{
    const int vector = em_panel_vector(n, panel), over = n % LANES;
    const bool has_half = n > LANES && over > 0 && over <= LANES / 2 && k % 2 == 0;

    return (em_panel){ vector, em_panel_vector(n, panel + 1) - vector, has_half && panel + 1 == em_panels(n) };
}

/* Of the first k steps. */
EM_INLINE size_t em_panel_floats(em_panel p, int k)
{
    const size_t vector = (size_t)LANES * (size_t)k;

    return (size_t)p.nv * vector - (p.halved ? vector / 2 : 0);
}

#endif
