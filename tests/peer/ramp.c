/* The player runs in JACK's process thread, the check in the test's. */
#include "ramp.h"

#include "check.h"

static int play(jack_nframes_t n, void *arg)
{
    ramp_player *p = arg;
    float *x = jack_port_get_buffer(p->out, n);

    for (jack_nframes_t i = 0; i < n; i++)
        x[i] = (float)(1 + (p->t++ & (RAMP_PERIOD - 1)));
    atomic_fetch_add(&p->n_played, n);
    return 0;
}

void ramp_open(ramp_player *p, const char *name)
{
    *p = (ramp_player){ .client = jack_client_open(name, JackNoStartServer, NULL) };
    assert_non_null(p->client);
    p->out = jack_port_register(p->client, "out", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    assert_non_null(p->out);
    assert_int_equal(jack_set_process_callback(p->client, play, p), 0);
    assert_int_equal(jack_activate(p->client), 0);
}

void ramp_close(ramp_player *p)
{
    jack_client_close(p->client);
}

static void see(ramp_check *c, float x)
{
    uint32_t t = (uint32_t)x - 1;

    if (!c->has_begun && x == 0.0f)
        return;
    if (!c->has_begun || (x >= 1.0f && t == c->next)) {
        c->n_right++;
    } else {
        c->n_wrong++;
        if (c->n_wrong <= 8)
            print_message("after %llu right ones: %g where %u should be\n", (unsigned long long)c->n_right, (double)x,
                          c->next + 1);
    }
    c->has_begun = true;
    c->next = (t + 1) & (RAMP_PERIOD - 1);
}

void ramp_take(ramp_check *c, em_source *s, int n_channels, int channel)
{
    enum { MOST = 16384 };
    static float x[2 * MOST];
    em_gap gap;
    size_t n;

    assert_in_range(n_channels, 1, 2);
    do {
        n = em_source_take(s, x, MOST, &gap);
        if (gap.n_frames > 0) {
            c->n_gaps++;
            c->n_missing += gap.n_frames;
            c->next = (uint32_t)((c->next + gap.n_frames) & (RAMP_PERIOD - 1));
        }
        for (size_t i = 0; i < n; i++)
            see(c, x[i * (size_t)n_channels + (size_t)channel]);
    } while (n > 0);
}
