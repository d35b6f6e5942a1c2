/* config_file.c - the layers of configuration files: `key = value` lines, the keys being the names of the options.
 * A line's indentation means nothing; # or ; begins a comment, behind a value too where a space is before the ;.
 * Every mistake is an error with file and line. */
#include "cli/options.h"
#include "cli/paths.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 2 * PATH_MAX };         /* a path and its key, with room to spare */

typedef struct reading {
    em_options *o;
    const char *path;
    FILE       *file;
    int         layer, line;
    bool        is_skipping;        /* in a section of a part that this version has not */
    bool        is_group;           /* of the section that the lines are in             */
    char        subject[160];       /* its class or group; "": none                     */
    const char *part;               /* "mqtt" in [mqtt]: keys are what its options add to that name; NULL: none */
    em_err     *err;
} reading;

static bool has_key(const em_option *row)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        if (section->has_keys && row >= section->rows && row < section->rows + section->n)
            return true;
    return false;
}

static em_status unknown_key(const reading *r, const char *key)
{
    char clean[64];
    const char *nearest = em_options_nearest(key);
    const em_option *row = *nearest ? em_options_find(nearest) : NULL;

    em_text_clean(clean, sizeof clean, key);
    if (!row || !has_key(row))
        return em_fail(r->err, EM_EINVAL, "%s:%d: unknown key '%s'; --print-config lists them all", r->path, r->line, clean);
    return em_fail(r->err, EM_EINVAL, "%s:%d: unknown key '%s'; the nearest is '%s'", r->path, r->line, clean, nearest);
}

/* [class "Dog"] or [group "alarm"]: what follows is of that one. */
static em_status begin_subject(reading *r, const char *name)
{
    size_t n;

    name += strspn(name, " \t\"");
    for (n = strlen(name); n > 0 && strchr(" \t\"", name[n - 1]);)
        n--;
    if (n == 0 || n >= sizeof r->subject)
        return em_fail(r->err, EM_EINVAL, "%s:%d: the section has no name, or one too long", r->path, r->line);
    memcpy(r->subject, name, n);
    r->subject[n] = '\0';
    return EM_OK;
}

/* Sections of parts that are not in this version; their keys wait for it. */
static em_status begin_section(reading *r, const char *section)
{
    static const char *const known[] = { "source", "jack", "midi" }, *const parts[] = { "mqtt", "osc", "http" };
    char clean[64];

    r->is_skipping = false;
    *r->subject = '\0';
    r->part = NULL;
    for (size_t i = 0; i < EM_COUNT(parts); i++)
        if (strcmp(section, parts[i]) == 0)
            r->part = parts[i];
    if (r->part)
        return EM_OK;
    r->is_group = strncmp(section, "group", 5) == 0;
    if (r->is_group || strncmp(section, "class", 5) == 0)
        return begin_subject(r, section + 5);
    for (size_t i = 0; i < EM_COUNT(known); i++) {
        size_t n = strlen(known[i]);

        if (strncmp(section, known[i], n) != 0 || (section[n] != '\0' && section[n] != ' '))
            continue;
        em_log(EM_LOG_WARNING, "%s:%d: section [%s] is not used by this version", r->path, r->line, known[i]);
        r->is_skipping = true;
        return EM_OK;
    }
    return em_fail(r->err, EM_EINVAL, "%s:%d: unknown section [%s]", r->path, r->line,
                   em_text_clean(clean, sizeof clean, section));
}

/* A line of a section is an item of a list: "min-on = 1" of a class is --tune, "class = Siren" of a group --group. */
static em_status set_of_subject(const reading *r, const char *key, const char *value)
{
    const bool is_member = r->is_group && strcmp(key, "class") == 0;
    char text[LINE_BYTES + 200], where[160];

    if (is_member)
        snprintf(text, sizeof text, "%s=%s", r->subject, value);
    else
        snprintf(text, sizeof text, "%s:%s=%s", r->subject, key, value);
    snprintf(where, sizeof where, "%.100s:%d: %.40s", r->path, r->line, key);
    return em_options_set(r->o, em_options_find(is_member ? "group" : "tune"), text, r->layer, where, r->err);
}

