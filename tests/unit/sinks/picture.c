/* A run as a picture: what is told is drawn, whatever it is called and however long it takes; the same run is the same picture. */
#include "check.h"

#include "drawn.h"
#include "made.h"

#include <math.h>
#include <unistd.h>

enum { BANDS = 64, COLUMNS = 100 };

static float band_hz[BANDS];
static const float thresholds[N] = { 0.5f, 0.5f, 0, 0.25f };
static const em_sink_plot_cfg with_sound = { thresholds, band_hz, BANDS }, without_sound = { thresholds, NULL, 0 };

static em_sink_cfg picture(const char *path, const em_sink_plot_cfg *plot)
{
    em_sink_cfg cfg = usual("picture", path);

    cfg.plot = plot;
    return cfg;
}

static void open_picture(em_sink **s, const em_sink_cfg *cfg)
{
    em_event start = { .type = EM_EVENT_START, .utc_ms = -1 };
    em_err err;

    start.u.start.model = "na\x1b[31mno\xff";
    start.u.start.step_s = 1;
    start.u.start.window_s = 10;
    CHECK_OK(em_sink_open(s, cfg, &err));
    CHECK_OK(em_sink_put(*s, &start, &err));
}

/* A hop with a second of sound: a tone that rises in the band. */
static void put_hop(em_sink *s, double time, bool has_columns)
{
    static uint8_t columns[COLUMNS][BANDS];
    em_event e = hop(time);
    em_err err;

    for (int i = 0; i < COLUMNS; i++)
        for (int band = 0; band < BANDS; band++)
            columns[i][band] = (uint8_t)(band == (i + (int)time) % BANDS ? 150 : 40);
    if (has_columns) {
        e.u.scores.columns = columns[0];
        e.u.scores.n_columns = COLUMNS;
        e.u.scores.n_bands = BANDS;
        e.u.scores.column_s = 0.01;
        e.u.scores.columns_end = time - 0.02;
    }
    CHECK_OK(em_sink_put(s, &e, &err));
}

static void put_sound(em_sink *s, int c, double onset, double offset)
{
    em_event e = sound(EM_EVENT_OFFSET);
    em_err err;

    e.u.sound.i_class = c < N ? c : -1;
    e.u.sound.label = c < N ? classes.labels[c] : c == N ? "a group" : "another group of a long name, which is cut, as there is little room";
    e.u.sound.onset = onset;
    e.time = e.u.sound.offset = offset;
    CHECK_OK(em_sink_put(s, &e, &err));
}

/* So many seconds with an event in every tenth, as `path`. */
static void draw(const char *path, int seconds, const em_sink_plot_cfg *plot)
{
    const em_sink_cfg cfg = picture(path, plot);
    em_err err;
    em_sink *s;

    open_picture(&s, &cfg);
    for (int t = 1; t <= seconds; t++) {
        put_hop(s, t, plot->n_bands > 0);
        if (t % 10 == 5)
            put_sound(s, t / 10 % (N + 2), t - 1.5, t);
    }
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
}

static void runs_of_all_lengths_are_drawn(void **state)
{
    static const int lengths[] = { 1, 9, 63, 1800, 100000 };
    char name[32];
    (void)state;

    for (size_t i = 0; i < EM_COUNT(lengths); i++) {
        snprintf(name, sizeof name, "%d.png", lengths[i]);
        draw(in_folder(name), lengths[i], &with_sound);
        CHECK(count_pixels(in_folder(name), 0, 114, 178) > 20 || lengths[i] < 5, "%d s: the first lane's bars", lengths[i]);
        CHECK(count_pixels(in_folder(name), 213, 94, 0) > 20 || lengths[i] < 15, "%d s: the second's", lengths[i]);
        snprintf(name, sizeof name, "%d.svg", lengths[i]);
        draw(in_folder(name), lengths[i], &with_sound);
        check_svg(in_folder(name));
    }
}

static void without_sound_there_are_lanes_alone(void **state)
{
    char *with, *without;
    size_t n;
    (void)state;

    draw(in_folder("with.svg"), 30, &with_sound);
    draw(in_folder("without.svg"), 30, &without_sound);
    check_svg(in_folder("without.svg"));
    n = read_picture(in_folder("with.svg"), &with);
    CHECK(strstr(with, "data:image/png"), "%zu bytes hold a spectrogram", n);
    read_picture(in_folder("without.svg"), &without);
    CHECK(!strstr(without, "data:image/png"), "and these none");
}

