/* Clips through trays: each has its own frames whatever came beside it, also where a tray is full of samples or of clips and whoever
 * brings more has to wait. The device is the CPU with src/mel behind its log-mel (gpu_emu/clips.c has the kernels'). */
#include "check.h"

#include "ops/cpu/ops_cpu.h"
#include "train/clip_mel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RATE = 8000, MELS = 8, ROOM = 160 * RATE, THREADS = 4, MOST = 640, TRAY_CLIPS = 256, PLACE = 3 };

static em_frontend *frontend;           /* of the one thread that transforms */
static em_ops ops;
static size_t most_sent;                /* samples at once                   */
static int n_sends;
static pthread_t caller;                /* of the device, from its opening on    */

static em_status fake_dev_open(em_dev **out, const em_dev_cfg *cfg, em_err *err)
{
    CHECK(cfg->place == PLACE, "place %d", cfg->place);
    caller = pthread_self();
    return em_ops_cpu.open(out, cfg, err);
}

static void fake_dev_close(em_dev *dev)
{
    CHECK(pthread_equal(caller, pthread_self()), "another thread");
    em_ops_cpu.close(dev);
}

static em_status fake_open(em_dev *dev, em_spectra **out, const em_logmel_cfg *cfg, em_err *err)
{
    (void)dev;
    (void)err;
    CHECK(cfg->n_mels == MELS && cfg->n_weights > 0 && cfg->hann[cfg->n_fft / 2] == 1, "tables");
    *out = (em_spectra *)&ops;
    return EM_OK;
}

static void fake_close(em_dev *dev, em_spectra *s)
{
    (void)dev;
    (void)s;
}

static void fake_fwd(em_dev *dev, const em_spectra *s, float *frames, const float *samples, int n, int B)
{
    (void)dev;
    (void)s;
    for (int b = 0; b < B; b++)
        em_frontend_window(frontend, frames + (size_t)b * (size_t)(1 + n / (RATE / 100)) * MELS, samples + (size_t)b * (size_t)n, (size_t)n);
}

static void fake_send(em_dev *dev, void *dst, const void *src, size_t n_bytes)
{
    const size_t n = n_bytes / sizeof(float);

    CHECK(pthread_equal(caller, pthread_self()), "another thread");
    n_sends++;
    most_sent = n > most_sent ? n : most_sent;
    em_ops_cpu.send(dev, dst, src, n_bytes);
}

/* What is brought: clip i has length(i) samples, of noise of its own. */
typedef struct lot {
    size_t     (*length)(int i);
    int          n;
    em_clip_mel *m;
    float       *samples[MOST], *frames[MOST];
    atomic_int   n_done[MOST], n_failed;
    atomic_int   next;
} lot;

static void note(void *ctx, int i, const em_err *failure)
{
    lot *l = ctx;

    atomic_fetch_add(&l->n_done[i], 1);
    atomic_fetch_add(&l->n_failed, failure != NULL);
}

static void make(lot *l, size_t (*length)(int i), int n)
{
    const em_frontend_cfg cfg = em_frontend_htsat(RATE, MELS);

    memset(l, 0, sizeof *l);
    l->length = length;
    l->n = n;
    for (int i = 0; i < n; i++) {
        uint32_t seed = 1u + (uint32_t)i;

        l->samples[i] = malloc(length(i) * sizeof(float));
        l->frames[i] = calloc((size_t)em_frontend_frames(&cfg, length(i)) * MELS, sizeof(float));
        CHECK(l->samples[i] && l->frames[i], "no memory");
        for (size_t k = 0; k < length(i); k++) {
            seed = seed * 1664525u + 1013904223u;
            l->samples[i][k] = (float)(int32_t)seed / 2147483648.0f;
        }
    }
}

static void *bring(void *ctx)
{
    lot *l = ctx;

    for (int i; (i = atomic_fetch_add(&l->next, 1)) < l->n;)
        em_clip_mel_give(l->m, i, l->frames[i], l->samples[i], l->length(i));
    return NULL;
}