/* In [mqtt] "url" is --mqtt, and "node" --mqtt-node; in [http] "address" is --http. */
static em_status set_key(const reading *r, const char *key, const char *value)
{
    const em_option *row;
    char where[200], of_part[80];

    if (r->part && strcmp(key, strcmp(r->part, "http") == 0 ? "address" : "url") == 0)
        key = r->part;
    else if (r->part && snprintf(of_part, sizeof of_part, "%s-%.60s", r->part, key) > 0)
        key = of_part;
    row = em_options_find(key);
    if (!row || !has_key(row))
        return unknown_key(r, key);
    snprintf(where, sizeof where, "%.100s:%d: %s", r->path, r->line, key);
    return em_options_set(r->o, row, value, r->layer, where, r->err);
}

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

static void cut_comment(char *value)
{
    for (char *c = value; *c; c++)
        if (*c == ';' && (c == value || is_blank(c[-1]))) {
            *c = '\0';
            break;
        }
}

static em_status read_line(reading *r, char *line)
{
    char *text = trim(line), *end = strchr(text, ']'), *equals;

    if (*text == '\0' || *text == '#' || *text == ';')
        return EM_OK;
    if (*text == '[' && end) {
        *end = '\0';
        return begin_section(r, trim(text + 1));
    }
    equals = strpbrk(text, "=:");
    if (*text == '[' || !equals || equals == text)
        return em_fail(r->err, EM_EINVAL, "%s:%d: not 'key = value'", r->path, r->line);
    *equals = '\0';
    cut_comment(equals + 1);
    if (r->is_skipping)
        return EM_OK;
    return *r->subject ? set_of_subject(r, trim(text), trim(equals + 1)) : set_key(r, trim(text), trim(equals + 1));
}

static em_status read_lines(reading *r)
{
    static const char mark[] = "\xef\xbb\xbf";             /* how some editors begin UTF-8 */
    char line[LINE_BYTES];
    em_status status = EM_OK;

    while (status == EM_OK && fgets(line, sizeof line, r->file)) {
        bool has_mark = ++r->line == 1 && strncmp(line, mark, sizeof mark - 1) == 0;

        if (strlen(line) == sizeof line - 1 && line[sizeof line - 2] != '\n')
            status = em_fail(r->err, EM_EINVAL, "%s:%d: line longer than %d bytes", r->path, r->line, LINE_BYTES - 2);
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
    status = em_texts_add(&o->files, path, err);
    if (status == EM_OK)
        status = read_lines(&r);
    if (status == EM_OK && ferror(r.file))
        status = em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(r.file);
    return status;
}

/* A file that is not there is fine; one that cannot be read is not. */
static em_status read_if_there(em_options *o, const char *path, int layer, em_err *err)
{
    FILE *f = fopen(path, "re");

    if (!f && (errno == ENOENT || errno == ENOTDIR))
        return EM_OK;
    if (f)
        fclose(f);
    return em_options_read_file(o, path, layer, err);
}

static em_status read_system(em_options *o, em_err *err)
{
    em_status status = read_if_there(o, "/etc/earmark/earmark.conf", EM_LAYER_SYSTEM, err);
    glob_t parts;

    if (status || glob("/etc/earmark/conf.d/*.conf", 0, NULL, &parts) != 0)
        return status;
    for (size_t i = 0; i < parts.gl_pathc && !status; i++)
        status = em_options_read_file(o, parts.gl_pathv[i], EM_LAYER_SYSTEM, err);
    globfree(&parts);
    return status;
}

static em_status read_layers(em_options *o, const char *config, em_err *err)
{
    char path[PATH_MAX];
    em_status status = read_system(o, err);

    if (!status && em_path_config(path, sizeof path))
        status = read_if_there(o, path, EM_LAYER_USER, err);
    if (!status && config)
        status = em_options_read_file(o, config, EM_LAYER_CONFIG, err);
    return status ? status : em_options_read_env(o, err);
}

em_status em_options_read(em_options *o, int argc, char **argv, em_err *err)
{
    const char *config = getenv("EARMARK_CONFIG");
    em_options first;
    em_status status;

    *o = (em_options){ 0 };
    /* Once for --config and --help alone, which must work whatever the files hold. */
    if ((status = em_options_init(&first, err)) || (status = em_options_read_argv(&first, argc, argv, err)))
        goto done;
    if ((status = em_options_init(o, err)))
        goto done;
    if (first.config)
        config = first.config;
    if (first.command != EM_COMMAND_HELP && first.command != EM_COMMAND_VERSION)
        status = read_layers(o, config && *config ? config : NULL, err);
    if (!status)
        status = em_options_read_argv(o, argc, argv, err);
    if (!status)
        status = em_options_settle(o, err);
done:
    em_options_deinit(&first);
    return status;
}
