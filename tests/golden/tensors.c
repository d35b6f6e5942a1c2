/* tensors.c - see tensors.h. */
#include "golden/tensors.h"

#include <math.h>
#include <unistd.h>

const char *golden_path(const char *name)
{
    static const char *const folders[] = { EM_SOURCE_DIR "/tests/golden/data", EM_SHARED_DIR "/golden" };
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];

    for (size_t i = 0; i < EM_COUNT(folders); i++) {
        snprintf(path, sizeof paths[0], "%s/%s", folders[i], name);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

em_st *golden_open(const char *name)
{
    const char *path = golden_path(name);
    em_st *st = NULL;
    em_err err;

    if (path)
        CHECK_OK(em_st_open(&st, path, &err));
    return st;
}

static const em_st_tensor *find(em_st *st, const char *name, va_list args)
{
    char full[160];

    vsnprintf(full, sizeof full, name, args);
    return em_st_find(st, full);
}

bool golden_has(em_st *st, const char *name, ...)
{
    const em_st_tensor *t;
    va_list args;

    va_start(args, name);
    t = find(st, name, args);
    va_end(args);
    return t;
}

float *golden_read(em_st *st, size_t *n, const em_st_tensor **t, const char *name, ...)
{
    const em_st_tensor *found;
    float *x;
    em_err err;
    va_list args;

    va_start(args, name);
    found = find(st, name, args);
    va_end(args);
    CHECK(found, "%s in %s", name, em_st_path(st));
    x = malloc((found->n + 1) * sizeof *x);
    assert_non_null(x);
    CHECK_OK(em_st_read(st, found, x, &err));
    if (n)
        *n = found->n;
    if (t)
        *t = found;
    return x;
}

double golden_difference(const float *got, const float *want, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);

        if (!(d <= most))                       /* a NaN counts as a difference */
            most = isnan(d) ? INFINITY : d;
    }
    return most;
}

double golden_largest(const float *want, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)want[i]));
    return most;
}
