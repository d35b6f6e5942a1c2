/* reload.c - see reload.h. Each reading that came to something is a generation: its options, its rules, the sinks opened for it. A
 * generation goes when the worker has newer rules and none of its sinks is open any more; only names of groups stay, which records that
 * are under way may hold. */
#include "cli/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/nsm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 50, RETRY_MS = 10 };

typedef struct generation {
    struct generation *next;        /* the one before */
    em_options   o;
    em_selection selection;
    em_rules     rules;
    em_sink_set_cfg sinks;
    em_sink_set  set;
} generation;

struct em_reload {
    em_reload_cfg cfg;
    pthread_t   thread;
    bool        has_thread;
    atomic_bool is_asked, is_ending;
    _Atomic(const void *) applied;  /* the rules that the worker has */
    generation *newest;             /* NULL: none yet                */
    em_texts    names;              /* of groups                     */
};

/* ---- what has changed ---- */

static const char *const of_rules[] = {
    "threshold", "watch", "ignore", "all-classes", "hysteresis", "min-on", "min-off", "gate", "group", "tune", "explain", "until",
};

/* Sinks that can be opened anew, and what they are made of; all but exec know which classes are listed. */
static const struct service { const char *format, *rows[9]; bool knows_classes; } services[] = {
    { "mqtt", { "mqtt", "mqtt-node", "mqtt-password-file", "mqtt-ca", "mqtt-cert", "mqtt-key", "mqtt-discovery", "mqtt-discovery-prefix" }, true },
    { "osc", { "osc" }, true },
    { "web", { "http", "http-token", "http-host" }, true },
    { "exec", { "exec", "exec-on", "exec-jobs", "exec-timeout" }, false },
};

static bool differs(const em_options *a, const em_options *b, const char *name)
{
    return !em_options_same(a, b, em_options_find(name));
}

static bool knows_other_classes(const em_options *a, const em_options *b)
{
    return differs(a, b, "watch") || differs(a, b, "ignore") || differs(a, b, "all-classes") || differs(a, b, "group");
}

static bool is_changed(const struct service *s, const em_options *a, const em_options *b)
{
    bool is_one = s->knows_classes && knows_other_classes(a, b);

    for (int i = 0; s->rows[i]; i++)
        is_one |= differs(a, b, s->rows[i]);
    return is_one;
}

/* A page that was not there at the start lacks what the engine makes for it; files of --out-dir are one run's each. */
static bool can_reopen(const struct service *s, const em_options *run, const em_options *now)
{
    return !run->out_dir && !now->out_dir && (strcmp(s->format, "web") != 0 || run->http || !now->http);
}

static bool is_of_rules(const char *name)
{
    for (size_t i = 0; i < EM_COUNT(of_rules); i++)
        if (strcmp(of_rules[i], name) == 0)
            return true;
    return false;
}

static bool is_of_service(const char *name, const em_options *run, const em_options *now)
{
    for (size_t s = 0; s < EM_COUNT(services); s++)
        for (int i = 0; services[s].rows[i]; i++)
            if (strcmp(services[s].rows[i], name) == 0)
                return can_reopen(&services[s], run, now);
    return false;
}

/* What a run keeps until its end: of that, what the files have otherwise than the run began with. Told at each reading, for it is true still. */
static void warn_of_fixed(const em_options *run, const em_options *now)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; section->has_keys && strcmp(section->title, "Training") != 0 && i < section->n; i++) {
            const char *name = section->rows[i].name;

            if (differs(run, now, name) && !is_of_rules(name) && !is_of_service(name, run, now))
                em_log(EM_LOG_WARNING, "--%s has changed, which counts from the next start on", name);
        }
}

/* ---- generations ---- */

static const em_options *options_of_now(const em_reload *r)
{
    return r->newest ? &r->newest->o : r->cfg.o;
}

/* Names of groups are this run's for ever: records hold them. */
static em_status keep_names(em_reload *r, em_rules *rules, em_err *err)
{
    for (int g = 0; g < rules->n_groups; g++) {
        const char *name = rules->groups[g].name;
        int i = 0;

        while (i < r->names.n && strcmp(r->names.list[i], name) != 0)
            i++;
        if (i == r->names.n && em_texts_add(&r->names, name, NULL, err))
            return EM_ENOMEM;
        free((char *)(uintptr_t)name);
        rules->groups[g].name = r->names.list[i];
    }
    return EM_OK;
}

static void free_generation(const em_reload *r, generation *g)
{
    for (int i = 0; i < g->rules.n_groups; i++)
        for (int k = 0; k < r->names.n; k++)
            if (g->rules.groups[i].name == r->names.list[k])
                g->rules.groups[i].name = NULL;
    em_sink_set_close(&g->set, EM_SINK_EMPTY, NULL);
    em_rules_deinit(&g->rules);
    em_selection_deinit(&g->selection);
    em_options_deinit(&g->o);
    free(g);
}

static em_status read_generation(em_reload *r, generation *g, em_err *err)
{
    const em_known *known = r->cfg.sinks.known;
    em_settings settings;
    em_status status = em_nsm_read(r->cfg.o->nsm, &g->o, r->cfg.o->argc, r->cfg.o->argv, err);

    if (status)
        return status;
    settings = em_options_settings(&g->o);
    if ((status = em_selection_make(&g->selection, known, &settings, err)) ||
        (status = em_rules_make(&g->rules, known, &g->selection, &settings, err)))
        return status;
    g->sinks = r->cfg.sinks;
    g->sinks.selection = &g->selection;
    g->sinks.rules = &g->rules;
    return keep_names(r, &g->rules, err);
}

