/* table.h - reads CSV and TSV line by line: labels of data sets, as spreadsheets, pandas and people write them.
 *
 * Fields may stand in double quotes ("" is a quote inside); blanks around a field do not count; lines end in LF or CRLF;
 * a byte order mark and empty lines are passed over. A line holds one row: a quote that is not closed on it is an error.
 * The text is hostile: lines are at most a mebibyte, rows at most EM_MOST_FIELDS fields, NULs are refused. One thread. */
#ifndef EM_TRAIN_TABLE_H
#define EM_TRAIN_TABLE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { EM_MOST_FIELDS = 4096, EM_SHOWN_PATH = 100 };

/* Where something was read, for errors; line 0: the file as such. */
typedef struct em_origin { const char *file; int line; } em_origin;

typedef struct em_table {
    char   **fields;                /* [n_fields] of the row read last; valid until the next is read    */
    int      n_fields;
    char     path[EM_SHOWN_PATH];   /* as it may be printed                                             */
    int      line;                  /* of that row, from 1                                              */
    char     separator;             /* ',', ';' or tab; 0: the first of these in the first row          */
    char     comment;               /* lines that begin with it are passed over; 0: none do             */
    FILE    *file;
    char    *text, *header;         /* the line, cut into fields; the header's line and its fields      */
    size_t   room;
    char   **columns;
    int      n_columns;             /* 0: no header was read, and rows may have any number of fields    */
} em_table;

/* EM_EIO. End *t with em_table_deinit, also after an error. */
em_status em_table_open(em_table *t, const char *path, em_err *err);
void      em_table_deinit(em_table *t);

/* The next row; *has_row false: the end. With a header, a row of another number of fields is an error. EM_EFORMAT, EM_EIO. */
em_status em_table_next(em_table *t, bool *has_row, em_err *err);

/* Reads the first row as the names of columns. EM_EFORMAT: there is none. */
em_status em_table_header(em_table *t, em_err *err);

/* The column with one of these names, "filename|file|path", the first wins, in any case; -1: none. */
int       em_table_column(const em_table *t, const char *names);

/* The same; EM_EFORMAT when there is none. */
em_status em_table_need(const em_table *t, int *column, const char *names, em_err *err);

/* The field of this row, "" for column -1. */
const char *em_table_field(const em_table *t, int column);

em_origin em_table_at(const em_table *t);

/* A decimal number, the whole text, finite. */
bool      em_text_number(const char *text, double *out);

/* "file: line 7: why" */
em_status em_fail_at(em_err *err, em_status code, em_origin at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A path as it may be printed: without control characters, its end when it is long. Returns out. */
char     *em_shown_path(char out[EM_SHOWN_PATH], const char *path);

#endif
