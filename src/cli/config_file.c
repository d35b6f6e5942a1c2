/* config_file.c - the layers of options: which files are read, in which order, and what comes before and behind them. The files
 * themselves: config_text.c. */
#include "cli/options.h"
#include "cli/paths.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>

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

static em_status read_layers(em_options *o, const char *config, const em_options_session *session, em_err *err)
{
    char path[PATH_MAX];
    em_status status = read_system(o, err);

    if (!status && em_path_config(path, sizeof path))
        status = read_if_there(o, path, EM_LAYER_USER, err);
    if (!status && config)
        status = em_options_read_file(o, config, EM_LAYER_CONFIG, err);
    if (!status && session)
        status = read_if_there(o, session->path, EM_LAYER_CONFIG, err);
    return status ? status : em_options_read_env(o, err);
}

/* The name that a session gives goes before any other, and is none of the settings that it keeps. */
static em_status join_session(em_options *o, const em_options_session *session, em_err *err)
{
    if (o->inputs.n == 0 && o->sources.n == 0 && !o->device && !o->raw && !o->replay)
        o->jack = true;
    o->no_connect |= o->connect.n == 0;
    return em_options_set(o, em_options_find("jack-name"), session->client_id, EM_LAYER_SYSTEM, "NSM's client id", err);
}

em_status em_options_read(em_options *o, int argc, char **argv, em_err *err)
{
    return em_options_read_session(o, argc, argv, NULL, err);
}

em_status em_options_read_session(em_options *o, int argc, char **argv, const em_options_session *session, em_err *err)
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
        status = read_layers(o, config && *config ? config : NULL, session, err);
    if (!status)
        status = em_options_read_argv(o, argc, argv, err);
    if (!status)
        status = em_options_settle(o, err);
    if (!status && session)
        status = join_session(o, session, err);
    o->argc = argc;
    o->argv = argv;
done:
    em_options_deinit(&first);
    return status;
}
