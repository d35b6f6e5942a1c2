/* taking.c - takes chunks with pauses between, until the source ends; gaps become silence. */
#include "check.h"
#include "taking.h"

#include "base/clock.h"

static void keep(taken *t, const float *x, size_t n, const em_gap *gap)
{
    const size_t n_channels = (size_t)t->info.n_channels, n_new = n + (size_t)gap->n_frames;

    if (t->n + n_new >= t->room) {
        t->room = 2 * (t->n + n_new) + 1;
        t->frames = realloc(t->frames, t->room * n_channels * sizeof *t->frames);
        assert_non_null(t->frames);
    }
    memset(t->frames + t->n * n_channels, 0, (size_t)gap->n_frames * n_channels * sizeof *t->frames);
    memcpy(t->frames + (t->n + (size_t)gap->n_frames) * n_channels, x, n * n_channels * sizeof *t->frames);
    t->n += n_new;
    t->n_missing += (size_t)gap->n_frames;
}

em_status take_all(taken *out, const em_source_cfg *cfg, size_t chunk, double pause_ms, em_err *err)
{
    const uint64_t limit = em_now_ns() + 100000000000u;
    em_source_state state = EM_SOURCE_UP;
    em_source *s;
    float *x;
    em_gap gap;
    size_t n;

    memset(out, 0, sizeof *out);
    if (em_source_open(&s, cfg, err) != EM_OK)
        return err->code;
    em_source_get_info(s, &out->info);
    x = malloc(chunk * (size_t)out->info.n_channels * sizeof *x);
    assert_non_null(x);
    if (em_source_start(s, err) != EM_OK)
        fail_msg("%s", err->msg);
    do {
        state = em_source_watch(s, &out->err);
        n = em_source_take(s, x, chunk, &gap);
        keep(out, x, n, &gap);
        em_source_get_counters(s, &out->counters);
        CHECK(out->counters.captured == out->counters.taken + out->counters.dropped + out->counters.waiting, "after %zu", out->n);
        CHECK(em_now_ns() < limit, "no end after %zu frames", out->n);
        if (pause_ms > 0.0 || n == 0)
            em_sleep_ms(pause_ms > 0.0 ? pause_ms : 1.0);
    } while (n > 0 || gap.n_frames > 0 || (state != EM_SOURCE_ENDED && state != EM_SOURCE_FAILED));
    em_source_stop(s);
    em_source_get_info(s, &out->info);
    em_source_close(s);
    free(x);
    return EM_OK;
}
