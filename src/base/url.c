/* url.c - see url.h. A password ends at the last '@' before the first '/', so that one with an '@' or a '?' in it is hidden whole. */
#include "base/url.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char ends[] = " \t\r\n";      /* of a URL in a text; a password may hold anything else */

typedef struct parts {              /* as offsets into a URL that may stand in a longer text */
    size_t authority;               /* behind the "//"                                        */
    size_t password, password_end;  /* equal: there is none                                   */
    size_t host, query, end;        /* query: of its '?', or where it would be                */
} parts;

static parts split(const char *url)
{
    parts p = { .authority = (size_t)(strstr(url, "://") - url) + 3 };
    const char *authority = url + p.authority, *at, *colon;
    size_t n_authority;

    p.end = strcspn(url, ends);
    if (p.end < p.authority)
        p.end = p.authority;
    while (p.end > p.authority && strchr(":.,;", url[p.end - 1]))
        p.end--;                                    /* of the sentence that it stands in */
    n_authority = strcspn(authority, "/");
    if (n_authority > p.end - p.authority)
        n_authority = p.end - p.authority;
    at = memrchr(authority, '@', n_authority);
    p.host = at ? (size_t)(at - url) + 1 : p.authority;
    colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    p.password = colon ? (size_t)(colon - url) + 1 : p.authority;
    p.password_end = colon ? p.host - 1 : p.authority;
    p.query = p.password_end + strcspn(url + p.password_end, "?");
    if (p.query > p.end)
        p.query = p.end;
    return p;
}

bool em_url_is(const char *text)
{
    const char *c = text;

    if (!isalpha((unsigned char)*c))
        return false;
    while (isalnum((unsigned char)*c) || (*c && strchr("+-.", *c)))
        c++;
    return strncmp(c, "://", 3) == 0;
}

char *em_url_name(char *out, size_t room, const char *url)
{
    const parts p = split(url);
    size_t n = p.host + strcspn(url + p.host, "?#");
    char name[256];

    while (n > p.host && url[n - 1] == '/')
        n--;
    snprintf(name, sizeof name, "%.*s", (int)(n - p.host), url + p.host);
    return em_text_clean(out, room, *name ? name : "url");
}

typedef struct writing { char *out; size_t room, n; } writing;

static void put(writing *w, const char *text, size_t n)
{
    if (n >= w->room - w->n)
        n = w->room - w->n - 1;
    memcpy(w->out + w->n, text, n);
    w->n += n;
}

/* Where the URL begins whose "://" is at `colon`, not before `from`. */
static const char *begin_of(const char *from, const char *colon)
{
    while (colon > from && (isalnum((unsigned char)colon[-1]) || strchr("+-.", colon[-1])))
        colon--;
    return colon;
}

char *em_url_hide(char *out, size_t room, const char *text)
{
    writing w = { out, room, 0 };

    for (const char *colon; (colon = strstr(text, "://"));) {
        const char *url = begin_of(text, colon);
        const parts p = split(url);

        put(&w, text, (size_t)(url - text));
        put(&w, url, p.password);
        if (p.password < p.password_end)
            put(&w, "***", 3);
        put(&w, url + p.password_end, p.query - p.password_end);
        if (p.query < p.end)
            put(&w, "?***", 4);
        text = url + p.end;
    }
    put(&w, text, strlen(text));
    out[w.n] = '\0';
    return out;
}

void em_url_blank(char *text)
{
    for (char *colon; (colon = strstr(text, "://"));) {
        char *url = text + (begin_of(text, colon) - text);
        const parts p = split(url);

        memset(url + p.password, '*', p.password_end - p.password);
        if (p.query < p.end)
            memset(url + p.query + 1, '*', p.end - p.query - 1);
        text = url + p.end;
    }
}