static void bring_all(lot *l)
{
    const em_frontend_cfg cfg = em_frontend_htsat(RATE, MELS);
    pthread_t threads[THREADS];
    em_err err;

    ops = em_ops_cpu;
    ops.open = fake_dev_open;
    ops.close = fake_dev_close;
    ops.logmel_open = fake_open;
    ops.logmel_close = fake_close;
    ops.logmel_fwd = fake_fwd;
    ops.send = fake_send;
    most_sent = 0;
    n_sends = 0;
    CHECK_OK(em_frontend_new(&frontend, &cfg, &err));
    CHECK_OK(em_clip_mel_new(&l->m, &ops, PLACE, &cfg, note, l, &err));
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, bring, l) == 0, "thread %d", i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    em_clip_mel_free(l->m);
    em_frontend_free(frontend);
}

/* Every clip was told of once, with the frames it has alone. */
static void compare(lot *l)
{
    const em_frontend_cfg cfg = em_frontend_htsat(RATE, MELS);
    em_frontend *f;
    em_err err;

    CHECK_OK(em_frontend_new(&f, &cfg, &err));
    for (int i = 0; i < l->n; i++) {
        const size_t n = (size_t)em_frontend_frames(&cfg, l->length(i)) * MELS;
        float *want = calloc(n, sizeof *want);

        CHECK(want && atomic_load(&l->n_done[i]) == 1, "clip %d was told of %d times", i, atomic_load(&l->n_done[i]));
        em_frontend_window(f, want, l->samples[i], l->length(i));
        CHECK(memcmp(l->frames[i], want, n * sizeof *want) == 0, "clip %d", i);
        free(want);
        free(l->samples[i]);
        free(l->frames[i]);
    }
    em_frontend_free(f);
    CHECK(atomic_load(&l->n_failed) == 0, "%d failed", atomic_load(&l->n_failed));
    CHECK(most_sent <= ROOM, "%zu samples at once", most_sent);
}

static size_t any_length(int i) { return 513 + (size_t)(i * 7919 % 5000); }
static size_t a_third_of_a_tray(int i) { return ROOM / 3 + (size_t)(i % 2); }
static size_t the_least(int i) { return (void)i, 513; }
static size_t a_tray(int i) { return (void)i, ROOM; }

static void clips_of_any_length_have_their_frames(void **state)
{
    static lot l;
    (void)state;

    make(&l, any_length, 300);
    bring_all(&l);
    compare(&l);
}

static void a_full_tray_is_waited_for(void **state)
{
    static lot l;
    (void)state;

    make(&l, a_third_of_a_tray, 12);            /* two and not three of those with the sample more */
    bring_all(&l);
    CHECK(n_sends >= 4, "%d trays", n_sends);
    compare(&l);
    make(&l, a_tray, 3);
    bring_all(&l);
    CHECK(n_sends == 3 && most_sent == ROOM, "%d trays, %zu samples", n_sends, most_sent);
    compare(&l);
}

static void a_tray_of_many_clips_is_waited_for(void **state)
{
    static lot l;
    (void)state;

    make(&l, the_least, MOST);
    bring_all(&l);
    CHECK(n_sends > MOST / TRAY_CLIPS && most_sent <= TRAY_CLIPS * 513, "%d trays, %zu samples at most", n_sends, most_sent);
    compare(&l);
}

static void what_is_longer_is_not_taken(void **state)
{
    static lot l;
    const em_frontend_cfg cfg = em_frontend_htsat(RATE, MELS);
    em_err err;
    (void)state;

    ops = em_ops_cpu;
    CHECK(em_clip_mel_new(&l.m, &ops, PLACE, &cfg, note, &l, &err) == EM_EUNSUPPORTED && !l.m && strstr(err.msg, "cpu"), "%s", err.msg);
    ops.logmel_open = fake_open;
    ops.logmel_close = fake_close;
    CHECK(em_clip_mel_new(&l.m, &ops, PLACE, &(em_frontend_cfg){ .is_kaldi = true }, note, &l, &err) == EM_EUNSUPPORTED && !l.m, "%s", err.msg);
    CHECK_OK(em_clip_mel_new(&l.m, &ops, PLACE, &cfg, note, &l, &err));
    CHECK(em_clip_mel_takes(l.m, ROOM) && !em_clip_mel_takes(l.m, ROOM + 1), "takes");
    em_clip_mel_free(l.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clips_of_any_length_have_their_frames),
        cmocka_unit_test(a_full_tray_is_waited_for),
        cmocka_unit_test(a_tray_of_many_clips_is_waited_for),
        cmocka_unit_test(what_is_longer_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
