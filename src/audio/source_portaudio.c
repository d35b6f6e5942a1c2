/* The row "portaudio": a microphone by its stable name, at its own rate.
 *
 * PortAudio has no callback for a device that goes away: silence, an ended stream or a hanging call are all
 * that can be seen. keeper.c sees them; here is what is PortAudio's. Runs on the helper thread of the keeper. */
#include "audio/capture_portaudio.h"
#include "audio/hush.h"
#include "audio/keeper.h"
#include "audio/pa_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LATENCY_S = 10 };       /* more is no latency that anybody has                                    */
enum { ABSENT_CHANNELS = 2 };       /* of a device nobody has seen yet; a mono one then gives its channel twice */

typedef struct pa_cfg {
    char *want;                     /* NULL: the default device                         */
} pa_cfg;

typedef struct pa_session {
    em_pa_ports ports;
    PaStream   *stream;
    uint32_t    n_latency;          /* frames of it, as PortAudio says                  */
    em_pa_list  list;
    bool        is_running;         /* PortAudio was started for this session           */
} pa_session;

/* A device that was here before is looked for under its own name, else as the person said. */
static em_status find(int *i_device, pa_session *s, const pa_cfg *cfg, em_found *found, em_err *err)
{
    int i = -1;
    em_status status;

    em_pa_read_list(&s->list);
    if (!found->name[0])
        status = em_device_pick(&i, s->list.devices, s->list.n, cfg->want, s->list.i_default, err);
    else
        status = em_device_again(&i, s->list.devices, s->list.n, found->name, err);
    if (status != EM_OK)
        return status;
    *i_device = s->list.devices[i].index;
    snprintf(found->name, sizeof found->name, "%s", s->list.devices[i].name);
    return EM_OK;
}

/* Its own rate first; some devices name one that they do not open at. */
static PaError open_at_some_rate(pa_session *s, int i_device, int *rate_hz)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(i_device);
    const int rates[] = { (int)(info->defaultSampleRate + 0.5), 48000, 44100, 32000, 16000 };
    const PaStreamParameters in = {
        .device = i_device, .channelCount = (int)s->ports.n_device, .sampleFormat = paFloat32 | paNonInterleaved,
        .suggestedLatency = info->defaultHighInputLatency,
    };
    PaError code = paInvalidSampleRate;

    for (size_t i = 0; i < EM_COUNT(rates) && code == paInvalidSampleRate; i++) {
        *rate_hz = rates[i];
        code = Pa_OpenStream(&s->stream, &in, NULL, rates[i], paFramesPerBufferUnspecified, paClipOff | paDitherOff,
                             em_pa_process, &s->ports);
    }
    return code;
}

static em_status open_inside(pa_session *s, const pa_cfg *cfg, em_found *found, em_err *err)
{
    const PaStreamInfo *info;
    int i_device, n;
    PaError code;

    if (em_pa_start(err) != EM_OK)
        return err->code;
    s->is_running = true;
    if (find(&i_device, s, cfg, found, err) != EM_OK)
        return err->code;
    n = em_pa_sensible_channels(i_device);
    if (found->n_channels == 0)
        found->n_channels = n;
    s->ports.n_ring = (uint32_t)found->n_channels;
    s->ports.n_device = (uint32_t)(n < found->n_channels ? n : found->n_channels);
    code = open_at_some_rate(s, i_device, &found->rate_hz);
    if (code != paNoError) {
        s->stream = NULL;
        return em_fail(err, EM_EDEVICE, "%.100s cannot be opened: %s", found->name, Pa_GetErrorText(code));
    }
    if (em_capture_check_format(found->name, found->rate_hz, found->n_channels, err) != EM_OK)
        return err->code;
    info = Pa_GetStreamInfo(s->stream);
    if (info && info->inputLatency > 0 && info->inputLatency < MOST_LATENCY_S)
        s->n_latency = (uint32_t)(info->inputLatency * found->rate_hz);
    Pa_SetStreamFinishedCallback(s->stream, em_pa_finished);
    return EM_OK;
}

static em_status session_open(void *session, const void *cfg, em_tap *tap, em_found *found, em_err *err)
{
    pa_session *s = session;
    em_status status;

    s->ports.tap = tap;
    if (em_pa_enter(s, err) != EM_OK)
        return err->code;
    status = open_inside(s, cfg, found, err);
    em_pa_leave(s);
    return status;
}

