/* doctor_sound.c - a few seconds of the source, and what they say of it: see doctor.h. */
#include "base/channel.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/doctor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, POLL_MS = 5, MORE_S = 3, MOST_S = 60, MOST_POINTS = (MOST_S + MORE_S) * 1000 / POLL_MS };

static const double usual_s = 5;            /* without --duration                                             */
static const double settle_s = 0.5;         /* a device that begins gives what it has been keeping back       */
static const double least_dbfs = -70;       /* below it a 16-bit sound has no more than three bits            */
static const double most_clipped = 1e-4;    /* of the samples                                                 */
static const double most_hum = 0.25, least_hum_dbfs = -60;      /* of the power; what is softer disturbs nothing */
static const double most_off = 0.005;       /* of the rate: quartz is a hundred times better                  */

/* ---- listening ---- */

static em_status make_room(em_heard *h, double seconds, em_err *err)
{
    if (h->x || h->info.rate_hz == 0)
        return EM_OK;
    h->room = (size_t)ceil(seconds * h->info.rate_hz);
    h->x = calloc(h->room + 1, sizeof *h->x);
    h->points = calloc(MOST_POINTS, sizeof *h->points);
    return h->x && h->points ? EM_OK : em_fail(err, EM_ENOMEM, "no memory to hear %s", h->info.name);
}

static void look_at_rate(em_heard *h, em_source *s)
{
    em_source_counters frames;

    em_source_get_counters(s, &frames);
    if (h->info.is_live && h->points && h->n_points < MOST_POINTS && (double)frames.captured > settle_s * h->info.rate_hz)
        h->points[h->n_points++] = (em_rate_point){ em_now_ns(), frames.captured };
}

static void keep(em_heard *h, const float *frames, size_t n, int channel)
{
    if (channel > 0)
        em_channel_pick(h->x + h->n, frames, n, h->info.n_channels, channel - 1);
    else
        em_channel_mix(h->x + h->n, frames, n, h->info.n_channels);
    h->n += n;
}

static em_status listen(em_heard *h, em_source *s, float *frames, int channel, double seconds, const atomic_bool *stop, em_err *err)
{
    const uint64_t end_ns = em_now_ns() + (uint64_t)((seconds + MORE_S) * 1e9);
    em_status status = EM_OK;

    while (!status && (!h->x || h->n < h->room) && em_now_ns() < end_ns && !(stop && atomic_load(stop))) {
        const em_source_state state = em_source_watch(s, err);
        const size_t most = h->x && h->room - h->n < BLOCK ? h->room - h->n : BLOCK;
        em_gap gap;
        size_t n;

        em_source_get_info(s, &h->info);
        if ((status = make_room(h, seconds, err)))
            break;
        n = h->x ? em_source_take(s, frames, most, &gap) : 0;
        keep(h, frames, n, channel);
        look_at_rate(h, s);
        if (n > 0)
            continue;
        if (state == EM_SOURCE_ENDED || state == EM_SOURCE_FAILED)
            return state == EM_SOURCE_FAILED || err->msg[0] ? (err->code ? err->code : EM_EDEVICE) : EM_OK;
        em_sleep_ms(POLL_MS);
    }
    return status;
}

em_status em_heard_take(em_heard *h, const em_source_cfg *cfg, int channel, double seconds, const atomic_bool *stop, em_err *err)
{
    em_source *s = NULL;
    float *frames = NULL;
    em_status status;

    *h = (em_heard){ 0 };
    *err = (em_err){ 0 };
    if ((status = em_source_open(&s, cfg, err)))
        return status;
    em_source_get_info(s, &h->info);
    if (channel > h->info.n_channels)
        status = em_fail(err, EM_EINVAL, "%s: --channel %d: there %s %d", h->info.name, channel, h->info.n_channels == 1 ? "is only" : "are only",
                         h->info.n_channels);
    else if (!(frames = calloc((size_t)BLOCK * (size_t)h->info.n_channels, sizeof *frames)))
        status = em_fail(err, EM_ENOMEM, "no memory to hear %s", h->info.name);
    if (!status && !(status = em_source_start(s, err))) {
        status = listen(h, s, frames, channel, seconds, stop, err);
        em_source_stop(s);
    }
    em_source_close(s);
    free(frames);
    return status;
}

void em_heard_deinit(em_heard *h)
{
    free(h->x);
    free(h->points);
    *h = (em_heard){ 0 };
}

/* ---- verdicts ---- */

