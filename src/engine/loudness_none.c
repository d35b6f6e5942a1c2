/* loudness_none.c - built without libebur128: loudness is not known. See loudness.h. */
#include "engine/loudness.h"

#include <math.h>

em_status em_loudness_new(em_loudness **out, int rate_hz, em_err *err)
{
    (void)rate_hz, (void)err;
    *out = NULL;
    return EM_OK;
}

void em_loudness_free(em_loudness *l) { (void)l; }

em_status em_loudness_set_rate(em_loudness *l, int rate_hz, em_err *err)
{
    (void)l, (void)rate_hz, (void)err;
    return EM_OK;
}

void em_loudness_push(em_loudness *l, const float *x, size_t n) { (void)l, (void)x, (void)n; }

double em_loudness_take(em_loudness *l)
{
    (void)l;
    return NAN;
}

