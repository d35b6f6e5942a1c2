#include "sinks/web/head.h"

#include <string.h>
#include <strings.h>

enum { WHOLE = 200 };

/* ---- bytes ---- */

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f;
}

static int end_line(em_web_head *h)
{
    const bool is_empty = h->n_seen - h->line == 1;         /* the CR alone */

    if (is_empty)
        return h->n_lines > 0 ? WHOLE : 400;
    h->line = h->n_seen + 1;
    if (h->n_lines++ == 0)
        h->fields_at = h->line;
    return h->n_lines > 1 + EM_WEB_FIELDS ? 431 : 0;
}

/* As each byte comes, so that what cannot become a request is not waited for. */
static int scan(em_web_head *h, const char *bytes, size_t n)
{
    int code = 0;

    for (; h->n_seen < n && !code; h->n_seen++) {
        const unsigned char c = (unsigned char)bytes[h->n_seen];
        const bool is_behind_cr = h->n_seen > 0 && bytes[h->n_seen - 1] == '\r';

        if ((c == '\n') != is_behind_cr || is_control(c))
            return 400;
        if (c == '\n')
            code = end_line(h);
        else if (h->n_lines == 0 && c != '\r' && h->n_seen >= EM_WEB_LINE_BYTES)
            return 414;
        else if (h->n_lines > 0 && h->n_seen - h->fields_at >= EM_WEB_FIELD_BYTES)
            return 431;
    }
    return code;
}

static bool is_of(const char *text, const char *more)
{
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') || strchr(more, *text)))
            return false;
    return true;
}

static bool is_token(const char *text)
{
    return *text && is_of(text, "!#$%&'*+-.^_`|~");
}

static bool is_hex(char c)
{
    return c && strchr("0123456789abcdefABCDEF", c);
}

/* What may stand in a URI, escapes with two digits. */
static bool is_target(const char *text)
{
    for (const char *at = text; (at = strchr(at, '%')); at++)
        if (!is_hex(at[1]) || !is_hex(at[2]))
            return false;
    return *text && is_of(text, "-._~:/?[]@!$&'()*+,;=%");
}

/* ---- lines ---- */

/* "/path?query", "http://authority/path?query". The authority moves a byte to the front, over a slash, to have room for its end. */
static void split_target(em_web_head *h, char *target)
{
    const size_t n_scheme = strncasecmp(target, "http://", 7) == 0 ? 7 : strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
    char *path = target;

    if (n_scheme) {
        const size_t n = strcspn(target + n_scheme, "/?");
        char *authority = target + n_scheme - 1;

        path = target + n_scheme + n;
        memmove(authority, authority + 1, n);
        authority[n] = '\0';
        h->authority = authority;
    }
    if (*path == '/')
        h->path = path;
    else if (n_scheme)
        h->path = "/";
    path[strcspn(path, "?")] = '\0';
}

static int read_first_line(em_web_head *h, char *line)
{
    char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version)
        return 400;
    *target++ = *version++ = '\0';
    if (!is_token(line) || !is_target(target))
        return 400;
    if (strlen(version) != 8 || strncmp(version, "HTTP/", 5) != 0 || !strchr("0123456789", version[5]) || version[6] != '.' ||
        !strchr("0123456789", version[7]))
        return 400;
    h->method = line;
    split_target(h, target);
    return strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0 ? 0 : 505;
}

static int read_field(em_web_head *h, char *line)
{
    char *colon = strchr(line, ':'), *value, *end;

    if (!colon)
        return 400;
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
        end[-1] = '\0';
    h->fields[h->n_fields++] = (em_web_field){ line, value };
    return is_token(line) ? 0 : 400;
}

static int read_lines(em_web_head *h, char *bytes)
{
    int code = 0;

    for (char *line = bytes, *end; (end = strchr(line, '\r')) != line && !code; line = end + 2) {
        *end = '\0';
        code = line == bytes ? read_first_line(h, line) : read_field(h, line);
    }
    return code;
}

/* ---- fields ---- */

const char *em_web_head_field(const em_web_head *h, const char *name)
{
    for (int i = 0; i < h->n_fields; i++)
        if (strcasecmp(h->fields[i].name, name) == 0)
            return h->fields[i].value;
    return NULL;
}

static int count(const em_web_head *h, const char *name)
{
    int n = 0;

    for (int i = 0; i < h->n_fields; i++)
        n += strcasecmp(h->fields[i].name, name) == 0;
    return n;
}

static int check_fields(em_web_head *h)
{
    static const char *const once[] = { "Content-Length", "Origin", "Authorization", "Last-Event-ID" };
    const char *length = em_web_head_field(h, "Content-Length");

    h->host = em_web_head_field(h, "Host");
    if (count(h, "Host") != 1 || !*h->host || (h->authority && strcasecmp(h->authority, h->host) != 0))
        return 400;
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (count(h, once[i]) > 1)
            return 400;
    if (em_web_head_field(h, "Transfer-Encoding") || (length && (!*length || strspn(length, "0") != strlen(length))))
        return 400;
    return em_web_head_field(h, "Expect") ? 417 : WHOLE;
}

int em_web_head_read(em_web_head *h, char *bytes, size_t n)
{
    int code = scan(h, bytes, n);

    if (code == WHOLE)
        code = read_lines(h, bytes);
    else
        return code;
    return code ? code : check_fields(h);
}