void em_check_rate(em_checkup *c, double measured_hz, int claimed_hz)
{
    if (fabs(measured_hz / claimed_hz - 1) > most_off)
        em_check_fail(c, "rate", EM_EXIT_INPUT, "%.0f frames a second come, and %d Hz are claimed: free the device of other programs, or try another "
                      "port or driver", measured_hz, claimed_hz);
    else
        em_check_pass(c, "rate", "%.0f frames a second, %d Hz claimed", measured_hz, claimed_hz);
}

void em_check_level(em_checkup *c, const em_level *level)
{
    if (isinf(level->peak_dbfs))
        em_check_fail(c, "level", EM_EXIT_INPUT, "nothing but digital silence: unmute or connect the input");
    else if (level->rms_dbfs < least_dbfs)
        em_check_fail(c, "level", EM_EXIT_INPUT, "%.1f dBFS is too low: turn the input's gain up", level->rms_dbfs);
    else
        em_check_pass(c, "level", "%.1f dBFS, peak %.1f", level->rms_dbfs, level->peak_dbfs);
}

void em_check_clipping(em_checkup *c, double share)
{
    if (share > most_clipped)
        em_check_fail(c, "clipping", EM_EXIT_INPUT, "%.2g %% of the sound is cut off at full scale: turn the input's gain down", 100 * share);
    else
        em_check_pass(c, "clipping", share > 0 ? "hardly any" : "none");
}

void em_check_hum(em_checkup *c, const em_hum *hum)
{
    if (hum->hz == 0)
        em_check_skip(c, "hum", "less than a second of sound");
    else if (hum->share > most_hum && hum->dbfs > least_hum_dbfs)
        em_check_fail(c, "hum", EM_EXIT_INPUT,
                      "%.0f Hz and its multiples are %.0f %% of the sound, %.1f dBFS: keep mains away from the cable, or try a "
                      "balanced one or another supply", hum->hz, 100 * hum->share, hum->dbfs);
    else
        em_check_pass(c, "hum", "%.0f Hz and its multiples are %.1f %% of the sound", hum->hz, 100 * hum->share);
}

/* ---- all of it ---- */

static void skip_sound(em_checkup *c, const char *why)
{
    static const char *const names[] = { "rate", "level", "clipping", "hum" };

    for (size_t i = 0; i < EM_COUNT(names); i++)
        em_check_skip(c, names[i], "%s", why);
}

static void check_sound(em_checkup *c, const em_heard *h)
{
    const em_level level = em_examine_level(h->x, h->n);
    const em_hum hum = em_examine_hum(h->x, h->n, h->info.rate_hz);
    const double rate_hz = em_examine_rate(h->points, h->n_points);

    if (!h->info.is_live)
        em_check_skip(c, "rate", "a file or pipe has no clock");
    else if (rate_hz <= 0)
        em_check_skip(c, "rate", "less than half a second of sound");
    else
        em_check_rate(c, rate_hz, h->info.rate_hz);
    em_check_level(c, &level);
    em_check_clipping(c, em_examine_clipping(h->x, h->n));
    if (isinf(level.rms_dbfs))
        em_check_skip(c, "hum", "no sound");
    else
        em_check_hum(c, &hum);
}

void em_doctor_sound(em_checkup *c, const em_source_cfg *cfg, int n_sources)
{
    const int channel = em_options_channel(c->o);
    const double seconds = c->o->duration > 0 ? fmin(c->o->duration, MOST_S) : usual_s;
    em_heard h = { 0 };
    em_err err;

    if (em_heard_take(&h, cfg, channel < 0 ? 1 : channel, seconds, c->stop, &err))
        em_check_fail(c, "device", EM_EXIT_INPUT, "%s%s", err.msg, strcmp(cfg->kind, "portaudio") == 0 ? "; --list-devices tells what there is" : "");
    else if (h.n == 0)
        em_check_fail(c, "device", EM_EXIT_INPUT, "%s: opens, and no sound comes: is it in use, or are its JACK ports not connected?", h.info.name);
    else
        em_check_pass(c, "device", "%s%s, %d Hz, channels: %d, %.1f s heard%s", h.info.name, n_sources > 1 ? " (the first of several)" : "",
                      h.info.rate_hz, h.info.n_channels, (double)h.n / h.info.rate_hz, channel < 0 ? " of the first" : "");
    if (h.n > 0)
        check_sound(c, &h);
    else
        skip_sound(c, "no sound");
    em_heard_deinit(&h);
}