static void the_same_run_is_the_same_picture(void **state)
{
    char *a, *b;
    size_t n;
    (void)state;

    draw(in_folder("1.png"), 70, &with_sound);
    draw(in_folder("2.png"), 70, &with_sound);
    n = read_picture(in_folder("1.png"), &a);
    CHECK(read_picture(in_folder("2.png"), &b) == n && !memcmp(a, b, n), "%zu bytes", n);
}

static void silence_is_white(void **state)
{
    static uint8_t silence[COLUMNS][BANDS];
    const em_sink_cfg cfg = picture(in_folder("silence.png"), &with_sound);
    em_event e = hop(1);
    em_err err;
    em_sink *s;
    (void)state;

    open_picture(&s, &cfg);
    e.u.scores.columns = silence[0];
    e.u.scores.n_columns = COLUMNS;
    e.u.scores.n_bands = BANDS;
    e.u.scores.column_s = 0.01;
    e.u.scores.columns_end = 1;
    CHECK_OK(em_sink_put(s, &e, &err));
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    CHECK(count_pixels(in_folder("silence.png"), 251, 252, 247) > 400000, "the spectrogram is of nothing's colour: %d",
          count_pixels(in_folder("silence.png"), 251, 252, 247));
}

static void odd_runs_are_pictures_too(void **state)
{
    const em_sink_cfg cfg = picture(in_folder("odd.png"), &with_sound);
    em_event e = hop(NAN);
    em_err err;
    em_sink *s;
    (void)state;

    open_picture(&s, &cfg);                                     /* nothing was heard */
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    CHECK(count_pixels(in_folder("odd.png"), 102, 102, 102) > 0, "its words");

    CHECK_OK(em_sink_open(&s, &cfg, &err));                     /* records without a beginning, and of no time */
    CHECK_OK(em_sink_put(s, &e, &err));
    put_sound(s, 1, -5, 1e300);
    put_sound(s, 2, NAN, NAN);
    for (int i = 0; i < 100; i++) {                             /* more groups than there is room for */
        static char labels[100][16];

        snprintf(labels[i], sizeof labels[i], "group %d", i);
        e = sound(EM_EVENT_OFFSET);
        e.u.sound.i_class = -1;
        e.u.sound.label = labels[i];
        CHECK_OK(em_sink_put(s, &e, &err));
    }
    put_hop(s, 3, true);
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    CHECK(count_pixels(in_folder("odd.png"), 0, 114, 178) > 100, "its lanes");
}

static void a_run_that_was_cut_leaves_its_part(void **state)
{
    const em_sink_cfg cfg = picture(in_folder("cut.png"), &without_sound);
    em_err err;
    em_sink *s;
    (void)state;

    open_picture(&s, &cfg);
    put_hop(s, 1, false);
    CHECK_OK(em_sink_close(s, EM_SINK_CUT, &err));
    CHECK(access(in_folder("cut.png"), F_OK) != 0 && access(in_folder("cut.png.part"), F_OK) == 0, "cut.png.part alone");
    unlink(in_folder("cut.png.part"));
}

static void other_names_are_refused(void **state)
{
    const em_sink_cfg cfg = picture(in_folder("a.jpg"), &without_sound);
    em_err err;
    em_sink *s;
    (void)state;

    CHECK(em_sink_open(&s, &cfg, &err) == EM_EINVAL && strstr(err.msg, ".svg or .png"), "%s", err.msg);
    CHECK(access(in_folder("a.jpg"), F_OK) != 0 && access(in_folder("a.jpg.part"), F_OK) != 0, "and nothing is left");
}

static int set_up(void **state)
{
    for (int i = 0; i < BANDS; i++)
        band_hz[i] = 60.f * powf(13000.f / 60, (float)i / (BANDS - 1));
    return make_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_all_lengths_are_drawn),
        cmocka_unit_test(without_sound_there_are_lanes_alone),
        cmocka_unit_test(the_same_run_is_the_same_picture),
        cmocka_unit_test(silence_is_white),
        cmocka_unit_test(odd_runs_are_pictures_too),
        cmocka_unit_test(a_run_that_was_cut_leaves_its_part),
        cmocka_unit_test(other_names_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
