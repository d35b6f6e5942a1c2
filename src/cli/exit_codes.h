/* exit_codes.h - what the exit status says: stable, told by --help and the manual. */
#ifndef EM_CLI_EXIT_CODES_H
#define EM_CLI_EXIT_CODES_H

enum {
    EM_EXIT_OK = 0, EM_EXIT_NOT_HEARD = 1, EM_EXIT_USAGE = 2, EM_EXIT_MODEL = 3, EM_EXIT_INPUT = 4, EM_EXIT_BACKEND = 5, EM_EXIT_OUTPUT = 6,
    EM_EXIT_TRAINING = 7, EM_EXIT_INTERNAL = 70,
    EM_EXIT_CUT = 128,              /* a signal came before a file's end: main dies of it (128 + its number in a shell) */
};

typedef struct em_exit_row { int code; const char *meaning, *more; } em_exit_row;

/* The i-th, in the order of the codes; NULL after the last. meaning: a few words; more: a sentence. */
const em_exit_row *em_exit_row_at(int i);

#endif
