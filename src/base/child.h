/* child.h - other programs, run as children whose output we read. No shell. */
#ifndef EM_BASE_CHILD_H
#define EM_BASE_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* Where a shell would find the program: name itself where it holds a '/', else in the folders of PATH. False: nowhere. */
bool em_child_find(char path[PATH_MAX], const char *name);

/* fd, or a copy above the three standard ones, which a child gets anew; then fd is closed. -1 stays, as does errno. */
int  em_child_above_standard(int fd);

/* A descriptor, above the standard ones, of a file in memory that holds these bytes, at its beginning. -1 with errno. */
int  em_child_input(const char *bytes, size_t n);

typedef struct em_child {           /* zeroed: none                                               */
    pid_t pid;
    int   out_fd, err_fd;           /* what it writes; not blocking. Negative: closed             */
} em_child;

/* Starts `path` with standard input in_fd (above the standard ones), in a process group of its own, without any other descriptor of
 * ours. It is killed when the calling thread ends, however that comes. Returns 0, or errno. */
int  em_child_start(em_child *c, const char *path, char *const *argv, char *const *env, int in_fd);

/* Whether a child of this process has ended, or is not there; it is not reaped. */
bool em_child_has_ended(pid_t pid);

/* Kills it and what it left in its group unless it ends by itself within wait_ms; reaps; closes. Takes a zeroed one. Returns the
 * status of waitpid, -1 where nobody knows it. */
int  em_child_end(em_child *c, int wait_ms);

#endif
