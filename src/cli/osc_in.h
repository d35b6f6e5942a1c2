/* osc_in.h - commands by OSC over UDP (--osc-port):
 *
 *   /earmark/pause      ,i     1: does not listen, 0: listens
 *   /earmark/mark       ,s     a mark record with this text; without one, too
 *   /earmark/clip              the last ten seconds as a clip (--clip-dir)
 *   /earmark/threshold  ,sf    of a class or group, until the configuration is read again
 *   /earmark/stop              ends the run
 *
 * Any number will do for a number; a command without arguments may have one, which is 0 when a button is let go and then means
 * nothing. What is none of these is ignored and counted; the first is told. A thread of its own; nobody is answered. */
#ifndef EM_CLI_OSC_IN_H
#define EM_CLI_OSC_IN_H

#include "base/control.h"
#include "base/status.h"
#include "lib/known.h"

typedef struct em_osc_in em_osc_in;

/* Opens *fd, the port of this address, which the caller closes. EM_EINVAL: it is none; EM_EIO: the port is taken, and the like: *fd is -1. */
em_status em_osc_in_bind(int *fd, const char *address, em_err *err);

/* address: [ADDR:]PORT; a port alone is of this machine only. known, control: borrowed until em_osc_in_close. What em_osc_in_bind
 * says; EM_ENOMEM. On error *out is NULL. */
em_status em_osc_in_open(em_osc_in **out, const char *address, const em_known *known, em_control *control, em_err *err);
void      em_osc_in_close(em_osc_in *in);

#endif
