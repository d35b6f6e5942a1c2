/* head.h - the head of a request, read more strictly than microhttpd reads it: what two readers could take for different things is
 * refused, so that nothing can hide in a request or behind it.
 *
 * Lines end with CR LF and hold no control bytes; there is one space on each side of the target; names are tokens that begin their line and
 * end at their colon, so no line is folded; one Host, and no second one of the fields that matter; no body. Pure; one thread. */
#ifndef EM_SINKS_WEB_HEAD_H
#define EM_SINKS_WEB_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    EM_WEB_LINE_BYTES = 4096,       /* of the first line, without its end                              */
    EM_WEB_FIELDS = 64, EM_WEB_FIELD_BYTES = 8192,      /* together, with their line ends              */
    EM_WEB_HEAD_BYTES = EM_WEB_LINE_BYTES + EM_WEB_FIELD_BYTES + 8,     /* whatever is longer is refused */
};

typedef struct em_web_field { const char *name, *value; } em_web_field;

typedef struct em_web_head {        /* zeros before the first bytes                                    */
    size_t      n_seen, line;       /* how far it was looked at; where the line under way begins       */
    size_t      fields_at;          /* where the fields begin                                          */
    int         n_lines;
    const char *method;
    const char *path;               /* without its query; NULL: the target names nothing here ("*", "host:80") */
    const char *authority;          /* of a target like http://localhost/; NULL: none                  */
    const char *host;               /* its field; not empty                                            */
    int         n_fields;
    em_web_field fields[EM_WEB_FIELDS];
} em_web_head;

/* bytes[n]: all that has come so far, which is the same as in the call before as far as that went. 0: more is wanted. 200: it is whole;
 * what h points to lies in bytes, which are changed. Else the status to refuse it with: 400, 414, 417, 431, 505. */
int em_web_head_read(em_web_head *h, char *bytes, size_t n);

/* The value of a whole head's first field of that name; NULL: there is none. */
const char *em_web_head_field(const em_web_head *h, const char *name);

#endif
