/* pa_list.h - PortAudio's start and stop, its device list, and the lock around both. Private to src/audio.
 *
 * PortAudio is one per process and may not be called from two threads. Its device list is made by Pa_Initialize
 * and frozen until the last Pa_Terminate; so a device is looked for again by stopping and starting PortAudio,
 * which works as long as no other source of this process holds it. */
#ifndef EM_AUDIO_PA_LIST_H
#define EM_AUDIO_PA_LIST_H

#include "audio/device_name.h"

#include <stdbool.h>

enum { EM_PA_MOST_DEVICES = 256 };

typedef struct em_pa_list {
    em_device_name devices[EM_PA_MOST_DEVICES];     /* those with inputs */
    int n, i_default;
} em_pa_list;

/* Waits until no other session is inside PortAudio. EM_EDEVICE: one has been there for too long. */
em_status em_pa_enter(const void *session, em_err *err);
void      em_pa_leave(const void *session);

/* From another thread: the session hangs inside; others may enter. Its own leave then does nothing. */
void      em_pa_give_up_on(const void *session);

/* Inside only. start makes a fresh list if nobody else has PortAudio running; each start needs a stop. */
em_status em_pa_start(em_err *err);
void      em_pa_stop(void);
void      em_pa_read_list(em_pa_list *out);

/* Channels worth opening: all, but the wrappers "pulse" and "default" claim 32 and more and mix up to that
 * many out of what there is; two of those will do. */
int em_pa_sensible_channels(int i_device);

#endif
