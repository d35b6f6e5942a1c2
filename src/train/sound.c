/* sound.c - libsndfile or a pack, block by block through the listener's own steps: see sound.h. */
#include "train/sound.h"

#include "audio/resample.h"
#include "audio/capture.h"
#include "base/channel.h"
#include "train/pack.h"
#include "train/table.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096, FIRST_ROOM = 1 << 16 };

typedef struct open_pack { const char *path; em_pack *pack; em_pack_info info; struct open_pack *next; } open_pack;

struct em_packs {
    pthread_mutex_t lock;
    open_pack      *first;
};

/* Samples that have come out of the resampler. */
typedef struct growing {
    em_sound     *out;
    size_t        room;
    em_resampler *resampler;
    const char   *shown;
    em_err       *err;
} growing;

em_status em_packs_new(em_packs **out, em_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return em_fail(err, EM_ENOMEM, "no memory for packs");
    pthread_mutex_init(&(*out)->lock, NULL);
    return EM_OK;
}

void em_packs_free(em_packs *packs)
{
    if (!packs)
        return;
    while (packs->first) {
        open_pack *next = packs->first->next;

        em_pack_close(packs->first->pack);
        free(packs->first);
        packs->first = next;
    }
    pthread_mutex_destroy(&packs->lock);
    free(packs);
}

static em_status find_pack(em_packs *packs, open_pack **out, const char *path, em_err *err)
{
    em_status status = EM_OK;
    open_pack *p;

    pthread_mutex_lock(&packs->lock);
    for (p = packs->first; p && strcmp(p->path, path) != 0; p = p->next)
        ;
    if (!p) {
        p = calloc(1, sizeof *p);
        status = p ? em_pack_open(&p->pack, &p->info, path, err) : em_fail(err, EM_ENOMEM, "no memory for a pack");
        if (status != EM_OK) {
            free(p);
            p = NULL;
        } else {
            p->path = path;
            p->next = packs->first;
            packs->first = p;
        }
    }
    pthread_mutex_unlock(&packs->lock);
    *out = p;
    return status;
}

static em_status make_room(growing *g, size_t n)
{
    size_t room = g->room ? g->room : FIRST_ROOM;
    float *samples;

    while (room - g->out->n < n)
        room *= 2;
    if (room == g->room)
        return EM_OK;
    samples = realloc(g->out->samples, room * sizeof *samples);
    if (!samples)
        return em_fail(g->err, EM_ENOMEM, "%s: no memory for its sound", g->shown);
    g->out->samples = samples;
    g->room = room;
    return EM_OK;
}

/* Mono samples, which are changed, through the resampler. */
static em_status add_samples(growing *g, float *mono, size_t n)
{
    size_t done = 0, n_taken, n_made;

    em_resampler_tame(mono, mono, n);
    do {
        if (make_room(g, BLOCK) != EM_OK)
            return g->err->code;
        n_made = em_resampler_push(g->resampler, g->out->samples + g->out->n, BLOCK, mono + done, n - done, &n_taken);
        g->out->n += n_made;
        done += n_taken;
    } while (done < n || n_made == BLOCK);
    return EM_OK;
}

static em_status end_samples(growing *g)
{
    size_t n_made;

    do {
        if (make_room(g, BLOCK) != EM_OK)
            return g->err->code;
        n_made = em_resampler_flush(g->resampler, g->out->samples + g->out->n, BLOCK);
        g->out->n += n_made;
    } while (n_made > 0);
    return EM_OK;
}

static bool is_all_zero(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0)
            return false;
    return true;
}

static em_status read_row(growing *g, em_packs *packs, const em_clip *clip, int rate_hz)
{
    open_pack *p;
    float *wave;
    em_status status = find_pack(packs, &p, clip->path, g->err);

    if (status != EM_OK)
        return status;
    wave = malloc((size_t)p->info.n_samples * sizeof *wave);
    if (!wave)
        return em_fail(g->err, EM_ENOMEM, "%s: no memory for a row", g->shown);
    status = em_pack_wave(p->pack, wave, clip->row, g->err);
    if (status == EM_OK && is_all_zero(wave, (size_t)p->info.n_samples)) {
        g->out->is_lost = true;
        status = em_fail(g->err, EM_EFORMAT, "%s: row %ld (%.40s) is all zero: the clip was lost when the pack was made", g->shown,
                         clip->row, clip->name);
    }
    if (status == EM_OK)
        status = em_resampler_new(&g->resampler, p->info.rate_hz, rate_hz, g->err);
    if (status == EM_OK) {
        em_channel_clean(wave, (size_t)p->info.n_samples);
        status = add_samples(g, wave, (size_t)p->info.n_samples);
    }
    free(wave);
    return status;
}

/* O_NONBLOCK: a FIFO without a writer must not hang us; it changes nothing for a file. */
static em_status open_regular(int *fd, const char *path, const char *shown, em_err *err)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0 || fstat(*fd, &st) != 0)
        return em_fail(err, EM_EIO, "%s: cannot be opened: %s", shown, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return em_fail(err, EM_EIO, "%s: is no regular file", shown);
    if (st.st_size == 0)
        return em_fail(err, EM_EFORMAT, "%s: is empty: 0 bytes where a sound file should be", shown);
    return EM_OK;
}

