/* scan_back.h - what a scan backward (scan_back.c) and its way over one tile (scan_sweep.c) share: where things lie.
 *
 * What belongs to a tile lies side by side, in rows of a tile's width with zeros past D: its parameters, its share of their
 * gradients, and the gradients of delta. So nothing but u, dy, du and the kept states has ends to look after. */
#ifndef EM_OPS_CPU_ISA_SCAN_BACK_H
#define EM_OPS_CPU_ISA_SCAN_BACK_H

#include "ops/cpu/isa/isa.h"

enum {
    TILE = 2, WIDE = TILE * LANES, CHUNK = EM_SCAN_CHUNK,
    STEPS = 4,                          /* tokens of a projection                            */
    ROWS = 4,                           /* of dt_w whose gradients are summed at once        */
    DOTS = LANES == 16 ? 4 : 3,         /* of dt_w whose products with STEPS tokens are      */
};

/* Rows of a tile: dt_w, dt_bias, up to a multiple of ROWS; then a, N of them; then skip. */
EM_INLINE int dt_rows(int R) { return (R + ROWS) / ROWS * ROWS; }
EM_INLINE int tile_rows(int R, int N) { return dt_rows(R) + N + 1; }
EM_INLINE int n_tiles(int D) { return (D + WIDE - 1) / WIDE; }

/* One direction of one window, and the scratch it is made on. */
typedef struct em_scan_lane {
    const em_scan4 *s;
    int k, dt_rows, rows, n_tiles;
    bool is_first;                      /* sets du; the second adds                          */
    const float *u, *dy;                /* [L][D]                                            */
    const float *x_dbl, *states;        /* of this direction                                 */
    float *du, *dx_dbl;
    float *params, *part;               /* [n_tiles][rows][WIDE]                             */
    float *carry;                       /* [n_tiles][N][WIDE]: e' g' of the chunk behind     */
    float *draw;                        /* [n_tiles][CHUNK][WIDE]: of delta before softplus  */
    float *row;                         /* [CHUNK][dt_rows + 2N]: dt, 1, zeros; B; C         */
    float *sums;                        /* [CHUNK][2N][LANES]: dB, dC                        */
} em_scan_lane;

/* One tile of a chunk: token by token, nv vectors each. */
typedef struct em_scan_chunk {
    int  n, n_next;                     /* tokens of this one, of the one before it          */
    long token[CHUNK], next[CHUNK];
    vf   u[CHUNK * TILE], dy[CHUNK * TILE], du[CHUNK * TILE];
    vf   delta[CHUNK * TILE], slope[CHUNK * TILE], ddelta[CHUNK * TILE];
    vf   decay[CHUNK * TILE];           /* of one state                                      */
    vf   h[(CHUNK + 1) * TILE];         /* of one state, before each token and at the end    */
} em_scan_chunk;

/* One tile of a chunk from behind: its du and draw, its share of the sums over channels and of the parameters' gradients.
 * begin[N][D] are the states before the chunk. */
void EM_K(scan_sweep)(em_scan_chunk *c, const em_scan_lane *l, int tile, const float *begin);

#endif
