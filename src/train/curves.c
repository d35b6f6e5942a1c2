/* curves.c - see curves.h. */
#include "train/curves.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is read of a line, each a curve of its own. */
typedef enum number { EPOCH, LOSS, RATE, MAP, ACCURACY, NUMBERS } number;

static const struct { const char *key; bool is_needed; } numbers[NUMBERS] = {
    [EPOCH] = { "epoch", true }, [LOSS] = { "loss", false }, [RATE] = { "lr", false }, [MAP] = { "valid_map", false },
    [ACCURACY] = { "valid_accuracy", false },
};

/* The lines so far, one after another. */
typedef struct reading {
    const char *path;
    FILE   *file;
    double (*rows)[NUMBERS];
    size_t  n, room;
} reading;

/* NAN: the line does not have it, or null, which stands for what is not finite. */
static em_status read_line(reading *r, const char *text, em_err *err)
{
    json_t *line = json_loads(text, 0, NULL);
    em_status status = EM_OK;

    for (int k = 0; k < NUMBERS && status == EM_OK; k++) {
        const json_t *value = json_object_get(line, numbers[k].key);

        r->rows[r->n][k] = json_is_number(value) ? json_number_value(value) : NAN;
        if (numbers[k].is_needed && !json_is_number(value))
            status = em_fail(err, EM_EFORMAT, "%s: line %zu: is no record of an epoch (\"%s\" is not a number)", r->path, r->n + 1, numbers[k].key);
    }
    json_decref(line);
    r->n += status == EM_OK;
    return status;
}

static em_status read_lines(reading *r, em_err *err)
{
    em_status status = EM_OK;
    char *text = NULL;
    size_t room = 0;

    while (status == EM_OK && getline(&text, &room, r->file) > 0) {
        if (r->n == r->room) {
            double (*grown)[NUMBERS] = realloc(r->rows, (2 * r->room + 64) * sizeof *grown);

            if (!grown) {
                status = em_fail(err, EM_ENOMEM, "%s: no memory for its numbers", r->path);
                break;
            }
            r->rows = grown;
            r->room = 2 * r->room + 64;
        }
        status = read_line(r, text, err);
    }
    if (status == EM_OK && ferror(r->file))
        status = em_fail(err, EM_EIO, "%s: cannot be read: %s", r->path, strerror(errno));
    free(text);
    return status;
}

/* One column of the rows, of all or of those that were validated; returns how many. */
static int fill(double *column, const reading *r, number k, bool is_valid)
{
    int n = 0;

    for (size_t i = 0; i < r->n; i++)
        if (!is_valid || isfinite(r->rows[i][MAP]))
            column[n++] = r->rows[i][k];
    return n;
}

static em_status make_view(em_curves *c, const reading *r, em_err *err)
{
    double *const at = c->numbers = malloc(((NUMBERS + 1) * r->n + 1) * sizeof *c->numbers);
    double *const x = at, *const loss = x + r->n, *const rate = loss + r->n, *const valid_x = rate + r->n, *const map = valid_x + r->n;
    double *const accuracy = map + r->n;
    em_training_curves *v = &c->view;

    if (!at)
        return em_fail(err, EM_ENOMEM, "%s: no memory for its numbers", r->path);
    *v = (em_training_curves){ .x_name = "epoch", .x = x, .loss = loss, .rate = rate, .valid_x = valid_x, .valid = map, .valid_name = "mAP",
                               .also_name = "accuracy" };
    v->n = fill(x, r, EPOCH, false);
    fill(loss, r, LOSS, false);
    fill(rate, r, RATE, false);
    v->n_valid = fill(valid_x, r, EPOCH, true);
    fill(map, r, MAP, true);
    fill(accuracy, r, ACCURACY, true);
    for (int i = 0; i < v->n_valid; i++)
        v->also = isfinite(accuracy[i]) ? accuracy : v->also;
    return EM_OK;
}

em_status em_curves_read(em_curves *out, const char *dir, em_err *err)
{
    char path[PATH_MAX];
    reading r = { .path = path };
    em_status status;

    *out = (em_curves){ 0 };
    snprintf(path, sizeof path, "%s/log.jsonl", dir);
    r.file = fopen(path, "r");
    if (!r.file)
        return em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    status = read_lines(&r, err);
    fclose(r.file);
    if (status == EM_OK)
        status = make_view(out, &r, err);
    free(r.rows);
    return status;
}

void em_curves_deinit(em_curves *c)
{
    free(c->numbers);
    *c = (em_curves){ 0 };
}
