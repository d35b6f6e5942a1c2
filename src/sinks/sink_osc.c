/* sink_osc.c - events, scores and levels as OSC messages over UDP, by liblo.
 *
 *   /earmark/SOURCE/onset       ,sifd    label, index (-1: a group), score, seconds of the stream
 *   /earmark/SOURCE/offset      ,sifdd   the same at its end, and the duration
 *   /earmark/SOURCE/retract     ,sifd    in place of offset: what began there never was
 *   /earmark/SOURCE/score/SLUG  ,f       a listed class, every hop
 *   /earmark/SOURCE/level       ,f       dBFS, every hop
 *
 * A datagram goes out or is lost: no receiver can hold up a hop. The host is looked up once, at the start. */
#include "sinks/line.h"
#include "sinks/row.h"

#include "base/log.h"
#include "base/text.h"

#include <lo/lo.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 512, SLUG_BYTES = 256 };

static const float quietest_dbfs = -120;        /* digital silence: not every receiver knows what -inf is */

typedef struct osc {
    em_sink base;
    lo_address to;
    char  (*slugs)[SLUG_BYTES];     /* [n_classes]; "": not listed                            */
    bool    has_warned;
} osc;

/* A name is looked up by liblo with the first message, which may take seconds: an address is not. */
static em_status resolve(char *address, size_t room, const char *url, const char *host, const char *port, em_err *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    struct addrinfo *found;
    int rc = getaddrinfo(host, port, &hints, &found);

    if (!rc) {
        rc = getnameinfo(found->ai_addr, found->ai_addrlen, address, (socklen_t)room, NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(found);
    }
    return rc ? em_fail(err, EM_EIO, "%.120s: %s", url, gai_strerror(rc)) : EM_OK;
}

static em_status connect_receiver(osc *o, const char *url, em_err *err)
{
    char *host = lo_url_get_hostname(url), *port = lo_url_get_port(url), address[NI_MAXHOST];
    em_status status;

    if (!host || !port)
        status = em_fail(err, EM_EINVAL, "--osc: not osc.udp://HOST:PORT/");
    else if (!(status = resolve(address, sizeof address, url, host, port, err)) && !(o->to = lo_address_new_with_proto(LO_UDP, address, port)))
        status = em_fail(err, EM_ENOMEM, "no memory for OSC");
    free(host);
    free(port);
    return status;
}

static em_status osc_init(em_sink *s, em_err *err)
{
    osc *o = (osc *)s;
    const em_classes *classes = s->cfg.classes;

    if (!(o->slugs = calloc((size_t)classes->n + 1, sizeof *o->slugs)))
        return em_fail(err, EM_ENOMEM, "no memory for OSC");
    for (int c = 0; c < classes->n; c++) {
        if (s->cfg.is_shown && !s->cfg.is_shown[c])
            continue;
        em_slug(o->slugs[c], SLUG_BYTES, classes->labels[c]);
        if (!*o->slugs[c])
            snprintf(o->slugs[c], SLUG_BYTES, "class-%d", c);
    }
    return connect_receiver(o, s->cfg.osc_url, err);
}

static void osc_deinit(em_sink *s)
{
    osc *o = (osc *)s;

    if (o->to)
        lo_address_free(o->to);
    free(o->slugs);
}

/* Ends m. */
static void send_message(osc *o, const char *source, const char *below, lo_message m)
{
    char name[PATH_BYTES / 2], path[PATH_BYTES];

    em_text_level(name, sizeof name, source);
    snprintf(path, sizeof path, "/earmark/%s/%s", *name ? name : "source", below);
    if (lo_send_message(o->to, path, m) < 0 && !o->has_warned) {
        em_log(EM_LOG_WARNING, "%s: %s", o->base.cfg.osc_url, lo_address_errstr(o->to));
        o->has_warned = true;
    }
    lo_message_free(m);
}

static void send_float(osc *o, const char *source, const char *below, float x)
{
    lo_message m = lo_message_new();

    if (!m)
        return;
    lo_message_add_float(m, x);
    send_message(o, source, below, m);
}

static void send_sound(osc *o, const em_event *e)
{
    static const char *const types[] = { [EM_EVENT_ONSET] = "onset", [EM_EVENT_OFFSET] = "offset", [EM_EVENT_RETRACT] = "retract" };
    char text[EM_ESCAPED_BYTES];
    em_line label = { text, 0, sizeof text };
    lo_message m = lo_message_new();

    if (!m)
        return;
    text[0] = '\0';
    em_line_put_label(&label, e->u.sound.label, NULL);
    lo_message_add_string(m, text);
    lo_message_add_int32(m, e->u.sound.i_class);
    lo_message_add_float(m, e->u.sound.score);
    lo_message_add_double(m, e->time);
    if (e->type == EM_EVENT_OFFSET)
        lo_message_add_double(m, e->u.sound.offset - e->u.sound.onset);
    send_message(o, e->source, types[e->type], m);
}

static void send_scores(osc *o, const em_event *e)
{
    char below[SLUG_BYTES + 8];

    for (int c = 0; c < o->base.cfg.classes->n; c++) {
        if (!*o->slugs[c])
            continue;
        snprintf(below, sizeof below, "score/%s", o->slugs[c]);
        send_float(o, e->source, below, e->u.scores.scores[c]);
    }
    send_float(o, e->source, "level", fmaxf(e->u.scores.rms_dbfs, quietest_dbfs));
}

static em_status osc_put(em_sink *s, const em_event *e, em_err *err)
{
    (void)err;
    if (e->type == EM_EVENT_SCORES)
        send_scores((osc *)s, e);
    else if (e->type == EM_EVENT_ONSET || e->type == EM_EVENT_OFFSET || e->type == EM_EVENT_RETRACT)
        send_sound((osc *)s, e);
    return EM_OK;
}

const em_sink_row em_sink_osc = {
    .format = "osc", .n_bytes = sizeof(osc), .has_no_file = true, .init = osc_init, .put = osc_put, .deinit = osc_deinit,
};
