/* machine.h - what this machine can do at most: the two axes of the roofline that --bench holds operators against.
 *
 * Ours, oneDNN and OpenBLAS are raced, the latter two loaded at run time where they are installed: a floor must not
 * flatter us because our own product is slow here. Called once, at the end of a measurement: their threads stay. */
#ifndef EM_CLI_MACHINE_H
#define EM_CLI_MACHINE_H

#include "base/status.h"

typedef struct em_machine {
    double sgemm_gflops;            /* best large single-precision matrix product         */
    double read_gbs;                /* reading memory far larger than any cache           */
    char   best[16];                /* whose product it was: own, onednn, openblas        */
    char   raced[96];               /* "own 340, onednn 331, openblas 322"                */
} em_machine;

/* The CPU with n_threads, whatever backend tags. About two seconds. EM_ENOMEM. */
em_status em_machine_measure(em_machine *out, int n_threads, em_err *err);

#endif
