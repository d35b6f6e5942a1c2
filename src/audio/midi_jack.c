/* The real-time part of midi_jack.h: memory of the session's, and JACK's own calls for it. */
#include "audio/midi_jack.h"

/* False: the cycle's buffer is full. */
static bool send(em_jack_midi *m, void *buffer, em_midi_message message)
{
    const uint32_t channel = message.bytes[0] & 15u, note = message.bytes[1] & 127u, bit = 1u << note % 32;

    if (jack_midi_event_write(buffer, 0, message.bytes, sizeof message.bytes) != 0)
        return false;
    m->used |= 1u << channel;
    if ((message.bytes[0] & 0xf0) == EM_MIDI_NOTE_ON)
        m->sounding[channel][note / 32] |= bit;
    else if ((message.bytes[0] & 0xf0) == EM_MIDI_NOTE_OFF)
        m->sounding[channel][note / 32] &= ~bit;
    return true;
}

static bool end_notes(em_jack_midi *m, void *buffer)
{
    for (uint32_t channel = 0; channel < EM_MIDI_CHANNELS; channel++)
        for (uint32_t note = 0; note < EM_MIDI_NOTES; note++) {
            const em_midi_message off = { { (uint8_t)(EM_MIDI_NOTE_OFF | channel), (uint8_t)note, 0 } };

            if ((m->sounding[channel][note / 32] & 1u << note % 32) != 0 && !send(m, buffer, off))
                return false;
        }
    return true;
}

/* True: nothing is left to be said. */
static bool say_goodbye(em_jack_midi *m, void *buffer)
{
    if (!end_notes(m, buffer))
        return false;
    for (uint32_t channel = 0; channel < EM_MIDI_CHANNELS; channel++) {
        const em_midi_message all_off = { { (uint8_t)(EM_MIDI_CONTROL | channel), EM_MIDI_ALL_NOTES_OFF, 0 } };

        if ((m->used & 1u << channel) == 0)
            continue;
        if (!send(m, buffer, all_off))
            return false;
        m->used &= ~(1u << channel);
    }
    return true;
}

static void send_waiting(em_jack_midi *m, em_midi *queue, void *buffer)
{
    em_midi_message message;

    for (uint32_t i = 0; i < EM_MIDI_ROOM && em_midi_peek(queue, &message); i++) {
        if (m->has_begun && !send(m, buffer, message))
            return;
        em_midi_drop(queue);
    }
    m->has_begun = true;
}

void em_jack_midi_process(em_jack_midi *m, em_midi *queue, jack_nframes_t n)
{
    void *buffer;

    if (!m->port)
        return;
    buffer = jack_port_get_buffer(m->port, n);
    jack_midi_clear_buffer(buffer);
    if (atomic_load_explicit(&m->is_leaving, memory_order_acquire) == 0) {
        if (queue)
            send_waiting(m, queue, buffer);
        return;
    }
    /* 1: all is said in this cycle; 2: the next one came, so that it was heard. */
    if (atomic_load_explicit(&m->has_left, memory_order_relaxed) != 0)
        atomic_store_explicit(&m->has_left, 2, memory_order_release);
    else if (say_goodbye(m, buffer))
        atomic_store_explicit(&m->has_left, 1, memory_order_relaxed);
}
