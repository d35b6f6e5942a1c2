/* The "stdin" row: sound from standard input, as a WAV stream or as raw samples.
 *
 * Without cfg.raw the first bytes decide: a RIFF header, else raw s16le. open waits for those bytes, because the
 * number of channels is fixed from open on; a signal whose handler runs meanwhile, or cfg.deadline_ns, ends the wait (EM_ECANCELED).
 * Reads follow a poll with a limit, so that stop never hangs and the terminal's flags are never touched. */
#include "audio/feed.h"
#include "audio/riff.h"
#include "audio/sources.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_MS = 50, DEFAULT_RATE = 32000, MOST_FRAME_BYTES = EM_CAPTURE_MAX_CHANNELS * 4 };

static const char NAME[] = "stdin";

typedef struct stdin_source {
    const em_pcm *format;
    int       rate_hz, n_channels, frame_bytes;
    bool      is_paced, is_live;
    uint64_t  n_left;                       /* bytes of sound to come, EM_RIFF_TO_THE_END unknown */
    size_t    n_carried;                    /* bytes at the start of buffer, not converted yet    */
    uint8_t   buffer[EM_FEED_BLOCK * MOST_FRAME_BYTES];
    em_feed   feed;
} stdin_source;

static void stdin_close(void *self)
{
    free(self);
}

/* For poll. */
static int ms_until(uint64_t deadline_ns)
{
    const uint64_t now = em_now_ns();

    if (deadline_ns == 0)
        return -1;
    return deadline_ns <= now ? 0 : (int)fmin(INT_MAX, (double)(deadline_ns - now) / 1e6 + 1);
}

/* Waits for bytes; for open, whose deadline ctx points to. Returns n, fewer at the end, -1 with *err. */
static long read_all(void *ctx, void *dst, size_t n, em_err *err)
{
    const uint64_t *deadline_ns = ctx;
    size_t n_read = 0;

    while (n_read < n) {
        struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
        const int n_ready = poll(&p, 1, ms_until(*deadline_ns));
        const ssize_t got = n_ready <= 0 ? n_ready : read(STDIN_FILENO, (char *)dst + n_read, n - n_read);

        if (n_ready == 0) {
            em_fail(err, EM_ECANCELED, "no sound came on %s in time", NAME);
            return -1;
        }
        if (got < 0 && errno == EINTR) {
            em_fail(err, EM_ECANCELED, "stopped while waiting for sound on %s", NAME);
            return -1;
        }
        if (got < 0 && errno != EAGAIN) {
            em_fail(err, EM_EIO, "%s cannot be read: %s", NAME, strerror(errno));
            return -1;
        }
        if (got == 0)
            break;
        n_read += got > 0 ? (size_t)got : 0;
    }
    return (long)n_read;
}

static em_status check_stdin(em_err *err)
{
    struct stat st;

    if (fstat(STDIN_FILENO, &st) != 0)
        return em_fail(err, EM_EIO, "%s is closed: pipe sound into it", NAME);
    if (S_ISDIR(st.st_mode))
        return em_fail(err, EM_EIO, "%s is a directory: pipe sound into it", NAME);
    if (isatty(STDIN_FILENO))
        return em_fail(err, EM_EINVAL, "%s is a terminal: pipe sound into it, or name a file", NAME);
    return EM_OK;
}

static em_status set_raw(stdin_source *s, const em_source_cfg *cfg, const char *format, em_err *err)
{
    s->format = em_pcm_find(format, err);
    if (!s->format)
        return EM_EINVAL;
    s->rate_hz = cfg->raw_rate_hz ? cfg->raw_rate_hz : DEFAULT_RATE;
    s->n_channels = cfg->raw_channels ? cfg->raw_channels : 1;
    s->n_left = EM_RIFF_TO_THE_END;
    if (em_capture_check_format("--raw", s->rate_hz, s->n_channels, err) != EM_OK)
        return em_fail(err, EM_EINVAL, "raw sound of %d channels at %d Hz: 1 to %d channels at %d to %d Hz can be read",
                       s->n_channels, s->rate_hz, EM_CAPTURE_MAX_CHANNELS, EM_RATE_LEAST, EM_RATE_MOST);
    return EM_OK;
}

static em_status set_wav(stdin_source *s, uint64_t deadline_ns, em_err *err)
{
    em_riff riff;
    em_status status = em_riff_parse(&riff, s->buffer, read_all, &deadline_ns, NAME, err);

    if (status == EM_OK)
        status = em_capture_check_format(NAME, riff.rate_hz, riff.n_channels, err);
    if (status != EM_OK)
        return status;
    if (!riff.format)
        return em_fail(err, EM_EFORMAT, "%s: WAV encoding 0x%04x with %d bits is not read from a pipe: send PCM of 8 to "
                       "32 bits or 32-bit float, or name the file", NAME, (unsigned)riff.wave_tag, riff.n_bits);
    s->format = riff.format;
    s->rate_hz = (int)riff.rate_hz;
    s->n_channels = (int)riff.n_channels;
    s->n_left = riff.n_data_bytes;
    return EM_OK;
}

