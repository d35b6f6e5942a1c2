/* labels.c - the CSV reader, the look-up by name, mid or slug, and the nearest names for a wrong one. */
#include "model/labels.h"

#include "base/text.h"
#include "model/card.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 4 << 20, MOST_MID = 64 };

extern const char em_audioset_csv[];        /* made from config/labels/audioset.csv by CMake */

/* A walk over the rows of a CSV text. */
typedef struct rows {
    const char *at, *end;
    int         line;               /* of the row being read, from 1 */
    const char *path;
    em_err     *err;
} rows;

static em_status bad_row(const rows *r, const char *why)
{
    return em_fail(r->err, EM_EFORMAT, "%s: line %d: %s", r->path, r->line, why);
}

/* One field, unquoted, into out. Stops behind the comma or at the end of the line. */
static em_status read_field(rows *r, char *out, size_t room)
{
    bool is_quoted = r->at < r->end && *r->at == '"';
    size_t n = 0;

    r->at += is_quoted;
    while (r->at < r->end && *r->at != '\n') {
        if (is_quoted && *r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"')
                break;
            r->at++;                                    /* "" stands for " */
        } else if (!is_quoted && (*r->at == ',' || *r->at == '\r')) {
            break;
        }
        if (n + 1 == room)
            return bad_row(r, "a field is too long");
        out[n++] = *r->at++;
    }
    out[n] = '\0';
    if (is_quoted && (r->at == r->end || *r->at++ != '"'))
        return bad_row(r, "a quote is not closed");
    return EM_OK;
}

static em_status expect_comma(rows *r)
{
    if (r->at == r->end || *r->at != ',')
        return bad_row(r, "index,mid,display_name expected (a name with a comma stands in double quotes)");
    r->at++;
    return EM_OK;
}

static em_status expect_end(rows *r)
{
    if (r->at < r->end && *r->at == '\r')
        r->at++;
    if (r->at < r->end && *r->at != '\n')
        return bad_row(r, "more than three fields (a name with a comma stands in double quotes)");
    r->at += r->at < r->end;
    r->line++;
    return EM_OK;
}

/* Three fields, the middle one and the last into mid and name. */
static em_status read_row(rows *r, char index[12], char mid[MOST_MID + 1], char name[EM_MOST_LABEL + 1])
{
    em_status status = read_field(r, index, 12);

    if (status == EM_OK)
        status = expect_comma(r);
    if (status == EM_OK)
        status = read_field(r, mid, MOST_MID + 1);
    if (status == EM_OK)
        status = expect_comma(r);
    if (status == EM_OK)
        status = read_field(r, name, EM_MOST_LABEL + 1);
    return status;
}

static em_status add_class(em_labels *out, const rows *r, const char *mid, const char *name)
{
    char clean[EM_MOST_LABEL + 1];
    char **names = realloc(out->names, ((size_t)out->n + 1) * sizeof *names), **mids;

    if (names)
        out->names = names;
    mids = realloc(out->mids, ((size_t)out->n + 1) * sizeof *mids);
    if (mids)
        out->mids = mids;
    if (!names || !mids)
        return em_fail(r->err, EM_ENOMEM, "%s: no memory", r->path);
    names[out->n] = strdup(em_text_clean(clean, sizeof clean, name));
    mids[out->n] = strdup(mid);
    out->n++;                                           /* now, so that deinit frees both */
    return names[out->n - 1] && mids[out->n - 1] ? EM_OK : em_fail(r->err, EM_ENOMEM, "%s: no memory", r->path);
}

static em_status read_class(em_labels *out, rows *r)
{
    static const char mid_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/-";
    char index[12], mid[MOST_MID + 1], name[EM_MOST_LABEL + 1], wanted[12], why[80];
    em_status status = read_row(r, index, mid, name);

    if (status != EM_OK)
        return status;
    snprintf(wanted, sizeof wanted, "%d", out->n);
    if (strcmp(index, wanted)) {
        snprintf(why, sizeof why, "index %d expected (indices start at 0 and have no gaps)", out->n);
        return bad_row(r, why);
    }
    if (mid[strspn(mid, mid_bytes)])
        return bad_row(r, "the mid has other characters than letters, digits, '/', '_' and '-'");
    if (!name[0])
        return bad_row(r, "the name is empty");
    if (out->n == EM_MOST_CLASSES)
        return bad_row(r, "too many classes (10000 at most)");
    status = add_class(out, r, mid, name);
    return status == EM_OK ? expect_end(r) : status;
}

