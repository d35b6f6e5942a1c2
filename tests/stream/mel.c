/* The rolling window: its frames have the bits of a window computed at once, and only what is new is computed. */
#include "check.h"

#include "mel/window.h"
#include "stream/signal.h"

#include <math.h>

typedef struct shape {
    bool   is_kaldi;
    int    rate_hz, n_mels;
    size_t n;                       /* samples of the window */
    const char *why;
} shape;

static const shape shapes[] = {
    { false, 32000, 64, 320000, "the usual window" },
    { false, 32000, 64, 327360, "exact fit: the last frame is centred on the end" },
    { false, 32000, 64, 513, "the shortest that can be reflected: every frame touches an end" },
    { false, 32000, 64, 1023, "no frame fits inside" },
    { false, 32000, 64, 1024, "no frame fits inside, though as long as one" },
    { false, 32000, 64, 1664, "one frame inside" },
    { false, 32000, 64, 33001, "not a whole number of hops" },
    { false, 16000, 128, 80000, "16 kHz, 128 bands" },
    { false, 11025, 64, 20000, "a rate that is no multiple of 100" },
    { true, 16000, 128, 160000, "Kaldi, 10 s" },
    { true, 16000, 128, 400, "Kaldi, one frame" },
    { true, 16000, 128, 12345, "Kaldi, not a whole number of hops" },
};

static em_frontend_cfg cfg_of(const shape *s)
{
    return s->is_kaldi ? em_frontend_kaldi(s->rate_hz, s->n_mels) : em_frontend_htsat(s->rate_hz, s->n_mels);
}

/* What em_frontend_window makes of the n samples before `end`, with silence before the stream. Caller frees. */
static float *window_at_once(const em_frontend_cfg *cfg, const float *x, size_t end, size_t n)
{
    float *window = calloc(n, sizeof *window);
    size_t n_real = end < n ? end : n;
    int    n_frames = em_frontend_frames(cfg, n);
    float *frames = malloc((size_t)n_frames * (size_t)cfg->n_mels * sizeof *frames);
    em_frontend *f;
    em_err err;

    memcpy(window + n - n_real, x + end - n_real, n_real * sizeof *window);
    CHECK_OK(em_frontend_new(&f, cfg, &err));
    em_frontend_window(f, frames, window, n);
    em_frontend_free(f);
    free(window);
    return frames;
}

static void check_window(em_window *w, const shape *s, const float *x, size_t end)
{
    em_frontend_cfg cfg = cfg_of(s);
    float *want = window_at_once(&cfg, x, end, s->n);
    const float *got = em_window_frames(w);

    CHECK(em_window_n_frames(w) == em_frontend_frames(&cfg, s->n), "%s", s->why);
    for (int t = 0; t < em_window_n_frames(w); t++)
        CHECK(memcmp(got + t * cfg.n_mels, want + t * cfg.n_mels, (size_t)cfg.n_mels * sizeof *got) == 0,
              "%s: frame %d of the window that ends at %zu", s->why, t, end);
    free(want);
}

/* Hops of every kind: next frame, many frames, a window's length, more, and none that fits the frames' grid. */
static void a_rolling_window_has_the_bits_of_one_at_once(void **state)
{
    static const size_t hops[] = { 1, 1, 2, 5, 100, 3, 1100, 1 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(shapes); i++) {
        const shape *s = &shapes[i];
        em_frontend_cfg cfg = cfg_of(s);
        size_t n_total = 1213 * (size_t)cfg.hop + 77, at = 0;
        float *x = signal_noise(11, n_total);
        em_window *w;
        em_err err;

        CHECK_OK(em_window_new(&w, &cfg, s->n, &err));
        check_window(w, s, x, 0);
        for (size_t h = 0; h < EM_COUNT(hops); h++) {
            size_t n = hops[h] * (size_t)cfg.hop;
            em_window_push(w, x + at, n);
            at += n;
            check_window(w, s, x, at);
        }
        em_window_push(w, x + at, 77);
        check_window(w, s, x, at + 77);
        check_window(w, s, x, at + 77);
        em_window_free(w);
        free(x);
    }
}

