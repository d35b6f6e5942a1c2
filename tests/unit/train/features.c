/* Clips to frames: the same as the tagger's, each file read once, within the memory that was given. */
#include "check.h"

#include "audio/resample.h"
#include "base/channel.h"
#include "listener/listener.h"
#include "made.h"
#include "train/features.h"

#include <math.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATE = 32000, MELS = 64 };

static em_config nano(void)
{
    em_config cfg;
    em_err err;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    return cfg;
}

static em_dataset *open_set(const char *folder, const char *layout)
{
    em_dataset *set;
    em_err err;

    CHECK_OK(em_dataset_open(&set, folder, layout, NULL, 0, &err));
    return set;
}

static em_features *open_features(const em_dataset *set, int n_threads, size_t cache_mb)
{
    const em_config cfg = nano();
    em_features *f;
    em_err err;

    CHECK_OK(em_features_new(&f, set, &cfg, NULL, n_threads, cache_mb, &err));
    return f;
}

/* Sound with everything in it: two channels, noise, steps, NaN, infinities and a sample far beyond full scale. */
static float *wild_frames(size_t n)
{
    float *x = malloc(2 * n * sizeof *x);
    uint32_t seed = 1;

    CHECK(x, "no memory");
    for (size_t i = 0; i < 2 * n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed / 4294967296.0f * (i / 4000 % 2 ? 0.9f : 0.01f);
    }
    x[2001] = NAN;
    x[3000] = INFINITY;
    x[7000] = 1e9f;
    return x;
}

/* What a listener with a window of exactly this sound has at its end. */
static void listen(float *frames, const float *stereo, size_t n, int rate_hz, size_t n_out)
{
    const em_config model = nano();
    em_listener_cfg cfg = { .frontend = em_features_frontend(&model), .window_samples = (int)n_out, .step_samples = (int)n_out,
                            .rate_hz = rate_hz };
    float *clean = malloc(2 * n * sizeof *clean), *mono = malloc(n * sizeof *mono);
    em_listener *l;
    em_hop hop;
    em_err err;

    CHECK(clean && mono, "no memory");
    memcpy(clean, stereo, 2 * n * sizeof *clean);
    em_channel_clean(clean, 2 * n);
    em_channel_mix(mono, clean, n, 2);
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    CHECK(em_listener_push(l, mono, n) <= n, "push");
    em_listener_finish(l);
    CHECK(em_listener_next(l, &hop), "no hop");
    CHECK((size_t)hop.n_frames == n_out / 320 + 1, "%d", hop.n_frames);
    memcpy(frames, hop.frames, (size_t)hop.n_frames * MELS * sizeof *frames);
    em_listener_free(l);
    free(clean);
    free(mono);
}

static void frames_are_those_the_tagger_hears(void **state)
{
    static const struct { int rate_hz; size_t n, n_out; } cases[] = {
        { 32000, 32000, 32000 }, { 44100, 44100, 32000 }, { 8000, 16000, 64000 }, { 48000, 57600, 38400 },
    };
    (void)state;

    for (size_t k = 0; k < EM_COUNT(cases); k++) {
        char *folder = made_folder();
        float *x = wild_frames(cases[k].n), *want = malloc((cases[k].n_out / 320 + 1) * MELS * sizeof *want);
        em_dataset *set;
        em_features *f;
        em_clip_frames got;

        CHECK(want, "no memory");
        made_wave(folder, "Bark/a.wav", cases[k].rate_hz, 2, x, cases[k].n);
        set = open_set(folder, "folders");
        f = open_features(set, 1, 0);
        got = em_features_get(f, 0);
        listen(want, x, cases[k].n, cases[k].rate_hz, cases[k].n_out);
        CHECK(got.n_frames == (int)(cases[k].n_out / 320) + 1, "case %zu: %d frames, %s", k, got.n_frames, got.why);
        CHECK(memcmp(got.frames, want, (size_t)got.n_frames * MELS * sizeof *want) == 0, "case %zu", k);
        CHECK(fabs(got.seconds - (double)cases[k].n_out / RATE) < 1e-9 && !got.is_cut, "case %zu: %g s", k, got.seconds);
        em_features_done(f, 0);
        em_features_free(f);
        em_dataset_free(set);
        made_remove(folder);
        free(want);
        free(x);
    }
}

