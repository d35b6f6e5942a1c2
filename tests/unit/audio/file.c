/* Sound files: every format libsndfile writes here, lengths at the edges, damage, and claims that are lies. All
 * files are made by the test in a folder of its own. */
#include "check.h"
#include "taking.h"
#include "wav.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 100000 };

static char folder[] = "/tmp/earmark-file-XXXXXX";
static char path[128];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A chord that every codec keeps roughly, exact in 16 bits, with some noise so that none of them makes it tiny. */
static float sample(size_t n, int channel)
{
    const double hiss = (double)((uint32_t)n * 2654435761u >> 16) / 65536.0 - 0.5;

    return (float)lrint(8000.0 * sin(0.05 * (double)n * (channel + 1)) + 3000.0 * sin(0.17 * (double)n) + 2000.0 * hiss) / 32768.0f;
}

static void write_file(const char *name, int format, int rate_hz, int n_channels, size_t n)
{
    SF_INFO info = { .samplerate = rate_hz, .channels = n_channels, .format = format };
    float *x = malloc((n + 1) * (size_t)n_channels * sizeof *x);
    SNDFILE *f;

    assert_non_null(x);
    for (size_t i = 0; i < n * (size_t)n_channels; i++)
        x[i] = sample(i / (size_t)n_channels, (int)(i % (size_t)n_channels));
    f = sf_open(in_folder(name), SFM_WRITE, &info);
    CHECK(f != NULL, "%s: %s", name, sf_strerror(NULL));
    CHECK(sf_writef_float(f, x, (sf_count_t)n) == (sf_count_t)n, "%s: %s", name, sf_strerror(f));
    sf_close(f);
    free(x);
}

