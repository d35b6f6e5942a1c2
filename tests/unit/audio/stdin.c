/* Standard input: WAV and raw sound through a pipe of this program's own, written in pieces of every size. */
#include "check.h"
#include "taking.h"
#include "wav.h"

#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <unistd.h>

typedef struct piper {
    const uint8_t *bytes;
    size_t n, piece;
    int fd;
    pthread_t thread;
} piper;

static void *pipe_in(void *arg)
{
    piper *p = arg;

    for (size_t i = 0; i < p->n;) {
        size_t n = p->n - i < p->piece ? p->n - i : p->piece;
        ssize_t put = write(p->fd, p->bytes + i, n);

        if (put <= 0)           /* the reader is done: enough for what follows a data chunk */
            break;
        i += (size_t)put;
    }
    close(p->fd);
    return NULL;
}

/* Standard input becomes a pipe that carries bytes[n] in pieces. */
static void feed_stdin(piper *p, const uint8_t *bytes, size_t n, size_t piece)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    close(fds[0]);
    *p = (piper){ bytes, n, piece, fds[1], 0 };
    assert_int_equal(pthread_create(&p->thread, NULL, pipe_in, p), 0);
}

static void stop_feeding(piper *p)
{
    close(STDIN_FILENO);
    assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
    pthread_join(p->thread, NULL);
}

static em_status play(taken *t, const em_source_cfg *cfg, const uint8_t *bytes, size_t n, size_t piece, em_err *err)
{
    em_source_cfg mine = *cfg;
    em_status status;
    piper p;

    mine.kind = "stdin";
    feed_stdin(&p, bytes, n, piece);
    status = take_all(t, &mine, 1000, 0.0, err);
    stop_feeding(&p);
    return status;
}

/* One value in each format, and what it must become. */
static const struct { uint32_t tag, n_bits; int n_bytes; uint8_t bytes[4]; float want; const char *raw; } values[] = {
    { 1, 8,  1, { 0 },                   -1.0f,              "u8"    },
    { 1, 8,  1, { 192 },                 0.5f,               "u8"    },
    { 1, 16, 2, { 0x00, 0x80 },          -1.0f,              "s16le" },
    { 1, 16, 2, { 0xff, 0x7f },          32767.0f / 32768,   "s16le" },
    { 1, 16, 2, { 0xff, 0xff },          -1.0f / 32768,      "s16le" },
    { 1, 24, 3, { 0x00, 0x00, 0x80 },    -1.0f,              "s24le" },
    { 1, 24, 3, { 0xff, 0xff, 0x7f },    8388607.0f / 8388608, "s24le" },
    { 1, 24, 3, { 0x01, 0x00, 0x00 },    1.0f / 8388608,     "s24le" },
    { 1, 32, 4, { 0, 0, 0, 0x80 },       -1.0f,              "s32le" },
    { 1, 32, 4, { 0, 0, 0, 0x40 },       0.5f,               "s32le" },
    { 3, 32, 4, { 0, 0, 0xc0, 0x3f },    1.5f,               "f32le" },
    { 3, 32, 4, { 0, 0, 0xc0, 0x7f },    0.0f,               "f32le" },     /* NaN */
};

enum { N_FRAMES = 300, N_CHANNELS = 2 };

/* N_FRAMES of value i on channel 1 and zero bytes on channel 0. */
static size_t fill(uint8_t *out, size_t i)
{
    uint8_t *p = out;

    for (int t = 0; t < N_FRAMES; t++) {
        memset(p, 0, (size_t)values[i].n_bytes);
        memcpy(p + values[i].n_bytes, values[i].bytes, (size_t)values[i].n_bytes);
        p += 2 * values[i].n_bytes;
    }
    return (size_t)(p - out);
}

static void check_value(const taken *t, size_t i, const char *what)
{
    CHECK(t->n == N_FRAMES && t->info.n_channels == N_CHANNELS, "%s, value %zu: %zu frames", what, i, t->n);
    for (size_t k = 0; k < t->n; k++)
        CHECK(t->frames[2 * k + 1] == values[i].want, "%s, value %zu: %g", what, i, (double)t->frames[2 * k + 1]);
}

