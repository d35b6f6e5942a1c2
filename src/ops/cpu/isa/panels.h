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

/* Whether the last vector of columns is at most half full and takes two steps of k at once. */
EM_INLINE bool em_has_half(int n, int k) { return n > LANES && n % LANES > 0 && n % LANES <= LANES / 2 && k % 2 == 0; }

#endif
