/* listener.c - how a stream is cut changes no bit of any window, and a window is the offline frontend's on the same
 * samples, whatever the rate, the step, and the samples' values. */
#include "check.h"

#include "stream/hops.h"
#include "stream/signal.h"

#include <math.h>

static void chunking_changes_nothing(const em_listener_cfg *cfg, size_t n)
{
    const size_t frame_bytes = (size_t)cfg->frontend.n_mels * sizeof(float);
    static seen want[MOST_HOPS], got[MOST_HOPS];
    float *x = noise(n);
    const int n_want = listen(want, cfg, x, n, n);

    for (size_t c = 0; c < EM_COUNT(chunks); c++) {
        const int n_got = listen(got, cfg, x, n, chunks[c]);

        CHECK(n_got == n_want, "chunks of %zu: %d hops, not %d", chunks[c], n_got, n_want);
        for (int i = 0; i < n_got; i++) {
            CHECK(got[i].hop.end_sample == want[i].hop.end_sample && got[i].hop.filled == want[i].hop.filled &&
                  got[i].hop.rms_dbfs == want[i].hop.rms_dbfs, "chunks of %zu, hop %d", chunks[c], i);
            CHECK(memcmp(got[i].frames, want[i].frames, (size_t)want[i].hop.n_frames * frame_bytes) == 0,
                  "chunks of %zu, hop %d: frames differ", chunks[c], i);
        }
        forget(got, n_got);
    }
    forget(want, n_want);
    free(x);
}

static void chunks_at_the_models_rate(void **state)
{
    const em_listener_cfg cfg = htsat(RATE, RATE);

    (void)state;
    chunking_changes_nothing(&cfg, 11 * RATE + 777);
}

static void chunks_from_44100(void **state)
{
    const em_listener_cfg cfg = htsat(44100, RATE);

    (void)state;
    chunking_changes_nothing(&cfg, 4 * 44100 + 5);
}

static void chunks_from_8000(void **state)
{
    const em_listener_cfg cfg = htsat(8000, 3200);

    (void)state;
    chunking_changes_nothing(&cfg, 2 * 8000 + 1);
}

static void chunks_from_192000(void **state)
{
    const em_listener_cfg cfg = htsat(192000, RATE);

    (void)state;
    chunking_changes_nothing(&cfg, 2 * 192000 + 3);
}

static void chunks_with_kaldi_frames(void **state)
{
    const em_listener_cfg cfg = { .frontend = em_frontend_kaldi(16000, 128), .window_samples = 160000, .step_samples = 16000, .rate_hz = 44100 };

    (void)state;
    chunking_changes_nothing(&cfg, 3 * 44100 + 11);
}

/* Every window equals the offline frontend on the samples [t - 10 s, t), silence before the start. */
static void windows_equal_offline(const em_listener_cfg *cfg, size_t n)
{
    static seen got[MOST_HOPS];
    float *x = noise(n), *window = malloc((size_t)cfg->window_samples * sizeof *window), *want;
    const int n_hops = listen(got, cfg, x, n, 1000), T = em_frontend_frames(&cfg->frontend, (size_t)cfg->window_samples);
    const size_t n_want = (size_t)(T * cfg->frontend.n_mels);
    em_frontend *f;
    em_err err;

    CHECK_OK(em_frontend_new(&f, &cfg->frontend, &err));
    want = malloc(n_want * sizeof *want);
    assert_true(window && want);
    CHECK(n_hops == (int)((n + (size_t)cfg->step_samples - 1) / (size_t)cfg->step_samples), "%d hops", n_hops);
    for (int i = 0; i < n_hops; i++) {
        for (int64_t j = 0; j < cfg->window_samples; j++) {
            const int64_t at = got[i].hop.end_sample - cfg->window_samples + j;
            window[j] = at < 0 ? 0.f : x[at];
        }
        em_frontend_window(f, want, window, (size_t)cfg->window_samples);
        CHECK(got[i].hop.n_frames == T, "hop %d", i);
        CHECK(memcmp(got[i].frames, want, n_want * sizeof *want) == 0, "hop %d at %.3f s", i, got[i].hop.time_s);
    }
    CHECK(got[n_hops - 1].hop.end_sample == (int64_t)n, "the last hop is the stream's end");
    forget(got, n_hops);
    free(x);
    free(window);
    free(want);
    em_frontend_free(f);
}

