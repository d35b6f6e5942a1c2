/* program.h - where the running program lies, from which what was installed with it is found. Any thread. */
#ifndef EM_BASE_PROGRAM_H
#define EM_BASE_PROGRAM_H

#include <limits.h>

/* The program's own folder (links followed) without its last slash; "." where the system does not tell. */
void em_program_folder(char folder[PATH_MAX]);

#endif
