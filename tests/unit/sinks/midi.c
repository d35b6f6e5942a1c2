/* Events as notes: each that begins has its end, whatever is shared, lost, taken back or too much. */
#include "check.h"

#include "made.h"

#include "base/midi.h"

#include <math.h>

static em_midi queue;
static const em_midi_key keys[N + 1] = { { 9, 36, -1 }, { 0, 69, 20 }, { 9, 36, -1 }, { 0, 69, -1 }, { 2, 60, -1 } };
static const char *const groups[] = { "alarm" };
static const em_sink_midi_cfg cfg = { &queue, keys, groups, 1 };

static em_sink *open_midi(void)
{
    em_sink_cfg sink = usual("midi", NULL);
    em_sink *s;
    em_err err;

    memset(&queue, 0, sizeof queue);
    sink.midi = &cfg;
    CHECK_OK(em_sink_open(&s, &sink, &err));
    return s;
}

static void tell(em_sink *s, em_event_type type, int c, int id, float score)
{
    em_event e = sound(type);
    em_err err;

    e.u.sound.i_class = c < N ? c : -1;
    e.u.sound.label = c < N ? classes.labels[c] : groups[0];
    e.u.sound.score = score;
    snprintf(e.u.sound.id, sizeof e.u.sound.id, "%026d", id);
    CHECK_OK(em_sink_put(s, &e, &err));
}

/* The next message, or -1; as 0xSSDDDD. */
static int next(void)
{
    em_midi_message m;

    if (!em_midi_peek(&queue, &m))
        return -1;
    em_midi_drop(&queue);
    return m.bytes[0] << 16 | m.bytes[1] << 8 | m.bytes[2];
}

static void close_midi(em_sink *s)
{
    em_err err;

    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
}

#define NEXT(want) do { const int got = next(); CHECK(got == (want), "%06x, not %06x", got, want); } while (0)

static void an_event_is_a_note(void **state)
{
    em_sink *s = open_midi();
    (void)state;

    tell(s, EM_EVENT_ONSET, 0, 1, 0.5f);
    NEXT(0x992440);
    tell(s, EM_EVENT_OFFSET, 0, 1, 0.9f);
    NEXT(0x892400);
    tell(s, EM_EVENT_ONSET, N, 2, 0.0001f);
    NEXT(0x923c01);                                             /* a group's; never silent */
    tell(s, EM_EVENT_RETRACT, N, 2, 0);
    NEXT(0x823c00);
    tell(s, EM_EVENT_ONSET, 3, 3, NAN);
    NEXT(0x904501);
    tell(s, EM_EVENT_OFFSET, 1, 99, 1);                         /* of an event that never began */
    NEXT(-1);
    close_midi(s);
    NEXT(0x804500);                                             /* what is on at the end ends */
    NEXT(-1);
}

static void a_shared_note_ends_with_its_last_sound(void **state)
{
    em_sink *s = open_midi();
    (void)state;

    tell(s, EM_EVENT_ONSET, 0, 1, 1);
    NEXT(0x99247f);
    tell(s, EM_EVENT_ONSET, 2, 2, 1);
    NEXT(0x892400);
    NEXT(0x99247f);
    tell(s, EM_EVENT_OFFSET, 0, 1, 1);
    NEXT(-1);
    tell(s, EM_EVENT_RETRACT, 2, 2, 1);
    NEXT(0x892400);
    close_midi(s);
    NEXT(-1);
}

static void lost_records_end_all_notes(void **state)
{
    em_event lost = { .type = EM_EVENT_LOST, .source = "dog.wav", .utc_ms = -1 };
    em_sink *s = open_midi();
    em_err err;
    (void)state;

    tell(s, EM_EVENT_ONSET, 0, 1, 1);
    tell(s, EM_EVENT_ONSET, 1, 2, 1);
    next();
    next();
    CHECK_OK(em_sink_put(s, &lost, &err));
    CHECK((next() & 0xf00000) == 0x800000 && (next() & 0xf00000) == 0x800000 && next() < 0, "two offs");
    close_midi(s);
    NEXT(-1);
}

static void controllers_follow_where_scores_change(void **state)
{
    em_event e = hop(1);
    float other[N] = { 1, 0.25f, 1, 1 };
    em_sink *s = open_midi();
    em_err err;
    (void)state;

    CHECK_OK(em_sink_put(s, &e, &err));
    NEXT(0xb0146f);                                             /* .875 of class 1 */
    CHECK_OK(em_sink_put(s, &e, &err));
    NEXT(-1);
    e.u.scores.scores = other;
    CHECK_OK(em_sink_put(s, &e, &err));
    NEXT(0xb01420);
    NEXT(-1);
    close_midi(s);
}

/* Nobody takes anything: what began has its end in the ring, what has no room was never begun. */
static void a_full_ring_loses_no_end(void **state)
{
    em_sink *s = open_midi();
    int n_on = 0, n_off = 0, message;
    (void)state;

    for (int i = 0; i < 5000; i++) {
        tell(s, EM_EVENT_ONSET, i % (N + 1), i, 1);
        if (i >= 300)                                           /* more at once than are followed */
            tell(s, i % 2 ? EM_EVENT_OFFSET : EM_EVENT_RETRACT, (i - 300) % (N + 1), i - 300, 1);
    }
    close_midi(s);
    while ((message = next()) >= 0) {
        n_on += (message & 0xf00000) == 0x900000;
        n_off += (message & 0xf00000) == 0x800000;
        CHECK(n_off <= n_on, "an off before its on");
    }
    CHECK(n_on > 300 && n_on == n_off, "%d on, %d off", n_on, n_off);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_a_note),
        cmocka_unit_test(a_shared_note_ends_with_its_last_sound),
        cmocka_unit_test(lost_records_end_all_notes),
        cmocka_unit_test(controllers_follow_where_scores_change),
        cmocka_unit_test(a_full_ring_loses_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
