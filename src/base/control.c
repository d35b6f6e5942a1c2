/* control.c - a ring of cells, each with a ticket that says whose turn it is: see control.h.
 *
 * The cell of place p is free for the p-th put when its ticket is p, and holds a command when it is p + 1; taking it makes it
 * p + EM_CONTROL_ROOM, the next round's. A writer claims a place by moving `next`, fills the cell and only then turns its ticket,
 * so that a writer that is interrupted in between holds up the reader and nobody else (the bounded queue of D. Vyukov). */
#include "base/control.h"

#include <stdatomic.h>
#include <stdlib.h>

/* tests/unit/base/stress.c weakens each of them, and ThreadSanitizer has to notice. All others are relaxed: `next` only deals places out,
 * and no command is read or written by its word. */
#ifndef EM_CONTROL_WRITER_LOAD_ORDER
#define EM_CONTROL_WRITER_LOAD_ORDER memory_order_acquire       /* the reader has left the cell       */
#endif
#ifndef EM_CONTROL_WRITER_STORE_ORDER
#define EM_CONTROL_WRITER_STORE_ORDER memory_order_release      /* the command is whole               */
#endif
#ifndef EM_CONTROL_READER_LOAD_ORDER
#define EM_CONTROL_READER_LOAD_ORDER memory_order_acquire       /* so it is                           */
#endif
#ifndef EM_CONTROL_READER_STORE_ORDER
#define EM_CONTROL_READER_STORE_ORDER memory_order_release      /* it has been read                   */
#endif

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a signal handler may put");

typedef struct cell {
    atomic_ullong ticket;
    em_control_command command;
} cell;

struct em_control {
    atomic_ullong next;             /* the place that is claimed next */
    uint64_t      taken;            /* the reader's                   */
    atomic_ullong n_refused;
    cell          cells[EM_CONTROL_ROOM];
};

em_control *em_control_new(void)
{
    em_control *c = calloc(1, sizeof *c);

    for (unsigned i = 0; c && i < EM_CONTROL_ROOM; i++)
        atomic_init(&c->cells[i].ticket, i);
    return c;
}

void em_control_free(em_control *c)
{
    free(c);
}

bool em_control_put(em_control *c, const em_control_command *command)
{
    unsigned long long place = atomic_load_explicit(&c->next, memory_order_relaxed);

    for (;;) {
        cell *to = &c->cells[place % EM_CONTROL_ROOM];
        const unsigned long long ticket = atomic_load_explicit(&to->ticket, EM_CONTROL_WRITER_LOAD_ORDER);

        if (ticket < place) {                       /* the last round's command is still there */
            atomic_fetch_add_explicit(&c->n_refused, 1, memory_order_relaxed);
            return false;
        }
        if (ticket > place) {                       /* somebody else has it */
            place = atomic_load_explicit(&c->next, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&c->next, &place, place + 1, memory_order_relaxed, memory_order_relaxed)) {
            to->command = *command;
            atomic_store_explicit(&to->ticket, place + 1, EM_CONTROL_WRITER_STORE_ORDER);
            return true;
        }
    }
}

bool em_control_take(em_control *c, em_control_command *out)
{
    cell *from = &c->cells[c->taken % EM_CONTROL_ROOM];

    if (atomic_load_explicit(&from->ticket, EM_CONTROL_READER_LOAD_ORDER) != c->taken + 1)
        return false;
    *out = from->command;
    atomic_store_explicit(&from->ticket, c->taken + EM_CONTROL_ROOM, EM_CONTROL_READER_STORE_ORDER);
    c->taken++;
    return true;
}

uint64_t em_control_refused(const em_control *c)
{
    return atomic_load_explicit(&c->n_refused, memory_order_relaxed);
}
