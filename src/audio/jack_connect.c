/* Connects our inputs; the rules stand in the header. */
#include "audio/jack_connect.h"

#include "base/log.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

void em_jack_news_add(em_jack_news *news, jack_port_id_t id)
{
    uint32_t n = atomic_load_explicit(&news->n_written, memory_order_relaxed);

    news->ids[n % EM_JACK_NEWS] = id;
    atomic_store_explicit(&news->n_written, n + 1, memory_order_release);
}

bool em_jack_news_waits(const em_jack_news *news)
{
    return atomic_load_explicit(&news->n_written, memory_order_acquire) != news->n_read;
}

typedef struct graph {
    jack_client_t      *client;
    jack_port_t *const *inputs;
    uint32_t            n_inputs;
    const em_jack_news *news;
    uint32_t            n_news_from, n_news_to;
    bool                is_first;
} graph;

static bool is_new(const graph *g, const char *name)
{
    /* So many at once that some are overwritten: then all count as new. */
    if (g->is_first || g->n_news_to - g->n_news_from >= EM_JACK_NEWS)
        return true;
    for (uint32_t i = g->n_news_from; i != g->n_news_to; i++) {
        jack_port_t *port = jack_port_by_id(g->client, g->news->ids[i % EM_JACK_NEWS]);
        const char *new_name = port ? jack_port_name(port) : NULL;

        if (new_name && strcmp(new_name, name) == 0)
            return true;
    }
    return false;
}

static void connect_one(const graph *g, const char *output, uint32_t k)
{
    const char *input = jack_port_name(g->inputs[k % g->n_inputs]);
    int code;

    if (!is_new(g, output))
        return;
    code = jack_connect(g->client, output, input);
    if (code == 0)
        em_log(EM_LOG_INFO, "JACK: %s -> %s", output, input);
    else if (code != EEXIST)
        em_log(EM_LOG_WARNING, "JACK: cannot connect %s to %s", output, input);
}

static void connect_physical(const graph *g)
{
    const unsigned long flags = JackPortIsOutput | JackPortIsPhysical;
    const char **outputs = jack_get_ports(g->client, NULL, JACK_DEFAULT_AUDIO_TYPE, flags);

    for (uint32_t k = 0; outputs && outputs[k] && k < g->n_inputs; k++)
        connect_one(g, outputs[k], k);
    if (!outputs && g->is_first)
        em_log(EM_LOG_WARNING, "JACK: there is no physical capture port to connect");
    jack_free(outputs);
}

static void connect_globs(const graph *g, const char *const *globs, int n_globs)
{
    const char **outputs = jack_get_ports(g->client, NULL, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput);
    uint32_t k = 0;

    for (int i = 0; i < n_globs; i++) {
        uint32_t k_before = k;

        for (uint32_t j = 0; outputs && outputs[j]; j++) {
            if (fnmatch(globs[i], outputs[j], 0) == 0)
                connect_one(g, outputs[j], k++);
        }
        if (k == k_before && g->is_first)
            em_log(EM_LOG_WARNING, "JACK: no port fits \"%s\" yet; it will be connected when it appears", globs[i]);
    }
    jack_free(outputs);
}

void em_jack_connect(jack_client_t *client, jack_port_t *const *inputs, uint32_t n_inputs, const char *const *globs,
                     int n_globs, em_jack_news *news, bool is_first)
{
    graph g = { client, inputs, n_inputs, news, news->n_read,
                atomic_load_explicit(&news->n_written, memory_order_acquire), is_first };

    news->n_read = g.n_news_to;
    if (n_globs > 0)
        connect_globs(&g, globs, n_globs);
    else
        connect_physical(&g);
}