/* The worker has newer rules than those of g, and no sink of g's is open. */
static void free_old(em_reload *r)
{
    const void *applied = atomic_load(&r->applied);
    bool is_older = false;

    for (generation **at = &r->newest; *at;) {
        generation *g = *at;

        if (is_older && g->set.n == 0) {
            *at = g->next;
            free_generation(r, g);
            continue;
        }
        is_older |= applied == &g->rules.watch;
        at = &g->next;
    }
}

/* ---- sinks ---- */

/* Whose the open sink of this format is; NULL: there is none. */
static em_sink_set *set_with(em_reload *r, const char *format)
{
    if (em_sink_set_find(r->cfg.outputs, format))
        return r->cfg.outputs;
    for (generation *g = r->newest; g; g = g->next)
        if (em_sink_set_find(&g->set, format))
            return &g->set;
    return NULL;
}

static void close_service(em_reload *r, const char *format)
{
    em_sink_set *set = set_with(r, format);
    em_err why;

    if (!set)
        return;
    em_outlet_remove(r->cfg.outlet, em_sink_set_find(set, format));
    if (em_sink_set_close_one(set, format, EM_SINK_WHOLE, &why))
        em_log(EM_LOG_WARNING, "%s", why.msg);
}

static void open_service(em_reload *r, generation *g, const char *format)
{
    em_sink *sink;
    em_err why;
    em_status status = em_sink_set_open_one(&g->set, &g->o, &g->sinks, format, &why);

    sink = status ? NULL : em_sink_set_find(&g->set, format);
    if (sink && !(status = em_sink_put(sink, g->sinks.start, &why)) && !(status = em_outlet_add(r->cfg.outlet, sink, &why)))
        return;
    if (status)
        em_log(EM_LOG_ERROR, "%s; the run goes on without it", why.msg);
    if (sink)
        em_sink_set_close_one(&g->set, format, EM_SINK_EMPTY, NULL);
}

/* The old one goes first: two cannot have one port, and one broker does not take two of a name. */
static void renew_services(em_reload *r, generation *g, const em_options *before)
{
    for (size_t i = 0; i < EM_COUNT(services); i++) {
        const struct service *s = &services[i];

        if (!is_changed(s, before, &g->o) || !can_reopen(s, r->cfg.o, &g->o))
            continue;
        close_service(r, s->format);
        open_service(r, g, s->format);
    }
}

/* ---- a reading ---- */

/* Sinks that name clips name those of the run. */
static bool keep_clips(em_options *o, const em_options *run)
{
    free(o->clip_dir);
    o->clip_dir = run->clip_dir ? strdup(run->clip_dir) : NULL;
    o->is_private = run->is_private;
    return !run->clip_dir || o->clip_dir;
}

static void hand_over(em_reload *r, const em_rules *rules)
{
    const em_control_command c = { .type = EM_CONTROL_RULES, .rules = &rules->watch };

    while (!em_control_put(r->cfg.control, &c) && !atomic_load(&r->is_ending))
        em_sleep_ms(RETRY_MS);
}

static void reload(em_reload *r)
{
    const em_options *before = options_of_now(r);
    generation *g = calloc(1, sizeof *g);
    em_err err = { .msg = "no memory for the configuration" };

    if (!g || read_generation(r, g, &err)) {
        em_log(EM_LOG_ERROR, "%s; the old settings stay", err.msg);
        if (g)
            free_generation(r, g);
        return;
    }
    warn_of_fixed(r->cfg.o, &g->o);
    if (keep_clips(&g->o, r->cfg.o))
        renew_services(r, g, before);
    g->next = r->newest;
    r->newest = g;
    hand_over(r, &g->rules);
    free_old(r);
    em_log(EM_LOG_INFO, "the configuration was read again");
}

static void *run(void *ctx)
{
    em_reload *r = ctx;

    while (!atomic_load(&r->is_ending)) {
        if (atomic_exchange(&r->is_asked, false)) {
            em_service_reloading(r->cfg.service);
            reload(r);
            em_service_reloaded(r->cfg.service);
        }
        em_sleep_ms(TICK_MS);
    }
    return NULL;
}

/* ---- life ---- */

em_status em_reload_open(em_reload **out, const em_reload_cfg *cfg, em_err *err)
{
    em_reload *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r)
        return em_fail(err, EM_ENOMEM, "no memory to read the configuration again");
    r->cfg = *cfg;
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        free(r);
        return em_fail(err, EM_ENOMEM, "no thread to read the configuration again");
    }
    r->has_thread = true;
    *out = r;
    return EM_OK;
}

void em_reload_ask(em_reload *r)
{
    atomic_store(&r->is_asked, true);
}

void em_reload_applied(em_reload *r, const void *rules)
{
    atomic_store(&r->applied, rules);
}

void em_reload_stop(em_reload *r)
{
    if (!r || !r->has_thread)
        return;
    atomic_store(&r->is_ending, true);
    pthread_join(r->thread, NULL);
    r->has_thread = false;
}

em_status em_reload_close(em_reload *r, em_sink_end end, em_err *err)
{
    em_status first = EM_OK;

    if (!r)
        return EM_OK;
    em_reload_stop(r);
    for (generation *g = r->newest, *next; g; g = next) {
        const em_status status = em_sink_set_close(&g->set, end, first ? NULL : err);

        first = first ? first : status;
        next = g->next;
        free_generation(r, g);
    }
    em_texts_deinit(&r->names);
    free(r);
    return first;
}