static void wav_of_every_format_is_read_in_any_pieces(void **state)
{
    static const size_t pieces[] = { 1, 2, 3, 7, 31, 1000, 100000 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(values); i++) {
        for (size_t k = 0; k < EM_COUNT(pieces); k++) {
            const int form = (int)(i + k) % 4;
            uint8_t bytes[WAV_MOST + N_FRAMES * N_CHANNELS * 4 + 10];
            wav_claim claim = { values[i].tag, N_CHANNELS, 44100, values[i].n_bits, 0,
                                (uint32_t)(N_FRAMES * N_CHANNELS * values[i].n_bytes), form & 1, form >> 1 };
            size_t n = wav_header(bytes, &claim);
            const em_source_cfg cfg = { 0 };
            taken t;
            em_err err;

            n += fill(bytes + n, i);
            memcpy(bytes + n, "LISTtrail", 10);          /* what follows the data is no sound */
            CHECK_OK(play(&t, &cfg, bytes, n + 10, pieces[k], &err));
            check_value(&t, i, "wav");
            CHECK(t.err.code == EM_OK && t.info.rate_hz == 44100 && t.info.n_frames == N_FRAMES, "%s", t.err.msg);
            free(t.frames);
        }
    }
}

static void a_wav_of_unknown_length_goes_on_to_the_end(void **state)
{
    static const uint32_t sizes[] = { 0, 0xffffffffu, 0x7ffff024u, 0x80000000u };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(sizes); k++) {
        uint8_t bytes[WAV_MOST + N_FRAMES * N_CHANNELS * 4];
        const wav_claim claim = { 1, N_CHANNELS, 32000, 16, 0, sizes[k], 0, 0 };
        const em_source_cfg cfg = { 0 };
        size_t n = wav_header(bytes, &claim);
        taken t;
        em_err err;

        CHECK_OK(play(&t, &cfg, bytes, n + fill(bytes + n, 3), 999, &err));
        check_value(&t, 3, "unknown length");
        CHECK(t.err.code == EM_OK && t.info.n_frames == -1, "size %x: %s", sizes[k], t.err.msg);
        free(t.frames);
    }
}

/* Size 0 in a RIFF chunk that says it goes on behind the data: no sound, and what follows is none either. */
static void an_empty_wav_with_chunks_behind_its_data_is_empty(void **state)
{
    static const struct { uint32_t riff; size_t n; const char *why; } cases[] = {
        { 36 + 8 + 4000, 0, "RIFF counts the LIST chunk" },  { 0, N_FRAMES, "RIFF size not known" },
        { 0xffffffffu, N_FRAMES, "RIFF size not known" },    { 36, N_FRAMES, "header never completed" },
    };

    (void)state;
    for (size_t k = 0; k < EM_COUNT(cases); k++) {
        uint8_t bytes[WAV_MOST + 8 + 4000] = { 0 };
        const wav_claim claim = { 1, N_CHANNELS, 32000, 16, 0, 0, 0, 0 };
        const em_source_cfg cfg = { 0 };
        size_t n = wav_header(bytes, &claim);
        taken t;
        em_err err;

        for (int i = 0; i < 4; i++)
            bytes[4 + i] = (uint8_t)(cases[k].riff >> (8 * i));
        memcpy(bytes + n, "LIST\xa0\x0f\0\0", 8);
        n += cases[k].n ? N_FRAMES * N_CHANNELS * 2 : 8 + 4000;
        CHECK_OK(play(&t, &cfg, bytes, n, 999, &err));
        CHECK(t.n == cases[k].n && t.err.code == EM_OK, "%s: %zu frames, %s", cases[k].why, t.n, t.err.msg);
        free(t.frames);
    }
}

