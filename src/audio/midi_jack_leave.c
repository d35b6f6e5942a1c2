/* The end of midi_jack.h that may wait. */
#include "audio/midi_jack.h"

#include "base/clock.h"

#include <math.h>

enum { MOST_PERIODS = 8, LEAST_MS = 100, MOST_MS = 800 };      /* a server that hangs must not keep us */

void em_jack_midi_leave(em_jack_midi *m, double period_s)
{
    const double most_ms = fmin(fmax(MOST_PERIODS * period_s * 1e3, LEAST_MS), MOST_MS);

    if (!m->port)
        return;
    atomic_store_explicit(&m->is_leaving, 1, memory_order_release);
    for (double waited_ms = 0; waited_ms < most_ms && atomic_load_explicit(&m->has_left, memory_order_acquire) != 2; waited_ms++)
        em_sleep_ms(1);
}
