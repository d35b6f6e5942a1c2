/* checkpoint.c - saved states: KIND-STEP.safetensors, sealed, found by step and taken by content. */
#include "train/checkpoint.h"

#include "base/text.h"
#include "model/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_BLOCKS = 64,
    MOST_MEAN   = 1000,             /* states in a mean: open files     */
    CHUNK       = 1 << 14,          /* floats summed at a time          */
    MOST_KIND   = 32,               /* letters                          */
    NUMBER      = 24,               /* characters of an int64_t         */
};

#define SUFFIX ".safetensors"

struct em_saved {
    em_st         *st;
    em_saved_facts facts;
};

/* ---- names ---- */

static em_status path_of(char **out, const em_saved_place *place, int64_t step, em_err *err)
{
    if (asprintf(out, "%s/%s-%" PRId64 SUFFIX, place->dir, place->kind, step) >= 0)
        return EM_OK;
    *out = NULL;
    return em_fail(err, EM_ENOMEM, "%s: no memory", place->dir);
}

/* "0" to 2^63 - 1 as printf writes it, up to `end`; -1: not so. */
static int64_t number(const char *text, const char *end)
{
    char again[NUMBER], *stop;
    int64_t n;

    errno = 0;
    n = strtoll(text, &stop, 10);
    if (stop != end || errno || n < 0)
        return -1;
    snprintf(again, sizeof again, "%" PRId64, n);               /* no "+7", " 7" or "007" */
    return strlen(again) == (size_t)(end - text) && !strncmp(again, text, strlen(again)) ? n : -1;
}

