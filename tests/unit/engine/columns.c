/* columns.c - the spectrogram to look at is the frames of the stream, each once, whatever the hops are. */
#include "check.h"

#include "base/rng.h"
#include "engine/columns.h"

#include <math.h>

enum { SECONDS = 8, WINDOW_S = 3, MOST_FRAMES = 100 * SECONDS + 8 };

static float *noise(size_t n)
{
    float *x = calloc(n, sizeof *x);
    em_rng rng = { 5 };

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(em_rng_uniform(&rng) - 0.5) * (i / 20000 % 2 ? 1 : 1e-3f);
    return x;
}

/* What the frames of the whole stream look like as bytes. */
static uint8_t *wanted(const em_frontend_cfg *cfg, const float *x, size_t n, int *n_frames)
{
    const float db = cfg->is_kaldi ? 10 / logf(10) : 1;
    em_frontend *f;
    em_err err;
    float *frames;
    uint8_t *out;

    CHECK_OK(em_frontend_new(&f, cfg, &err));
    *n_frames = em_frontend_frames(cfg, n);
    frames = calloc((size_t)*n_frames * (size_t)cfg->n_mels, sizeof *frames);
    out = calloc((size_t)*n_frames, (size_t)cfg->n_mels);
    em_frontend_window(f, frames, x, n);
    for (size_t i = 0; i < (size_t)*n_frames * (size_t)cfg->n_mels; i++) {
        float step = (frames[i] * db + 100) / EM_COLUMN_DB;

        out[i] = (uint8_t)lrintf(step < 0 ? 0 : step > 255 ? 255 : step);
    }
    free(frames);
    em_frontend_free(f);
    return out;
}

static void check_columns(const em_frontend_cfg *cfg, int step_frames, int skip_every, const char *name)
{
    const int step = step_frames * cfg->hop, n = SECONDS * cfg->rate_hz;
    const em_listener_cfg ear = { .frontend = *cfg, .window_samples = WINDOW_S * cfg->rate_hz, .step_samples = step, .rate_hz = cfg->rate_hz };
    float *x = noise((size_t)n);
    int n_frames, n_hops = 0;
    uint8_t *want = wanted(cfg, x, (size_t)n, &n_frames);
    em_listener *l;
    em_columns c;
    em_err err;
    em_hop hop;
    double end = 0;

    CHECK_OK(em_listener_new(&l, &ear, &err));
    CHECK_OK(em_columns_init(&c, cfg, ear.window_samples, step_frames, &err));
    for (int done = 0; done < n;) {
        em_event e = { .type = EM_EVENT_SCORES };

        done += (int)em_listener_push(l, x + done, (size_t)(n - done));
        if (skip_every && ++n_hops % skip_every == 0) {
            em_listener_skip(l);
            continue;
        }
        if (!em_listener_next(l, &hop))
            continue;
        em_columns_take(&c, &hop, &e);
        CHECK(e.u.scores.n_columns <= step_frames && e.u.scores.n_bands == cfg->n_mels, "%s: %d columns", name, e.u.scores.n_columns);
        CHECK(hop.time_s - e.u.scores.columns_end < 0.0301, "%s: they end at %g, the hop at %g", name, e.u.scores.columns_end, hop.time_s);
        for (int i = 0; i < e.u.scores.n_columns; i++) {
            int t = (int)lrint(e.u.scores.columns_end / e.u.scores.column_s) - e.u.scores.n_columns + i;

            /* The first frames of the stream are of silence before it, in the window as it rolls. */
            CHECK(t < 3 ||
                  memcmp(e.u.scores.columns + (size_t)i * (size_t)cfg->n_mels, want + (size_t)t * (size_t)cfg->n_mels, (size_t)cfg->n_mels) == 0,
                  "%s: frame %d", name, t);
        }
        if (!skip_every)
            CHECK(fabs(e.u.scores.columns_end - end - e.u.scores.n_columns * e.u.scores.column_s) < 1e-9,
                  "%s: none is left out before %g s", name, hop.time_s);
        end = e.u.scores.columns_end;
    }
    CHECK(end > SECONDS - 1.1, "%s: ends at %g", name, end);
    em_columns_deinit(&c);
    em_listener_free(l);
    free(want);
    free(x);
}

static void every_frame_is_shown_once(void **state)
{
    static const int steps[] = { 1, 7, 100 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(steps); i++) {
        const em_frontend_cfg htsat = em_frontend_htsat(32000, 64), kaldi = em_frontend_kaldi(16000, 128);

        check_columns(&htsat, steps[i], 0, "htsat");
        check_columns(&kaldi, steps[i], 0, "kaldi");
    }
}

/* What was not computed is not invented, and there is no more than the room of a step. */
static void hops_left_out_leave_a_hole(void **state)
{
    const em_frontend_cfg htsat = em_frontend_htsat(32000, 64);

    (void)state;
    check_columns(&htsat, 50, 3, "htsat with holes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_is_shown_once),
        cmocka_unit_test(hops_left_out_leave_a_hole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
