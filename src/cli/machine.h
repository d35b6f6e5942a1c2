/* machine.h - what this machine can do at most: the two axes of the roofline that --bench holds operators against. */
#ifndef EM_CLI_MACHINE_H
#define EM_CLI_MACHINE_H

#include "base/status.h"
#include "cli/race.h"

typedef struct em_machine {
    em_race_result product;         /* of large matrices                                  */
    double read_gbs;                /* reading memory far larger than any cache           */
} em_machine;

/* After the race: half a second of reading with n_threads, and what the race has told. EM_ENOMEM. */
em_status em_machine_measure(em_machine *out, const em_race *race, int n_threads, em_err *err);

#endif
