/* The live view on a made-up screen, and what it shows: the largest scores, the last events. */
#include "check.h"

#include "base/text.h"
#include "sinks/line.h"
#include "sinks/recent.h"
#include "sinks/top.h"
#include "sinks/view.h"

#include "made.h"

#include <math.h>

static void the_largest_come_first_and_ties_by_index(void **state)
{
    static const float x[] = { 0.1f, 0.5f, 0.5f, 0.9f, 0.5f };
    static const bool shown[] = { true, true, false, true, true };
    static const float above[] = { 0, 0.6f, 0, 0, 0 };
    int top[5];
    (void)state;

    CHECK(em_top(top, 3, x, 5, NULL, NULL) == 3 && top[0] == 3 && top[1] == 1 && top[2] == 2, "%d %d %d", top[0], top[1], top[2]);
    CHECK(em_top(top, 3, x, 5, shown, NULL) == 3 && top[1] == 1 && top[2] == 4, "without a hidden one");
    CHECK(em_top(top, 3, x, 5, NULL, above) == 3 && top[1] == 2 && top[2] == 4, "without one below its threshold");
    CHECK(em_top(top, 5, x, 5, NULL, NULL) == 5 && top[4] == 0, "all of them");
    CHECK(em_top(top, 0, x, 5, NULL, NULL) == 0, "none asked for");
}

/* A screen that knows just what the view sends: text, newline, CSI nF, K, J, H, m. */
typedef struct screen { char cells[40][300]; int row, col, n_up; } screen;

static void show(screen *s, const char *text, int width)
{
    for (const char *p = text; *p;) {
        if (*p == '\n') {
            s->row++;
            s->col = 0;
            p++;
        } else if (p[0] == '\x1b') {
            char *end;
            long n = strtol(p + 2, &end, 10);

            CHECK(p[1] == '[', "only CSI");
            if (*end == 'F') {
                s->row -= (int)n;
                s->col = 0;
                s->n_up++;
            } else if (*end == 'H') {
                s->row = s->col = 0;
            } else {
                CHECK(strchr("KJm", *end), "unknown sequence ending in %c", *end);
            }
            p = end + 1;
        } else {
            CHECK(s->row >= 0 && s->row < 40, "row %d", s->row);
            CHECK(s->col < width, "row %d is wider than the terminal of %d", s->row, width);
            s->cells[s->row][s->col++] = *p;
            p += em_utf8_length(p) ? em_utf8_length(p) : 1;
        }
    }
}

static void the_view_redraws_in_place_at_any_size(void **state)
{
    static const int sizes[][2] = { { 80, 24 }, { 80, 24 }, { 58, 9 }, { 40, 8 }, { 20, 5 }, { 7, 3 }, { 1, 1 }, { 500, 60 } };
    static const int top[] = { 1, 2, 0, 3 };
    em_view view = { .cfg = { .has_color = true, .has_utf8 = true, .n_rows = 6 } };
    em_view_state what = { .source = "porch", .status = "2 frames lost", .is_up = true, .time = 12, .filled = 0.5, .rms_dbfs = -INFINITY,
                           .peak_dbfs = -3, .n = N, .top = top, .scores = scores, .classes = &classes };
    em_line line = { .room = em_view_room(&view.cfg) };
    em_event e[2] = { sound(EM_EVENT_OFFSET), sound(EM_EVENT_ONSET) };
    em_recent recent = { 0 };
    static screen s;
    (void)state;

    e[1].u.sound.id[0] = '1';
    em_recent_take(&recent, &e[0]);
    em_recent_take(&recent, &e[1]);
    what.recent = &recent;

    line.text = malloc(line.room);
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        int row = s.row;

        line.n = 0;
        em_view_draw(&view, &line, &what, sizes[i][0], sizes[i][1]);
        show(&s, line.text, sizes[i][0]);
        CHECK(line.n < line.room - 1, "%d columns: nothing was cut", sizes[i][0]);
        CHECK(view.n_drawn < sizes[i][1] || sizes[i][1] <= 3, "%d lines on a terminal of %d", view.n_drawn, sizes[i][1]);
        if (i == 1)
            CHECK(s.row == row && s.n_up == 1, "the second drawing lies over the first");
        CHECK(sizes[i][0] < 20 || strncmp(s.cells[0], "porch  0:12", 11) == 0, "%d columns: \"%.20s\"", sizes[i][0], s.cells[0]);
    }
    CHECK(strstr(s.cells[0], "porch") && strstr(s.cells[0], "-inf dBFS"), "head: %s", s.cells[0]);
    CHECK(strstr(s.cells[1], "0.88 Rain, heavy"), "first bar: %s", s.cells[1]);
    CHECK(strstr(s.cells[7], "0:02.24 - 0:03.52  Rain, heavy 0.88"), "first event: %s", s.cells[7]);
    CHECK(strstr(s.cells[8], "0:02.24 - ...  Rain, heavy 0.88"), "one that is not over: %s", s.cells[8]);
    free(line.text);
}

static void the_last_events_are_kept_by_their_ids(void **state)
{
    em_recent r = { 0 };
    em_event e = sound(EM_EVENT_ONSET), other = hop(1);
    (void)state;

    CHECK(!em_recent_take(&r, &other) && r.n == 0, "scores are no event");
    for (int i = 0; i < EM_RECENT + 2; i++) {
        e.u.sound.id[0] = (char)('A' + i);
        CHECK(em_recent_take(&r, &e) && r.n == (i < EM_RECENT ? i + 1 : EM_RECENT), "%d of them", r.n);
    }
    CHECK(r.sounds[0].id[0] == 'C' && r.sounds[EM_RECENT - 1].id[0] == 'E' && !r.sounds[0].is_over, "the newest, oldest first");
    e = sound(EM_EVENT_OFFSET);
    e.u.sound.id[0] = 'D';
    CHECK(em_recent_take(&r, &e) && r.n == EM_RECENT && r.sounds[1].is_over && r.sounds[1].offset == 3.52, "one is over");
    e.type = EM_EVENT_RETRACT;
    CHECK(em_recent_take(&r, &e) && r.n == EM_RECENT - 1 && r.sounds[1].id[0] == 'E', "one never was");
    CHECK(!em_recent_take(&r, &e), "and is not there twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_come_first_and_ties_by_index),
        cmocka_unit_test(the_view_redraws_in_place_at_any_size),
        cmocka_unit_test(the_last_events_are_kept_by_their_ids),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