static void a_part_is_the_same_as_a_file_of_it(void **state)
{
    char *folder = made_folder();
    float *x = wild_frames(64000);
    em_dataset *set;
    em_features *f;
    em_clip_frames whole, part;
    (void)state;

    made_wave(folder, "long.wav", RATE, 2, x, 64000);
    made_wave(folder, "short.wav", RATE, 2, x + 2 * 16000, 24000);
    made_text(folder, "l.csv", "filename,labels,begin,end\nlong.wav,a,0.5,1.25\nshort.wav,a,,\nlong.wav,a,1.9,9\nlong.wav,a,2.5,\n");
    set = open_set(folder, "csv");
    f = open_features(set, 2, 0);
    part = em_features_get(f, 0);
    whole = em_features_get(f, 1);
    CHECK(part.n_frames == 76 && whole.n_frames == 76, "%d %d", part.n_frames, whole.n_frames);
    CHECK(memcmp(part.frames, whole.frames, 76 * MELS * sizeof *part.frames) == 0, "other frames");
    part = em_features_get(f, 2);
    CHECK(part.n_frames == 11, "a part that the file ends: %d, %s", part.n_frames, part.why);
    part = em_features_get(f, 3);
    CHECK(part.n_frames == 0 && strstr(part.why, "long.wav: a part from 2.5 s on: the file ends at 2 s"), "%s", part.why);
    for (int i = 0; i < 4; i++)
        em_features_done(f, i);
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
    free(x);
}

static void long_files_give_their_first_minute(void **state)
{
    char *folder = made_folder();
    em_dataset *set;
    em_features *f;
    em_clip_frames got;
    (void)state;

    made_sound(folder, "a/exact.wav", 2000, 120000);
    made_sound(folder, "a/long.wav", 2000, 124000);
    set = open_set(folder, "folders");
    f = open_features(set, 2, 0);
    got = em_features_get(f, 0);
    CHECK(got.n_frames == 6001 && !got.is_cut, "%d %d %s", got.n_frames, got.is_cut, got.why);
    got = em_features_get(f, 1);
    CHECK(got.n_frames == 6001 && got.is_cut, "%d %d", got.n_frames, got.is_cut);
    em_features_done(f, 0);
    em_features_done(f, 1);
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
}

static void unusable_clips_say_why(void **state)
{
    static const struct { const char *name, *why; } cases[] = {
        { "empty.wav", "a/empty.wav: is empty: 0 bytes" },
        { "fifo.wav", "a/fifo.wav: is no regular file" },
        { "folder.wav", "a/folder.wav: is no regular file" },
        { "none.wav", "a/none.wav: cannot be opened: No such file" },
        { "nothing.wav", "a/nothing.wav: no sound comes out of it" },
        { "short.wav", "a/short.wav: 0.016 s are too short for one frame" },
        { "text.wav", "a/text.wav: is not a sound file that libsndfile reads" },
    };
    char *folder = made_folder(), list[1024] = "filename,labels\n";
    em_dataset *set;
    em_features *f;
    em_features_stats stats;
    (void)state;

    made_text(folder, "a/empty.wav", "");
    made_text(folder, "a/text.wav", "this is no sound");
    made_sound(folder, "a/nothing.wav", RATE, 0);
    made_sound(folder, "a/short.wav", RATE, 512);
    made_sound(folder, "a/good.wav", RATE, 513);
    CHECK(mkfifo(made_path(folder, "a/fifo.wav"), 0600) == 0 && mkdir(made_path(folder, "a/folder.wav"), 0700) == 0, "mkfifo");
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        sprintf(list + strlen(list), "a/%s,x\n", cases[i].name);
    strcat(list, "a/good.wav,x\n");
    made_text(folder, "l.csv", list);
    set = open_set(folder, "csv");
    f = open_features(set, 2, 0);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < (int)EM_COUNT(cases); i++) {
            const em_clip_frames got = em_features_get(f, i);

            CHECK(got.n_frames == 0 && got.why && strstr(got.why, cases[i].why), "%s: %s", cases[i].name, got.why);
            em_features_done(f, i);
        }
    CHECK(em_features_get(f, 7).n_frames == 2, "good.wav");
    em_features_done(f, 7);
    stats = em_features_count(f);
    CHECK(stats.n_unusable == 7 && stats.n_usable == 1 && stats.n_decoded == 8, "%d %d %ld", stats.n_unusable, stats.n_usable, stats.n_decoded);
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
}

/* Twelve clips of 5 s: 128256 bytes of frames each, so that a mebibyte holds eight. */
enum { CLIPS = 12, BYTES = 501 * MELS * 4 };

static em_dataset *twelve(char **folder)
{
    char name[32];

    *folder = made_folder();
    for (int i = 0; i < CLIPS; i++) {
        snprintf(name, sizeof name, "a/%02d.wav", i);
        made_sound(*folder, name, RATE, 160000);
    }
    return open_set(*folder, "folders");
}