static void windows_are_the_offline_ones(void **state)
{
    const em_listener_cfg a = htsat(RATE, RATE), b = kaldi(8000), c = htsat(RATE, 320 * 7);

    (void)state;
    windows_equal_offline(&a, 13 * RATE + 123);
    windows_equal_offline(&b, 11 * 16000 + 77);
    windows_equal_offline(&c, 320 * 7 * 25);
}

static void a_hop_computes_only_new_and_edge_frames(void **state)
{
    const em_listener_cfg cfg = htsat(RATE, RATE);
    float *x = noise(RATE);
    em_listener *l;
    em_hop hop;
    em_err err;

    (void)state;
    CHECK_OK(em_listener_new(&l, &cfg, &err));
    for (int i = 0; i < 15; i++) {
        const uint64_t before = em_listener_computed(l);

        assert_int_equal(em_listener_push(l, x, RATE), RATE);
        assert_true(em_listener_next(l, &hop));
        /* 100 new ones; frames 0, 1, 999, 1000 look past the window's ends. The first hop's are one fewer or more. */
        CHECK(em_listener_computed(l) - before <= 104, "hop %d computed %llu", i, (unsigned long long)(em_listener_computed(l) - before));
        assert_false(em_listener_next(l, &hop));
    }
    em_listener_free(l);
    free(x);
}

/* The engine's whole use of it, from the first sample to the last: more than a minute, a gap, skipped hops. */
static void use_fully(em_listener *l, const float *x, size_t n)
{
    em_hop hop;

    for (int i = 0; i < 75; i++) {
        for (size_t done = 0; done < n;) {
            done += i == 30 ? em_listener_push_silence(l, n - done) : em_listener_push(l, x + done, n - done);
            while (i % 3 ? em_listener_next(l, &hop) : em_listener_skip(l))
                ;
        }
    }
    em_listener_finish(l);
    while (em_listener_next(l, &hop))
        ;
}

static void nothing_is_allocated_after_new(void **state)
{
    static const int rates[] = { 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000 };

    (void)state;
    if (!signal_can_count())
        skip();
    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        const em_listener_cfg cfg = htsat(rates[i], RATE);
        const size_t n = (size_t)rates[i] + 13;
        float *x = noise(n);
        em_listener *l;
        em_err err;
        uint64_t before;

        CHECK_OK(em_listener_new(&l, &cfg, &err));
        before = signal_allocations();
        use_fully(l, x, n);
        CHECK(signal_allocations() == before, "%d Hz: %d allocations", rates[i], (int)(signal_allocations() - before));
        em_listener_free(l);
        free(x);
    }
}

/* A source that comes back with other rates: no sample more or less than each part gives alone, for every cut. */
static void a_new_rate_goes_on_where_the_old_one_ended(void **state)
{
    static const struct { int rate_hz; size_t n; } parts[] = { { 48000, 100003 }, { 1000, 3001 }, { 32000, 12345 },
                                                               { 32000, 0 }, { 44100, 77777 } };
    const em_listener_cfg cfg = htsat(parts[0].rate_hz, 3200);
    static seen want[MOST_HOPS], got[MOST_HOPS];
    int n_want = 0;

    (void)state;
    for (size_t c = 0; c < EM_COUNT(chunks); c++) {
        seen   *out = c == 0 ? want : got;
        int     n = 0;
        int64_t total = 0;
        double  seconds = 0;
        em_listener *l;
        em_err  err;

        CHECK_OK(em_listener_new(&l, &cfg, &err));
        for (size_t p = 0; p < EM_COUNT(parts); p++) {
            float *x = noise(parts[p].n + 1);

            if (p > 0)
                CHECK_OK(em_listener_set_rate(l, parts[p].rate_hz, &err));
            for (size_t done = 0; done < parts[p].n;) {
                size_t left = parts[p].n - done;
                done += em_listener_push(l, x + done, left < chunks[c] ? left : chunks[c]);
                n = drain_hops(l, out, n, 64 * sizeof(float));
            }
            total += llround((double)parts[p].n * RATE / parts[p].rate_hz);
            seconds += (double)parts[p].n / parts[p].rate_hz;
            free(x);
        }
        CHECK(fabs(em_listener_seconds(l) - seconds) < 1e-9, "%g s, not %g", em_listener_seconds(l), seconds);
        em_listener_finish(l);
        n = drain_hops(l, out, n, 64 * sizeof(float));
        em_listener_free(l);

        CHECK(out[n - 1].hop.end_sample == total, "chunks of %zu: ends at %lld, not %lld", chunks[c],
              (long long)out[n - 1].hop.end_sample, (long long)total);
        if (c == 0)
            n_want = n;
        CHECK(n == n_want && n == (int)((total + 3199) / 3200), "chunks of %zu: %d hops", chunks[c], n);
        for (int i = 0; i < n; i++)
            CHECK(memcmp(out[i].frames, want[i].frames, (size_t)want[i].hop.n_frames * 64 * sizeof(float)) == 0 &&
                  out[i].hop.rms_dbfs == want[i].hop.rms_dbfs, "chunks of %zu, hop %d", chunks[c], i);
        if (c > 0)
            forget(got, n);
    }
    forget(want, n_want);
}

