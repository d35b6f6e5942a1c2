/* site.h - what there is to ask for: one table of routes, and what they are answered with. */
#ifndef EM_SINKS_WEB_SITE_H
#define EM_SINKS_WEB_SITE_H

#include "sinks/web/feed.h"
#include "sinks/web/gate.h"
#include "sinks/web/metrics.h"
#include "sinks/web/net.h"

typedef struct em_web_file {        /* of page/, compiled in                                              */
    const char *path, *type;
    const unsigned char *bytes;
    size_t n;
} em_web_file;

extern const em_web_file em_web_files[];
extern const int em_web_n_files;

typedef enum em_web_feed { EM_WEB_EVENTS, EM_WEB_SCORES, EM_WEB_LIVE, EM_WEB_FEEDS } em_web_feed;

typedef struct em_web_site {
    em_web_gate gate;
    em_web_net *proxies;            /* [n_proxies] that say for whom they ask, and are believed           */
    int         n_proxies;
    em_feed    *feeds[EM_WEB_FEEDS];
    em_web_metrics *metrics;
    double      patience_s;         /* without a hop until /healthz says so                               */
    char       *classes;            /* JSON: which there are                                              */
    char       *greeting;           /* of EM_WEB_LIVE: the first message to every reader                  */
} em_web_site;

typedef struct em_web_route em_web_route;

/* A text that is made when it is asked for; NULL: no memory. The caller frees it. *code is 200 already. */
typedef char *em_web_text(em_web_site *site, int *code);

struct em_web_route {               /* one of these three                                                 */
    const char *path, *type;
    const em_web_file *file;
    em_web_text *text;
    int  feed;                      /* an em_web_feed, -1: none                                           */
    bool is_open;                   /* needs no token                                                     */
};

/* The i-th route; false after the last. */
bool em_web_route_at(em_web_route *out, int i);

#endif
