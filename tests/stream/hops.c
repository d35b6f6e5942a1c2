/* hops.c - see hops.h. */
#include "stream/hops.h"

#include "check.h"

#include "base/rng.h"

const size_t chunks[N_CHUNKS] = { 1, 7, 319, 320, 321, 1023, 1024, 1025, 4096, 65536 };

float *noise(size_t n)
{
    em_rng rng = { 7 };
    float *x = malloc(n * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(0.1 * em_rng_normal(&rng));
    return x;
}

em_listener_cfg htsat(int rate_hz, int step)
{
    return (em_listener_cfg){ .frontend = em_frontend_htsat(RATE, 64), .window_samples = WINDOW, .step_samples = step, .rate_hz = rate_hz };
}

em_listener_cfg kaldi(int step)
{
    return (em_listener_cfg){ .frontend = em_frontend_kaldi(16000, 128), .window_samples = 160000, .step_samples = step, .rate_hz = 16000 };
}

int drain_hops_from(em_listener *l, double from_s, seen *out, int n, size_t frame_bytes)
{
    em_hop hop;

    while (em_listener_next(l, &hop)) {
        if (hop.time_s < from_s)
            continue;
        CHECK(n < MOST_HOPS, "more hops than fit");
        out[n].hop = hop;
        out[n].frames = malloc((size_t)hop.n_frames * frame_bytes);
        assert_non_null(out[n].frames);
        memcpy(out[n].frames, hop.frames, (size_t)hop.n_frames * frame_bytes);
        n++;
    }
    return n;
}

int drain_hops(em_listener *l, seen *out, int n, size_t frame_bytes)
{
    return drain_hops_from(l, 0, out, n, frame_bytes);
}

int listen(seen *out, const em_listener_cfg *cfg, const float *x, size_t n, size_t chunk)
{
    const size_t frame_bytes = (size_t)cfg->frontend.n_mels * sizeof(float);
    em_listener *l;
    em_err err;
    int n_hops = 0;

    CHECK_OK(em_listener_new(&l, cfg, &err));
    for (size_t at = 0; at < n;) {
        const size_t take = n - at < chunk ? n - at : chunk;
        size_t done = 0;

        while (done < take) {
            done += em_listener_push(l, x + at + done, take - done);
            n_hops = drain_hops(l, out, n_hops, frame_bytes);
        }
        at += take;
    }
    em_listener_finish(l);
    n_hops = drain_hops(l, out, n_hops, frame_bytes);
    em_listener_free(l);
    return n_hops;
}

void forget(seen *s, int n)
{
    for (int i = 0; i < n; i++)
        free(s[i].frames);
}
