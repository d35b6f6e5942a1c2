/* device_name.h - which device a person means. Pure text; knows no sound library. */
#ifndef EM_AUDIO_DEVICE_NAME_H
#define EM_AUDIO_DEVICE_NAME_H

#include "base/status.h"

#include <stddef.h>

enum { EM_DEVICE_NAME_CHARS = 128 };

typedef struct em_device_name {
    int  index;                             /* the sound library's                 */
    char name[EM_DEVICE_NAME_CHARS];        /* cleaned                             */
} em_device_name;

/* raw without " (hw:N,M)", which changes when a device is plugged in again, and without control characters. */
void em_device_clean(char out[EM_DEVICE_NAME_CHARS], const char *raw);

/* *out = place in list[n] of the device that want means: NULL the one with index i_default; digits an index; else
 * the one whose name contains want, letters compared without case, a whole name before a part of one.
 * EM_EDEVICE: none, the sentence lists what there is. EM_EINVAL: several, the sentence lists them. */
em_status em_device_pick(int *out, const em_device_name *list, int n, const char *want, int i_default, em_err *err);

/* The device that was here before, by its whole name (the first, where two have the same). EM_EDEVICE. */
em_status em_device_again(int *out, const em_device_name *list, int n, const char *name, em_err *err);

#endif
