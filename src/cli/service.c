/* service.c - see service.h. */
#include "cli/service.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { FEEDS = 4 };                 /* in the time that we may be silent; the manual asks for two */

void em_service_open(em_service *s)
{
    em_err why = { 0 };

    *s = (em_service){ 0 };
    if (em_notify_open(&s->notify, &why))
        em_log(EM_LOG_WARNING, "%s", why.msg);
    em_notify_status(&s->notify, "starting");
}

void em_service_close(em_service *s)
{
    em_notify_close(&s->notify);
}

bool em_service_is_on(const em_service *s)
{
    return s->notify.fd >= 0;
}

/* What could not be sent is sent with the next beat. */
void em_service_beat(em_service *s, double heard_s)
{
    const uint64_t now = em_now_ns();

    if (!s->is_ready && heard_s > 0)
        s->is_ready = em_notify_send(&s->notify, "READY=1\nSTATUS=listening");
    if (s->notify.watchdog_us > 0 && now - s->fed_ns >= s->notify.watchdog_us * 1000 / FEEDS && em_notify_send(&s->notify, "WATCHDOG=1"))
        s->fed_ns = now;
}

/* MONOTONIC_USEC tells a manager of Type=notify-reload which of its wishes this answers. */
void em_service_reloading(em_service *s)
{
    char lines[80];

    snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, em_now_ns() / 1000);
    if (s->is_ready)
        em_notify_send(&s->notify, lines);
}

void em_service_reloaded(em_service *s)
{
    if (s->is_ready)
        em_notify_send(&s->notify, "READY=1");
}

void em_service_stopping(em_service *s)
{
    em_notify_send(&s->notify, "STOPPING=1\nSTATUS=ending");
}
