/* ffmpeg.c - its arguments, its sound, its last words: see ffmpeg.h. */
#include "audio/ffmpeg.h"

#include "audio/riff.h"
#include "audio/sources.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/url.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 50, LAST_WORDS_MS = 500, MOST_URL = 2000, MOST_ARGS = 48 };

typedef struct scheme {
    const char *name;
    bool        is_live;
    const char *protocols;          /* that ffmpeg may use: those that carry this one, and where it may be led to    */
    const char *options[2];         /* lines of a concat script: for what is heard as a file, and live               */
} scheme;

#define HTTP_PROTOCOLS "http,https,tcp,tls,httpproxy,crypto"
/* A file is fetched on from where the line broke; what has no such place has ended there. */
#define RESUMES "option reconnect 1\noption reconnect_on_network_error 1\noption reconnect_delay_max 8\n"
/* Five seconds, as ffmpeg has it, would be five before the first sound (a quarter of it by a stream of AAC at 64 kbit/s). */
#define LIVE "option analyzeduration 1000000\n"
#define RTSP_PROTOCOLS "rtp,srtp,rtcp,udp,tcp,tls,crypto"
#define RTSP LIVE "option rtsp_flags prefer_tcp\noption allowed_media_types audio\n"

static const scheme schemes[] = {
    { "http",  false, HTTP_PROTOCOLS,       { RESUMES, LIVE } }, { "https", false, HTTP_PROTOCOLS, { RESUMES, LIVE } },
    { "rtsp",  true,  RTSP_PROTOCOLS,       { RTSP, RTSP }    }, { "rtsps", true,  RTSP_PROTOCOLS, { RTSP, RTSP }    },
    { "rtmp",  true,  "rtmp,tcp",           { LIVE, LIVE }    }, { "rtmps", true,  "rtmp,rtmps,tcp,tls", { LIVE, LIVE } },
    { "srt",   true,  "srt",                { LIVE, LIVE }    }, { "udp",   true,  "udp",          { LIVE, LIVE }    },
};

/* ---- which URLs ---- */

static const scheme *find_scheme(const char *url)
{
    for (size_t i = 0; i < EM_COUNT(schemes); i++) {
        const size_t n = strlen(schemes[i].name);

        if (strncasecmp(url, schemes[i].name, n) == 0 && strncmp(url + n, "://", 3) == 0)
            return &schemes[i];
    }
    return NULL;
}

/* Nothing that a line of a script could end at. */
static bool is_clean(const char *url)
{
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    return strlen(url) <= MOST_URL;
}

