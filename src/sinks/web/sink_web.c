/* sink_web.c - the web page as a sink: every event becomes messages of the feeds, and counts. See server.h for who reads them.
 *
 * em_sink_put makes a few kB of text and copies them; it never waits for a reader. */
#include "sinks/event_json.h"
#include "sinks/row.h"
#include "sinks/web/address.h"
#include "sinks/web/live.h"
#include "sinks/web/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLUG_BYTES = 256, NUMBER_BYTES = 24 };

/* Of the rings, which a reader may be behind: 256 KiB at the most. Half of one is told to who begins: of one source some 40 s of spectrogram. */
static const size_t rooms[EM_WEB_FEEDS] = { [EM_WEB_EVENTS] = 1 << 17, [EM_WEB_SCORES] = 1 << 18, [EM_WEB_LIVE] = 1 << 18 };

static const double least_patience_s = 10;

typedef struct web {
    em_sink base;
    em_sink_cfg  all;               /* as base.cfg, with all scores in a scores record */
    em_event_json record;
    em_web_live *live;
    em_web_site  site;
    em_web_server *server;
    em_web_address address;         /* that it listens at, once there is a server      */
    char         token[EM_WEB_TOKEN_CHARS];
    uint64_t     n_hops;
} web;

/* ---- what is said once ---- */

static char *take_text(em_json *j, em_err *err)
{
    char *text = j->has_failed ? NULL : j->text;

    if (!text) {
        em_json_deinit(j);
        em_fail(err, EM_ENOMEM, "no memory for the web page");
    }
    return text;
}

/* Every class in index order; "shown": after --watch and --ignore. */
static char *classes_text(const em_sink_cfg *cfg, em_err *err)
{
    char slug[SLUG_BYTES];
    em_json j = { 0 };

    em_json_begin(&j, NULL, '{');
    em_json_begin(&j, "classes", '[');
    for (int c = 0; c < cfg->classes->n; c++) {
        em_json_begin(&j, NULL, '{');
        em_json_int(&j, "index", c);
        em_json_string(&j, "label", cfg->classes->labels[c]);
        em_json_string(&j, "mid", cfg->classes->mids[c]);
        em_json_string(&j, "slug", em_slug(slug, sizeof slug, cfg->classes->labels[c]));
        em_json_bool(&j, "trained", !cfg->web->is_trained || cfg->web->is_trained[c]);
        em_json_bool(&j, "shown", !cfg->is_shown || cfg->is_shown[c]);
        em_json_bool(&j, "watched", cfg->web->is_watched && cfg->web->is_watched[c]);
        em_json_end(&j, '}');
    }
    em_json_end(&j, ']');
    em_json_end(&j, '}');
    return take_text(&j, err);
}

/* What a reader of the live feed learns first. "run" is another one for every run, so that a page that comes back knows whether it
 * goes on. */
static char *greeting_text(const em_sink_cfg *cfg, em_err *err)
{
    const em_event *start = cfg->web->start;
    em_json j = { 0 };
    char *data, *text = NULL;

    em_json_begin(&j, NULL, '{');
    em_json_int(&j, "run", em_wall_ms());
    em_json_string(&j, "version", start->u.start.version);
    em_json_string(&j, "model", start->u.start.model);
    em_json_string(&j, "backend", start->u.start.backend);
    em_json_float(&j, "step", start->u.start.step_s);
    em_json_float(&j, "window", start->u.start.window_s);
    em_json_int(&j, "rate", start->u.start.rate_hz);
    em_json_end(&j, '}');
    if (!(data = take_text(&j, err)))
        return NULL;
    if (asprintf(&text, "retry: 2000\nevent: hello\ndata: %s\n\n", data) < 0) {
        em_fail(err, EM_ENOMEM, "no memory for the web page");
        text = NULL;
    }
    free(data);
    return text;
}

/* ---- life ---- */

static em_status read_proxies(em_web_site *site, const em_sink_web_cfg *cfg, em_err *err)
{
    if (!(site->proxies = calloc((size_t)cfg->n_proxies + 1, sizeof *site->proxies)))
        return em_fail(err, EM_ENOMEM, "no memory for the web page");
    for (; site->n_proxies < cfg->n_proxies; site->n_proxies++)
        if (!em_web_net_parse(&site->proxies[site->n_proxies], cfg->proxies[site->n_proxies]))
            return em_fail(err, EM_EINVAL, "--http-trusted-proxy: '%.80s' is no address, no network and not unix",
                           cfg->proxies[site->n_proxies]);
    return EM_OK;
}

