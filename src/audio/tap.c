/* The end of a tap that may wait. */
#include "audio/tap.h"

#include "base/clock.h"

void em_tap_cut(em_tap *tap)
{
    atomic_store(&tap->capture, NULL);
    /* A callback inside copies one period and leaves; only a stopped process makes this long. */
    while (atomic_load(&tap->n_inside) != 0)
        em_sleep_ms(0.1);
}