static void raw_sound_is_read_as_it_is_called(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(values); i++) {
        const em_source_cfg cfg = { .raw = values[i].raw, .raw_channels = N_CHANNELS, .raw_rate_hz = 8000 };
        uint8_t bytes[N_FRAMES * N_CHANNELS * 4];
        taken t;
        em_err err;

        CHECK_OK(play(&t, &cfg, bytes, fill(bytes, i), 5, &err));
        check_value(&t, i, values[i].raw);
        CHECK(t.info.rate_hz == 8000 && t.err.code == EM_OK, "%d", t.info.rate_hz);
        free(t.frames);
    }
}

static void every_sample_comes_in_order_in_any_pieces(void **state)
{
    enum { N = 3 * 5000 };
    static const size_t pieces[] = { 1, 2, 3, 5, 7, 11, 4095, 100000 };
    const em_source_cfg cfg = { .raw = "s24le", .raw_channels = 3 };
    static uint8_t bytes[3 * N];

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        bytes[3 * i + 1] = (uint8_t)i;
        bytes[3 * i + 2] = (uint8_t)(i >> 8);
    }
    for (size_t k = 0; k < EM_COUNT(pieces); k++) {
        taken t;
        em_err err;

        CHECK_OK(play(&t, &cfg, bytes, sizeof bytes, pieces[k], &err));
        CHECK(t.n == N / 3, "pieces of %zu: %zu frames", pieces[k], t.n);
        for (int i = 0; i < N; i++)
            CHECK(t.frames[i] == (float)i / 32768.0f, "pieces of %zu, value %d: %g", pieces[k], i, (double)t.frames[i]);
        free(t.frames);
    }
}

static void bytes_without_a_header_are_s16le_at_32_khz(void **state)
{
    const uint8_t bytes[] = { 'R', 'I', 'F', 'X' + 1, 0, 0x40, 0, 0xc0, 'W', 'A', 'V', 'E', 1, 0 };
    const em_source_cfg cfg = { 0 };

    (void)state;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        taken t;
        em_err err;

        CHECK_OK(play(&t, &cfg, bytes, n, 1, &err));
        CHECK(t.n == n / 2 && t.info.rate_hz == 32000 && t.info.n_channels == 1, "%zu bytes: %zu frames", n, t.n);
        CHECK((t.err.code == EM_OK) == (n % 2 == 0), "%zu bytes: \"%s\"", n, t.err.msg);
        CHECK(n < 8 || (t.frames[2] == 0.5f && t.frames[3] == -0.5f), "%zu bytes", n);
        free(t.frames);
    }
}

static void a_pipe_that_ends_early_plays_what_came_and_says_so(void **state)
{
    uint8_t bytes[WAV_MOST + 400] = { 0 };
    const wav_claim claim = { 1, 2, 32000, 16, 0, 1000, 0, 0 };
    const em_source_cfg cfg = { 0 };
    const size_t n_header = wav_header(bytes, &claim);

    (void)state;
    for (size_t n_sound = 0; n_sound <= 9; n_sound++) {
        taken t;
        em_err err;

        CHECK_OK(play(&t, &cfg, bytes, n_header + n_sound, 3, &err));
        CHECK(t.n == n_sound / 4 && t.err.code == EM_EFORMAT && strstr(t.err.msg, "stdin ends early"), "%zu bytes: %s", n_sound, t.err.msg);
        free(t.frames);
    }
    for (size_t n = 12; n < n_header; n++) {
        taken t;
        em_err err = { EM_OK, "" };

        CHECK(play(&t, &cfg, bytes, n, 3, &err) == EM_EFORMAT && strstr(err.msg, "stdin"), "%zu bytes of header: %s", n, err.msg);
    }
}