em_status em_ffmpeg_check(bool *is_live, const char *url, em_err *err)
{
    const scheme *s = find_scheme(url);
    char shown[EM_FFMPEG_NAME], clean[EM_FFMPEG_NAME], names[80] = "";
    size_t n = 0;

    em_text_clean(clean, sizeof clean, em_url_hide(shown, sizeof shown, url));
    if (s && is_clean(url) && strcspn(strstr(url, "://") + 3, "/?#") > 0) {
        *is_live = s->is_live;
        return EM_OK;
    }
    if (s)
        return em_fail(err, EM_EINVAL, "%s: not a URL: it has no host, or blanks, or is longer than %d bytes", clean, MOST_URL);
    for (size_t i = 0; i < EM_COUNT(schemes); i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", schemes[i].name);
    return em_fail(err, EM_EINVAL, "%s: not a kind of URL that can be heard: there are %s", clean, names);
}

/* ---- how it is started ---- */

/* The script of its concat demuxer, as a file in memory. -1 with errno. */
static int script_of(const char *options, const char *url)
{
    char text[4 * MOST_URL + 400];
    size_t n = (size_t)snprintf(text, sizeof text, "ffconcat version 1.0\nfile '");

    for (const char *c = url; *c; c++)
        n += (size_t)snprintf(text + n, sizeof text - n, *c == '\'' ? "'\\''" : "%c", *c);
    n += (size_t)snprintf(text + n, sizeof text - n, "'\n%s", options);
    return em_child_input(text, n);
}

/* What we have, but for what may hold secrets of ours and where ffmpeg would write a report. */
static char **environment(void)
{
    size_t n = 0, n_kept = 0;
    char **env;

    while (environ[n])
        n++;
    if (!(env = calloc(n + 1, sizeof *env)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "EARMARK_", 8) != 0 && strncmp(environ[i], "FFREPORT=", 9) != 0)
            env[n_kept++] = environ[i];
    return env;
}

static em_status start(em_ffmpeg *f, const scheme *s, const em_ffmpeg_cfg *cfg, em_err *err)
{
    char path[PATH_MAX], protocols[120], channels[16];
    char *const argv[] = {
        "ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-filter_threads", "1", "-threads", "1",
        "-protocol_whitelist", protocols, "-f", "concat", "-safe", "0", "-i", "pipe:0",
        "-vn", "-sn", "-dn", "-map_metadata", "-1", "-c:a", "pcm_f32le", "-flush_packets", "1", "-f", "wav",
        cfg->n_channels ? "-ac" : "pipe:1", cfg->n_channels ? channels : NULL, "pipe:1", NULL,
    };
    char **env = NULL;
    int script = -1, failure;

    if (!em_child_find(path, "ffmpeg"))
        return em_fail(err, EM_EUNSUPPORTED, "%s: URLs are heard by ffmpeg, which is not installed: apt-get install ffmpeg", f->shown);
    snprintf(protocols, sizeof protocols, "pipe,%s", s->protocols);
    snprintf(channels, sizeof channels, "%d", cfg->n_channels);
    if (!(env = environment()) || (script = script_of(s->options[cfg->is_live], cfg->url)) < 0)
        failure = errno;
    else
        failure = em_child_start(&f->child, path, argv, env, script);
    free(env);
    if (script >= 0)
        close(script);
    return failure ? em_fail(err, EM_EDEVICE, "%s: ffmpeg cannot be started: %s", f->shown, strerror(failure)) : EM_OK;
}

/* ---- what it writes ---- */

static const char *behind(const char *line, const char *start)
{
    return strncmp(line, start, strlen(start)) == 0 ? line + strlen(start) : line;
}

/* "[http @ 0x5581] HTTP error 404", "pipe:0: Server returned 404": whose address and script that is nobody wants to know. */
static const char *without_context(const em_ffmpeg *f, const char *line)
{
    const char *end = *line == '[' ? strstr(line, "] ") : NULL, *from;

    line = behind(end ? end + 2 : line, "pipe:0: ");
    from = behind(line, f->shown);
    return from != line && strncmp(from, ": ", 2) == 0 ? from + 2 : line;
}

static void end_line(em_ffmpeg *f)
{
    char hidden[EM_FFMPEG_LINE];
    const char *line;

    f->line[f->n_line] = '\0';
    f->n_line = 0;
    em_url_hide(hidden, sizeof hidden, f->line);
    line = without_context(f, hidden);
    f->is_endless |= strstr(line, "should be 18446744073709551615") != NULL;
    f->is_broken |= strstr(line, "Input/output error") || strstr(line, "rror during demuxing") || strstr(line, "Connection timed out");
    if (*line)
        em_text_clean(f->last, sizeof f->last, line);
}

/* Its last line is kept, however much it writes. */
static void take_words(em_ffmpeg *f)
{
    char bytes[512];
    const ssize_t n = f->child.err_fd < 0 ? 0 : read(f->child.err_fd, bytes, sizeof bytes);

    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] == '\n' || bytes[i] == '\r')
            end_line(f);
        else if (f->n_line < sizeof f->line - 1)
            f->line[f->n_line++] = bytes[i];
    if (n == 0 && f->child.err_fd >= 0) {
        close(f->child.err_fd);
        f->child.err_fd = -1;
    }
}

