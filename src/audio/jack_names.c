/* Metadata calls on a thread that can be left behind. */
#include "audio/jack_names.h"

#include "audio/capture.h"

#include "base/clock.h"
#include "base/log.h"

#include <jack/metadata.h>
#include <jack/uuid.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE_INT "http://www.w3.org/2001/XMLSchema#int"

enum { LIMIT_MS = 1000, LOOK_MS = 2 };

typedef enum fate { RUNNING, DONE, LEFT_BEHIND } fate;

typedef struct names_call {
    jack_client_t *client;
    jack_uuid_t    uuid, port_uuids[EM_CAPTURE_MAX_CHANNELS + 1];
    uint32_t       n_ports;         /* the last one being midi_out, where has_midi */
    bool           has_uuid, has_midi, is_removal;
    _Atomic int    fate;            /* who comes last frees */
} names_call;

/* The store is one a user, so what one source found out holds for all of them. */
static _Atomic bool is_stuck;

static void set_all(const names_call *c)
{
    char text[16];

    for (uint32_t i = 0; i < c->n_ports; i++) {
        if (c->has_midi && i + 1 == c->n_ports)
            snprintf(text, sizeof text, "Event triggers");
        else
            snprintf(text, sizeof text, "Ear %u", i + 1);
        jack_set_property(c->client, c->port_uuids[i], JACK_METADATA_PRETTY_NAME, text, "text/plain");
        snprintf(text, sizeof text, "%u", i);
        jack_set_property(c->client, c->port_uuids[i], JACK_METADATA_ORDER, text, TYPE_INT);
    }
    if (c->has_uuid)
        jack_set_property(c->client, c->uuid, JACK_METADATA_ICON_NAME, "earmark", "text/plain");
}

static void remove_all(const names_call *c)
{
    for (uint32_t i = 0; i < c->n_ports; i++)
        jack_remove_properties(c->client, c->port_uuids[i]);
    if (c->has_uuid)
        jack_remove_properties(c->client, c->uuid);
}

static void *call_main(void *arg)
{
    names_call *c = arg;
    int before = RUNNING;

    if (c->is_removal)
        remove_all(c);
    else
        set_all(c);
    if (!atomic_compare_exchange_strong(&c->fate, &before, DONE))
        free(c);
    return NULL;
}

static names_call *new_call(jack_client_t *client, const em_jack_ports *p, bool is_removal)
{
    names_call *c = calloc(1, sizeof *c);
    char *text;

    if (!c)
        return NULL;
    c->client = client;
    c->is_removal = is_removal;
    for (; c->n_ports < p->n_ports; c->n_ports++)
        c->port_uuids[c->n_ports] = jack_port_uuid(p->ports[c->n_ports]);
    if (p->midi.port) {
        c->has_midi = true;
        c->port_uuids[c->n_ports++] = jack_port_uuid(p->midi.port);
    }
    text = jack_get_uuid_for_client_name(client, jack_get_client_name(client));
    c->has_uuid = text && jack_uuid_parse(text, &c->uuid) == 0;
    jack_free(text);
    return c;
}

static bool run(jack_client_t *client, const em_jack_ports *ports, bool is_removal)
{
    names_call *c = atomic_load(&is_stuck) ? NULL : new_call(client, ports, is_removal);
    int before = RUNNING;
    pthread_t thread;

    /* Without memory or thread the ports just keep their plain names. */
    if (!c || pthread_create(&thread, NULL, call_main, c) != 0) {
        free(c);
        return true;
    }
    for (int waited_ms = 0; waited_ms < LIMIT_MS && atomic_load(&c->fate) == RUNNING; waited_ms += LOOK_MS)
        em_sleep_ms(LOOK_MS);
    if (atomic_compare_exchange_strong(&c->fate, &before, LEFT_BEHIND)) {
        atomic_store(&is_stuck, true);
        pthread_detach(thread);
        em_log(EM_LOG_WARNING, "JACK: its store of port names hangs; the ports keep their plain names");
        return false;
    }
    pthread_join(thread, NULL);
    free(c);
    return true;
}

bool em_jack_names_set(jack_client_t *client, const em_jack_ports *ports)
{
    return run(client, ports, false);
}

bool em_jack_names_remove(jack_client_t *client, const em_jack_ports *ports)
{
    return run(client, ports, true);
}
