/* sink_exec.c - a command for each event (--exec). Not a format that people choose with --format.
 *
 * The command's words come from the option alone. What is said of the event, whatever its labels hold, goes by standard input (the
 * record of jsonl, a line) and by variables named after the record's keys: EARMARK_EVENT_TYPE, EARMARK_EVENT_LABEL ... */
#include "sinks/jobs.h"
#include "sinks/row.h"
#include "sinks/sound_json.h"

#include "base/log.h"
#include "base/words.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "EARMARK_EVENT_";
static const char secret[] = "EARMARK_MQTT=";       /* the one variable of ours that may hold a password */

typedef struct exec {
    em_sink base;
    char  **argv;
    em_jobs *jobs;
    em_json record;
    bool    has_lost;
} exec;

static em_status exec_init(em_sink *s, em_err *err)
{
    exec *x = (exec *)s;
    em_jobs_cfg jobs = { .n_most = s->cfg.exec->n_most, .limit_s = s->cfg.exec->limit_s, .give_up = s->cfg.give_up };
    em_err why;
    em_status status = em_words(&x->argv, s->cfg.exec->command, &why);

    if (status)
        return em_fail(err, status, "--exec: %s", why.msg);
    jobs.argv = x->argv;
    return em_jobs_new(&x->jobs, &jobs, err);
}

static void exec_deinit(em_sink *s)
{
    exec *x = (exec *)s;

    em_jobs_free(x->jobs);
    em_json_deinit(&x->record);
    free(x->argv);
}

/* ---- the environment of a run ---- */

/* "label" and its value as EARMARK_EVENT_LABEL=Dog; NULL: no memory. */
static char *variable(const char *key, const json_t *value)
{
    char *text = NULL;
    int n = json_is_string(value)    ? asprintf(&text, "%s%s=%s", prefix, key, json_string_value(value))
            : json_is_integer(value) ? asprintf(&text, "%s%s=%" JSON_INTEGER_FORMAT, prefix, key, json_integer_value(value))
                                     : asprintf(&text, "%s%s=%.12g", prefix, key, json_number_value(value));

    if (n < 0)
        return NULL;
    for (char *c = text + sizeof prefix - 1; *c != '='; c++)
        *c = (char)toupper((unsigned char)*c);
    return text;
}

static void free_environment(char **env, size_t n_ours)
{
    for (size_t i = 0; env && i < n_ours; i++)
        free(env[i]);
    free(env);
}

/* Ours first (*n_ours of them), then what we have of others. NULL: no memory. */
static char **environment(json_t *record, size_t *n_ours)
{
    size_t n = 0, n_theirs = 0;
    const char *key;
    json_t *value;
    char **env;

    *n_ours = 0;
    while (environ[n_theirs])
        n_theirs++;
    if (!(env = calloc(json_object_size(record) + n_theirs + 1, sizeof *env)))
        return NULL;
    json_object_foreach(record, key, value) {
        if (json_is_null(value))
            continue;
        if (!(env[n++] = variable(key, value))) {
            free_environment(env, n);
            return NULL;
        }
    }
    *n_ours = n;
    for (size_t i = 0; i < n_theirs; i++)
        if (strncmp(environ[i], prefix, sizeof prefix - 1) != 0 && strncmp(environ[i], secret, sizeof secret - 1) != 0)
            env[n++] = environ[i];
    return env;
}

static em_status run_for(exec *x, const em_json *text, em_err *err)
{
    json_t *record = json_loadb(text->text, text->n, 0, NULL);
    size_t n_ours = 0;
    char **env = record ? environment(record, &n_ours) : NULL;

    json_decref(record);
    if (!env)
        return em_fail(err, EM_ENOMEM, "no memory for --exec");
    em_jobs_run(x->jobs, env, text->text, text->n);
    free_environment(env, n_ours);
    return EM_OK;
}

/* ---- records ---- */

static bool is_wanted(const em_sink_exec_cfg *cfg, em_event_type type)
{
    return (cfg->on_onset && type == EM_EVENT_ONSET) || (cfg->on_offset && type == EM_EVENT_OFFSET) ||
           (cfg->on_onset && cfg->on_offset && type == EM_EVENT_RETRACT);
}

static em_status exec_put(em_sink *s, const em_event *e, em_err *err)
{
    exec *x = (exec *)s;

    if (e->type == EM_EVENT_LOST && !x->has_lost) {
        em_log(EM_LOG_WARNING, "--exec: the commands are too slow, what comes meanwhile has none");
        x->has_lost = true;
    }
    if (!is_wanted(s->cfg.exec, e->type))
        return EM_OK;
    em_sound_json(&x->record, e, s->cfg.classes, s->cfg.clip ? s->cfg.clip->dir : NULL);
    em_json_end(&x->record, '}');
    em_json_newline(&x->record);
    return x->record.has_failed ? em_fail(err, EM_ENOMEM, "no memory for --exec") : run_for(x, &x->record, err);
}

static em_status exec_end(em_sink *s, em_err *err)
{
    exec *x = (exec *)s;
    em_jobs_counters count;

    em_jobs_wait(x->jobs);
    em_jobs_get_counters(x->jobs, &count);
    if (count.n_left_out > 0)
        em_log(EM_LOG_WARNING, "--exec: %llu events have no command any more", (unsigned long long)count.n_left_out);
    if (count.n_failed > 0)
        return em_fail(err, EM_EIO, "--exec: of %llu commands %llu failed", (unsigned long long)count.n_begun,
                       (unsigned long long)count.n_failed);
    return EM_OK;
}

const em_sink_row em_sink_exec = {
    .format = "exec", .n_bytes = sizeof(exec), .traits = { .extension = "exec", .is_events = true }, .has_no_file = true,
    .init = exec_init, .put = exec_put, .end = exec_end, .deinit = exec_deinit,
};
