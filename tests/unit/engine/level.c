/* level.c - loudness of known signals, however they are cut, and levels of ten seconds. */
#include "check.h"

#include "base/rng.h"
#include "engine/level.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 192000 * 3 };

static float *sound(void)
{
    static float x[MOST];

    return x;
}

static size_t sine(float *x, int rate_hz, double hz, double peak, double seconds)
{
    const size_t n = (size_t)(rate_hz * seconds);

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(peak * sin(2 * M_PI * hz * (double)i / rate_hz));
    return n;
}

/* In pieces of `piece`, 0: whole. */
static double loudness_of(int rate_hz, const float *x, size_t n, size_t piece)
{
    em_loudness *l;
    em_err err;
    double lufs;

    CHECK_OK(em_loudness_new(&l, rate_hz, &err));
    for (size_t i = 0; i < n; i += piece ? piece : n)
        em_loudness_push(l, x + i, !piece || n - i < piece ? n - i : piece);
    lufs = em_loudness_take(l);
    em_loudness_free(l);
    return lufs;
}

static bool is_known(void)
{
    em_loudness *l;
    em_err err;
    bool is;

    CHECK_OK(em_loudness_new(&l, 32000, &err));
    is = l != NULL;
    em_loudness_free(l);
    if (!is)
        printf("built without EARMARK_LOUDNESS: only that is looked at\n");
    return is;
}

static void known_signals_have_their_loudness(void **state)
{
    static const struct { int rate_hz; double hz, peak, lufs, within; } cases[] = {
        { 48000, 997, 1, -3.01, 0.02 }, { 44100, 997, 1, -3.01, 0.02 }, { 32000, 997, 0.1, -23.01, 0.02 }, { 192000, 997, 1, -3.01, 0.05 },
        { 8000, 997, 1, -3.01, 0.2 },
        { 48000, 38.135, 1, -3.01 - 6.02 - 0.69, 0.2 },     /* the weighting's high-pass at its poles, Q = 0.5; 0.69: its gain at 1 kHz */
        { 48000, 10000, 1, -3.01 + 4 - 0.69, 0.2 },         /* its shelf of 4 dB                                               */
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases) && is_known(); i++) {
        float *x = sound();
        const size_t n = sine(x, cases[i].rate_hz, cases[i].hz, cases[i].peak, 2);
        const double lufs = loudness_of(cases[i].rate_hz, x, n, 0);

        CHECK(fabs(lufs - cases[i].lufs) < cases[i].within, "%g Hz at %d: %.3f LUFS, not %.2f", cases[i].hz, cases[i].rate_hz, lufs, cases[i].lufs);
    }
}

static void cuts_change_nothing(void **state)
{
    static const size_t pieces[] = { 1, 7, 3200, 4096, 65536 };
    float *x = sound();
    const size_t n = 32000 * 3 + 123;
    em_rng rng = { 3 };
    double whole;
    (void)state;

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(em_rng_uniform(&rng) - 0.5) * (i / 10000 % 2 ? 1 : 1e-2f);
    whole = loudness_of(32000, x, n, 0);
    CHECK(!is_known() || (whole > -60 && whole < 0), "noise: %g LUFS", whole);
    for (size_t i = 0; i < EM_COUNT(pieces); i++) {
        const double lufs = loudness_of(32000, x, n, pieces[i]);

        CHECK(!is_known() || lufs == whole, "in pieces of %zu: %.17g, not %.17g", pieces[i], lufs, whole);
    }
}