/* Sound as it comes. Returns bytes; 0: none within `ms`; -1: the end. */
static long read_some(em_ffmpeg *f, void *dst, size_t n, int ms)
{
    struct pollfd p[2] = { { f->child.out_fd, POLLIN, 0 }, { f->child.err_fd, POLLIN, 0 } };
    const uint64_t from = em_now_ns();
    ssize_t got = 0;

    if (poll(p, 2, ms) > 0) {
        if (p[1].revents)
            take_words(f);
        if (p[0].revents && (got = read(f->child.out_fd, dst, n)) == 0)
            return -1;
    }
    if (got > 0)
        f->waited_s = 0;
    else
        f->waited_s += (double)(em_now_ns() - from) * 1e-9;     /* our own delays are none of its */
    return got > 0 ? (long)got : got < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

/* The end of its sound. */
static void judge(em_ffmpeg *f, em_err *err)
{
    int status;

    for (int i = 0; f->child.err_fd >= 0 && i < LAST_WORDS_MS / POLL_MS; i++) {
        struct pollfd p = { f->child.err_fd, POLLIN, 0 };

        if (poll(&p, 1, POLL_MS) > 0)
            take_words(f);
    }
    if (f->n_line > 0)
        end_line(f);
    status = em_child_end(&f->child, LAST_WORDS_MS);
    *err = (em_err){ EM_OK, "" };
    if ((f->is_broken && !f->is_endless) || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        em_fail(err, EM_EDEVICE, "%s: %s", f->shown, *f->last ? f->last : "ffmpeg died");
}

static bool is_stalled(em_ffmpeg *f, em_err *err)
{
    if (f->waited_s <= f->stall_s)
        return false;
    em_child_end(&f->child, 0);
    em_fail(err, EM_EDEVICE, "%s: no sound for %.3g s%s%s", f->shown, f->stall_s, *f->last ? ": " : "", f->last);
    return true;
}

/* ---- the first sound ---- */

typedef struct opening { em_ffmpeg *f; const em_ffmpeg_cfg *cfg; } opening;

static bool is_unwanted(const em_ffmpeg_cfg *cfg)
{
    return (cfg->stop && atomic_load(cfg->stop)) || (cfg->left && atomic_load(cfg->left)) ||
           (cfg->deadline_ns && em_now_ns() >= cfg->deadline_ns);
}

static long read_header(void *ctx, void *dst, size_t n, em_err *err)
{
    const opening *o = ctx;
    size_t n_read = 0;

    while (n_read < n) {
        const long got = read_some(o->f, (char *)dst + n_read, n - n_read, POLL_MS);

        if (got < 0) {
            judge(o->f, err);
            if (!err->code)
                em_fail(err, EM_EDEVICE, "%s: there is no sound%s%s", o->f->shown, *o->f->last ? ": " : "", o->f->last);
            return -1;
        }
        n_read += (size_t)got;
        if (got == 0 && is_stalled(o->f, err))
            return -1;
        if (got == 0 && is_unwanted(o->cfg)) {
            em_fail(err, EM_ECANCELED, "%s: stopped while waiting for sound", o->f->shown);
            return -1;
        }
    }
    return (long)n_read;
}

static em_status hear_header(em_ffmpeg *f, const em_ffmpeg_cfg *cfg, em_err *err)
{
    opening o = { f, cfg };
    uint8_t begin[EM_RIFF_START];
    em_riff riff;
    em_status status;

    if (read_header(&o, begin, sizeof begin, err) < 0)
        return err->code;
    if (!em_riff_is_start(begin))
        return em_fail(err, EM_EFORMAT, "%s: ffmpeg does not write WAV", f->shown);
    if ((status = em_riff_parse(&riff, begin, read_header, &o, f->shown, err)) ||
        (status = em_capture_check_format(f->shown, riff.rate_hz, riff.n_channels, err)))
        return status;
    f->rate_hz = (int)riff.rate_hz;
    f->n_channels = (int)riff.n_channels;
    f->frame_bytes = riff.n_channels * sizeof(float);
    if (!riff.format || riff.format != em_pcm_find("f32le", err) || (cfg->n_channels && f->n_channels != cfg->n_channels))
        return em_fail(err, EM_EFORMAT, "%s: ffmpeg does not give the sound that was asked for", f->shown);
    f->buffer = malloc(EM_FFMPEG_BLOCK * f->frame_bytes);
    return f->buffer ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for a block of sound");
}

em_status em_ffmpeg_open(em_ffmpeg *f, const em_ffmpeg_cfg *cfg, em_err *err)
{
    bool is_live;
    em_status status = em_ffmpeg_check(&is_live, cfg->url, err);
    char hidden[EM_FFMPEG_NAME];

    *f = (em_ffmpeg){ .stall_s = cfg->stall_s };
    if (status)
        return status;
    em_text_clean(f->shown, sizeof f->shown, em_url_hide(hidden, sizeof hidden, cfg->url));
    if (!(status = start(f, find_scheme(cfg->url), cfg, err)))
        status = hear_header(f, cfg, err);
    if (status)
        em_ffmpeg_close(f);
    return status;
}

int em_ffmpeg_read(em_ffmpeg *f, float *dst, int max, em_err *err)
{
    const size_t room = (size_t)(max < EM_FFMPEG_BLOCK ? max : EM_FFMPEG_BLOCK) * f->frame_bytes;
    const long got = read_some(f, f->buffer + f->n_carried, room - f->n_carried, POLL_MS);
    em_err own;
    size_t n_frames;

    if (got < 0) {
        judge(f, err);
        return -1;
    }
    if (got == 0)
        return is_stalled(f, err) ? -1 : 0;
    f->n_carried += (size_t)got;
    n_frames = f->n_carried / f->frame_bytes;
    em_pcm_find("f32le", &own)->convert(dst, f->buffer, n_frames * (size_t)f->n_channels);
    f->n_carried -= n_frames * f->frame_bytes;
    memmove(f->buffer, f->buffer + n_frames * f->frame_bytes, f->n_carried);
    return (int)n_frames;
}

void em_ffmpeg_close(em_ffmpeg *f)
{
    em_child_end(&f->child, 0);
    free(f->buffer);
    *f = (em_ffmpeg){ 0 };
}
