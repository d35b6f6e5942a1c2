/* site.c - the table of routes. All but /healthz needs the token, where there is one: a new row is closed unless it says otherwise. */
#include "sinks/web/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *metrics(em_web_site *site, int *code)
{
    (void)code;
    return em_web_metrics_text(site->metrics);
}

static char *classes(em_web_site *site, int *code)
{
    (void)code;
    return strdup(site->classes);
}

/* For who restarts what stands still: 503 when a source is down or no hop came for too long. */
static char *health(em_web_site *site, int *code)
{
    bool is_up;
    double silent_s = em_web_metrics_silence(site->metrics, &is_up);
    char text[64] = "ok\n";

    if (!is_up || silent_s > site->patience_s) {
        *code = 503;
        snprintf(text, sizeof text, "no sound for %.0f s\n", silent_s);
    }
    return strdup(text);
}

static const em_web_route texts[] = {
    { .path = "/metrics", .type = "text/plain; version=0.0.4; charset=utf-8", .text = metrics, .feed = -1 },
    { .path = "/healthz", .type = "text/plain; charset=utf-8", .text = health, .feed = -1, .is_open = true },
    { .path = "/v1/classes", .type = "application/json", .text = classes, .feed = -1 },
    { .path = "/v1/events", .type = "text/event-stream", .feed = EM_WEB_EVENTS },
    { .path = "/v1/scores", .type = "text/event-stream", .feed = EM_WEB_SCORES },
    { .path = "/v1/live", .type = "text/event-stream", .feed = EM_WEB_LIVE },
};

bool em_web_route_at(em_web_route *out, int i)
{
    const int n_texts = (int)EM_COUNT(texts);

    if (i < n_texts) {
        *out = texts[i];
    } else if (i - n_texts < em_web_n_files) {
        const em_web_file *file = &em_web_files[i - n_texts];

        *out = (em_web_route){ .path = file->path, .type = file->type, .file = file, .feed = -1 };
    } else {
        return false;
    }
    return true;
}
