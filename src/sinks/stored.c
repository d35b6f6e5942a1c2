/* stored.c - reads what sink_store.c wrote, or anybody else: the file; its head and its records are read by stored_head.c and
 * stored_record.c. See stored.h. */
#include "sinks/stored.h"

#include "sinks/stored_head.h"
#include "sinks/stored_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct em_stored {
    FILE  *file;
    const char *path;
    em_stored_book   book;
    em_stored_record record;
};

/* Takes the file, NULL: it could not be opened. */
static em_status open_file(em_stored **out, FILE *file, const char *path, em_err *err)
{
    em_stored *s = calloc(1, sizeof *s);
    em_status status;

    *out = NULL;
    if (!file || !s) {
        status = file ? em_fail(err, EM_ENOMEM, "%s: no memory", path)
                      : em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
        if (file)
            fclose(file);
        free(s);
        return status;
    }
    s->path = path;
    s->file = file;
    if ((status = em_stored_book_init(&s->book, file, path, err)) ||
        (status = em_stored_record_init(&s->record, &s->book.head, path, err))) {
        em_stored_close(s);
        return status;
    }
    *out = s;
    return EM_OK;
}

em_status em_stored_open(em_stored **out, const char *path, em_err *err)
{
    return open_file(out, fopen(path, "rbe"), path, err);
}

em_status em_stored_open_bytes(em_stored **out, const void *bytes, size_t n, const char *path, em_err *err)
{
    return open_file(out, fmemopen((void *)(uintptr_t)bytes, n, "rb"), path, err);
}

void em_stored_close(em_stored *s)
{
    if (!s)
        return;
    fclose(s->file);
    em_stored_record_deinit(&s->record);
    em_stored_book_deinit(&s->book);
    free(s);
}

const em_stored_head *em_stored_head_of(const em_stored *s)
{
    return &s->book.head;
}

/* The next record into the bytes; letter '\0': there is none. */
static em_status read_record(em_stored *s, char *letter, em_err *err)
{
    em_stored_record *r = &s->record;
    unsigned char head[5];
    const size_t got = fread(head, 1, sizeof head, s->file);

    *letter = '\0';
    r->n = 0;
    if (got == 0 && !ferror(s->file))
        return EM_OK;
    for (int i = 0; i < 4 && got == sizeof head; i++)
        r->n |= (size_t)head[1 + i] << 8 * i;
    if (r->n > r->most)
        return em_stored_broken(s->path, err, "a record is too long");
    if (got < sizeof head || fread(r->bytes, 1, r->n, s->file) != r->n)
        return ferror(s->file) ? em_fail(err, EM_EIO, "%s: cannot be read: %s", s->path, strerror(errno))
                               : em_fail(err, EM_EFORMAT, "%s: ends inside a record; the records before it are whole", s->path);
    *letter = (char)head[0];
    return EM_OK;
}

em_status em_stored_next(em_stored *s, em_event *e, bool *has_one, em_err *err)
{
    char letter;
    em_status status;

    *has_one = false;
    while (!(status = read_record(s, &letter, err)) && letter == 'n')
        if (!em_stored_record_take_name(&s->record))
            return em_stored_broken(s->path, err, "a name is not as it should be");
    if (status || !letter)
        return status;
    if (!em_stored_record_take(&s->record, letter, e))
        return em_stored_broken(s->path, err, "a record is not as it should be");
    *has_one = true;
    return EM_OK;
}
