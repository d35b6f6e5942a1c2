/* made.c - writes what the layouts' tests read. */
#include "made.h"

#include "check.h"

#include <ftw.h>
#include <math.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

char *made_folder(void)
{
    char *folder = strdup("/tmp/earmark-data-XXXXXX");

    CHECK(folder && mkdtemp(folder), "%s", folder);
    return folder;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void made_remove(char *folder)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

const char *made_path(const char *folder, const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *path_with_folders(const char *folder, const char *name)
{
    char upto[512];

    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(upto, sizeof upto, "%s/%.*s", folder, (int)(slash - name), name);
        mkdir(upto, 0777);
    }
    return made_path(folder, name);
}

void made_text(const char *folder, const char *name, const char *text)
{
    FILE *f = fopen(path_with_folders(folder, name), "w");

    CHECK(f, "%s", name);
    CHECK(fputs(text, f) >= 0 && fclose(f) == 0, "%s", name);
}

static void write_sound(const char *path, int rate_hz, int n_channels, int format, const float *frames, size_t n)
{
    SF_INFO info = { .samplerate = rate_hz, .channels = n_channels, .format = SF_FORMAT_WAV | format };
    SNDFILE *snd = sf_open(path, SFM_WRITE, &info);

    CHECK(snd, "%s", path);
    CHECK(sf_writef_float(snd, frames, (sf_count_t)n) == (sf_count_t)n, "%s", path);
    sf_close(snd);
}

void made_sound(const char *folder, const char *name, int rate_hz, size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);

    CHECK(x, "no memory");
    for (size_t i = 0; i < n; i++)
        x[i] = 0.25f * sinf((float)i * 440 * 6.2831853f / (float)rate_hz);
    write_sound(path_with_folders(folder, name), rate_hz, 1, SF_FORMAT_PCM_16, x, n);
    free(x);
}

void made_wave(const char *folder, const char *name, int rate_hz, int n_channels, const float *frames, size_t n)
{
    write_sound(path_with_folders(folder, name), rate_hz, n_channels, SF_FORMAT_FLOAT, frames, n);
}