static em_status session_start(void *session, em_err *err)
{
    pa_session *s = session;
    PaError code;

    if (em_pa_enter(s, err) != EM_OK)
        return err->code;
    code = Pa_StartStream(s->stream);
    em_pa_leave(s);
    if (code != paNoError)
        return em_fail(err, EM_EDEVICE, "the capture device does not start: %s", Pa_GetErrorText(code));
    return EM_OK;
}

/* PortAudio's latency is that of a buffer's first frame; the last one is younger by the buffer. */
static void note_latency(pa_session *s)
{
    uint32_t n_period = atomic_load(&s->ports.tap->n_period);

    atomic_store(&s->ports.tap->n_latency, s->n_latency > n_period ? s->n_latency - n_period : 0);
}

static bool session_tick(void *session)
{
    pa_session *s = session;

    note_latency(s);
    return Pa_IsStreamActive(s->stream) == 1;
}

static void session_close(void *session)
{
    pa_session *s = session;
    em_err err;

    if (em_pa_enter(s, &err) != EM_OK)
        return;
    if (s->stream)
        Pa_CloseStream(s->stream);
    if (s->is_running)
        em_pa_stop();
    em_pa_leave(s);
}

static void free_cfg(void *cfg)
{
    pa_cfg *c = cfg;

    if (c)
        free(c->want);
    free(c);
}

/* ---- the row ---- */

static void session_abandoned(void *session)
{
    em_pa_give_up_on(session);
}

static const em_keeper_ops keeper_ops = {
    .thread = "earmark-mic", .session_bytes = sizeof(pa_session), .most_retry_ms = 2000,
    .open = session_open, .start = session_start, .tick = session_tick, .close = session_close,
    .abandoned = session_abandoned, .free_cfg = free_cfg,
};

static em_status row_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    pa_cfg *copy = calloc(1, sizeof *copy);
    em_found found = { .n_channels = ABSENT_CHANNELS };
    em_keeper *keeper;
    em_status status;

    *out = NULL;
    em_hush_stderr();
    if (copy && cfg->name)
        copy->want = strdup(cfg->name);
    if (!copy || (cfg->name && !copy->want)) {
        free_cfg(copy);
        return em_fail(err, EM_ENOMEM, "no memory for a microphone");
    }
    status = em_keeper_open(&keeper, &keeper_ops, copy, cfg->wait_start_s, cfg->wait_lost_s, &found, err);
    if (status != EM_OK)
        return status;
    snprintf(plan->info.name, sizeof plan->info.name, "%s",
             found.name[0] ? found.name : cfg->name ? cfg->name : "default microphone");
    plan->info.rate_hz = found.rate_hz;
    plan->info.n_channels = found.n_channels;
    plan->info.is_live = true;
    *out = keeper;
    return EM_OK;
}

static em_status row_start(void *self, em_capture *capture, em_err *err)
{
    return em_keeper_start(self, capture, err);
}

static em_source_state row_watch(void *self, em_err *err)
{
    return em_keeper_watch(self, err);
}

static void row_stop(void *self)
{
    em_keeper_stop(self);
}

static void row_close(void *self)
{
    em_keeper_close(self);
}

static em_status row_list(em_device_visit *visit, void *ctx, em_err *err)
{
    em_pa_list *list = calloc(1, sizeof *list);
    em_status status;

    if (!list)
        return em_fail(err, EM_ENOMEM, "no memory for a list of devices");
    em_hush_stderr();
    status = em_pa_enter(list, err);
    if (status == EM_OK)
        status = em_pa_start(err);
    if (status == EM_OK) {
        em_pa_read_list(list);
        for (int i = 0; i < list->n; i++) {
            const PaDeviceInfo *info = Pa_GetDeviceInfo(list->devices[i].index);

            visit(ctx, "portaudio", list->devices[i].index, list->devices[i].name, info->maxInputChannels,
                  (int)(info->defaultSampleRate + 0.5), list->devices[i].index == list->i_default);
        }
        em_pa_stop();
    }
    em_pa_leave(list);
    free(list);
    return status;
}

const em_source_ops em_source_portaudio_ops = { row_open, row_start, row_watch, row_stop, row_close, row_list };