/* The step in a name of the kind; -1: it is the name of something else. */
static int64_t step_of(const char *name, const char *kind)
{
    size_t n_kind = strlen(kind), n = strlen(name), n_suffix = sizeof SUFFIX - 1;

    if (n < n_kind + 1 + n_suffix || strncmp(name, kind, n_kind) || name[n_kind] != '-' || strcmp(name + n - n_suffix, SUFFIX))
        return -1;
    return number(name + n_kind + 1, name + n - n_suffix);
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

/* *steps[*n] of the files there are, newest first; from malloc. A folder that is not there has none. */
static em_status list(int64_t **steps, int *n, const em_saved_place *place, em_err *err)
{
    DIR *dir = opendir(place->dir);
    struct dirent *entry;
    int room = 0;

    *steps = NULL;
    *n = 0;
    if (!dir)
        return errno == ENOENT ? EM_OK : em_fail(err, EM_EIO, "%s: %s", place->dir, strerror(errno));
    while ((entry = readdir(dir))) {
        int64_t step = step_of(entry->d_name, place->kind), *larger;

        if (step < 0)
            continue;
        if (*n == room) {
            room = room ? 2 * room : 16;
            larger = realloc(*steps, (size_t)room * sizeof **steps);
            if (!larger) {
                free(*steps);
                *steps = NULL;
                closedir(dir);
                return em_fail(err, EM_ENOMEM, "%s: no memory", place->dir);
            }
            *steps = larger;
        }
        (*steps)[(*n)++] = step;
    }
    closedir(dir);
    if (*n > 0)
        qsort(*steps, (size_t)*n, sizeof **steps, newest_first);
    return EM_OK;
}

/* ---- writing ---- */

static em_status check_place(const em_saved_place *place, em_err *err)
{
    size_t n = strlen(place->kind);

    if (n < 1 || n > MOST_KIND || strspn(place->kind, "abcdefghijklmnopqrstuvwxyz") != n || place->keep < 1)
        return em_fail(err, EM_EINVAL, "%s: a kind of saved state is 1 to %d small letters, not \"%.40s\", and at least 1 is kept", place->dir,
                       MOST_KIND, place->kind);
    return EM_OK;
}

static em_status write_state(const char *path, const em_saved_facts *facts, const em_saved_block *blocks, int n_blocks, em_err *err)
{
    static const char *const keys[] = { "step", "finished", "log_bytes", "json" };
    char step[NUMBER], log_bytes[NUMBER];
    const char *values[] = { step, facts->is_finished ? "1" : "0", log_bytes, facts->json };
    em_st_out tensors[MOST_BLOCKS];
    int64_t shapes[MOST_BLOCKS];

    if (n_blocks < 0 || n_blocks > MOST_BLOCKS || facts->step < 0 || facts->log_bytes > INT64_MAX)
        return em_fail(err, EM_EINVAL, "%s: %d blocks at step %" PRId64 " cannot be saved (%d blocks at most)", path, n_blocks, facts->step,
                       MOST_BLOCKS);
    if (!em_utf8_valid(facts->json, strlen(facts->json)))       /* the writer would replace what is not */
        return em_fail(err, EM_EINVAL, "%s: the text to be saved is not UTF-8", path);
    snprintf(step, sizeof step, "%" PRId64, facts->step);
    snprintf(log_bytes, sizeof log_bytes, "%" PRIu64, facts->log_bytes);
    for (int i = 0; i < n_blocks; i++) {
        shapes[i] = (int64_t)blocks[i].n;
        tensors[i] = (em_st_out){ blocks[i].name, 1, &shapes[i], blocks[i].data, EM_F32 };
    }
    return em_st_write_sealed(path, tensors, n_blocks, keys, values, EM_COUNT(keys), err);
}

/* Its length is what its header says: not torn. The seal, which costs the reading of all, is for those that are loaded. */
static bool is_complete(const char *path)
{
    em_st *st;
    bool is_it = em_st_open(&st, path, NULL) == EM_OK;

    em_st_close(st);
    return is_it;
}

/* The state at `step` is durable: of it and the older ones the newest `keep` that are complete stay. */
static em_status prune(const em_saved_place *place, int64_t step, em_err *err)
{
    int n, n_kept = 0;
    int64_t *steps;
    em_status status = list(&steps, &n, place, err);

    for (int i = 0; status == EM_OK && i < n; i++) {
        char *path;

        status = path_of(&path, place, steps[i], err);
        if (status != EM_OK)
            break;
        if (steps[i] > step || n_kept == place->keep)
            unlink(path);                               /* one that stays does no harm */
        else
            n_kept += is_complete(path);
        free(path);
    }
    free(steps);
    return status;
}

em_status em_saved_write(const em_saved_place *place, const em_saved_facts *facts, const em_saved_block *blocks, int n_blocks, em_err *err)
{
    char *path = NULL;
    em_status status = check_place(place, err);

    if (status == EM_OK)
        status = path_of(&path, place, facts->step, err);
    if (status == EM_OK)
        status = write_state(path, facts, blocks, n_blocks, err);
    if (status == EM_OK)
        status = prune(place, facts->step, err);
    free(path);
    return status;
}

/* ---- reading ---- */

/* *out from the decimal number under `key`. */
static em_status get_number(int64_t *out, const em_st *st, const char *key, em_err *err)
{
    const char *text = em_st_metadata(st, key);

    *out = text ? number(text, text + strlen(text)) : -1;
    return *out >= 0 ? EM_OK : em_fail(err, EM_EFORMAT, "%s: is no saved state: its metadata has no whole number called %s", em_st_path(st), key);
}

static em_status get_facts(em_saved *s, em_err *err)
{
    int64_t finished = 0, log_bytes = 0;
    em_status status = get_number(&s->facts.step, s->st, "step", err);

    if (status == EM_OK)
        status = get_number(&finished, s->st, "finished", err);
    if (status == EM_OK)
        status = get_number(&log_bytes, s->st, "log_bytes", err);
    s->facts.is_finished = finished > 0;
    s->facts.log_bytes = (uint64_t)log_bytes;
    s->facts.json = em_st_metadata(s->st, "json");
    if (status == EM_OK && !s->facts.json)
        status = em_fail(err, EM_EFORMAT, "%s: is no saved state: its metadata has no text called json", em_st_path(s->st));
    return status;
}

/* Opens the state whose name says `step`, and checks every byte. */
static em_status open_state(em_saved **out, const char *path, int64_t step, em_err *err)
{
    em_saved *s = calloc(1, sizeof *s);
    em_status status;

    *out = NULL;
    if (!s)
        return em_fail(err, EM_ENOMEM, "%s: no memory", path);
    status = em_st_open(&s->st, path, err);
    if (status == EM_OK)
        status = em_st_check_seal(s->st, err);
    if (status == EM_OK)
        status = get_facts(s, err);
    if (status == EM_OK && s->facts.step != step)
        status = em_fail(err, EM_EFORMAT, "%s: holds the state of step %" PRId64 ": its name is that of another", path, s->facts.step);
    if (status != EM_OK) {
        em_saved_close(s);
        return status;
    }
    *out = s;
    return EM_OK;
}

static void set_aside(const char *path)
{
    char *aside;

    if (asprintf(&aside, "%s.damaged", path) < 0)
        return;
    rename(path, aside);                                /* a folder that is read-only keeps it: it is found damaged again */
    free(aside);
}

/* The newest whole states, n_wanted at most, into out; *n_found of them. */
static em_status open_newest(em_saved **out, int n_wanted, int *n_found, const em_saved_place *place, em_saved_damaged *damaged, void *ctx,
                             em_err *err)
{
    int64_t *steps;
    int n;
    em_err mine = { EM_OK, "" }, unread = { EM_OK, "" };
    em_status status = check_place(place, err);

    *n_found = 0;
    if (status == EM_OK)
        status = list(&steps, &n, place, err);
    if (status != EM_OK)
        return status;
    for (int i = 0; status == EM_OK && i < n && *n_found < n_wanted; i++) {
        char *path;
        em_status opened = path_of(&path, place, steps[i], &mine);

        if (opened == EM_OK)
            opened = open_state(&out[*n_found], path, steps[i], &mine);
        if (opened == EM_OK)
            ++*n_found;
        else if (opened == EM_ENOMEM)                   /* says nothing about the file */
            status = em_fail(err, EM_ENOMEM, "%s", mine.msg);
        else if (damaged)
            damaged(ctx, mine.msg);
        if (opened == EM_EIO)
            unread = mine;
        if (opened != EM_OK && opened != EM_EIO && opened != EM_ENOMEM)
            set_aside(path);
        free(path);
    }
    free(steps);
    if (status == EM_OK && *n_found == 0 && unread.code != EM_OK)
        status = em_fail(err, unread.code, "%s", unread.msg);
    return status;
}

em_status em_saved_load(em_saved **out, const em_saved_place *place, em_saved_damaged *damaged, void *ctx, em_err *err)
{
    int n_found;

    *out = NULL;
    return open_newest(out, 1, &n_found, place, damaged, ctx, err);
}

void em_saved_close(em_saved *s)
{
    if (!s)
        return;
    em_st_close(s->st);
    free(s);
}

const em_saved_facts *em_saved_tell(const em_saved *s)
{
    return &s->facts;
}

const char *em_saved_path(const em_saved *s)
{
    return em_st_path(s->st);
}

size_t em_saved_size(const em_saved *s, const char *block)
{
    const em_st_tensor *t = em_st_find(s->st, block);

    return t ? t->n : 0;
}

static em_status find_block(const em_st_tensor **out, const em_saved *s, const char *block, size_t n, em_err *err)
{
    *out = em_st_find(s->st, block);
    if (!*out)
        return em_fail(err, EM_ESHAPE, "%s: has no block \"%.64s\"", em_saved_path(s), block);
    if ((*out)->n != n)
        return em_fail(err, EM_ESHAPE, "%s: block \"%.64s\" has %zu numbers, not %zu: it is of another model", em_saved_path(s), block,
                       (*out)->n, n);
    return EM_OK;
}

em_status em_saved_read(em_saved *s, const char *block, float *dst, size_t n, em_err *err)
{
    const em_st_tensor *t;
    em_status status = find_block(&t, s, block, n, err);

    return status == EM_OK ? em_st_read(s->st, t, dst, err) : status;
}

/* ---- the mean ---- */

/* Elements from `from` on, n of them at most CHUNK, of all states. */
static em_status mean_part(float *mean, size_t from, size_t n, em_saved *const *states, int n_states, const char *block, em_err *err)
{
    double sum[CHUNK] = { 0 };
    float part[CHUNK];

    for (int s = 0; s < n_states; s++) {
        em_status status = em_st_read_part(states[s]->st, em_st_find(states[s]->st, block), from, n, part, err);

        if (status != EM_OK)
            return status;
        for (size_t i = 0; i < n; i++)
            sum[i] += (double)part[i];
    }
    for (size_t i = 0; i < n; i++)
        mean[from + i] = (float)(sum[i] / n_states);
    return EM_OK;
}

em_status em_saved_mean(float *mean, size_t n, int *n_used, const em_saved_place *place, const char *block, int n_wanted,
                        em_saved_damaged *damaged, void *ctx, em_err *err)
{
    em_saved **states = NULL;
    em_status status;

    *n_used = 0;
    if (n_wanted < 1 || n_wanted > MOST_MEAN)
        return em_fail(err, EM_EINVAL, "%s: a mean is of 1 to %d states, not of %d", place->dir, MOST_MEAN, n_wanted);
    states = calloc((size_t)n_wanted, sizeof(em_saved *));
    if (!states)
        return em_fail(err, EM_ENOMEM, "%s: no memory", place->dir);
    status = open_newest(states, n_wanted, n_used, place, damaged, ctx, err);
    if (status == EM_OK && *n_used == 0)
        status = em_fail(err, EM_EINVAL, "%s: there is no saved state to take a mean of", place->dir);
    for (int s = 0; status == EM_OK && s < *n_used; s++) {
        const em_st_tensor *t;

        status = find_block(&t, states[s], block, n, err);
    }
    for (size_t from = 0; status == EM_OK && from < n; from += CHUNK)
        status = mean_part(mean, from, n - from < CHUNK ? n - from : CHUNK, states, *n_used, block, err);
    for (int s = 0; s < *n_used; s++)
        em_saved_close(states[s]);
    free(states);
    return status;
}
