/* service.h - what a run says to the manager that started it as a service (systemd: Type=notify): that it is ready once sound
 * flows, that it still works, that it ends.
 *
 * The watchdog is fed by the thread that computes, between its hops: one that hangs falls silent. One thread. */
#ifndef EM_CLI_SERVICE_H
#define EM_CLI_SERVICE_H

#include "base/notify.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct em_service {
    em_notify notify;
    atomic_bool is_ready;            /* it was told                    */
    uint64_t  fed_ns;               /* when the watchdog was fed last */
} em_service;

/* Before threads start. A socket that does not work is a warning: the run goes on. */
void em_service_open(em_service *s);
void em_service_close(em_service *s);

/* From the computing thread, as often as it likes: it is alive and has heard so many seconds. */
void em_service_beat(em_service *s, double heard_s);

/* The configuration is read again; it has been. From any thread: what is not ready yet says neither. */
void em_service_reloading(em_service *s);
void em_service_reloaded(em_service *s);

/* The run comes to its end. */
void em_service_stopping(em_service *s);

/* Somebody listens. */
bool em_service_is_on(const em_service *s);

#endif
