/* The row "jack": a client that never starts a server, follows it through death and return, and connects its ports.
 * keeper.c has the life of it; here is what is JACK's. Everything runs on the helper thread of the keeper, but
 * the on_* functions, which run in JACK's notification thread and only set flags. */
#include "audio/capture_jack.h"
#include "audio/hush.h"
#include "audio/jack_connect.h"
#include "audio/jack_names.h"
#include "audio/keeper.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 63 };            /* JACK's own limit is 64 with the NUL */

typedef struct jack_cfg {
    char  *name, *server;
    char **globs;
    int    n_globs, n_ports;
    bool   no_connect;
    em_midi *midi;                      /* NULL: no port for it */
} jack_cfg;

typedef struct jack_session {
    em_jack_ports    ports;
    em_jack_news     news;
    jack_client_t   *client;
    const jack_cfg  *cfg;
    jack_nframes_t   rate_hz;
    _Atomic uint32_t has_new_rate;
    uint32_t         was_freewheeling;
    jack_nframes_t   cycle;             /* frame time of the last cycle seen, which wraps; */
    uint64_t         n_made;            /* the same, which does not                        */
    bool             has_names;
    bool             is_held;           /* a hanging call may use the client for ever */
} jack_session;

/* ---- notification thread ---- */

static int on_rate(jack_nframes_t rate_hz, void *arg)
{
    jack_session *s = arg;

    if (rate_hz != s->rate_hz)
        atomic_store(&s->has_new_rate, 1);
    return 0;
}

static void on_freewheel(int is_starting, void *arg)
{
    jack_session *s = arg;

    atomic_store(&s->ports.tap->is_untimed, is_starting != 0);
}

static void on_port(jack_port_id_t id, int is_registered, void *arg)
{
    jack_session *s = arg;

    if (is_registered)
        em_jack_news_add(&s->news, id);
}

/* ---- helper thread ---- */

static const char *server_name(const jack_cfg *cfg)
{
    const char *name = cfg->server ? cfg->server : getenv("JACK_DEFAULT_SERVER");

    return name && *name ? name : "default";
}

static em_status connect_to_server(jack_session *s, em_err *err)
{
    const jack_cfg *cfg = s->cfg;
    jack_status_t status = 0;

    em_hush((em_hush_function *)jack_client_open);
    s->client = cfg->server ? jack_client_open(cfg->name, JackNoStartServer | JackServerName, &status, cfg->server)
                            : jack_client_open(cfg->name, JackNoStartServer, &status);
    if (s->client)
        return EM_OK;
    if (status & JackServerFailed)
        return em_fail(err, EM_EDEVICE, "no JACK server \"%.60s\" runs: start one, or wait for it with --jack-wait",
                       server_name(cfg));
    return em_fail(err, EM_EDEVICE, "the JACK server \"%.60s\" does not take a client \"%s\" (status 0x%x)",
                   server_name(cfg), cfg->name, (unsigned)status);
}

static em_status no_room(const jack_session *s, const char *name, em_err *err)
{
    return em_fail(err, EM_EDEVICE, "the JACK server \"%.60s\" has no room for port %s", server_name(s->cfg), name);
}

