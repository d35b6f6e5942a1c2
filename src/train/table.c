/* table.c - one line at a time, cut into fields where it lies: see table.h. */
#include "train/table.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_LINE = 1 << 20, FIRST_ROOM = 1024 };

char *em_shown_path(char out[EM_SHOWN_PATH], const char *path)
{
    const size_t n = strlen(path);

    if (n < EM_SHOWN_PATH)
        return em_text_clean(out, EM_SHOWN_PATH, path);
    memcpy(out, "...", 3);
    em_text_clean(out + 3, EM_SHOWN_PATH - 3, path + n - (EM_SHOWN_PATH - 4));
    return out;
}

em_status em_fail_at(em_err *err, em_status code, em_origin at, const char *fmt, ...)
{
    char said[sizeof err->msg], why[sizeof err->msg];
    va_list args;

    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    em_text_clean(why, sizeof why, said);               /* it quotes the file */
    if (at.line == 0)
        return em_fail(err, code, "%s: %s", at.file, why);
    return em_fail(err, code, "%s: line %d: %s", at.file, at.line, why);
}

em_origin em_table_at(const em_table *t)
{
    return (em_origin){ t->path, t->line };
}

em_status em_table_open(em_table *t, const char *path, em_err *err)
{
    *t = (em_table){ 0 };
    em_shown_path(t->path, path);
    t->file = fopen(path, "re");
    if (!t->file)
        return em_fail(err, EM_EIO, "%s: cannot be read: %s", t->path, strerror(errno));
    return EM_OK;
}

void em_table_deinit(em_table *t)
{
    if (t->file)
        fclose(t->file);
    free(t->text);
    free(t->header);
    free(t->columns);
    free(t->fields);
    *t = (em_table){ 0 };
}

static em_status make_room(em_table *t, em_err *err)
{
    const size_t room = t->room ? 2 * t->room : FIRST_ROOM;
    char *text;

    if (room > MOST_LINE)
        return em_fail_at(err, EM_EFORMAT, em_table_at(t), "is longer than %d bytes", MOST_LINE);
    text = realloc(t->text, room);
    if (!text)
        return em_fail(err, EM_ENOMEM, "%s: no memory", t->path);
    t->text = text;
    t->room = room;
    return EM_OK;
}

/* One line without its end into t->text. */
static em_status read_line(em_table *t, bool *has_line, em_err *err)
{
    size_t n = 0;
    int c;

    t->line++;
    while ((c = getc_unlocked(t->file)) != EOF && c != '\n') {
        if (c == '\0')
            return em_fail_at(err, EM_EFORMAT, em_table_at(t), "holds a NUL byte: this is no text");
        if (n + 2 > t->room && make_room(t, err) != EM_OK)
            return err->code;
        t->text[n++] = (char)c;
    }
    if (c == EOF && ferror(t->file))
        return em_fail(err, EM_EIO, "%s: cannot be read: %s", t->path, strerror(errno));
    *has_line = c != EOF || n > 0;
    if (t->room == 0 && make_room(t, err) != EM_OK)
        return err->code;
    t->text[n] = '\0';
    return EM_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\r' || c == '\t';
}

/* A field in quotes, written over itself without them. *end: behind the closing quote; NULL: there is none. */
static char *unquote(char *from, char **end)
{
    char *out = from, *at = from + 1;

    for (; *at; at++) {
        if (*at == '"' && at[1] != '"')
            break;
        if (*at == '"')
            at++;                                       /* "" stands for " */
        *out++ = *at;
    }
    *end = *at ? at + 1 : NULL;
    *out = '\0';
    return from;
}

static em_status add_field(em_table *t, char *field, em_err *err)
{
    if (t->n_fields == EM_MOST_FIELDS)
        return em_fail_at(err, EM_EFORMAT, em_table_at(t), "has more than %d fields", EM_MOST_FIELDS);
    if (!t->fields) {
        t->fields = malloc(EM_MOST_FIELDS * sizeof *t->fields);
        if (!t->fields)
            return em_fail(err, EM_ENOMEM, "%s: no memory", t->path);
    }
    t->fields[t->n_fields++] = field;
    return EM_OK;
}