/* Files with a header of their own would be noise as raw samples. */
static const char *compressed_kind(const uint8_t start[EM_RIFF_START])
{
    static const struct { const char *magic; size_t at, n; const char *kind; } kinds[] = {
        { "fLaC", 0, 4, "FLAC" }, { "OggS", 0, 4, "Ogg" },   { "ID3", 0, 3, "MP3" },       { "FORM", 0, 4, "AIFF" },
        { "ftyp", 4, 4, "MP4" },  { "caff", 0, 4, "CAF" },   { "RIFX", 0, 4, "RIFX" },     { "AVI ", 8, 4, "AVI" },
        { "\x1a\x45\xdf\xa3", 0, 4, "Matroska" },
    };

    for (size_t i = 0; i < EM_COUNT(kinds); i++) {
        if (memcmp(start + kinds[i].at, kinds[i].magic, kinds[i].n) == 0)
            return kinds[i].kind;
    }
    return NULL;
}

/* Looks at the first bytes. Those that are sound already stay in the buffer. */
static em_status detect(stdin_source *s, const em_source_cfg *cfg, em_err *err)
{
    uint64_t deadline_ns = cfg->deadline_ns;
    long n = read_all(&deadline_ns, s->buffer, EM_RIFF_START, err);
    const char *kind;

    if (n < 0)
        return err->code;
    if (n == EM_RIFF_START && em_riff_is_start(s->buffer))
        return set_wav(s, deadline_ns, err);
    kind = n == EM_RIFF_START ? compressed_kind(s->buffer) : NULL;
    if (kind)
        return em_fail(err, EM_EFORMAT, "%s looks like %s, a pipe carries WAV or raw sound: name the file, or "
                       "ffmpeg -i FILE -f f32le -ac 1 -ar 32000 - | earmark --raw f32le -", NAME, kind);
    s->n_carried = (size_t)n;
    return set_raw(s, cfg, "s16le", err);
}

static em_status stdin_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    em_status status;
    stdin_source *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for a source");
    s->is_paced = cfg->is_paced;
    s->is_live = cfg->is_live;
    status = check_stdin(err);
    if (status == EM_OK)
        status = cfg->raw ? set_raw(s, cfg, cfg->raw, err) : detect(s, cfg, err);
    if (status != EM_OK) {
        stdin_close(s);
        return status;
    }
    s->frame_bytes = s->n_channels * s->format->n_bytes;
    strcpy(plan->info.name, NAME);
    plan->info.rate_hz = s->rate_hz;
    plan->info.n_channels = s->n_channels;
    plan->info.is_live = s->is_live;
    if (s->n_left != EM_RIFF_TO_THE_END)
        plan->info.n_frames = (int64_t)(s->n_left / (uint64_t)s->frame_bytes);
    plan->ring_frames = s->is_live ? 0 : EM_FEED_RING;
    *out = s;
    return EM_OK;
}

/* At least one byte of room is asked for. Returns bytes, 0 none yet, -1 the end. */
static long read_some(uint8_t *dst, size_t n, em_err *err)
{
    struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
    ssize_t got;

    if (poll(&p, 1, POLL_MS) <= 0)
        return 0;
    got = read(STDIN_FILENO, dst, n);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got < 0)
        em_fail(err, EM_EIO, "%s cannot be read any more: %s", NAME, strerror(errno));
    return got > 0 ? (long)got : -1;
}

static void say_cut(const stdin_source *s, em_err *err)
{
    if (err->code != EM_OK)
        return;
    if (s->n_left != EM_RIFF_TO_THE_END && s->n_left > 0)
        em_fail(err, EM_EFORMAT, "%s ends early: %llu bytes that its WAV header claims did not come", NAME,
                (unsigned long long)s->n_left);
    else if (s->n_carried > 0)
        em_fail(err, EM_EFORMAT, "%s ends within a frame: %zu of %d bytes (%s, %d channels)", NAME, s->n_carried,
                s->frame_bytes, s->format->name, s->n_channels);
}

static int stdin_pull(void *ctx, float *dst, int max, em_err *err)
{
    stdin_source *s = ctx;
    size_t n_most = (size_t)max * (size_t)s->frame_bytes - s->n_carried;
    size_t n_frames;

    if (n_most > s->n_left)
        n_most = (size_t)s->n_left;
    if (n_most > 0) {
        long n = read_some(s->buffer + s->n_carried, n_most, err);

        if (n == 0 && s->n_carried < (size_t)s->frame_bytes)
            return 0;
        if (n < 0 && s->n_carried < (size_t)s->frame_bytes) {
            say_cut(s, err);
            return EM_FEED_END;
        }
        s->n_carried += n > 0 ? (size_t)n : 0;
        if (s->n_left != EM_RIFF_TO_THE_END && n > 0)
            s->n_left -= (uint64_t)n;
    } else if (s->n_carried < (size_t)s->frame_bytes) {
        say_cut(s, err);
        return EM_FEED_END;
    }
    n_frames = s->n_carried / (size_t)s->frame_bytes;
    s->format->convert(dst, s->buffer, n_frames * (size_t)s->n_channels);
    s->n_carried -= n_frames * (size_t)s->frame_bytes;
    memmove(s->buffer, s->buffer + n_frames * (size_t)s->frame_bytes, s->n_carried);
    return (int)n_frames;
}

static em_status stdin_start(void *self, em_capture *capture, em_err *err)
{
    stdin_source *s = self;
    const em_feed_cfg cfg = { stdin_pull, s, s->rate_hz, s->n_channels, s->is_paced, s->is_live };

    return em_feed_start(&s->feed, capture, &cfg, err);
}

static void stdin_stop(void *self)
{
    stdin_source *s = self;

    em_feed_stop(&s->feed);
}

const em_source_ops em_source_stdin_ops = {
    .open = stdin_open, .start = stdin_start, .stop = stdin_stop, .close = stdin_close,
};