em_status em_labels_parse(em_labels *out, const char *text, size_t n, const char *path, em_err *err)
{
    rows r = { .at = text, .end = text + n, .line = 1, .path = path, .err = err };
    char index[12], mid[MOST_MID + 1], name[EM_MOST_LABEL + 1];
    em_status status;

    *out = (em_labels){ 0 };
    if (!em_utf8_valid(text, n))
        return em_fail(err, EM_EFORMAT, "%s: is not UTF-8 text", path);
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))     /* a byte order mark, as spreadsheets write it */
        r.at += 3;
    status = read_row(&r, index, mid, name);
    if (status != EM_OK || strcmp(index, "index") || strcmp(mid, "mid") || strcmp(name, "display_name"))
        return em_fail(err, EM_EFORMAT, "%s: line 1: the header index,mid,display_name expected", path);
    status = expect_end(&r);
    while (status == EM_OK && r.at < r.end)
        status = read_class(out, &r);
    if (status == EM_OK && out->n == 0)
        status = em_fail(err, EM_EFORMAT, "%s: names no class", path);
    if (status == EM_OK)
        status = em_labels_check(out->names, out->n, path, err);
    return status;
}

em_status em_labels_read(em_labels *out, const char *path, em_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    char *text = NULL;
    size_t n = 0;
    em_status status = EM_OK;

    *out = (em_labels){ 0 };
    if (fd < 0 || fstat(fd, &info) < 0)
        status = em_fail(err, EM_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode) || info.st_size > MOST_BYTES)
        status = em_fail(err, EM_EIO, "%s: is not a regular file of at most %d bytes", path, MOST_BYTES);
    else if (!(text = malloc((size_t)info.st_size + 1)))
        status = em_fail(err, EM_ENOMEM, "%s: no memory", path);
    while (status == EM_OK && n < (size_t)info.st_size) {
        ssize_t got = read(fd, text + n, (size_t)info.st_size - n);

        if (got < 0 && errno != EINTR)
            status = em_fail(err, EM_EIO, "%s: %s", path, strerror(errno));
        if (got == 0)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    if (status == EM_OK)
        status = em_labels_parse(out, text, n, path, err);
    free(text);
    if (fd >= 0)
        close(fd);
    return status;
}

void em_labels_deinit(em_labels *labels)
{
    for (int i = 0; i < labels->n; i++) {
        free(labels->names[i]);
        free(labels->mids[i]);
    }
    free(labels->names);
    free(labels->mids);
    *labels = (em_labels){ 0 };
}

em_status em_labels_audioset(em_labels *out, em_err *err)
{
    return em_labels_parse(out, em_audioset_csv, strlen(em_audioset_csv), "audioset.csv", err);
}

int em_labels_find(const char *const *names, const char *const *mids, int n, const char *wanted)
{
    char slug[EM_MOST_LABEL + 3];

    if (!*wanted)
        return -1;
    for (int i = 0; i < n; i++)
        if (!strcasecmp(names[i], wanted) || (mids && !strcmp(mids[i], wanted)))
            return i;
    for (int i = 0; i < n; i++)                         /* only now: a display name goes before another's slug */
        if (!strcmp(em_slug(slug, sizeof slug, names[i]), wanted))
            return i;
    return -1;
}

int em_labels_nearest(int out[EM_NEAREST], const char *const *names, int n, const char *wanted)
{
    enum { ELSEWHERE = 1 << 20 };                       /* more than any distance */
    int distance[EM_NEAREST], n_out = 0;

    for (int i = 0; i < n; i++) {
        int d = em_text_distance(names[i], wanted) + (strcasestr(names[i], wanted) ? 0 : ELSEWHERE), at = n_out;

        while (at > 0 && d < distance[at - 1])
            at--;
        if (at == EM_NEAREST)
            continue;
        n_out += n_out < EM_NEAREST;
        for (int k = n_out - 1; k > at; k--) {
            distance[k] = distance[k - 1];
            out[k] = out[k - 1];
        }
        distance[at] = d;
        out[at] = i;
    }
    return n_out;
}

em_status em_labels_resolve(int *out, const char *const *names, const char *const *mids, int n, const char *wanted, em_err *err)
{
    char shown[64], list[160] = "";
    int nearest[EM_NEAREST], n_nearest;

    *out = em_labels_find(names, mids, n, wanted);
    if (*out >= 0)
        return EM_OK;
    n_nearest = em_labels_nearest(nearest, names, n, wanted);
    for (int i = 0; i < n_nearest; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s\"%.45s\"", i ? ", " : "", names[nearest[i]]);
    }
    return em_fail(err, EM_EINVAL, "class \"%s\" is unknown; the nearest are %s", em_text_clean(shown, sizeof shown, wanted),
                   n_nearest ? list : "none: the model has no classes");
}

void em_labels_mids(const char **out, const em_labels *labels, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        out[i] = "";
        for (int k = 0; k < labels->n; k++)
            if (!strcmp(labels->names[k], names[i])) {
                out[i] = labels->mids[k];
                break;
            }
    }
}
