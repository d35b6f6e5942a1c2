/* Names of capture devices: made stable, searched, spelt out in sentences. */
#include "audio/device_name.h"

#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIST_CHARS = 150 };

void em_device_clean(char out[EM_DEVICE_NAME_CHARS], const char *raw)
{
    const char *hw = strstr(raw, "(hw:");
    const char *end = hw ? strchr(hw, ')') : NULL;
    char plain[4 * EM_DEVICE_NAME_CHARS];
    size_t n;

    if (end)
        snprintf(plain, sizeof plain, "%.*s%s", (int)(hw - raw), raw, end + 1);
    else
        snprintf(plain, sizeof plain, "%s", raw);
    em_text_clean(out, EM_DEVICE_NAME_CHARS, plain);
    for (n = strlen(out); n > 0 && (out[n - 1] == ' ' || out[n - 1] == ':' || out[n - 1] == '-'); n--)
        out[n - 1] = '\0';
}

static bool is_number(const char *s)
{
    return s[0] && s[strspn(s, "0123456789")] == '\0';
}

static bool fits(const em_device_name *d, const char *want, bool is_whole)
{
    return is_whole ? strcasecmp(d->name, want) == 0 : strcasestr(d->name, want) != NULL;
}

/* `0 "USB Audio", 3 "pulse"`, cut off where it gets too long. want NULL: all of them. */
static const char *spell(char text[LIST_CHARS], const em_device_name *list, int n, const char *want, bool is_whole)
{
    int used = 0;

    text[0] = '\0';
    for (int i = 0; i < n && used < LIST_CHARS - 1; i++) {
        if (!want || fits(&list[i], want, is_whole))
            used += snprintf(text + used, (size_t)(LIST_CHARS - used), "%s%d \"%.40s\"", used ? ", " : "",
                             list[i].index, list[i].name);
    }
    if (used >= LIST_CHARS)
        memcpy(text + LIST_CHARS - 4, "...", 4);
    return text;
}

static int place_of(const em_device_name *list, int n, int index)
{
    for (int i = 0; i < n; i++) {
        if (list[i].index == index)
            return i;
    }
    return -1;
}

static int count_fits(int *first, const em_device_name *list, int n, const char *want, bool is_whole)
{
    int n_fits = 0;

    for (int i = 0; i < n; i++) {
        if (!fits(&list[i], want, is_whole))
            continue;
        if (n_fits++ == 0)
            *first = i;
    }
    return n_fits;
}

static em_status pick_by_name(int *out, const em_device_name *list, int n, const char *want, em_err *err)
{
    char text[LIST_CHARS], said[60];
    int n_fits = 0;

    em_text_clean(said, sizeof said, want);
    for (int is_whole = 1; is_whole >= 0; is_whole--) {
        n_fits = count_fits(out, list, n, want, is_whole);
        if (n_fits == 1)
            return EM_OK;
        if (n_fits > 1)
            return em_fail(err, EM_EINVAL, "\"%s\" fits %d capture devices, give an index: %s", said, n_fits,
                           spell(text, list, n, want, is_whole));
    }
    return em_fail(err, EM_EDEVICE, "no capture device is called \"%s\"; there are %s", said,
                   spell(text, list, n, NULL, false));
}

em_status em_device_pick(int *out, const em_device_name *list, int n, const char *want, int i_default, em_err *err)
{
    char text[LIST_CHARS], said[60];
    long index;

    if (n == 0 && want && *want)
        return em_fail(err, EM_EDEVICE, "there is no capture device, so none called \"%s\"",
                       em_text_clean(said, sizeof said, want));
    if (n == 0)
        return em_fail(err, EM_EDEVICE, "there is no capture device: plug one in, or name a file");
    if (want && *want && !is_number(want))
        return pick_by_name(out, list, n, want, err);

    if (!want || !*want) {
        *out = place_of(list, n, i_default);
        if (*out < 0)
            return em_fail(err, EM_EDEVICE, "there is no default capture device; there are %s",
                           spell(text, list, n, NULL, false));
        return EM_OK;
    }
    errno = 0;
    index = strtol(want, NULL, 10);
    *out = errno || index > 1 << 20 ? -1 : place_of(list, n, (int)index);
    if (*out < 0)
        return em_fail(err, EM_EDEVICE, "there is no capture device %.20s; there are %s", want,
                       spell(text, list, n, NULL, false));
    return EM_OK;
}

em_status em_device_again(int *out, const em_device_name *list, int n, const char *name, em_err *err)
{
    if (count_fits(out, list, n, name, true) > 0)
        return EM_OK;
    return em_fail(err, EM_EDEVICE, "the capture device \"%.100s\" is not there", name);
}
