/* PortAudio on PulseAudio, through ALSA's pulse plugin: a tone, servers that die, hang and come back. */
#include "check.h"
#include "peer.h"

#include "base/clock.h"

#include <glob.h>
#include <math.h>
#include <signal.h>

enum { TONE_HZ = 1000, TONE_RATE_HZ = 48000 };

/* The promise is two seconds from the last callback. A loaded machine may run us late: of several losses each may be
 * seen a little late, but one must be seen in time. */
#define NOTICED_S 2.0
#define LATE_S    2.5
#define BACK_S    15.0          /* PulseAudio's null sink gives its first frames two seconds after it is opened */

static int n_alone;             /* threads before anything is opened */

/* ALSA unloads a dozen libraries after each look, which leave a few bytes whose owners nobody can name afterwards.
 * Leaks of ours are looked for in the keeper's tests. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static em_source *open_microphone(const char *name, em_source_info *info)
{
    em_source_cfg cfg = { .kind = "portaudio", .name = name, .wait_lost_s = -1 };
    em_source *s;
    em_err err;

    CHECK_OK(em_source_open(&s, &cfg, &err));
    em_source_get_info(s, info);
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_UP, BACK_S) >= 0, "up");
    return s;
}

/* Raw s16 of half scale, long enough for the test. */
static pid_t play_tone(void)
{
    static char path[160];
    const char *argv[] = { "pacat", "--playback", "--raw", "--format=s16le", "--rate=48000", "--channels=1",
                           "--device=em", path, NULL };
    FILE *file;

    snprintf(path, sizeof path, "%s/tone.raw", peer_folder());
    file = fopen(path, "wb");
    assert_non_null(file);
    for (int t = 0; t < 30 * TONE_RATE_HZ; t++) {
        int16_t x = (int16_t)(16384.0 * sin(2 * M_PI * TONE_HZ * t / TONE_RATE_HZ));

        fwrite(&x, sizeof x, 1, file);
    }
    fclose(file);
    return peer_start(argv);
}

/* Share of the power of x[n] that a sine of hz explains (Goertzel). */
static double tone_share(const float *x, int n, int stride, double hz, int rate_hz)
{
    double c = 2 * cos(2 * M_PI * hz / rate_hz), s1 = 0, s2 = 0, power = 0;

    for (int t = 0; t < n; t++) {
        double s0 = x[t * stride] + c * s1 - s2;

        s2 = s1;
        s1 = s0;
        power += (double)x[t * stride] * x[t * stride];
    }
    return power > 0 ? 2 * (s1 * s1 + s2 * s2 - c * s1 * s2) / (n * power) : 0;
}

/* Fills x[n][n_channels] with the sound that comes; false after limit_s. */
static bool take_frames(em_source *s, float *x, size_t n, int n_channels, double limit_s)
{
    uint64_t until = em_now_ns() + (uint64_t)(limit_s * 1e9);
    size_t n_have = 0;
    em_gap gap;

    while (n_have < n && em_now_ns() < until) {
        em_source_watch(s, NULL);
        n_have += em_source_take(s, x + n_have * (size_t)n_channels, n - n_have, &gap);
        em_sleep_ms(5);
    }
    return n_have == n;
}

/* Half a second at a time until the tone is in it from its first frame to its last. */
static bool take_tone(em_source *s, float *x, size_t n, int n_channels)
{
    for (int i = 0; i < 40; i++) {
        if (!take_frames(s, x, n, n_channels, 20))
            return false;
        for (size_t t = 0; t < n / 100; t++) {
            if (fabsf(x[t * (size_t)n_channels]) > 0.1f)
                return true;
        }
    }
    return false;
}