static em_status make_site(web *w, em_err *err)
{
    const em_sink_cfg *cfg = &w->base.cfg;
    const em_web_metrics_cfg metrics = { .classes = cfg->classes, .is_watched = cfg->web->is_watched, .start = cfg->web->start };
    em_web_site *site = &w->site;
    em_status status;

    w->all = *cfg;
    w->all.scores = EM_SCORES_ALL;
    site->gate = (em_web_gate){ .token = w->token, .hosts = cfg->web->hosts, .n_hosts = cfg->web->n_hosts };
    site->patience_s = 3 * cfg->web->start->u.start.step_s;
    if (site->patience_s < least_patience_s)
        site->patience_s = least_patience_s;
    if ((status = read_proxies(site, cfg->web, err)))
        return status;
    for (int i = 0; i < EM_WEB_FEEDS; i++)
        if ((status = em_feed_new(&site->feeds[i], rooms[i], err)))
            return status;
    if ((status = em_event_json_init(&w->record, &w->all, err)) || (status = em_web_live_new(&w->live, cfg->classes->n, err)) ||
        (status = em_web_metrics_new(&site->metrics, &metrics, err)))
        return status;
    if (!(site->classes = classes_text(cfg, err)) || !(site->greeting = greeting_text(cfg, err)))
        return EM_ENOMEM;
    return EM_OK;
}

static em_status web_init(em_sink *s, em_err *err)
{
    const em_sink_web_cfg *cfg = s->cfg.web;
    char text[EM_WEB_ADDRESS_CHARS];
    em_web_address address;
    web *w = (web *)s;
    const char *scheme;
    em_status status;
    int fd;

    if (!em_web_address_parse(&address, cfg->address))
        return em_fail(err, EM_EINVAL, "--http: '%.80s' is not ADDR:PORT with a numeric address, and not unix:PATH", cfg->address);
    if (!address.is_loopback && !cfg->token_path)
        return em_fail(err, EM_EINVAL, "--http: %s can be reached by others: it needs a token (--http-token FILE)",
                       em_web_address_text(text, (struct sockaddr *)&address.at, true));
    if ((cfg->token_path && (status = em_web_token_read(w->token, cfg->token_path, err))) || (status = make_site(w, err)) ||
        (status = em_web_address_listen(&fd, &address, err)))
        return status;
    w->address = address;
    if ((status = em_web_server_start(&w->server, fd, &w->site, err)))
        return status;
    em_web_address_text(text, (struct sockaddr *)&address.at, true);
    scheme = address.at.ss_family == AF_UNIX ? "" : "http://";
    em_log(EM_LOG_INFO, "the web page is at %s%s%s", scheme, text, *scheme ? "/" : "");
    return EM_OK;
}

static void web_deinit(em_sink *s)
{
    web *w = (web *)s;

    em_web_server_stop(w->server);
    em_web_address_forget(&w->address);
    em_event_json_deinit(&w->record);
    em_web_live_free(w->live);
    em_web_metrics_free(w->site.metrics);
    for (int i = 0; i < EM_WEB_FEEDS; i++)
        em_feed_free(w->site.feeds[i]);
    free(w->site.proxies);
    free(w->site.classes);
    free(w->site.greeting);
}

/* ---- events ---- */

static void put_hop(web *w, const em_event *e)
{
    const char *message = em_web_live_take(w->live, e);
    char id[NUMBER_BYTES];

    snprintf(id, sizeof id, "%llu", (unsigned long long)++w->n_hops);
    em_feed_put(w->site.feeds[EM_WEB_SCORES], NULL, id, w->record.json.text);
    if (message)
        em_feed_put(w->site.feeds[EM_WEB_LIVE], "hop", NULL, message);
}

static void put_record(web *w, const em_event *e)
{
    const bool is_sound = e->type == EM_EVENT_ONSET || e->type == EM_EVENT_OFFSET || e->type == EM_EVENT_RETRACT;

    em_feed_put(w->site.feeds[EM_WEB_EVENTS], NULL, is_sound ? e->u.sound.id : NULL, w->record.json.text);
    em_feed_put(w->site.feeds[EM_WEB_LIVE], NULL, NULL, w->record.json.text);
}

static em_status web_put(em_sink *s, const em_event *e, em_err *err)
{
    web *w = (web *)s;
    bool has_one;
    em_status status = em_event_json_put(&w->record, e, &has_one, err);

    if (status)
        return status;
    em_web_metrics_take(w->site.metrics, e);
    if (e->type == EM_EVENT_SCORES)
        put_hop(w, e);
    else if (has_one)
        put_record(w, e);
    em_web_server_wake(w->server);
    return EM_OK;
}

const em_sink_row em_sink_web = {
    .format = "web", .n_bytes = sizeof(web), .has_no_file = true,
    .init = web_init, .put = web_put, .deinit = web_deinit,
};
