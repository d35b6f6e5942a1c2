/* nsm.c - see nsm.h. */
#include "cli/nsm.h"

#include "base/log.h"
#include "base/module.h"
#include "base/replace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char file_name[] = "earmark.conf";

typedef struct text { char *bytes; size_t n; } text;

static bool put_text(int fd, void *ctx)
{
    const text *t = ctx;

    return em_file_put(fd, t->bytes, t->n);
}

/* What the session was begun with. A file that is there is a person's: nothing that runs changes its settings. From liblo's thread. */
static em_status save(void *ctx, em_err *err)
{
    em_nsm *s = ctx;
    char path[EM_NSM_PATH + sizeof file_name + 1];
    text t = { 0 };
    em_status status;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", s->project.path, file_name);
    if (access(path, F_OK) == 0)
        return EM_OK;
    if (!(f = open_memstream(&t.bytes, &t.n)))
        return em_fail(err, EM_ENOMEM, "no memory for %.120s", path);
    fputs("# Settings of this session; `earmark --print-config` shows all that there are.\n", f);
    em_options_print_layers(s->o, EM_LAYER_CONFIG, f);
    status = fclose(f) == 0 ? em_file_replace(path, put_text, &t, err) : em_fail(err, EM_ENOMEM, "no memory for %.120s", path);
    free(t.bytes);
    return status;
}

/* The manager makes the folder that ours is in. */
static em_status enter_folder(const em_nsm *s, em_err *err)
{
    if (mkdir(s->project.path, 0777) != 0 && errno != EEXIST)
        return em_fail(err, EM_EIO, "%.180s: cannot be made: %s", s->project.path, strerror(errno));
    return chdir(s->project.path) == 0 ? EM_OK : em_fail(err, EM_EIO, "%.180s: cannot be entered: %s", s->project.path, strerror(errno));
}

static em_status join(em_nsm *s, const char *url, const char *program, em_err *err)
{
    const em_nsm_link_cfg cfg = { .url = url, .program = program, .save = save, .ctx = s };
    const void *table;
    em_err why;
    em_status status;

    if (em_module_find(&table, "nsm", "em_nsm_liblo", &why))
        return em_fail(err, EM_EUNSUPPORTED, "NSM_URL is set: %.120s; it is built with -DEARMARK_OSC=ON", why.msg);
    s->ops = table;
    if ((status = s->ops->join(&s->link, &s->project, &cfg, err)))
        s->ops = NULL;
    return status;
}

em_status em_nsm_read(const em_nsm *s, em_options *o, int argc, char **argv, em_err *err)
{
    char path[EM_NSM_PATH + sizeof file_name + 1];

    if (!s || !s->ops)
        return em_options_read(o, argc, argv, err);
    snprintf(path, sizeof path, "%s/%s", s->project.path, file_name);
    return em_options_read_session(o, argc, argv, &(em_options_session){ path, s->project.client_id }, err);
}

em_status em_nsm_begin(em_nsm *s, em_options *o, int argc, char **argv, em_err *err)
{
    const char *url = getenv("NSM_URL");
    em_err why = { 0 };
    em_status status;

    *s = (em_nsm){ .o = o };
    if (!url || !*url)
        return EM_OK;
    if (join(s, url, argv[0], &why)) {
        em_log(EM_LOG_WARNING, "%s; going on without a session", why.msg);
        return EM_OK;
    }
    em_options_deinit(o);
    if ((status = em_nsm_read(s, o, argc, argv, err)))
        return status;
    return enter_folder(s, err);
}

void em_nsm_opened(em_nsm *s)
{
    if (!s || !s->ops || s->is_answered)
        return;
    s->is_answered = true;
    s->ops->answer(s->link, NULL);
}

void em_nsm_progress(em_nsm *s, double share)
{
    if (s && s->ops)
        s->ops->progress(s->link, (float)share);
}

void em_nsm_end(em_nsm *s, const char *why_not)
{
    if (!s->ops)
        return;
    if (!s->is_answered)
        s->ops->answer(s->link, why_not && *why_not ? why_not : "ended before anything was heard");
    s->ops->leave(s->link);
    *s = (em_nsm){ 0 };
}