static void headers_that_lie_and_other_formats_are_refused(void **state)
{
    static const struct { wav_claim claim; const char *words; } rows[] = {
        { { 1, 0, 32000, 16, 2, 100, 0, 0 },         "0 channels" },
        { { 1, 65535, 32000, 16, 0xfffe, 100, 0, 0 }, "65535 channels" },
        { { 1, 65, 32000, 16, 0, 100, 1, 0 },        "65 channels" },
        { { 1, 1, 0, 16, 0, 100, 0, 0 },             "0 Hz" },
        { { 1, 1, 0x80000000u, 16, 0, 100, 0, 0 },   "2147483648 Hz" },
        { { 1, 2, 32000, 16, 2, 100, 0, 1 },         "the WAV header says 2" },
        { { 2, 1, 32000, 4, 0, 100, 0, 0 },          "0x0002" },
        { { 3, 1, 32000, 64, 0, 100, 1, 0 },         "64 bits" },
    };
    static const char *const others[] = { "fLaC", "OggS", "ID3\4", "FORM", "caff", "RIFX", "\x1a\x45\xdf\xa3" };
    const em_source_cfg cfg = { 0 };
    uint8_t bytes[WAV_MOST] = { 0 };
    taken t;
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++)
        CHECK(play(&t, &cfg, bytes, wav_header(bytes, &rows[i].claim), 100, &err) == EM_EFORMAT && strstr(err.msg, rows[i].words)
              && strstr(err.msg, "stdin"), "row %zu: %s", i, err.msg);
    for (size_t i = 0; i < EM_COUNT(others); i++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, others[i], 4);
        CHECK(play(&t, &cfg, bytes, 100, 100, &err) == EM_EFORMAT && strstr(err.msg, "--raw f32le -"), "%s: %s", others[i], err.msg);
    }
}

static void a_header_without_end_is_given_up(void **state)
{
    static uint8_t bytes[20 << 20];
    const em_source_cfg cfg = { 0 };
    taken t;
    em_err err;

    (void)state;
    memcpy(bytes, "RIFF\xff\xff\xff\xffWAVEJUNK\xff\xff\xff\xff", 20);
    CHECK(play(&t, &cfg, bytes, sizeof bytes, 65536, &err) == EM_EFORMAT && strstr(err.msg, "16 MiB"), "%s", err.msg);
    for (size_t i = 12; i < sizeof bytes; i += 8)           /* empty chunks */
        memcpy(bytes + i, "JUNK\0\0\0\0", sizeof bytes - i < 8 ? sizeof bytes - i : 8);
    CHECK(play(&t, &cfg, bytes, sizeof bytes, 65536, &err) == EM_EFORMAT, "%s", err.msg);
}

