/* settings.c - the parsers of settings.h: each accepts the whole text or nothing. */
#include "lib/settings.h"

#include "base/status.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A program that uses the library may have a locale where 0.5 is written 0,5. */
static double real_of(const char *text, char **end)
{
    const locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    const double x = c ? strtod_l(text, end, c) : strtod(text, end);

    if (c)
        freelocale(c);
    return x;
}

bool em_parse_real(double *out, const char *text)
{
    char *end;
    double x;

    if (!*text || isspace((unsigned char)*text) || strpbrk(text, "xX"))        /* 0x10 is no number to a person */
        return false;
    x = real_of(text, &end);
    if (*end || !isfinite(x))
        return false;
    *out = x;
    return true;
}

bool em_is_step(double seconds)
{
    return fabs(seconds * 100 - round(seconds * 100)) < 1e-6;
}

int em_step_samples(double seconds, int rate_hz)
{
    return (int)lround(seconds * 100) * (rate_hz / 100);
}

bool em_is_group(const char *text)
{
    const char *equals = strchr(text, '=');

    return equals && equals > text && equals[1];
}

static const struct { const char *name; double min, max; const char *wanted; } keys[] = {
    [EM_TUNE_THRESHOLD]  = { "threshold", 0.001, 1, "a number from 0.001 to 1" },
    [EM_TUNE_HYSTERESIS] = { "hysteresis", 0, 1, "a number from 0 to 1" },
    [EM_TUNE_MIN_ON]     = { "min-on", 0, 86400, "a number of seconds from 0 to 86400" },
    [EM_TUNE_MIN_OFF]    = { "min-off", 0, 86400, "a number of seconds from 0 to 86400" },
    [EM_TUNE_GATE]       = { "gate", 0, 1, "yes or no" },
};

const char *em_tuning_key(int i, const char **wanted)
{
    if (i < 0 || (size_t)i >= EM_COUNT(keys))
        return NULL;
    if (wanted)
        *wanted = keys[i].wanted;
    return keys[i].name;
}

static bool parse_tuned_value(em_tuning *out, const char *key, size_t n, const char *value)
{
    for (size_t i = 0; i < EM_COUNT(keys); i++) {
        if (strlen(keys[i].name) != n || strncmp(keys[i].name, key, n) != 0)
            continue;
        out->key = (em_tune_key)i;
        if (out->key == EM_TUNE_GATE) {
            out->value = strcmp(value, "yes") == 0;
            return out->value > 0 || strcmp(value, "no") == 0;
        }
        return em_parse_real(&out->value, value) && out->value >= keys[i].min && out->value <= keys[i].max;
    }
    return false;
}

/* A name may hold ':' and '=' itself: the last ':' ends it. */
bool em_parse_tuning(em_tuning *out, const char *text)
{
    const char *colon = strrchr(text, ':'), *equals = colon ? strchr(colon, '=') : NULL;

    if (!equals || colon == text || (size_t)(colon - text) >= sizeof out->name)
        return false;
    memcpy(out->name, text, (size_t)(colon - text));
    out->name[colon - text] = '\0';
    return parse_tuned_value(out, colon + 1, (size_t)(equals - colon - 1), equals + 1);
}

bool em_is_tuning(const char *text)
{
    em_tuning t;

    return em_parse_tuning(&t, text);
}

em_status em_settings_at(em_status status, const em_settings *o, const em_text_list *list, int i, const char *setting, em_err *err)
{
    const char *where = list->where ? list->where[i] : NULL;
    char said[sizeof err->msg];

    if (status != EM_EINVAL || !err)
        return status;
    memcpy(said, err->msg, sizeof said);
    return where ? em_fail(err, status, "%s: %s", where, said) : em_fail(err, status, "%s%s: %s", o->dashes, setting, said);
}
