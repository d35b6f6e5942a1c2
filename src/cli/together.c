/* together.c - see together.h. A name ends at the first ':', and has none itself. */
#include "cli/together.h"

#include "base/text.h"
#include "base/url.h"
#include "cli/option_text.h"
#include "lib/settings.h"

#include <stdio.h>
#include <string.h>

/* ---- one setting ---- */

static bool set_kind(em_together_one *h, const char *kind, const char *name)
{
    h->is_twice |= h->source.kind != NULL;
    h->source.kind = kind;
    h->source.name = name;
    return true;
}

static bool parse_yes(bool *out, const char *value)
{
    *out = strcmp(value, "yes") == 0;
    return *out || strcmp(value, "no") == 0;
}

static bool parse_within(double *out, const char *value, double least, double most)
{
    return em_parse_real(out, value) && *out >= least && *out <= most;
}

static bool set_device(em_together_one *h, const char *value)      { return set_kind(h, "portaudio", value); }
static bool set_url(em_together_one *h, const char *value)         { return em_url_is(value) && set_kind(h, "url", value); }
static bool set_jack_server(em_together_one *h, const char *value) { h->source.jack_server = value; return true; }
static bool set_channel(em_together_one *h, const char *value)     { return em_parse_channel(&h->channel, value); }
static bool set_stall(em_together_one *h, const char *value)       { return parse_within(&h->source.stall_s, value, 1, 3600); }
static bool set_live(em_together_one *h, const char *value)        { return parse_yes(&h->source.is_live, value); }
static bool set_realtime(em_together_one *h, const char *value)    { return parse_yes(&h->source.is_paced, value); }
static bool set_gate(em_together_one *h, const char *value)        { return h->has_gate = parse_within(&h->gate, value, -200, 0); }

static bool set_input(em_together_one *h, const char *value)
{
    return set_kind(h, em_url_is(value) ? "url" : strcmp(value, "-") == 0 ? "stdin" : "file", value);
}

static bool set_jack(em_together_one *h, const char *value)
{
    bool is_yes;

    return parse_yes(&is_yes, value) && (!is_yes || set_kind(h, "jack", NULL));
}

static bool set_jack_name(em_together_one *h, const char *value)
{
    h->source.jack_name = value;
    return h->has_jack_name = em_is_jack_name(value);
}

static bool set_connect(em_together_one *h, const char *value)
{
    int n = 0;

    while (n < EM_TOGETHER_GLOBS && h->globs[n])
        n++;
    if (n == EM_TOGETHER_GLOBS)
        return false;
    h->globs[n] = value;
    return true;
}

static bool set_channels(em_together_one *h, const char *value)
{
    double n;

    if (!parse_within(&n, value, 1, 64) || n != (int)n)
        return false;
    h->source.raw_channels = h->source.jack_channels = (int)n;
    return true;
}

static bool set_wait(em_together_one *h, const char *value)
{
    if (!em_parse_wait(&h->source.wait_start_s, value))
        return false;
    h->source.wait_lost_s = h->source.wait_start_s > 0 ? h->source.wait_start_s : -1;
    return true;
}

static const struct { const char *name; bool (*set)(em_together_one *h, const char *value); } keys[] = {
    { "device", set_device },   { "url", set_url },           { "input", set_input },             { "jack", set_jack },
    { "jack-name", set_jack_name }, { "jack-server", set_jack_server }, { "connect", set_connect },
    { "channel", set_channel }, { "channels", set_channels }, { "wait", set_wait },               { "stall", set_stall },
    { "live", set_live },       { "realtime", set_realtime }, { "gate", set_gate },
};

bool em_together_has_key(const char *key)
{
    for (size_t i = 0; i < EM_COUNT(keys); i++)
        if (strcmp(keys[i].name, key) == 0)
            return true;
    return false;
}

static bool set_key(em_together_one *h, const char *key, size_t n, const char *value)
{
    for (size_t i = 0; i < EM_COUNT(keys); i++)
        if (strlen(keys[i].name) == n && strncmp(keys[i].name, key, n) == 0)
            return *value && keys[i].set(h, value);
    return false;
}

/* ---- a text ---- */

/* What stands before the ':', if it can be a name. */
static bool cut_name(char name[EM_TOGETHER_NAME], const char *text, size_t n)
{
    char clean[EM_TOGETHER_NAME];

    if (n == 0 || n >= EM_TOGETHER_NAME)
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    return strcmp(em_text_clean(clean, sizeof clean, name), name) == 0;
}

bool em_together_set(em_together_one *list, int *n, const em_together_one *usual, const char *text)
{
    const char *colon = strchr(text, ':'), *equals = colon ? strchr(colon, '=') : NULL;
    char name[EM_TOGETHER_NAME];
    int i = 0;

    if (!equals || !cut_name(name, text, (size_t)(colon - text)))
        return false;
    while (i < *n && strcmp(list[i].name, name) != 0)
        i++;
    if (i == EM_TOGETHER_MOST)
        return false;
    if (i == *n) {
        list[(*n)++] = *usual;
        memcpy(list[i].name, name, sizeof name);
    }
    return set_key(&list[i], colon + 1, (size_t)(equals - colon - 1), equals + 1);
}

bool em_is_source_setting(const char *text)
{
    const em_together_one none = { 0 };
    em_together_one one;
    int n = 0;

    return em_together_set(&one, &n, &none, text);
}

em_status em_together_settle(em_together_one *h, bool *is_live, em_err *err)
{
    em_status status;

    if (!h->source.kind)
        return em_fail(err, EM_EINVAL, "source %s: has no device, url, input or jack", h->name);
    if (h->is_twice)
        return em_fail(err, EM_EINVAL, "source %s: choose one of device, url, input and jack", h->name);
    *is_live = h->source.is_live || strcmp(h->source.kind, "portaudio") == 0 || strcmp(h->source.kind, "jack") == 0;
    if (strcmp(h->source.kind, "url") == 0) {
        bool is_url, has_no_end;

        if ((status = em_source_is_url(&is_url, &has_no_end, h->source.name, err)))
            return status;
        *is_live |= has_no_end;
    }
    if (h->globs[0])
        for (h->source.connect = h->globs, h->source.n_connect = 0; h->source.n_connect < EM_TOGETHER_GLOBS && h->globs[h->source.n_connect];)
            h->source.n_connect++;
    /* Two clients of one name would be told apart by JACK, in the order in which they came. */
    snprintf(h->jack_name, sizeof h->jack_name, "earmark-%.55s", h->name);
    if (!h->has_jack_name)
        h->source.jack_name = h->jack_name;
    return EM_OK;
}