static void every_file_is_read_once_while_it_fits(void **state)
{
    char *folder;
    em_dataset *set = twelve(&folder);
    em_features *f = open_features(set, 3, 0);
    em_features_stats stats;
    (void)state;

    for (int round = 0; round < 5; round++)
        for (int i = 0; i < CLIPS; i++) {
            CHECK(em_features_get(f, i * 5 % CLIPS).n_frames == 501, "clip %d", i);
            em_features_done(f, i * 5 % CLIPS);
        }
    stats = em_features_count(f);
    CHECK(stats.n_decoded == CLIPS && stats.kept_bytes == CLIPS * BYTES, "%ld %zu", stats.n_decoded, stats.kept_bytes);
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
}

static void the_cache_keeps_to_its_bound(void **state)
{
    char *folder;
    em_dataset *set = twelve(&folder);
    em_features *f = open_features(set, 2, 1);
    const em_features_stats limits = { .kept_bytes = (size_t)1 << 20 };
    em_features_stats stats;
    float *first = malloc(BYTES);
    (void)state;

    CHECK(first, "no memory");
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < CLIPS; i++) {
            const em_clip_frames got = em_features_get(f, i);

            CHECK(got.n_frames == 501, "clip %d", i);
            if (round == 0 && i == 0)
                memcpy(first, got.frames, BYTES);
            CHECK(memcmp(got.frames, first, BYTES) == 0, "round %d clip %d: made anew, it is another", round, i);
            em_features_done(f, i);
            stats = em_features_count(f);
            CHECK(stats.kept_bytes <= limits.kept_bytes, "%zu", stats.kept_bytes);
        }
    CHECK(stats.kept_bytes == 8 * BYTES, "%zu", stats.kept_bytes);
    CHECK(stats.n_usable == CLIPS && stats.n_decoded >= 8 + 3 * 4 && stats.n_decoded <= 8 + 3 * 4 + 2, "%ld", stats.n_decoded);
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
    free(first);
}

typedef struct reader { em_features *f; int seed; int n_wrong; pthread_t thread; } reader;

static void *read_all(void *arg)
{
    reader *r = arg;

    for (int i = 0; i < 3 * CLIPS; i++) {
        const int clip = (i * 7 + r->seed) % CLIPS, next = ((i + 1) * 7 + r->seed) % CLIPS;

        em_features_want(r->f, next);
        r->n_wrong += em_features_get(r->f, clip).n_frames != 501;
        em_features_done(r->f, clip);
        em_features_done(r->f, next);
    }
    return NULL;
}

static void many_threads_may_ask_at_once(void **state)
{
    char *folder;
    em_dataset *set = twelve(&folder);
    em_features *f = open_features(set, 3, 1);
    reader readers[4];
    (void)state;

    for (int i = 0; i < 4; i++) {
        readers[i] = (reader){ .f = f, .seed = i };
        CHECK(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]) == 0, "thread %d", i);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(readers[i].thread, NULL);
        CHECK(readers[i].n_wrong == 0, "reader %d: %d", i, readers[i].n_wrong);
    }
    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
}

static void freeing_does_not_wait_for_all_to_be_decoded(void **state)
{
    char *folder;
    em_dataset *set = twelve(&folder);
    em_features *f = open_features(set, 1, 0);
    (void)state;

    em_features_free(f);
    em_dataset_free(set);
    made_remove(folder);
}

static void numbers_of_threads_that_cannot_be_are_refused(void **state)
{
    static const int bad[] = { -1, 0, EM_MOST_DECODERS + 1 };
    const em_config cfg = nano();
    em_dataset set = { .n_clips = 0 };
    em_features *f;
    em_err err;
    (void)state;

    for (int i = 0; i < 3; i++)
        CHECK(em_features_new(&f, &set, &cfg, NULL, bad[i], 0, &err) == EM_EINVAL && !f, "%d", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_those_the_tagger_hears),
        cmocka_unit_test(a_part_is_the_same_as_a_file_of_it),
        cmocka_unit_test(long_files_give_their_first_minute),
        cmocka_unit_test(unusable_clips_say_why),
        cmocka_unit_test(every_file_is_read_once_while_it_fits),
        cmocka_unit_test(the_cache_keeps_to_its_bound),
        cmocka_unit_test(many_threads_may_ask_at_once),
        cmocka_unit_test(freeing_does_not_wait_for_all_to_be_decoded),
        cmocka_unit_test(numbers_of_threads_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
