/* midi.h - short MIDI messages on their way from whoever tells events to a callback that sends them: a ring with one writer and one
 * reader, no pointer, no lock and no call inside, so that the reader may be a real-time callback.
 *
 * Plain memory of the caller's, zeroed before use. The writer is one thread, the reader one callback at a time. */
#ifndef EM_BASE_MIDI_H
#define EM_BASE_MIDI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { EM_MIDI_ROOM = 1024, EM_MIDI_CHANNELS = 16, EM_MIDI_NOTES = 128 };
enum { EM_MIDI_NOTE_OFF = 0x80, EM_MIDI_NOTE_ON = 0x90, EM_MIDI_CONTROL = 0xb0, EM_MIDI_ALL_NOTES_OFF = 123 };

typedef struct em_midi_message { uint8_t bytes[3]; } em_midi_message;      /* status with channel 0..15, then two of 0..127 */

typedef struct em_midi {
    _Alignas(64) _Atomic uint32_t n_put;        /* free-running: only differences mean anything */
    _Alignas(64) _Atomic uint32_t n_taken;
    _Alignas(64) em_midi_message messages[EM_MIDI_ROOM];
} em_midi;

/* The writer: messages that there is room for. */
static inline uint32_t em_midi_room(const em_midi *m)
{
    return EM_MIDI_ROOM - (atomic_load_explicit(&m->n_put, memory_order_relaxed) - atomic_load_explicit(&m->n_taken, memory_order_acquire));
}

/* The writer: false, and nothing changes, without room. */
static inline bool em_midi_put(em_midi *m, em_midi_message message)
{
    const uint32_t n = atomic_load_explicit(&m->n_put, memory_order_relaxed);

    if (em_midi_room(m) == 0)
        return false;
    m->messages[n % EM_MIDI_ROOM] = message;
    atomic_store_explicit(&m->n_put, n + 1, memory_order_release);
    return true;
}

/* [rt] The reader: the oldest message, which stays until em_midi_drop; false: there is none. */
static inline bool em_midi_peek(const em_midi *m, em_midi_message *out)
{
    const uint32_t n = atomic_load_explicit(&m->n_taken, memory_order_relaxed);

    if (n == atomic_load_explicit(&m->n_put, memory_order_acquire))
        return false;
    *out = m->messages[n % EM_MIDI_ROOM];
    return true;
}

/* [rt] After a peek that had one. */
static inline void em_midi_drop(em_midi *m)
{
    const uint32_t n = atomic_load_explicit(&m->n_taken, memory_order_relaxed);

    atomic_store_explicit(&m->n_taken, n + 1, memory_order_release);
}

#endif
