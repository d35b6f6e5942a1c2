/* stored_head.h - the head of a file of scores (stored.h): its JSON, checked. One thread at a time. */
#ifndef EM_SINKS_STORED_HEAD_H
#define EM_SINKS_STORED_HEAD_H

#include "sinks/stored.h"

#include <stdio.h>

typedef struct em_stored_book {
    em_stored_head head;            /* what it points to is the book's                                 */
    const char  *path;              /* for sentences; borrowed                                         */
    struct json_t *root;            /* owns the strings                                                */
    const char **labels, **mids;    /* [n] of classes                                                  */
    bool        *is_trained;
    float       *thresholds;
} em_stored_book;

/* Reads the head from file's start, and no further. EM_EFORMAT, EM_ENOMEM. The caller ends *b with em_stored_book_deinit, always. */
em_status em_stored_book_init(em_stored_book *b, FILE *file, const char *path, em_err *err);
void      em_stored_book_deinit(em_stored_book *b);

/* EM_EFORMAT: path is none, or damaged: why. */
em_status em_stored_broken(const char *path, em_err *err, const char *why);

#endif
