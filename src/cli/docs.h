/* docs.h - the manual page and the shells' completions, made from the table of options while the program is built. They are
 * no part of the program: earmark_docs writes them. */
#ifndef EM_CLI_DOCS_H
#define EM_CLI_DOCS_H

#include "cli/options.h"

#include <stdbool.h>
#include <stdio.h>

/* What may stand behind an option. */
typedef enum em_docs_kind {
    EM_DOCS_NOTHING, EM_DOCS_ANYTHING, EM_DOCS_WORDS, EM_DOCS_FILE, EM_DOCS_FOLDER,
} em_docs_kind;

typedef struct em_docs_arg {
    em_docs_kind kind;
    bool is_optional;               /* only as --name=ARG, then                    */
    char words[256];                /* of EM_DOCS_WORDS, with spaces between them  */
    char name[64];                  /* "FILE"; no brackets                         */
} em_docs_arg;

em_docs_arg em_docs_arg_of(const em_option *row);

/* Rows in the order of --help; NULL after the last. */
const em_option *em_docs_row(int i);

/* The template with @OPTIONS@, @FORMATS@, @EXIT@ and @SOURCE@ (lines of their own) and @VERSION@ filled in. False: it cannot be read,
 * or holds none of them. */
bool em_docs_man(FILE *out, const char *template);

void em_docs_bash(FILE *out);
void em_docs_zsh(FILE *out);
void em_docs_fish(FILE *out);

#endif