/* Hours between hops must not mean hours of samples in memory. */
static void a_long_step_works_on_the_newest_window(void **state)
{
    const em_listener_cfg cfg = { .frontend = em_frontend_htsat(RATE, 64), .window_samples = 2 * RATE, .step_samples = 30 * RATE, .rate_hz = RATE };
    const size_t n = 61 * RATE;
    static seen got[MOST_HOPS];
    float *x = noise(n), want[201][64];
    const int n_hops = listen(got, &cfg, x, n, 10000);
    em_frontend *f;
    em_err err;

    (void)state;
    CHECK_OK(em_frontend_new(&f, &cfg.frontend, &err));
    assert_int_equal(n_hops, 3);
    for (int i = 0; i < 3; i++) {
        em_frontend_window(f, want[0], x + got[i].hop.end_sample - 2 * RATE, 2 * RATE);
        CHECK(memcmp(got[i].frames, want, sizeof want) == 0, "hop %d", i);
    }
    forget(got, n_hops);
    em_frontend_free(f);
    free(x);
}

/* NaN counts as 0, what is beyond +-1e4 as that: the same stream with those values gives the same bits, so nothing
 * of the damage stays behind in a filter. */
static void damaged_samples_are_tamed_at_the_door(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY, 1e38f, -1e38f }, tamed[] = { 0.f, 1e4f, -1e4f, 1e4f, -1e4f };
    const em_listener_cfg cfgs[] = { htsat(44100, RATE), kaldi(16000) };

    (void)state;
    for (size_t c = 0; c < EM_COUNT(cfgs); c++) {
        const size_t n = 3 * (size_t)cfgs[c].rate_hz;
        static seen got[MOST_HOPS], want[MOST_HOPS];
        float *x = noise(n), *y = noise(n);
        int n_hops;

        for (size_t i = 0; i < n / 2; i += 97) {
            x[i] = bad[i / 97 % EM_COUNT(bad)];
            y[i] = tamed[i / 97 % EM_COUNT(bad)];
        }
        n_hops = listen(got, &cfgs[c], x, n, 1000);
        assert_int_equal(listen(want, &cfgs[c], y, n, 1000), n_hops);
        for (int h = 0; h < n_hops; h++)
            for (int i = 0; i < got[h].hop.n_frames * cfgs[c].frontend.n_mels; i++)
                CHECK(isfinite(got[h].frames[i]) && got[h].frames[i] == want[h].frames[i], "case %zu, hop %d", c, h);
        forget(got, n_hops);
        forget(want, n_hops);
        free(x);
        free(y);
    }
}

static void short_streams_have_one_hop_at_their_end(void **state)
{
    static const size_t lengths[] = { 0, 1, 2, 319, 320, 321, 31999 };
    const em_listener_cfg cfg = htsat(RATE, RATE);

    (void)state;
    for (size_t i = 0; i < EM_COUNT(lengths); i++) {
        static seen got[MOST_HOPS];
        float *x = noise(lengths[i] + 1);
        const int n = listen(got, &cfg, x, lengths[i], 64);

        CHECK(n == (lengths[i] > 0), "%zu samples: %d hops", lengths[i], n);
        CHECK(n == 0 || got[0].hop.end_sample == (int64_t)lengths[i], "%zu samples", lengths[i]);
        forget(got, n);
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_at_the_models_rate),
        cmocka_unit_test(chunks_from_44100),
        cmocka_unit_test(chunks_from_8000),
        cmocka_unit_test(chunks_from_192000),
        cmocka_unit_test(chunks_with_kaldi_frames),
        cmocka_unit_test(windows_are_the_offline_ones),
        cmocka_unit_test(a_hop_computes_only_new_and_edge_frames),
        cmocka_unit_test(nothing_is_allocated_after_new),
        cmocka_unit_test(a_new_rate_goes_on_where_the_old_one_ended),
        cmocka_unit_test(a_long_step_works_on_the_newest_window),
        cmocka_unit_test(damaged_samples_are_tamed_at_the_door),
        cmocka_unit_test(short_streams_have_one_hop_at_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
