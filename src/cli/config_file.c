/* config_file.c - the layers of configuration files, read by inih: `key = value` lines, the keys being the names
 * of the options. Every mistake is an error with file and line. */
#include "cli/options.h"
#include "cli/paths.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <glob.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* inih reads lines of at most this many bytes and would cut longer ones in two. */
enum { LINE_BYTES = 200 };

typedef struct reading {
    em_options *o;
    const char *path;
    FILE       *file;
    int         layer, line;
    bool        is_cut;             /* a line was too long                */
    char        section[64];        /* last one that was said to be unused */
    em_status   status;
    em_err     *err;
} reading;

static char *next_line(char *buffer, int room, void *ctx)
{
    reading *r = ctx;
    char *line = r->is_cut ? NULL : fgets(buffer, room, r->file);

    if (!line)
        return NULL;
    r->line++;
    r->is_cut = !strchr(line, '\n') && !feof(r->file);
    return line;
}

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

/* Sections of parts that are not in this version; their keys wait for it. */
static bool is_other_section(reading *r, const char *section)
{
    static const char *const known[] = { "source", "class", "group", "mqtt", "http", "jack", "midi", "osc" };

    for (size_t i = 0; i < EM_COUNT(known); i++) {
        size_t n = strlen(known[i]);

        if (strncmp(section, known[i], n) != 0 || (section[n] != '\0' && section[n] != ' '))
            continue;
        if (strncmp(r->section, section, sizeof r->section - 1) != 0) {
            snprintf(r->section, sizeof r->section, "%s", section);
            em_log(EM_LOG_WARNING, "%s:%d: section [%s] is not used by this version", r->path, r->line, known[i]);
        }
        return true;
    }
    return false;
}

static int handle(void *ctx, const char *section, const char *key, const char *value)
{
    reading *r = ctx;
    const em_option *row = em_options_find(key);
    char where[160], clean[64];

    if (r->status)
        return 0;
    if (*section && is_other_section(r, section))
        return 1;
    if (*section)
        r->status = em_fail(r->err, EM_EINVAL, "%s:%d: unknown section [%s]", r->path, r->line,
                            em_text_clean(clean, sizeof clean, section));
    else if (!row || !has_key(row))
        r->status = unknown_key(r, key);
    else {
        snprintf(where, sizeof where, "%.100s:%d: %s", r->path, r->line, key);
        r->status = em_options_set(r->o, row, value, r->layer, where, r->err);
    }
    return r->status == EM_OK;
}

em_status em_options_read_file(em_options *o, const char *path, int layer, em_err *err)
{
    reading r = { .o = o, .path = path, .layer = layer, .err = err };
    int bad_line;

    r.file = fopen(path, "re");
    if (!r.file)
        return em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    bad_line = ini_parse_stream(next_line, &r, handle, &r);
    if (ferror(r.file) && !r.status)
        r.status = em_fail(err, EM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    if (r.is_cut && !r.status)
        r.status = em_fail(err, EM_EINVAL, "%s:%d: line longer than %d bytes", path, r.line, LINE_BYTES - 2);
    if (bad_line && !r.status)
        r.status = em_fail(err, EM_EINVAL, "%s:%d: not 'key = value'", path, bad_line);
    fclose(r.file);
    return r.status;
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
