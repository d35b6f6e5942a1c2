/* notify.h - words for whoever started this program as a service: systemd's notify protocol, a datagram of NAME=VALUE lines to
 * the socket that NOTIFY_SOCKET names.
 *
 * Sending never waits: what finds the socket full is not sent. Any thread may send; opened and closed by one. */
#ifndef EM_BASE_NOTIFY_H
#define EM_BASE_NOTIFY_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct em_notify {
    int      fd;                    /* -1: nobody listens                                               */
    uint64_t watchdog_us;           /* how long this process may be silent; 0: as long as it likes      */
} em_notify;

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child speaks for us: call it before
 * threads start. EM_EINVAL, EM_EIO: the sentence names the socket, *n is then as if nobody listened. */
em_status em_notify_open(em_notify *n, em_err *err);
void      em_notify_close(em_notify *n);

/* "READY=1" and the like. False: not sent, now (or nobody listens). */
bool em_notify_send(const em_notify *n, const char *lines);

/* STATUS=: one line for people; control characters become '?', so that no name can say anything else. */
bool em_notify_status(const em_notify *n, const char *text);

#endif
