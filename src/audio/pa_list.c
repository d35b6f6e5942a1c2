/* PortAudio as a whole: one lock, one list. */
#include "audio/pa_list.h"

#include "audio/capture.h"
#include "audio/hush.h"

#include <dlfcn.h>
#include <portaudio.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { ENTER_LIMIT_S = 5, MANY_CHANNELS = 32 };

/* Unavoidable globals: PortAudio's own state is one per process. A plain mutex would stay locked for ever by a
 * thread that hangs inside; here the holder can be forgotten. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  is_free = PTHREAD_COND_INITIALIZER;
static const void     *holder;

em_status em_pa_enter(const void *session, em_err *err)
{
    struct timespec until;
    bool is_in;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENTER_LIMIT_S;
    pthread_mutex_lock(&lock);
    while (holder && pthread_cond_timedwait(&is_free, &lock, &until) == 0)
        ;
    is_in = !holder;
    if (is_in)
        holder = session;
    pthread_mutex_unlock(&lock);
    return is_in ? EM_OK : em_fail(err, EM_EDEVICE, "PortAudio hangs with another device");
}

void em_pa_leave(const void *session)
{
    pthread_mutex_lock(&lock);
    if (holder == session) {
        holder = NULL;
        pthread_cond_broadcast(&is_free);
    }
    pthread_mutex_unlock(&lock);
}

void em_pa_give_up_on(const void *session)
{
    em_pa_leave(session);
}

/* Each Pa_Initialize makes ALSA load its a52 plugin, with it FFmpeg, cairo and pixman, and unload them again; pixman
 * 0.42 then leaves 13 kB behind (measured on Debian 12), a gigabyte for a day of looking for a lost microphone.
 * A pixman that stays loaded does not; where there is none, nothing is lost. */
static void keep_pixman(void)
{
    dlopen("libpixman-1.so.0", RTLD_LAZY | RTLD_NODELETE);
}

em_status em_pa_start(em_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    PaError code;

    pthread_once(&once, keep_pixman);
    em_hush((em_hush_function *)Pa_Initialize);
    code = Pa_Initialize();
    return code == paNoError ? EM_OK : em_fail(err, EM_EDEVICE, "PortAudio does not start: %s", Pa_GetErrorText(code));
}

void em_pa_stop(void)
{
    Pa_Terminate();
}

void em_pa_read_list(em_pa_list *out)
{
    int n = Pa_GetDeviceCount();

    out->n = 0;
    out->i_default = Pa_GetDefaultInputDevice();
    for (int i = 0; i < n && out->n < EM_PA_MOST_DEVICES; i++) {
        const PaDeviceInfo *info = Pa_GetDeviceInfo(i);

        if (!info || info->maxInputChannels < 1)
            continue;
        out->devices[out->n].index = i;
        em_device_clean(out->devices[out->n++].name, info->name ? info->name : "");
    }
}

int em_pa_sensible_channels(int i_device)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(i_device);
    const PaHostApiInfo *api = Pa_GetHostApiInfo(info->hostApi);
    int n = info->maxInputChannels;

    if (api && api->type == paALSA && n >= MANY_CHANNELS && info->name && !strstr(info->name, "(hw:"))
        return 2;
    return n < EM_CAPTURE_MAX_CHANNELS ? n : EM_CAPTURE_MAX_CHANNELS;
}