static void what_is_no_sound_does_no_harm(void **state)
{
    float *x = sound();
    size_t n = sine(x, 32000, 997, 1, 2);
    em_loudness *l;
    em_err err;
    double lufs;
    (void)state;

    CHECK(isnan(loudness_of(32000, x, 32000 * 4 / 10 - 1, 0)), "no block of 400 ms is over");
    if (!is_known())
        return;
    CHECK_OK(em_loudness_new(&l, 32000, &err));
    x[100] = NAN;
    x[200] = INFINITY;
    em_loudness_push(l, x, 3200);
    n = sine(x, 32000, 997, 1, 2);
    em_loudness_push(l, x, n);
    em_loudness_take(l);
    em_loudness_push(l, x, n);
    lufs = em_loudness_take(l);
    CHECK(fabs(lufs + 3.01) < 0.02, "after what is no number: %g", lufs);
    CHECK(isnan(em_loudness_take(l)), "nothing since the last call");
    memset(x, 0, MOST * sizeof *x);
    em_loudness_push(l, x, 64000);
    em_loudness_take(l);
    em_loudness_push(l, x, 64000);
    lufs = em_loudness_take(l);
    CHECK(lufs < -200, "silence: %g", lufs);
    CHECK_OK(em_loudness_set_rate(l, 16000, &err));
    n = sine(x, 16000, 997, 0.5, 2);
    em_loudness_push(l, x, n);
    lufs = em_loudness_take(l);
    CHECK(fabs(lufs + 3.01 + 6.02) < 0.05, "at another rate: %g", lufs);
    em_loudness_free(l);
}

static void below_its_filters_it_is_not_known(void **state)
{
    static const int rates[] = { 1000, 1500, 3360, 3999 };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(rates); i++) {
        const size_t n = sine(sound(), rates[i], 200, 0.1, 20);

        CHECK(isnan(loudness_of(rates[i], sound(), n, 0)), "%d Hz", rates[i]);
    }
}

static void ten_seconds_of_sound_are_as_loud_as_it_is(void **state)
{
    /* Of the second ten, three of a hundred blocks hold 3/4, 1/2 and 1/4 of sound 20 dB louder: 10 log10((1.5 + .985) / 100) under it. */
    static const double want[] = { -3, -19, -23 };
    em_level l = { 0 };
    em_event e = { .type = EM_EVENT_LEVEL };
    float *x = sound();
    em_err err;
    (void)state;

    CHECK_OK(em_loudness_new(&l.loudness, 32000, &err));
    for (int i = 1; i <= 30; i++) {
        sine(x, 32000, 1000, i <= 10 ? 1 : 0.1, 1);
        em_loudness_push(l.loudness, x, 32000);
        CHECK(em_level_hop(&l, i, -3, &e) == (i % 10 == 0), "at %d s", i);
        if (i % 10 == 0 && l.loudness)
            CHECK(fabs((double)e.u.level.lufs - want[i / 10 - 1]) < 0.1, "to %d s: %g LUFS", i, (double)e.u.level.lufs);
    }
    em_loudness_free(l.loudness);
}

static void ten_seconds_are_told(void **state)
{
    em_level l = { 0 };
    em_event e = { .type = EM_EVENT_LEVEL };
    int n = 0;
    (void)state;

    for (int i = 1; i <= 70; i++) {
        const bool is_quiet = i > 40;

        if (!em_level_hop(&l, i * 0.5, is_quiet ? -INFINITY : i % 2 ? -20.f : -40.f, &e))
            continue;
        n++;
        CHECK(i % 20 == 0, "told at %g s", i * 0.5);
        CHECK(is_quiet ? e.u.level.dbfs == -INFINITY : fabsf(e.u.level.dbfs + 22.967f) < 0.01f, "%g dBFS", (double)e.u.level.dbfs);
        CHECK(isnan(e.u.level.lufs), "%g LUFS of no sound", (double)e.u.level.lufs);
    }
    CHECK(n == 3, "told %d times", n);
    CHECK(em_level_hop(&l, 57, -10, &e) && !em_level_hop(&l, 59.5, -10, &e) && em_level_hop(&l, 60, -10, &e), "after a gap: at tens again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_signals_have_their_loudness),
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(what_is_no_sound_does_no_harm),
        cmocka_unit_test(below_its_filters_it_is_not_known),
        cmocka_unit_test(ten_seconds_of_sound_are_as_loud_as_it_is),
        cmocka_unit_test(ten_seconds_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