/* libsndfile notes why an opening failed in memory that all threads share. */
static SNDFILE *open_sound(int fd, SF_INFO *info)
{
    static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
    SNDFILE *snd;

    pthread_mutex_lock(&opening);
    snd = sf_open_fd(fd, SFM_READ, info, 0);
    pthread_mutex_unlock(&opening);
    return snd;
}

/* Where the clip begins and how many frames it has at most, in the file's own. */
static em_status find_part(int64_t *begin, int64_t *n, const em_clip *clip, const SF_INFO *info, const char *shown, em_err *err)
{
    const double rate = info->samplerate, seconds = clip->end_s > 0 ? clip->end_s - clip->begin_s : EM_CLIP_SECONDS;

    if (!(seconds > 0) || seconds > EM_PART_SECONDS)
        return em_fail(err, EM_EINVAL, "%s: a part of %g s: more than 0 and up to %d can be used", shown, seconds, EM_PART_SECONDS);
    if (info->frames < SF_COUNT_MAX && clip->begin_s * rate >= (double)info->frames && info->frames > 0)
        return em_fail(err, EM_EFORMAT, "%s: a part from %g s on: the file ends at %g s", shown, clip->begin_s, (double)info->frames / rate);
    *begin = llround(clip->begin_s * rate);
    *n = llround(seconds * rate);
    return EM_OK;
}

/* Up to n frames, or to the file's end, whichever comes first. */
static em_status read_frames(growing *g, SNDFILE *snd, const SF_INFO *info, int64_t n)
{
    float *frames = malloc((size_t)BLOCK * (size_t)info->channels * sizeof *frames), mono[BLOCK];
    em_status status = frames ? EM_OK : em_fail(g->err, EM_ENOMEM, "%s: no memory for its sound", g->shown);

    while (n > 0 && status == EM_OK) {
        const sf_count_t got = sf_readf_float(snd, frames, n < BLOCK ? n : BLOCK);

        if (got <= 0)
            break;
        em_channel_clean(frames, (size_t)got * (size_t)info->channels);
        em_channel_mix(mono, frames, (size_t)got, info->channels);
        status = add_samples(g, mono, (size_t)got);
        n -= got;
    }
    free(frames);
    return status;
}

static em_status read_sound(growing *g, SNDFILE *snd, const SF_INFO *info, const em_clip *clip, int rate_hz)
{
    int64_t begin = 0, n = 0;
    float one[EM_CAPTURE_MAX_CHANNELS];
    em_status status = em_capture_check_format(g->shown, info->samplerate, info->channels, g->err);

    if (status == EM_OK)
        status = find_part(&begin, &n, clip, info, g->shown, g->err);
    if (status == EM_OK && begin > 0 && sf_seek(snd, begin, SEEK_SET) != begin)
        status = em_fail(g->err, EM_EFORMAT, "%s: %g s into it cannot be reached", g->shown, clip->begin_s);
    if (status == EM_OK)
        status = em_resampler_new(&g->resampler, info->samplerate, rate_hz, g->err);
    if (status == EM_OK)
        status = read_frames(g, snd, info, n);
    if (status == EM_OK && !(clip->end_s > 0))
        g->out->is_cut = sf_readf_float(snd, one, 1) == 1;
    return status;
}

static em_status read_file(growing *g, const em_clip *clip, int rate_hz)
{
    SF_INFO info = { 0 };
    SNDFILE *snd = NULL;
    int fd;
    em_status status = open_regular(&fd, clip->path, g->shown, g->err);

    if (status == EM_OK && !(snd = open_sound(fd, &info)))
        status = em_fail(g->err, EM_EFORMAT, "%s: is not a sound file that libsndfile reads: convert it to FLAC or WAV", g->shown);
    if (status == EM_OK)
        status = read_sound(g, snd, &info, clip, rate_hz);
    if (snd)
        sf_close(snd);
    if (fd >= 0)
        close(fd);
    return status;
}

em_status em_sound_read(em_sound *out, em_packs *packs, const em_clip *clip, int rate_hz, em_err *err)
{
    char shown[EM_SHOWN_PATH];
    growing g = { .out = out, .shown = em_shown_path(shown, clip->path), .err = err };
    em_status status;

    *out = (em_sound){ 0 };
    status = clip->row >= 0 ? read_row(&g, packs, clip, rate_hz) : read_file(&g, clip, rate_hz);
    if (status == EM_OK)
        status = end_samples(&g);
    if (status == EM_OK && out->n == 0)
        status = em_fail(err, EM_EFORMAT, "%s: no sound comes out of it", shown);
    em_resampler_free(g.resampler);
    if (status != EM_OK) {
        free(out->samples);
        out->samples = NULL;
        out->n = 0;
    }
    return status;
}
