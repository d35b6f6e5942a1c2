/* mqtt_probe.c - a link with nothing to send: see mqtt_probe.h. */
#include "sinks/mqtt_probe.h"

#include "sinks/mqtt_link.h"
#include "sinks/mqtt_settings.h"

#include <stdio.h>
#include <unistd.h>

em_status em_mqtt_probe(char shown[512], const em_sink_mqtt_cfg *cfg, double limit_s, em_err *err)
{
    char id[32];
    em_mqtt_link_cfg link = { .ca = cfg->ca, .cert = cfg->cert, .key = cfg->key, .client_id = id };
    em_mqtt_link *l;
    em_mqtt_box *box;
    em_status status;

    shown[0] = '\0';
    snprintf(id, sizeof id, "earmark-doctor-%d", (int)getpid());
    if ((status = em_mqtt_settings(&link.url, cfg, err)))
        return status;
    snprintf(shown, 512, "%s", link.url.shown);
    if ((status = em_mqtt_box_new(&box, err)) || (status = em_mqtt_link_open(&l, &link, box, err)))
        return status;
    return em_mqtt_link_close(l, limit_s, err);
}
