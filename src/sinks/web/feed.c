#include "sinks/web/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_MARKS = 1024 };                /* messages whose places are known; of more, only the newest */

typedef struct mark { uint64_t begin, end; char id[EM_EVENT_ID_CHARS]; } mark;

struct em_feed {
    pthread_mutex_t lock;
    char    *bytes;                     /* [room]: byte i of the stream is bytes[i % room] */
    size_t   room;
    uint64_t n;                         /* bytes put so far                                */
    mark     marks[N_MARKS];            /* message i is marks[i % N_MARKS]                 */
    uint64_t n_marks;
};

em_status em_feed_new(em_feed **out, size_t room, em_err *err)
{
    em_feed *f = calloc(1, sizeof *f);

    *out = NULL;
    if (!f || !(f->bytes = malloc(room))) {
        free(f);
        return em_fail(err, EM_ENOMEM, "no memory for the page's feeds");
    }
    f->room = room;
    pthread_mutex_init(&f->lock, NULL);
    *out = f;
    return EM_OK;
}

void em_feed_free(em_feed *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->lock);
    free(f->bytes);
    free(f);
}

static void copy_in(em_feed *f, const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        size_t at = f->n % f->room, most = f->room - at < n ? f->room - at : n;

        memcpy(f->bytes + at, text, most);
        text += most;
        n -= most;
        f->n += most;
    }
}

static void copy_field(em_feed *f, const char *name, const char *value, const char *end)
{
    if (!value)
        return;
    copy_in(f, name);
    copy_in(f, value);
    copy_in(f, end);
}

void em_feed_put(em_feed *f, const char *kind, const char *id, const char *data)
{
    mark *m;

    if (strlen(data) > f->room / 4)
        return;
    pthread_mutex_lock(&f->lock);
    m = &f->marks[f->n_marks++ % N_MARKS];
    m->begin = f->n;
    snprintf(m->id, sizeof m->id, "%s", id ? id : "");
    copy_field(f, "event: ", kind, "\n");
    copy_field(f, "id: ", id, "\n");
    copy_field(f, "data: ", data, "\n\n");
    m->end = f->n;
    pthread_mutex_unlock(&f->lock);
}

static uint64_t oldest_mark(const em_feed *f)
{
    return f->n_marks > N_MARKS ? f->n_marks - N_MARKS : 0;
}

static uint64_t history(const em_feed *f)
{
    uint64_t least = f->n > f->room / 2 ? f->n - f->room / 2 : 0;

    for (uint64_t i = oldest_mark(f); i < f->n_marks; i++)
        if (f->marks[i % N_MARKS].begin >= least)
            return f->marks[i % N_MARKS].begin;
    return f->n;
}

uint64_t em_feed_end(em_feed *f)
{
    uint64_t n;

    pthread_mutex_lock(&f->lock);
    n = f->n;
    pthread_mutex_unlock(&f->lock);
    return n;
}

uint64_t em_feed_history(em_feed *f)
{
    uint64_t at;

    pthread_mutex_lock(&f->lock);
    at = history(f);
    pthread_mutex_unlock(&f->lock);
    return at;
}

uint64_t em_feed_after(em_feed *f, const char *id)
{
    uint64_t at;

    pthread_mutex_lock(&f->lock);
    at = history(f);
    for (uint64_t i = oldest_mark(f); *id && i < f->n_marks; i++) {
        const mark *m = &f->marks[i % N_MARKS];

        if (m->end + f->room >= f->n && strcmp(m->id, id) == 0) {
            at = m->end;
            break;
        }
    }
    pthread_mutex_unlock(&f->lock);
    return at;
}

ssize_t em_feed_read(em_feed *f, uint64_t *at, char *out, size_t max)
{
    ssize_t n_read = 0;

    pthread_mutex_lock(&f->lock);
    if (f->n - *at > f->room) {
        n_read = -1;
    } else {
        while (*at < f->n && (size_t)n_read < max) {
            size_t from = *at % f->room, n = f->room - from, left = max - (size_t)n_read;

            n = n < left ? n : left;
            n = n < f->n - *at ? n : (size_t)(f->n - *at);
            memcpy(out + n_read, f->bytes + from, n);
            n_read += (ssize_t)n;
            *at += n;
        }
    }
    pthread_mutex_unlock(&f->lock);
    return n_read;
}
