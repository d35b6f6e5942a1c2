/* The "file" row: sound files through libsndfile (WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, ...).
 *
 * The file is opened and its claims are checked here before anything is sized by them; a feed thread decodes.
 * A file that ends before what its header claims is played as far as it goes, and the end says so. */
#include "audio/feed.h"
#include "audio/riff.h"
#include "audio/sources.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct file_source {
    int      fd;
    SNDFILE *snd;
    char     shown[100];                /* the path as it may be printed                    */
    int      rate_hz, n_channels;
    bool     is_paced;
    int64_t  n_claimed;                 /* frames, -1 unknown                               */
    int64_t  n_played;
    bool     is_cut;                    /* Ogg: its last page is not marked as the last one */
    em_feed  feed;
} file_source;

static void file_close(void *self)
{
    file_source *f = self;

    if (!f)
        return;
    if (f->snd)
        sf_close(f->snd);
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

/* O_NONBLOCK: a FIFO without a writer must not hang us; it changes nothing for a file. */
static em_status open_regular(file_source *f, const char *path, int64_t *n_bytes, em_err *err)
{
    struct stat st;

    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return em_fail(err, EM_EIO, "%s cannot be opened: %s", f->shown, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return em_fail(err, EM_EIO, "%s is a directory: give a sound file", f->shown);
    if (!S_ISREG(st.st_mode))
        return em_fail(err, EM_EIO, "%s is no regular file: to listen to a pipe write `earmark - < %s`", f->shown, f->shown);
    if (st.st_size == 0)
        return em_fail(err, EM_EFORMAT, "%s is empty: 0 bytes where a sound file should be", f->shown);
    *n_bytes = (int64_t)st.st_size;
    return EM_OK;
}

typedef struct byte_cursor { int fd; int64_t at; } byte_cursor;

static long read_bytes(void *ctx, void *dst, size_t n, em_err *err)
{
    byte_cursor *c = ctx;
    size_t n_read = 0;

    while (n_read < n) {
        ssize_t got = pread(c->fd, (char *)dst + n_read, n - n_read, (off_t)(c->at + (int64_t)n_read));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            em_fail(err, EM_EIO, "%s", strerror(errno));
            return -1;
        }
        if (got == 0)
            break;
        n_read += (size_t)got;
    }
    c->at += (int64_t)n_read;
    return (long)n_read;
}

/* libsndfile quietly corrects what a WAV header claims to what is there, and its sentences do not say what would
 * be right: our own look comes first. A header that only libsndfile understands passes. */
static em_status check_wav(file_source *f, int64_t n_bytes, em_err *err)
{
    byte_cursor c = { f->fd, 0 };
    uint8_t start[EM_RIFF_START];
    em_riff riff;
    em_status status;

    if (read_bytes(&c, start, sizeof start, err) != (long)sizeof start || !em_riff_is_start(start))
        return EM_OK;
    status = em_riff_parse(&riff, start, read_bytes, &c, f->shown, err);
    if (status == EM_OK)
        status = em_capture_check_format(f->shown, riff.rate_hz, riff.n_channels, err);
    if (status != EM_OK)
        return status;
    if (riff.format && riff.n_data_bytes != EM_RIFF_TO_THE_END
        && riff.n_data_bytes > (uint64_t)n_bytes - riff.n_header_bytes)
        f->n_claimed = (int64_t)(riff.n_data_bytes / (riff.n_channels * (uint32_t)riff.format->n_bytes));
    return EM_OK;
}

/* The last page of an Ogg stream carries a flag; without it the file was cut, whatever its length. */
static bool is_ogg_cut(int fd, int64_t n_bytes)
{
    enum { PAGE_MOST = 65307, END_OF_STREAM = 4, FLAGS_AT = 5 };
    static const char magic[4] = { 'O', 'g', 'g', 'S' };
    byte_cursor c = { fd, n_bytes > PAGE_MOST ? n_bytes - PAGE_MOST : 0 };
    unsigned char *tail = malloc(PAGE_MOST);
    bool is_cut = true;
    long n = tail ? read_bytes(&c, tail, PAGE_MOST, NULL) : 0;

    for (long i = n - FLAGS_AT - 1; i >= 0; i--) {
        if (memcmp(tail + i, magic, sizeof magic) == 0) {
            is_cut = (tail[i + FLAGS_AT] & END_OF_STREAM) == 0;
            break;
        }
    }
    free(tail);
    return is_cut && n > 0;
}

static em_status decode(file_source *f, em_err *err)
{
    SF_INFO info = { 0 };
    const char *name = strlen(f->shown) <= 60 ? f->shown : "FILE";
    em_status status;

    if (lseek(f->fd, 0, SEEK_SET) != 0)
        return em_fail(err, EM_EIO, "%s cannot be read: %s", f->shown, strerror(errno));
    f->snd = sf_open_fd(f->fd, SFM_READ, &info, 0);
    if (!f->snd)
        return em_fail(err, EM_EFORMAT, "%s is not a sound file that libsndfile reads: convert it, "
                       "ffmpeg -i %s -f f32le -ac 1 -ar 32000 - | earmark --raw f32le -", f->shown, name);
    status = em_capture_check_format(f->shown, info.samplerate, info.channels, err);
    if (status != EM_OK)
        return status;
    f->rate_hz = info.samplerate;
    f->n_channels = info.channels;
    if (f->n_claimed < 0 && info.frames >= 0 && info.frames < SF_COUNT_MAX)
        f->n_claimed = info.frames;
    f->is_cut = (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG;
    return EM_OK;
}

static em_status file_open(void **out, em_source_plan *plan, const em_source_cfg *cfg, em_err *err)
{
    const char *slash;
    int64_t n_bytes = 0;
    file_source *f;

    *out = NULL;
    if (!cfg->name || cfg->name[0] == '\0')
        return em_fail(err, EM_EINVAL, "no file to listen to was named");
    f = calloc(1, sizeof *f);
    if (!f)
        return em_fail(err, EM_ENOMEM, "no memory for a source");
    f->fd = -1;
    f->n_claimed = -1;
    f->is_paced = cfg->is_paced || cfg->is_live;
    em_text_clean(f->shown, sizeof f->shown, cfg->name);
    if (open_regular(f, cfg->name, &n_bytes, err) != EM_OK || check_wav(f, n_bytes, err) != EM_OK
        || decode(f, err) != EM_OK) {
        file_close(f);
        return err->code;
    }
    f->is_cut = f->is_cut && is_ogg_cut(f->fd, n_bytes);

    slash = strrchr(cfg->name, '/');
    em_text_clean(plan->info.name, sizeof plan->info.name, slash ? slash + 1 : cfg->name);
    plan->info.rate_hz = f->rate_hz;
    plan->info.n_channels = f->n_channels;
    plan->info.n_frames = f->n_claimed;
    plan->ring_frames = EM_FEED_RING;
    *out = f;
    return EM_OK;
}

static void say_cut(const file_source *f, em_err *err)
{
    if (sf_error(f->snd) != SF_ERR_NO_ERROR)
        em_fail(err, EM_EFORMAT, "%s is damaged after %lld frames: %s", f->shown, (long long)f->n_played, sf_strerror(f->snd));
    else if (f->n_claimed > f->n_played)
        em_fail(err, EM_EFORMAT, "%s ends early: %lld of %lld frames are there", f->shown, (long long)f->n_played,
                (long long)f->n_claimed);
    else if (f->is_cut)
        em_fail(err, EM_EFORMAT, "%s ends early: its last Ogg page is missing", f->shown);
}

static int file_pull(void *ctx, float *dst, int max, em_err *err)
{
    file_source *f = ctx;
    sf_count_t n = sf_readf_float(f->snd, dst, max);

    if (n <= 0) {
        say_cut(f, err);
        return EM_FEED_END;
    }
    f->n_played += n;
    return (int)n;
}

static em_status file_start(void *self, em_capture *capture, em_err *err)
{
    file_source *f = self;
    const em_feed_cfg cfg = { file_pull, f, f->rate_hz, f->n_channels, f->is_paced, false };

    return em_feed_start(&f->feed, capture, &cfg, err);
}

static void file_stop(void *self)
{
    file_source *f = self;

    em_feed_stop(&f->feed);
}

const em_source_ops em_source_file_ops = {
    .open = file_open, .start = file_start, .stop = file_stop, .close = file_close,
};
