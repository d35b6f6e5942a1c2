/* config_text.c - a configuration file: `key = value` lines, the keys being the names of the options, and sections.
 * A line's indentation means nothing; # or ; begins a comment, behind a value too where a space is before the ;.
 * Every mistake is an error with file and line, what a key or section twice in a file is, too. */
#include "cli/config_hint.h"
#include "cli/options.h"
#include "cli/together.h"

#include "base/text.h"
#include "lib/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 2 * PATH_MAX };         /* a path and its key, with room to spare */

typedef struct reading {
    em_options *o;
    const char *path;
    FILE       *file;
    int         layer, line;
    enum { OF_CLASS, OF_GROUP, OF_SOURCE } kind;        /* of the section that the lines are in */
    bool        is_midi;            /* in [midi]: keys are classes and groups           */
    char        section[64];        /* its name, with the subject; "": none yet         */
    char        subject[160];       /* its class, group or source; "": none             */
    const char *part;               /* "mqtt" in [mqtt]: keys are what its options add to that name; NULL: none */
    em_texts    met;                /* sections and keys, and in which lines            */
    em_err     *err;
} reading;

static const char *const parts[] = { "jack", "mqtt", "osc", "http" }, *const subjects[] = { "class", "group", "source" };      /* by kind */

/* A sentence about the line. */
static em_status mistake(const reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static em_status mistake(const reading *r, const char *fmt, ...)
{
    char said[sizeof r->err->msg];
    va_list args;

    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    return em_fail(r->err, EM_EINVAL, "%.100s:%d: %s", r->path, r->line, said);
}

/* Whether it stood in the file before, which is told; else it is remembered. */
static em_status meet(reading *r, const char *what)
{
    char line[16];

    for (int i = 0; i < r->met.n; i++)
        if (strcmp(r->met.list[i], what) == 0)
            return mistake(r, "'%.60s' stands in line %s already", what, r->met.where[i]);
    snprintf(line, sizeof line, "%d", r->line);
    return em_texts_add(&r->met, what, line, r->err);
}

/* ---- keys ---- */

/* What a key of a class or group can be; NULL: there is no such key. */
static const char *wanted_of(const char *key)
{
    const char *name, *wanted;

    for (int i = 0; (name = em_tuning_key(i, &wanted)); i++)
        if (strcmp(name, key) == 0)
            return wanted;
    return NULL;
}

/* A line of a section is an item of a list: "min-on = 1" of a class is --tune, "class = Siren" of a group --group. */
static em_status set_of_subject(reading *r, const char *key, const char *value)
{
    const bool is_member = r->kind == OF_GROUP && strcmp(key, "class") == 0;
    char text[LINE_BYTES + 200], where[160], met[260], clean[64], hint[EM_HINT_BYTES];
    const char *wanted = is_member ? "" : wanted_of(key);
    em_status status;

    if (!wanted)
        return mistake(r, "%s", em_config_hint_tuning(hint, sizeof hint, key, r->kind == OF_GROUP, r->section));
    snprintf(met, sizeof met, "[%s] %s", r->section, key);
    if (!is_member && (status = meet(r, met)))
        return status;
    snprintf(where, sizeof where, "%.100s:%d: %.40s", r->path, r->line, key);
    if (is_member) {
        snprintf(text, sizeof text, "%s=%s", r->subject, value);
        return *value ? em_options_set(r->o, em_options_find("group"), text, r->layer, where, r->err) : mistake(r, "class: there is no value");
    }
    snprintf(text, sizeof text, "%s:%s=%s", r->subject, key, value);
    if (!em_is_tuning(text))
        return mistake(r, "%s: '%s' is not %s", key, em_text_clean(clean, sizeof clean, value), wanted);
    return em_options_set(r->o, em_options_find("tune"), text, r->layer, where, r->err);
}

/* "device = USB" of a source is --source. Ports to connect to may be several. */
static em_status set_of_source(reading *r, const char *key, const char *value)
{
    char text[LINE_BYTES + 200], where[160], met[260], clean[64];
    em_status status;

    if (!em_together_has_key(key))
        return mistake(r, "unknown key '%s' of a source; it has " EM_TOGETHER_KEYS, em_text_clean(clean, sizeof clean, key));
    snprintf(met, sizeof met, "[%s] %s", r->section, key);
    if (strcmp(key, "connect") != 0 && (status = meet(r, met)))
        return status;
    snprintf(where, sizeof where, "%.100s:%d: %.40s", r->path, r->line, key);
    snprintf(text, sizeof text, "%s:%s=%s", r->subject, key, value);
    if (!em_is_source_setting(text))
        return mistake(r, "%s: that is no value of it", key);       /* which may be a URL with a password */
    return em_options_set(r->o, em_options_find("source"), text, r->layer, where, r->err);
}

/* In [mqtt] "url" is --mqtt, and "node" --mqtt-node; in [http] "address" is --http, in [jack] "client" --jack. */
static em_status set_key(reading *r, const char *key, const char *value)
{
    const bool is_bare = r->part && strcmp(key, em_config_main_key(r->part)) == 0;
    char where[200], of_part[80], hint[EM_HINT_BYTES];
    const em_option *row;
    em_status status;

    snprintf(of_part, sizeof of_part, "%s%s%.60s", r->part ? r->part : "", r->part ? "-" : "", key);
    row = em_options_find(is_bare ? r->part : of_part);
    if (!row || !em_config_has_key(row))
        return mistake(r, "%s", em_config_hint_key(hint, sizeof hint, key, r->part, r->section));
    if (row->kind != EM_OPTION_TEXTS && (status = meet(r, row->name)))
        return status;
    snprintf(where, sizeof where, "%.100s:%d: %s", r->path, r->line, row->name);
    return em_options_set(r->o, row, value, r->layer, where, r->err);
}

/* In [midi] "bark = note 36" is --midi-map. */
static em_status set_of_midi(reading *r, const char *key, const char *value)
{
    char text[LINE_BYTES + 200], where[160], met[260];
    em_status status;

    snprintf(met, sizeof met, "[midi] %s", key);
    if ((status = meet(r, met)))
        return status;
    snprintf(text, sizeof text, "%s=%s", key, value);
    snprintf(where, sizeof where, "%.100s:%d: %.40s", r->path, r->line, key);
    return em_options_set(r->o, em_options_find("midi-map"), text, r->layer, where, r->err);
}

/* ---- lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

/* Without the blanks around it; s is changed. */
static char *trim(char *s)
{
    size_t n = strlen(s);

    while (n > 0 && is_blank(s[n - 1]))
        s[--n] = '\0';
    while (is_blank(*s))
        s++;
    return s;
}

static bool is_one_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* [class "Dog"], [group "alarm"] or [source "porch"]: what follows is of that one. */
static em_status begin_subject(reading *r, const char *kind, const char *name)
{
    const size_t n = strlen(name);

    if (n == 0 || n >= sizeof r->subject)
        return mistake(r, "[%s] has no name, or one too long: [%s \"NAME\"]", kind, kind);
    memcpy(r->subject, name, n + 1);
    for (size_t i = 0; i < EM_COUNT(subjects); i++)
        if (strcmp(subjects[i], kind) == 0)
            r->kind = i;
    return EM_OK;
}

/* "class" and "Dog" of [class "Dog"], or [class Dog]; the text is changed. NULL, told: it cannot be read. */
static char *cut_name(const reading *r, char *text)
{
    char *name = text + strcspn(text, " \t\""), *end;
    const bool is_quoted = name[strspn(name, " \t")] == '"';

    if (is_quoted) {
        char *quote = strchr(name, '"');

        *name = '\0';
        name = quote + 1;
        end = name + strcspn(name, "\"");
        if (*end && !*trim(end + 1)) {
            *end = '\0';
            return trim(name);
        }
    } else {
        if (*name)
            *name++ = '\0';
        name = trim(name);
        if (!strchr(name, '"'))
            return name;
    }
    mistake(r, "a section's name is one word, or stands in two quotes: [class \"NAME\"]");
    return NULL;
}

static em_status begin_section(reading *r, char *text)
{
    char *name = cut_name(r, text), whole[260], hint[EM_HINT_BYTES];
    bool has_subject;
    em_status status;

    if (!name)
        return EM_EINVAL;
    *r->subject = '\0';
    r->part = NULL;
    for (size_t i = 0; i < EM_COUNT(parts); i++)
        if (strcmp(text, parts[i]) == 0)
            r->part = parts[i];
    r->is_midi = strcmp(text, "midi") == 0;
    if ((r->part || r->is_midi) && *name)
        return mistake(r, "[%s] takes no name", text);
    has_subject = !r->part && !r->is_midi;
    if (has_subject && !is_one_of(subjects, EM_COUNT(subjects), text))
        return mistake(r, "%s", em_config_hint_section(hint, sizeof hint, text));
    if (has_subject && (status = begin_subject(r, text, name)))
        return status;
    snprintf(whole, sizeof whole, *name ? "%s \"%s\"" : "%s", text, name);
    em_text_clean(r->section, sizeof r->section, whole);
    snprintf(whole, sizeof whole, *name ? "[%s \"%s\"]" : "[%s]", text, name);
    return meet(r, whole);
}

static void cut_comment(char *value)
{
    for (char *c = value; *c; c++)
        if (*c == ';' && (c == value || is_blank(c[-1]))) {
            *c = '\0';
            break;
        }
}

/* The ']' of a section's line: behind its quotes, where it has some. */
static char *end_of_section(char *text)
{
    char *quote = strchr(text, '"'), *end = strchr(text, ']');

    if (quote && end && quote < end && (quote = strchr(quote + 1, '"')))
        end = strchr(quote, ']');
    return end;
}

static em_status read_section(reading *r, char *text)
{
    char *end = end_of_section(text), *rest;

    if (!end || text[1] == '[')
        return mistake(r, end ? "a section's name stands in one pair of [ ]" : "the section's name has no ']'");
    *end = '\0';
    rest = trim(end + 1);
    if (*rest && *rest != '#' && *rest != ';')
        return mistake(r, "a key has a line of its own, below the section's");
    return begin_section(r, trim(text + 1));
}

static em_status read_line(reading *r, char *line)
{
    char *text = trim(line), *equals, clean[48];

    if (*text == '\0' || *text == '#' || *text == ';')
        return EM_OK;
    if (!em_utf8_valid(text, strlen(text)))
        return mistake(r, "is not UTF-8");
    if (*text == '[')
        return read_section(r, text);
    equals = strpbrk(text, "=:");
    if (!equals || equals == text)
        return mistake(r, "'%s' is not 'key = value'", em_text_clean(clean, sizeof clean, text));
    *equals = '\0';
    cut_comment(equals + 1);
    if (r->is_midi)
        return set_of_midi(r, trim(text), trim(equals + 1));
    if (*r->subject && r->kind == OF_SOURCE)
        return set_of_source(r, trim(text), trim(equals + 1));
    return *r->subject ? set_of_subject(r, trim(text), trim(equals + 1)) : set_key(r, trim(text), trim(equals + 1));
}

/* Up to the line's end, which is left out. False: the file is over. *why: what a line may not be, or NULL. */
static bool get_line(FILE *f, char *line, size_t room, const char **why)
{
    size_t n = 0;
    int c;

    *why = NULL;
    while ((c = getc_unlocked(f)) != EOF && c != '\n') {
        if (c == '\0')
            *why = "holds a byte of 0: is the file UTF-16, or no text?";
        else if (n + 1 < room)
            line[n++] = (char)c;
        else if (!*why)
            *why = "";
    }
    line[n] = '\0';
    return c != EOF || n > 0 || *why;
}

static em_status read_lines(reading *r)
{
    static const char mark[] = "\xef\xbb\xbf";             /* how some editors begin UTF-8 */
    char line[LINE_BYTES];
    const char *why;
    em_status status = EM_OK;

    while (status == EM_OK && get_line(r->file, line, sizeof line, &why)) {
        bool has_mark = ++r->line == 1 && strncmp(line, mark, sizeof mark - 1) == 0;

        if (why)
            status = *why ? mistake(r, "%s", why) : mistake(r, "line longer than %d bytes", LINE_BYTES - 2);
        else
            status = read_line(r, has_mark ? line + sizeof mark - 1 : line);
    }
    return status;
}

em_status em_options_read_file(em_options *o, const char *path, int layer, em_err *err)
{
    reading r = { .o = o, .path = path, .layer = layer, .err = err };
    em_status status;

    r.file = fopen(path, "re");
    if (!r.file)
        return em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    status = em_texts_add(&o->files, path, NULL, err);
    if (status == EM_OK)
        status = read_lines(&r);
    if (status == EM_OK && ferror(r.file))
        status = em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(r.file);
    em_texts_deinit(&r.met);
    return status;
}