static em_status register_midi(jack_session *s, em_err *err)
{
    if (!s->cfg->midi)
        return EM_OK;
    s->ports.midi.queue = s->cfg->midi;
    s->ports.midi.port = jack_port_register(s->client, "midi_out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
    return s->ports.midi.port ? EM_OK : no_room(s, "midi_out", err);
}

static em_status register_ports(jack_session *s, em_err *err)
{
    char name[16];

    for (int i = 0; i < s->cfg->n_ports; i++) {
        snprintf(name, sizeof name, "in_%d", i + 1);
        s->ports.ports[i] = jack_port_register(s->client, name, JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
        if (!s->ports.ports[i])
            return no_room(s, name, err);
        s->ports.n_ports++;
    }
    return register_midi(s, err);
}

static em_status session_open(void *session, const void *cfg, em_tap *tap, em_found *found, em_err *err)
{
    jack_session *s = session;

    s->cfg = cfg;
    s->ports.tap = tap;
    if (connect_to_server(s, err) != EM_OK)
        return err->code;
    s->rate_hz = jack_get_sample_rate(s->client);
    if (em_capture_check_format("the JACK server", s->rate_hz, s->cfg->n_ports, err) != EM_OK)
        return err->code;
    jack_on_shutdown(s->client, em_jack_shutdown, &s->ports);
    if (jack_set_process_callback(s->client, em_jack_process, &s->ports) != 0 ||
        jack_set_xrun_callback(s->client, em_jack_xrun, &s->ports) != 0 ||
        jack_set_sample_rate_callback(s->client, on_rate, s) != 0 ||
        jack_set_freewheel_callback(s->client, on_freewheel, s) != 0 ||
        jack_set_port_registration_callback(s->client, on_port, s) != 0)
        return em_fail(err, EM_EDEVICE, "the JACK server \"%.60s\" does not take callbacks", server_name(s->cfg));
    if (register_ports(s, err) != EM_OK)
        return err->code;
    snprintf(found->name, sizeof found->name, "%s", jack_get_client_name(s->client));
    found->rate_hz = (int)s->rate_hz;
    found->n_channels = s->cfg->n_ports;
    return EM_OK;
}

static void connect_ports(jack_session *s, bool is_first)
{
    if (!s->cfg->no_connect)
        em_jack_connect(s->client, s->ports.ports, s->ports.n_ports, (const char *const *)s->cfg->globs, s->cfg->n_globs,
                        &s->news, is_first);
}

static em_status session_start(void *session, em_err *err)
{
    jack_session *s = session;

    if (jack_activate(s->client) != 0)
        return em_fail(err, EM_EDEVICE, "the JACK server \"%.60s\" does not start the client", server_name(s->cfg));
    connect_ports(s, true);
    s->has_names = em_jack_names_set(s->client, &s->ports);
    s->is_held = !s->has_names;
    return EM_OK;
}

/* A port's capture latency is the age of a period's first frame when it is delivered; the last one's is a period less. */
static void note_latency(jack_session *s)
{
    jack_latency_range_t range = { 0 };
    uint32_t n_period = atomic_load(&s->ports.tap->n_period);

    jack_port_get_latency_range(s->ports.ports[0], JackCaptureLatency, &range);
    atomic_store(&s->ports.tap->n_latency, range.max > n_period ? range.max - n_period : 0);
}

static bool session_tick(void *session)
{
    jack_session *s = session;
    uint32_t is_freewheeling = atomic_load(&s->ports.tap->is_untimed);

    if (is_freewheeling != s->was_freewheeling)
        em_log(EM_LOG_INFO, is_freewheeling ? "JACK runs freely: faster than real time, a full ring drops frames"
                                            : "JACK runs in real time again");
    s->was_freewheeling = is_freewheeling;
    if (em_jack_news_waits(&s->news))
        connect_ports(s, false);
    note_latency(s);
    /* A new rate is a new session: frames of both must not meet in one callback. */
    return atomic_load(&s->has_new_rate) == 0;
}

/* JACK's frame time steps by a period with every cycle of the server, whether or not we were called in it. It is asked
 * for outside of a cycle's callback, so it names the cycle that runs now: it may be a period ahead of what came. */
static uint64_t session_made(void *session)
{
    jack_session *s = session;
    jack_nframes_t cycle = jack_last_frame_time(s->client);

    s->n_made += (jack_nframes_t)(cycle - s->cycle);
    s->cycle = cycle;
    return s->n_made;
}

static void ignore_shutdown(void *arg)
{
    (void)arg;
}

/* A client that cannot be closed: it stays in the graph, deaf, and knows nothing of the session any more. */
static void leave_client(jack_session *s)
{
    jack_deactivate(s->client);
    jack_on_shutdown(s->client, ignore_shutdown, NULL);
    jack_set_process_callback(s->client, NULL, NULL);
    jack_set_xrun_callback(s->client, NULL, NULL);
    jack_set_sample_rate_callback(s->client, NULL, NULL);
    jack_set_freewheel_callback(s->client, NULL, NULL);
    jack_set_port_registration_callback(s->client, NULL, NULL);
}

static void session_close(void *session)
{
    jack_session *s = session;

    if (!s->client)
        return;
    if (!atomic_load(&s->ports.tap->is_gone))
        em_jack_midi_leave(&s->ports.midi, (double)atomic_load(&s->ports.tap->n_period) / s->rate_hz);
    if (s->has_names && !atomic_load(&s->ports.tap->is_gone))
        s->is_held = !em_jack_names_remove(s->client, &s->ports);
    if (s->is_held)
        leave_client(s);
    else
        jack_client_close(s->client);
}

static void free_cfg(void *cfg)
{
    jack_cfg *c = cfg;

    if (!c)
        return;
    for (int i = 0; c->globs && i < c->n_globs; i++)
        free(c->globs[i]);
    free(c->globs);
    free(c->name);
    free(c->server);
    free(c);
}

/* ---- the row ---- */

static const em_keeper_ops keeper_ops = {
    .thread = "earmark-jack", .session_bytes = sizeof(jack_session), .most_retry_ms = 500,
    .open = session_open, .start = session_start, .tick = session_tick, .close = session_close, .made = session_made,
    .free_cfg = free_cfg,
};

static em_status copy_cfg(jack_cfg **out, const em_source_cfg *cfg, em_err *err)
{
    jack_cfg *c = calloc(1, sizeof *c);

    *out = NULL;
    if (!c)
        goto failed;
    c->name = strdup(cfg->jack_name && *cfg->jack_name ? cfg->jack_name : "earmark");
    c->server = cfg->jack_server ? strdup(cfg->jack_server) : NULL;
    c->globs = calloc((size_t)cfg->n_connect + 1, sizeof *c->globs);
    if (!c->name || (cfg->jack_server && !c->server) || !c->globs)
        goto failed;
    for (; c->n_globs < cfg->n_connect; c->n_globs++) {
        c->globs[c->n_globs] = strdup(cfg->connect[c->n_globs]);
        if (!c->globs[c->n_globs])
            goto failed;
    }
    c->no_connect = cfg->no_connect;
    c->midi = cfg->midi;
    c->n_ports = cfg->jack_channels > 0 ? cfg->jack_channels : 1;
    *out = c;
    return EM_OK;

failed:
    free_cfg(c);
    return em_fail(err, EM_ENOMEM, "no memory for a JACK client");
}

static em_status row_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    em_found found = { .n_channels = cfg->jack_channels > 0 ? cfg->jack_channels : 1 };
    em_keeper *keeper;
    em_status status;
    jack_cfg *copy;

    *out = NULL;
    if (cfg->jack_name && strlen(cfg->jack_name) > MOST_NAME)
        return em_fail(err, EM_EINVAL, "the JACK name \"%.20s...\" is too long: at most %d characters", cfg->jack_name,
                       MOST_NAME);
    if (found.n_channels > EM_CAPTURE_MAX_CHANNELS)
        return em_fail(err, EM_EINVAL, "%d JACK ports: 1 to %d can be registered", found.n_channels,
                       EM_CAPTURE_MAX_CHANNELS);
    if (copy_cfg(&copy, cfg, err) != EM_OK)
        return err->code;
    status = em_keeper_open(&keeper, &keeper_ops, copy, cfg->wait_start_s, cfg->wait_lost_s, &found, err);
    if (status != EM_OK)
        return status;
    snprintf(plan->info.name, sizeof plan->info.name, "%s",
             found.name[0] ? found.name : "JACK");             /* its name is known when it is there */
    plan->info.rate_hz = found.rate_hz;
    plan->info.n_channels = found.n_channels;
    plan->info.is_live = true;
    *out = keeper;
    return EM_OK;
}

static em_status row_start(void *self, em_capture *capture, em_err *err)
{
    return em_keeper_start(self, capture, err);
}

static em_source_state row_watch(void *self, em_err *err)
{
    return em_keeper_watch(self, err);
}

static void row_stop(void *self)
{
    em_keeper_stop(self);
}

static void row_close(void *self)
{
    em_keeper_close(self);
}

/* What --connect takes. A server that does not run has no ports, which is no failure. */
static em_status row_list(em_device_visit *visit, void *ctx, em_err *err)
{
    jack_client_t *client;
    const char **ports;

    (void)err;
    em_hush((em_hush_function *)jack_client_open);
    client = jack_client_open("earmark-list", JackNoStartServer, NULL);
    if (!client)
        return EM_OK;
    ports = jack_get_ports(client, NULL, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput);
    for (int i = 0; ports && ports[i]; i++) {
        jack_port_t *port = jack_port_by_name(client, ports[i]);

        visit(ctx, "jack", i, ports[i], 1, (int)jack_get_sample_rate(client),
              port && (jack_port_flags(port) & JackPortIsPhysical));
    }
    jack_free(ports);
    jack_client_close(client);
    return EM_OK;
}

const em_source_ops em_source_jack_ops = { row_open, row_start, row_watch, row_stop, row_close, row_list };