static void a_tone_is_heard(void **state)
{
    static float x[64 * 48000];
    em_source_counters counters;
    em_source_info info;
    em_source *s;
    pid_t pulse = peer_pulse(), tone;
    double share, level = 0;
    int n;

    (void)state;
    s = open_microphone(NULL, &info);
    CHECK(info.rate_hz > 0 && info.n_channels == 2, "%d Hz, %d channels of 32 that are claimed", info.rate_hz,
          info.n_channels);
    CHECK(info.is_live && info.n_frames == -1, "%s", info.name);
    CHECK(strcmp(info.name, "default") == 0, "%s", info.name);
    tone = play_tone();
    n = info.rate_hz / 2;
    CHECK(take_tone(s, x, (size_t)n, info.n_channels), "no sound");
    for (int c = 0; c < info.n_channels; c++) {
        share = tone_share(x + c, n, info.n_channels, TONE_HZ, info.rate_hz);
        CHECK(share > 0.95, "channel %d: %g of the power is the tone", c, share);
        CHECK(tone_share(x + c, n, info.n_channels, 1.5 * TONE_HZ, info.rate_hz) < 0.05, "and not another");
    }
    for (int t = 0; t < n; t++)
        level += (double)x[t * info.n_channels] * x[t * info.n_channels] / n;
    CHECK(sqrt(2 * level) > 0.4 && sqrt(2 * level) < 0.6, "amplitude %g was 0.5", sqrt(2 * level));
    em_source_get_counters(s, &counters);
    CHECK(counters.captured == counters.taken + counters.dropped + counters.waiting, "counts");
    em_source_close(s);
    peer_kill(tone, SIGKILL);
    peer_kill(pulse, SIGKILL);
}

static void a_lost_device_is_noticed_and_found_again(void **state)
{
    const char *unload[] = { "pactl", "unload-module", "module-null-sink", NULL };
    const char *load[] = { "pactl", "load-module", "module-null-sink", "sink_name=em", "rate=48000", NULL };
    em_source_counters counters;
    em_source_info info;
    em_source *s;
    pid_t pulse = peer_pulse();
    double noticed_s, least_s = LATE_S;
    int n_threads, n_fds;

    (void)state;
    s = open_microphone("pulse", &info);
    n_threads = peer_count_threads();
    n_fds = peer_count_fds();
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            CHECK(peer_run(unload) == 0, "unload");
        else
            peer_kill(pulse, SIGKILL);
        noticed_s = peer_wait_state(s, EM_SOURCE_DOWN, 20);
        CHECK(noticed_s >= 0 && noticed_s <= LATE_S, "loss %d: noticed after %g s", i, noticed_s);
        least_s = fmin(least_s, noticed_s);
        CHECK(peer_wait_state(s, EM_SOURCE_UP, 0.3) < 0, "loss %d: it stays away", i);
        if (i == 0)
            CHECK(peer_run(load) == 0, "load");
        else
            pulse = peer_pulse();
        CHECK(peer_wait_state(s, EM_SOURCE_UP, BACK_S) >= 0, "loss %d: back", i);
        peer_wait_state(s, EM_SOURCE_DOWN, 0.2);
        em_source_get_counters(s, &counters);
        CHECK(counters.n_reconnects == (uint64_t)i + 1 && counters.dropped > 0, "loss %d: %llu", i,
              (unsigned long long)counters.n_reconnects);
        CHECK(peer_count_threads() == n_threads, "loss %d: %d threads were %d", i, peer_count_threads(), n_threads);
        CHECK(peer_count_fds() == n_fds, "loss %d: %d fds were %d", i, peer_count_fds(), n_fds);
    }
    CHECK(least_s <= NOTICED_S, "noticed after %g s at best", least_s);
    em_source_close(s);
    CHECK(peer_count_threads() == n_alone, "%d threads are left", peer_count_threads());
    peer_kill(pulse, SIGKILL);
}

/* A stopped server hangs every call into it: the helper is abandoned, and we go on. */
static void a_hanging_server_hangs_nobody_else(void **state)
{
    em_source_info info;
    em_source *s;
    pid_t pulse = peer_pulse();
    double noticed_s, closing_s;
    uint64_t from_ns;

    (void)state;
    s = open_microphone(NULL, &info);
    kill(pulse, SIGSTOP);
    noticed_s = peer_wait_state(s, EM_SOURCE_DOWN, 20);
    CHECK(noticed_s >= 0 && noticed_s <= LATE_S, "noticed after %g s", noticed_s);
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 3.0) < 0, "it hangs");
    kill(pulse, SIGCONT);
    CHECK(peer_wait_state(s, EM_SOURCE_UP, BACK_S) >= 0, "back");
    kill(pulse, SIGSTOP);
    CHECK(peer_wait_state(s, EM_SOURCE_DOWN, 20) >= 0, "noticed again");
    from_ns = em_now_ns();
    em_source_close(s);
    closing_s = (double)(em_now_ns() - from_ns) * 1e-9;
    CHECK(closing_s < 3.0, "closing took %g s; the promise is 2 s of waiting", closing_s);
    kill(pulse, SIGCONT);
    for (int i = 0; peer_count_threads() > n_alone && i < 500; i++)
        em_sleep_ms(10);
    CHECK(peer_count_threads() == n_alone, "%d threads are left", peer_count_threads());
    peer_kill(pulse, SIGKILL);
}