static void bad_options_are_named(void **state)
{
    static const struct { em_source_cfg cfg; const char *words; } rows[] = {
        { { .kind = "stdin", .raw = "s8" },                           "s16le" },
        { { .kind = "stdin", .raw = "" },                             "f32le" },
        { { .kind = "stdin", .raw = "s16le", .raw_channels = 65 },    "65 channels" },
        { { .kind = "stdin", .raw = "s16le", .raw_channels = -1 },    "-1 channels" },
        { { .kind = "stdin", .raw = "f32le", .raw_rate_hz = 999 },    "999 Hz" },
        { { .kind = "stdin", .raw = "f32le", .raw_rate_hz = 800000 }, "800000 Hz" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        em_source *s;
        em_err err;

        CHECK(em_source_open(&s, &rows[i].cfg, &err) == EM_EINVAL && strstr(err.msg, rows[i].words), "row %zu: %s", i, err.msg);
    }
}

static void what_is_no_pipe_is_said(void **state)
{
    const em_source_cfg cfg = { .kind = "stdin", .raw = "s16le" };
    em_source *s;
    em_err err;
    taken t;
    int folder;

    (void)state;
    close(STDIN_FILENO);
    CHECK(em_source_open(&s, &cfg, &err) == EM_EIO && strstr(err.msg, "stdin is closed"), "%s", err.msg);
    folder = open("/tmp", O_RDONLY);
    assert_int_equal(folder, STDIN_FILENO);
    CHECK(em_source_open(&s, &cfg, &err) == EM_EIO && strstr(err.msg, "is a directory"), "%s", err.msg);
    close(STDIN_FILENO);
    assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
    CHECK_OK(take_all(&t, &cfg, 100, 0.0, &err));
    CHECK(t.n == 0 && t.err.code == EM_OK, "%s", t.err.msg);
    free(t.frames);
}

static void a_silent_pipe_does_not_hold_stop_up(void **state)
{
    const em_source_cfg cfg = { .kind = "stdin", .raw = "s16le" };
    uint64_t start;
    int fds[2];
    em_source *s;
    em_err err;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    dup2(fds[0], STDIN_FILENO);
    CHECK_OK(em_source_open(&s, &cfg, &err));
    CHECK_OK(em_source_start(s, &err));
    em_sleep_ms(20.0);
    start = em_now_ns();
    em_source_stop(s);
    CHECK(em_now_ns() - start < 2000000000u, "%g s", (double)(em_now_ns() - start) / 1e9);
    em_source_close(s);
    close(fds[0]);
    close(fds[1]);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void a_signal_ends_the_wait_for_the_first_bytes(void **state)
{
    const struct itimerval soon = { { 0, 50000 }, { 0, 50000 } }, never = { { 0, 0 }, { 0, 0 } };
    const struct sigaction action = { .sa_handler = on_alarm };
    const em_source_cfg cfg = { .kind = "stdin" };
    int fds[2];
    em_source *s;
    em_err err;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    dup2(fds[0], STDIN_FILENO);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK(em_source_open(&s, &cfg, &err) == EM_ECANCELED, "%s", err.msg);
    setitimer(ITIMER_REAL, &never, NULL);
    close(fds[0]);
    close(fds[1]);
}

/* --live: nobody holds the pipe up, and what is lost is counted and in its place. */
static void a_live_pipe_drops_and_counts(void **state)
{
    enum { N = 400000 };
    const em_source_cfg cfg = { .kind = "stdin", .raw = "f32le", .raw_rate_hz = 1000, .is_live = true };
    float *ramp = malloc(N * sizeof *ramp);
    em_err err;
    piper p;
    taken t;

    (void)state;
    assert_non_null(ramp);
    for (int i = 0; i < N; i++)
        ramp[i] = (float)(i + 1);
    feed_stdin(&p, (const uint8_t *)ramp, N * sizeof *ramp, 4000);
    CHECK_OK(take_all(&t, &cfg, 700, 1.0, &err));
    stop_feeding(&p);
    CHECK(t.n == N && t.counters.captured == N && t.info.is_live, "%zu", t.n);
    CHECK(t.n_missing == t.counters.dropped && t.n_missing > 0 && t.counters.taken > 0, "%zu missing", t.n_missing);
    for (size_t i = 0; i < N; i++)
        CHECK(t.frames[i] == 0.0f || t.frames[i] == ramp[i], "frame %zu came as %g", i, (double)t.frames[i]);
    free(t.frames);
    free(ramp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wav_of_every_format_is_read_in_any_pieces),
        cmocka_unit_test(a_wav_of_unknown_length_goes_on_to_the_end),
        cmocka_unit_test(an_empty_wav_with_chunks_behind_its_data_is_empty),
        cmocka_unit_test(raw_sound_is_read_as_it_is_called),
        cmocka_unit_test(every_sample_comes_in_order_in_any_pieces),
        cmocka_unit_test(bytes_without_a_header_are_s16le_at_32_khz),
        cmocka_unit_test(a_pipe_that_ends_early_plays_what_came_and_says_so),
        cmocka_unit_test(headers_that_lie_and_other_formats_are_refused),
        cmocka_unit_test(a_header_without_end_is_given_up),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(what_is_no_pipe_is_said),
        cmocka_unit_test(a_silent_pipe_does_not_hold_stop_up),
        cmocka_unit_test(a_signal_ends_the_wait_for_the_first_bytes),
        cmocka_unit_test(a_live_pipe_drops_and_counts),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
