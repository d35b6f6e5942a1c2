/* sink_midi.c - events as notes: on when a sound is known, off when it is over or never was, into the ring that a JACK client's callback
 * empties (base/midi.h).
 *
 *   velocity    127 times the score, 1 at the least
 *   one note    of several classes: a new sound ends the note and begins it anew, the last one to end ends it for good
 *   controller  127 times the score at every hop, where it changed
 *
 * Every note that is on has its place for an off in the ring: where there is no more room than that, a new note is left out, and counted.
 * What is on when the client leaves it ends by itself. */
#include "sinks/row.h"

#include "base/log.h"
#include "base/midi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPEN = 256, NO_VALUE = 255 };

typedef struct sounding { char id[EM_EVENT_ID_CHARS]; em_midi_key key; } sounding;

typedef struct midi {
    em_sink  base;
    em_midi *queue;
    sounding open[MOST_OPEN];
    uint32_t n_open, n_left_out;
    uint8_t  n_on[EM_MIDI_CHANNELS][EM_MIDI_NOTES];     /* sounds that hold a note; MOST_OPEN of them wrap to none */
    uint8_t *values;                /* [n_classes] of controllers, as sent */
} midi;

_Static_assert(MOST_OPEN <= 256, "n_on counts in a byte");

static em_status midi_init(em_sink *s, em_err *err)
{
    midi *m = (midi *)s;

    m->queue = s->cfg.midi->queue;
    if (!(m->values = malloc((size_t)s->cfg.classes->n + 1)))
        return em_fail(err, EM_ENOMEM, "no memory for MIDI");
    memset(m->values, NO_VALUE, (size_t)s->cfg.classes->n);
    return EM_OK;
}

static void midi_deinit(em_sink *s)
{
    free(((midi *)s)->values);
}

static uint8_t seven_bits(float x)
{
    return (uint8_t)lrintf(127 * fminf(fmaxf(x, 0), 1));
}

static bool put(midi *m, int status, uint8_t channel, uint8_t a, uint8_t b)
{
    return em_midi_put(m->queue, (em_midi_message){ { (uint8_t)(status | channel), a, b } });
}

/* Room for n messages beside the offs that are to come. */
static bool has_room(const midi *m, uint32_t n)
{
    return em_midi_room(m->queue) >= m->n_open + n;
}

static em_midi_key key_of(const midi *m, const em_event *e)
{
    const em_sink_midi_cfg *cfg = m->base.cfg.midi;

    if (e->u.sound.i_class >= 0)
        return cfg->keys[e->u.sound.i_class];
    for (int g = 0; g < cfg->n_groups; g++)
        if (strcmp(cfg->groups[g], e->u.sound.label) == 0)
            return cfg->keys[m->base.cfg.classes->n + g];
    return (em_midi_key){ .note = EM_MIDI_USUAL_NOTE, .control = -1 };
}

static void leave_out(midi *m, const char *label)
{
    if (m->n_left_out++ == 0)
        em_log(EM_LOG_WARNING, "midi: no room for a note for %.60s: the JACK server takes none, or too much sounds; such notes are left out",
               label);
}

static void begin(midi *m, const em_event *e)
{
    const em_midi_key key = key_of(m, e);
    const uint8_t velocity = seven_bits(e->u.sound.score);
    uint8_t *n_on = &m->n_on[key.channel][key.note];

    if (m->n_open == MOST_OPEN || *n_on == UINT8_MAX || !has_room(m, 3)) {
        leave_out(m, e->u.sound.label);
        return;
    }
    if (*n_on > 0)
        put(m, EM_MIDI_NOTE_OFF, key.channel, key.note, 0);
    put(m, EM_MIDI_NOTE_ON, key.channel, key.note, velocity > 0 ? velocity : 1);
    ++*n_on;
    m->open[m->n_open].key = key;
    memcpy(m->open[m->n_open].id, e->u.sound.id, sizeof m->open->id);
    m->n_open++;
}

static void end_at(midi *m, uint32_t i)
{
    const em_midi_key key = m->open[i].key;

    if (--m->n_on[key.channel][key.note] == 0)
        put(m, EM_MIDI_NOTE_OFF, key.channel, key.note, 0);
    m->open[i] = m->open[--m->n_open];
}

static void end(midi *m, const em_event *e)
{
    for (uint32_t i = 0; i < m->n_open; i++)
        if (strcmp(m->open[i].id, e->u.sound.id) == 0) {
            end_at(m, i);
            return;
        }
}

static void end_all(midi *m)
{
    while (m->n_open > 0)
        end_at(m, m->n_open - 1);
}

static void put_controllers(midi *m, const float *scores)
{
    const em_midi_key *keys = m->base.cfg.midi->keys;

    for (int c = 0; c < m->base.cfg.classes->n; c++) {
        const uint8_t value = seven_bits(scores[c]);

        if (keys[c].control < 0 || value == m->values[c] || !has_room(m, 3))
            continue;
        put(m, EM_MIDI_CONTROL, keys[c].channel, (uint8_t)keys[c].control, value);
        m->values[c] = value;
    }
}

static em_status midi_put(em_sink *s, const em_event *e, em_err *err)
{
    midi *m = (midi *)s;

    (void)err;
    if (e->type == EM_EVENT_SCORES)
        put_controllers(m, e->u.scores.scores);
    else if (e->type == EM_EVENT_ONSET)
        begin(m, e);
    else if (e->type == EM_EVENT_OFFSET || e->type == EM_EVENT_RETRACT)
        end(m, e);
    else if (e->type == EM_EVENT_LOST || e->type == EM_EVENT_STOP)      /* an end may be among what was lost */
        end_all(m);
    return EM_OK;
}

static em_status midi_end(em_sink *s, em_err *err)
{
    midi *m = (midi *)s;

    (void)err;
    end_all(m);
    if (m->n_left_out > 0)
        em_log(EM_LOG_WARNING, "midi: %u notes were left out", m->n_left_out);
    return EM_OK;
}

const em_sink_row em_sink_midi = {
    .format = "midi", .n_bytes = sizeof(midi), .has_no_file = true, .traits = { .is_events = true }, .init = midi_init, .put = midi_put,
    .end = midi_end, .deinit = midi_deinit,
};