static void no_device_is_one_sentence(void **state)
{
    em_source_cfg cfg = { .kind = "portaudio", .wait_lost_s = -1 };
    em_source *s = (em_source *)&cfg;
    em_err err;

    (void)state;
    cfg.name = "no such microphone";
    CHECK(em_source_open(&s, &cfg, &err) == EM_EDEVICE && s == NULL, "%s", err.msg);
    CHECK(strstr(err.msg, "no such microphone"), "%s", err.msg);
    cfg.name = "77";
    CHECK(em_source_open(&s, &cfg, &err) == EM_EDEVICE && strstr(err.msg, "77"), "%s", err.msg);
    cfg.wait_start_s = 1.0;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_FAILED, 20) >= 0, "gives up");
    em_source_watch(s, &err);
    CHECK(err.code == EM_EDEVICE && strstr(err.msg, "77"), "%s", err.msg);
    em_source_close(s);
}

static void a_device_that_comes_later_is_taken(void **state)
{
    em_source_cfg cfg = { .kind = "portaudio", .name = "pulse", .wait_start_s = -1, .wait_lost_s = -1 };
    em_source_counters counters;
    em_source_info info;
    em_source *s;
    em_err err;
    pid_t pulse;

    (void)state;
    CHECK_OK(em_source_open(&s, &cfg, &err));
    em_source_get_info(s, &info);
    CHECK(info.rate_hz == 0 && info.n_channels == 2, "%d Hz, %d channels", info.rate_hz, info.n_channels);
    CHECK_OK(em_source_start(s, &err));
    CHECK(peer_wait_state(s, EM_SOURCE_UP, 0.5) < 0, "not there yet");
    pulse = peer_pulse();
    CHECK(peer_wait_state(s, EM_SOURCE_UP, BACK_S) >= 0, "there");
    peer_wait_state(s, EM_SOURCE_DOWN, 0.3);
    em_source_get_info(s, &info);
    em_source_get_counters(s, &counters);
    CHECK(info.rate_hz > 0 && counters.taken > 0 && counters.dropped == 0, "%d Hz, %llu dropped", info.rate_hz,
          (unsigned long long)counters.dropped);
    em_source_close(s);
    peer_kill(pulse, SIGKILL);
}

static void count_device(void *ctx, const char *kind, int index, const char *name, int n_channels, int rate_hz,
                         bool is_default)
{
    int *n = ctx;

    CHECK(index >= 0 && n_channels > 0 && rate_hz > 0, "%s %s", kind, name);
    if (strcmp(kind, "portaudio") == 0 && (strcmp(name, "pulse") == 0 || strcmp(name, "default") == 0))
        n[is_default]++;
}

static void devices_are_listed(void **state)
{
    pid_t pulse = peer_pulse();
    int n[2] = { 0, 0 };
    em_err err;

    (void)state;
    CHECK_OK(em_source_list_devices(count_device, n, &err));
    CHECK(n[0] >= 1 && n[1] == 1, "%d and the default %d times", n[0], n[1]);
    peer_kill(pulse, SIGKILL);
}

int main(void)
{
    const char *programs[] = { "pulseaudio", "pactl", "pacat" };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_is_heard),
        cmocka_unit_test(a_lost_device_is_noticed_and_found_again),
        cmocka_unit_test(a_hanging_server_hangs_nobody_else),
        cmocka_unit_test(no_device_is_one_sentence),
        cmocka_unit_test(a_device_that_comes_later_is_taken),
        cmocka_unit_test(devices_are_listed),
    };

    /* ALSA's door to PulseAudio, a package of its own. */
    glob_t plugin;
    if (glob("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so", 0, NULL, &plugin) != 0)
        SKIP_ALL("libasound2-plugins is not installed");
    globfree(&plugin);
    n_alone = peer_count_threads_alone();
    peer_begin(programs, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