static void write_bytes(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(in_folder(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static em_status play(taken *t, const char *name, size_t chunk, em_err *err)
{
    const em_source_cfg cfg = { .kind = "file", .name = in_folder(name) };

    *err = (em_err){ EM_OK, "" };
    return take_all(t, &cfg, chunk, 0.0, err);
}

static void every_format_comes_back(void **state)
{
    static const struct { const char *name; int format, rate_hz, n_channels; float most; size_t slack; } rows[] = {
        { "u8.wav",     SF_FORMAT_WAV | SF_FORMAT_PCM_U8,     8000,  1, 0.008f, 0    },
        { "s16.wav",    SF_FORMAT_WAV | SF_FORMAT_PCM_16,     32000, 1, 0.0f,   0    },
        { "s24.wav",    SF_FORMAT_WAV | SF_FORMAT_PCM_24,     44100, 2, 0.0f,   0    },
        { "s32.wav",    SF_FORMAT_WAV | SF_FORMAT_PCM_32,     48000, 3, 0.0f,   0    },
        { "f32.wav",    SF_FORMAT_WAV | SF_FORMAT_FLOAT,      96000, 2, 0.0f,   0    },
        { "f64.wav",    SF_FORMAT_WAV | SF_FORMAT_DOUBLE,     16000, 1, 0.0f,   0    },
        { "ex.wav",     SF_FORMAT_WAVEX | SF_FORMAT_PCM_24,   48000, 8, 0.0f,   0    },
        { "adpcm.wav",  SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM,  22050, 1, 0.05f,  2048 },
        { "64.wav",     SF_FORMAT_WAV | SF_FORMAT_PCM_16,     768000, 64, 0.0f, 0    },
        { "big.rf64",   SF_FORMAT_RF64 | SF_FORMAT_PCM_16,    32000, 1, 0.0f,   0    },
        { "w64.w64",    SF_FORMAT_W64 | SF_FORMAT_PCM_24,     32000, 1, 0.0f,   0    },
        { "a.aiff",     SF_FORMAT_AIFF | SF_FORMAT_PCM_16,    44100, 2, 0.0f,   0    },
        { "a.au",       SF_FORMAT_AU | SF_FORMAT_PCM_16,      8000,  1, 0.0f,   0    },
        { "a.caf",      SF_FORMAT_CAF | SF_FORMAT_PCM_24,     44100, 2, 0.0f,   0    },
        { "a.flac",     SF_FORMAT_FLAC | SF_FORMAT_PCM_16,    44100, 2, 0.0f,   0    },
        { "24.flac",    SF_FORMAT_FLAC | SF_FORMAT_PCM_24,    192000, 1, 0.0f,  0    },
        { "a.ogg",      SF_FORMAT_OGG | SF_FORMAT_VORBIS,     44100, 2, 0.3f,   0    },
        { "a.opus",     SF_FORMAT_OGG | SF_FORMAT_OPUS,       48000, 1, 0.3f,   0    },
        { "a.mp3",      SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 32000, 1, 0.3f, 4000 },
    };
    enum { N = 20000 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        taken t;
        em_err err;

        write_file(rows[i].name, rows[i].format, rows[i].rate_hz, rows[i].n_channels, N);
        CHECK(play(&t, rows[i].name, 4096, &err) == EM_OK, "%s: %s", rows[i].name, err.msg);
        CHECK(t.err.code == EM_OK, "%s ended with: %s", rows[i].name, t.err.msg);
        CHECK(t.n >= N && t.n <= N + rows[i].slack, "%s: %zu frames", rows[i].name, t.n);
        CHECK(t.info.n_frames == (int64_t)t.n && t.info.rate_hz == rows[i].rate_hz && t.info.n_channels == rows[i].n_channels
              && !t.info.is_live, "%s: %lld frames", rows[i].name, (long long)t.info.n_frames);
        CHECK(strcmp(t.info.name, rows[i].name) == 0, "%s", t.info.name);
        /* MP3 may come delayed; the others must be in place. */
        for (size_t k = 0; k < (size_t)N * (size_t)rows[i].n_channels && rows[i].slack == 0; k++) {
            float want = sample(k / (size_t)rows[i].n_channels, (int)(k % (size_t)rows[i].n_channels));

            CHECK(fabsf(t.frames[k] - want) <= rows[i].most, "%s, value %zu: %g, not %g", rows[i].name, k, (double)t.frames[k], (double)want);
        }
        free(t.frames);
    }
}

static void lengths_at_the_edges_are_exact_in_any_chunks(void **state)
{
    static const size_t lengths[] = { 0, 1, 2, 4095, 4096, 4097, 65535, 65536, 65537 };
    static const size_t chunks[] = { 1, 100, 4096, 100000 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(lengths); i++) {
        write_file("edge.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 32000, 1, lengths[i]);
        for (size_t c = lengths[i] > 5000 ? 1 : 0; c < EM_COUNT(chunks); c++) {
            taken t;
            em_err err;

            CHECK_OK(play(&t, "edge.wav", chunks[c], &err));
            CHECK(t.n == lengths[i] && t.err.code == EM_OK, "%zu frames came as %zu: %s", lengths[i], t.n, t.err.msg);
            for (size_t n = 0; n < t.n; n++)
                CHECK(t.frames[n] == sample(n, 0), "frame %zu of %zu", n, t.n);
            free(t.frames);
        }
    }
}

/* Cuts the file's bytes at a share of its length. */
static void cut(const char *name, double share)
{
    struct stat st;

    assert_int_equal(stat(in_folder(name), &st), 0);
    assert_int_equal(truncate(path, (off_t)((double)st.st_size * share)), 0);
}

static void a_file_cut_in_the_middle_plays_what_is_there_and_says_so(void **state)
{
    static const struct { const char *name; int format; } rows[] = {
        { "cut.wav",  SF_FORMAT_WAV | SF_FORMAT_PCM_16 },  { "cut24.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24 },
        { "cut.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16 }, { "cut.ogg",   SF_FORMAT_OGG | SF_FORMAT_VORBIS },
        { "cut.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        taken t;
        em_err err;

        write_file(rows[i].name, rows[i].format, 48000, 1, MOST);
        cut(rows[i].name, 0.6);
        CHECK(play(&t, rows[i].name, 4096, &err) == EM_OK, "%s: %s", rows[i].name, err.msg);
        CHECK(t.n > MOST / 3 && t.n < MOST * 3 / 4, "%s: %zu frames", rows[i].name, t.n);
        CHECK(t.err.code == EM_EFORMAT && strstr(t.err.msg, rows[i].name), "%s: \"%s\"", rows[i].name, t.err.msg);
        free(t.frames);
    }
}

/* What must be refused, with words that the sentence must have. */
static void headers_that_lie_are_refused_by_name(void **state)
{
    static const struct { wav_claim claim; size_t n_sound; const char *name, *words; } rows[] = {
        { { 1, 0, 32000, 16, 2, 100, 0, 0 },           100, "0ch.wav",     "0 channels" },
        { { 1, 65, 32000, 16, 0, 1300, 0, 0 },         1300, "65ch.wav",   "65 channels: 1 to 64" },
        { { 1, 65535, 32000, 16, 2, 100, 0, 0 },       100, "65535ch.wav", "65535 channels" },
        { { 1, 1, 0, 16, 0, 100, 0, 0 },               100, "0hz.wav",     "0 Hz" },
        { { 1, 1, 999, 16, 0, 100, 0, 0 },             100, "999hz.wav",   "999 Hz: 1000 to 768000" },
        { { 1, 1, 0x80000000u, 16, 0, 100, 0, 0 },     100, "2g.wav",      "2147483648 Hz" },
        { { 1, 1, 0xffffffffu, 16, 0, 100, 0, 0 },     100, "4g.wav",      "4294967295 Hz" },
        { { 1, 2, 32000, 16, 3, 100, 0, 0 },           100, "block.wav",   "the WAV header says 3" },
        { { 0x7777, 1, 32000, 16, 0, 100, 0, 0 },      100, "tag.wav",     "ffmpeg -i" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        uint8_t bytes[WAV_MOST + 2000] = { 0 };
        size_t n = wav_header(bytes, &rows[i].claim);
        taken t;
        em_err err;

        write_bytes(rows[i].name, bytes, n + rows[i].n_sound);
        CHECK(play(&t, rows[i].name, 64, &err) == EM_EFORMAT, "%s was not refused", rows[i].name);
        CHECK(strstr(err.msg, rows[i].name) && strstr(err.msg, rows[i].words), "%s: %s", rows[i].name, err.msg);
    }
}

static void a_huge_claim_plays_what_is_there(void **state)
{
    static const wav_claim claims[] = { { 1, 1, 32000, 16, 0, 0x7ffffffeu - 4096, 0, 0 }, { 1, 64, 768000, 32, 0, 0x70000000, 1, 1 } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(claims); i++) {
        uint8_t bytes[WAV_MOST + 2560] = { 0 };
        size_t n = wav_header(bytes, &claims[i]);
        taken t;
        em_err err;

        write_bytes("huge.wav", bytes, n + 2560);
        CHECK_OK(play(&t, "huge.wav", 4096, &err));
        CHECK(t.n == 2560 / (claims[i].n_channels * claims[i].n_bits / 8), "%zu frames", t.n);
        CHECK(i > 0 ? strstr(t.err.msg, "ends early") != NULL : true, "row %zu: %s", i, t.err.msg);
        free(t.frames);
    }
}

static void every_cut_of_a_header_is_refused_or_empty(void **state)
{
    const wav_claim claim = { 1, 1, 32000, 16, 0, 8, 1, 1 };
    uint8_t bytes[WAV_MOST];
    size_t n_header = wav_header(bytes, &claim);

    (void)state;
    for (size_t n = 0; n < n_header; n++) {
        taken t;
        em_err err;

        write_bytes("header.wav", bytes, n);
        CHECK(play(&t, "header.wav", 64, &err) == EM_EFORMAT && strstr(err.msg, "header.wav"), "%zu bytes: %s", n, err.msg);
    }
}

static void random_damage_never_breaks_us(void **state)
{
    static const struct { const char *name; int format; } rows[] = {
        { "hurt.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 }, { "hurt.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16 },
    };
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        static uint8_t whole[20000], hurt[20000];
        size_t n;
        FILE *f;

        write_file(rows[i].name, rows[i].format, 32000, 1, 3000);
        f = fopen(path, "rb");
        assert_non_null(f);
        n = fread(whole, 1, sizeof whole, f);
        fclose(f);
        for (int round = 0; round < 300; round++) {
            taken t = { 0 };
            em_err err;

            memcpy(hurt, whole, n);
            for (int k = 0; k < 3; k++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                hurt[(seed >> 33) % 64] = (uint8_t)(seed >> 20);
            }
            write_bytes("hurt.bin", hurt, n);
            if (play(&t, "hurt.bin", 1024, &err) != EM_OK)
                CHECK(strstr(err.msg, "hurt.bin"), "round %d: %s", round, err.msg);
            CHECK(t.n <= 100000, "round %d of %s: %zu frames", round, rows[i].name, t.n);
            free(t.frames);
        }
    }
}

static void what_is_no_sound_file_is_refused_by_name(void **state)
{
    static const char m4a[] = "\0\0\0\x20" "ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0";
    static const struct { const char *name; em_status status; const char *words; } rows[] = {
        { "missing.wav", EM_EIO, "No such file" },  { "sub", EM_EIO, "is a directory" },
        { "fifo", EM_EIO, "earmark - <" },          { "empty.wav", EM_EFORMAT, "is empty" },
        { "voice.m4a", EM_EFORMAT, "voice.m4a -f f32le -ac 1 -ar 32000 - | earmark --raw f32le -" },
        { "notes.txt", EM_EFORMAT, "not a sound file" }, { "a\x1b[2Jb.wav", EM_EFORMAT, "a?[2Jb.wav" },
    };

    (void)state;
    assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    write_bytes("empty.wav", "", 0);
    write_bytes("voice.m4a", m4a, sizeof m4a);
    write_bytes("notes.txt", "dear diary", 10);
    write_bytes("a\x1b[2Jb.wav", "boo", 3);
    for (size_t i = 0; i < EM_COUNT(rows); i++) {
        taken t;
        em_err err;

        CHECK(play(&t, rows[i].name, 64, &err) == rows[i].status, "%s: %s", rows[i].name, err.msg);
        CHECK(strstr(err.msg, rows[i].words), "%s: %s", rows[i].name, err.msg);
    }
}

static void a_file_that_may_not_be_read_is_refused(void **state)
{
    const bool is_root = geteuid() == 0;
    em_status status;
    taken t;
    em_err err;

    (void)state;
    write_bytes("secret.wav", "RIFF", 4);
    assert_int_equal(chmod(path, 0), 0);
    if (is_root)        /* who reads everything */
        assert_int_equal(seteuid(65534), 0);
    status = play(&t, "secret.wav", 64, &err);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    CHECK(status == EM_EIO && strstr(err.msg, "Permission denied"), "%s", err.msg);
}

static void no_name_at_all_is_refused(void **state)
{
    const em_source_cfg cfgs[] = { { .kind = "file" }, { .kind = "file", .name = "" } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cfgs); i++) {
        em_source *s;
        em_err err;

        assert_int_equal(em_source_open(&s, &cfgs[i], &err), EM_EINVAL);
        assert_null(s);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_comes_back),
        cmocka_unit_test(lengths_at_the_edges_are_exact_in_any_chunks),
        cmocka_unit_test(a_file_cut_in_the_middle_plays_what_is_there_and_says_so),
        cmocka_unit_test(headers_that_lie_are_refused_by_name),
        cmocka_unit_test(a_huge_claim_plays_what_is_there),
        cmocka_unit_test(every_cut_of_a_header_is_refused_or_empty),
        cmocka_unit_test(random_damage_never_breaks_us),
        cmocka_unit_test(what_is_no_sound_file_is_refused_by_name),
        cmocka_unit_test(a_file_that_may_not_be_read_is_refused),
        cmocka_unit_test(no_name_at_all_is_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