/* A field that is not in quotes ends before the separator; blanks at its end go. */
static char *cut_plain(const em_table *t, char *from)
{
    char *end = from, *last;

    while (*end && *end != t->separator)
        end++;
    for (last = end; last > from && is_blank(last[-1]); last--)
        ;
    if (last < end)
        *last = '\0';
    return end;
}

static em_status cut_fields(em_table *t, char *at, em_err *err)
{
    char *field, *end;

    for (;;) {
        while (is_blank(*at) && *at != t->separator)
            at++;
        field = at;
        if (*at == '"') {
            unquote(at, &end);
            if (!end)
                return em_fail_at(err, EM_EFORMAT, em_table_at(t), "a quote is not closed");
            while (is_blank(*end) && *end != t->separator)
                end++;
            if (*end && *end != t->separator)
                return em_fail_at(err, EM_EFORMAT, em_table_at(t), "there is text behind a closing quote");
        } else {
            end = cut_plain(t, at);
        }
        if (add_field(t, field, err) != EM_OK)
            return err->code;
        if (!*end)
            return EM_OK;
        *end = '\0';
        at = end + 1;
    }
}

static void find_separator(em_table *t, const char *text)
{
    const char *first = strpbrk(text, "\t,;");

    if (t->separator == '\0')
        t->separator = first ? *first : ',';
}

static em_status check_width(const em_table *t, em_err *err)
{
    if (t->n_columns == 0 || t->n_fields == t->n_columns)
        return EM_OK;
    return em_fail_at(err, EM_EFORMAT, em_table_at(t), "has %d fields where the header has %d%s", t->n_fields, t->n_columns,
                      t->n_fields > t->n_columns ? " (a field with a separator inside stands in double quotes)" : "");
}

em_status em_table_next(em_table *t, bool *has_row, em_err *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    em_status status;
    char *at;

    for (;;) {
        status = read_line(t, has_row, err);
        if (status != EM_OK || !*has_row)
            return status;
        at = t->text;
        if (t->line == 1 && strncmp(at, mark, sizeof mark - 1) == 0)
            at += sizeof mark - 1;
        if (at[strspn(at, " \r\t")] && !(t->comment && *at == t->comment))
            break;
    }
    find_separator(t, at);
    t->n_fields = 0;
    status = cut_fields(t, at, err);
    return status == EM_OK ? check_width(t, err) : status;
}

em_status em_table_header(em_table *t, em_err *err)
{
    bool has_row;
    em_status status = em_table_next(t, &has_row, err);

    if (status != EM_OK)
        return status;
    if (!has_row)
        return em_fail(err, EM_EFORMAT, "%s: is empty: a first line with the names of columns expected", t->path);
    t->columns = malloc((size_t)t->n_fields * sizeof *t->columns);
    if (!t->columns)
        return em_fail(err, EM_ENOMEM, "%s: no memory", t->path);
    memcpy(t->columns, t->fields, (size_t)t->n_fields * sizeof *t->columns);
    t->n_columns = t->n_fields;
    t->header = t->text;
    t->text = NULL;
    t->room = 0;
    return EM_OK;
}

int em_table_column(const em_table *t, const char *names)
{
    for (const char *name = names; *name;) {
        const size_t n = strcspn(name, "|");

        for (int i = 0; i < t->n_columns; i++)
            if (strlen(t->columns[i]) == n && strncasecmp(t->columns[i], name, n) == 0)
                return i;
        name += n + (name[n] != '\0');
    }
    return -1;
}

em_status em_table_need(const em_table *t, int *column, const char *names, em_err *err)
{
    *column = em_table_column(t, names);
    if (*column >= 0)
        return EM_OK;
    return em_fail(err, EM_EFORMAT, "%s: line 1: names no column %.*s", t->path, (int)strcspn(names, "|"), names);
}

const char *em_table_field(const em_table *t, int column)
{
    return column >= 0 && column < t->n_fields ? t->fields[column] : "";
}

bool em_text_number(const char *text, double *out)
{
    char *end;

    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
        return false;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}