static void chunking_never_changes_a_frame(void **state)
{
    const shape *s = &shapes[6];
    em_frontend_cfg cfg = cfg_of(s);
    size_t n = 200000;
    float *x = signal_noise(5, n);

    (void)state;
    for (size_t c = 0; c < signal_n_chunks; c++) {
        em_window *w;
        em_err err;
        size_t at = 0;

        CHECK_OK(em_window_new(&w, &cfg, s->n, &err));
        for (; at < n; at += signal_chunks[c]) {
            em_window_push(w, x + at, n - at < signal_chunks[c] ? n - at : signal_chunks[c]);
            if (signal_chunks[c] > 4096)
                em_window_frames(w);
        }
        CHECK(em_window_end(w) == (int64_t)n, "chunk %zu", signal_chunks[c]);
        check_window(w, s, x, n);
        em_window_free(w);
    }
    free(x);
}

/* 10 s at 32 kHz: frames 0, 1, 999 and 1000 touch the ends; a hop of 1 s brings 100 new ones. */
static void only_new_frames_and_edges_are_computed(void **state)
{
    static const struct { size_t shape; int n_edges; } cases[] = { { 0, 4 }, { 9, 0 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_frontend_cfg cfg = cfg_of(&shapes[cases[i].shape]);
        float *x = calloc((size_t)cfg.hop * 100, sizeof *x);
        em_window *w;
        em_err err;
        uint64_t before;

        CHECK_OK(em_window_new(&w, &cfg, shapes[cases[i].shape].n, &err));
        em_window_push(w, x, (size_t)cfg.hop * 100);
        em_window_frames(w);
        before = em_window_computed(w);
        CHECK(before == (uint64_t)(100 + cases[i].n_edges), "case %zu: %d frames for the first window", i, (int)before);
        em_window_frames(w);
        CHECK(em_window_computed(w) == before, "case %zu: the same window twice", i);
        for (int hop = 1; hop <= 100; hop += 33) {
            before = em_window_computed(w);
            em_window_push(w, x, (size_t)cfg.hop * (size_t)hop);
            em_window_frames(w);
            CHECK(em_window_computed(w) - before == (uint64_t)(hop + cases[i].n_edges), "case %zu, %d frames on: %d",
                  i, hop, (int)(em_window_computed(w) - before));
        }
        em_window_free(w);
        free(x);
    }
}

/* A frame's bits must not depend on where in memory its samples lie. */
static void alignment_never_changes_a_frame(void **state)
{
    em_frontend_cfg cfg = em_frontend_htsat(32000, 64);
    float *x = signal_noise(2, 1024), *moved = malloc(1040 * sizeof *moved), want[64], got[64];
    em_frontend *f;
    em_err err;

    (void)state;
    CHECK_OK(em_frontend_new(&f, &cfg, &err));
    em_frontend_frame(f, want, x);
    for (size_t shift = 0; shift < 16; shift++) {
        memcpy(moved + shift, x, 1024 * sizeof *x);
        em_frontend_frame(f, got, moved + shift);
        CHECK(memcmp(got, want, sizeof got) == 0, "%zu floats further", shift);
    }
    em_frontend_free(f);
    free(moved);
    free(x);
}

static void nothing_is_allocated_after_new(void **state)
{
    const shape *s = &shapes[0];
    em_frontend_cfg cfg = cfg_of(s);
    em_window *w;
    em_err err;
    uint64_t before;
    float *x;

    (void)state;
    if (!signal_can_count())
        skip();
    x = signal_noise(9, 32000);
    CHECK_OK(em_window_new(&w, &cfg, s->n, &err));
    before = signal_allocations();
    for (int hop = 0; hop < 30; hop++) {
        em_window_push(w, x, 32000);
        em_window_frames(w);
    }
    CHECK(signal_allocations() == before, "%d allocations", (int)(signal_allocations() - before));
    em_window_free(w);
    free(x);
}

static void a_window_without_a_frame_is_an_error(void **state)
{
    static const struct { bool is_kaldi; size_t n; } bad[] = { { false, 0 }, { false, 512 }, { true, 399 },
                                                               { false, ((size_t)1 << 28) + 1 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        em_frontend_cfg cfg = bad[i].is_kaldi ? em_frontend_kaldi(16000, 128) : em_frontend_htsat(32000, 64);
        em_window *w = (em_window *)&w;
        em_err err;

        CHECK(em_window_new(&w, &cfg, bad[i].n, &err) == EM_EINVAL && !w, "%zu samples", bad[i].n);
    }
    em_window_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rolling_window_has_the_bits_of_one_at_once),
        cmocka_unit_test(chunking_never_changes_a_frame),
        cmocka_unit_test(only_new_frames_and_edges_are_computed),
        cmocka_unit_test(alignment_never_changes_a_frame),
        cmocka_unit_test(nothing_is_allocated_after_new),
        cmocka_unit_test(a_window_without_a_frame_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
