/* pickle_machine.h - what the three parts of the pickle machine share: pickle.c (opcodes), pickle_values.c (stack and
 * values) and pickle_torch.c (the globals that are known). Inside src/model/pickle*.c only.
 *
 * Numbers of values are never wrong inside: what pops checks that there is something to pop. */
#ifndef EM_MODEL_PICKLE_MACHINE_H
#define EM_MODEL_PICKLE_MACHINE_H

#include "model/pickle.h"

#include <stdbool.h>

typedef struct em_pickle_opcode em_pickle_opcode;

typedef struct em_pickle_machine {
    em_pickle           *out;
    const unsigned char *bytes;
    size_t               n, at;     /* at: behind the opcode that runs, or behind its argument   */
    size_t               begin;     /* where the opcode that runs stands                         */
    const em_pickle_opcode *op;     /* it                                                        */
    uint32_t            *stack;     /* [n_stack] numbers of values                               */
    uint32_t            *memo;      /* [n_memo], 0: nothing, else the number of a value plus one */
    uint32_t             n_stack, room_stack, n_memo, room_values, room_storages, room_views;
    uint32_t             n_memoized;        /* how many of them are set: MEMOIZE sets the next   */
    uint32_t             marks[EM_PICKLE_MAX_MARKS];        /* heights of the stack              */
    int                  n_marks;
    bool                 is_done;
    const char          *path;
    em_err              *err;
} em_pickle_machine;

/* Says "path: data.pkl byte i: ..." and answers EM_EFORMAT. */
em_status em_pickle_fail(const em_pickle_machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

em_status em_pickle_no_memory(const em_pickle_machine *m);

/* Makes room for one more in a list of elements of n_each bytes; EM_EFORMAT when it would be more than `most`. `what`
 * completes "more than N ...". */
em_status em_pickle_grow(em_pickle_machine *m, void *list, size_t n_each, uint32_t n, uint32_t *room, uint32_t most, const char *what);

em_status em_pickle_push(em_pickle_machine *m, uint32_t value);
em_status em_pickle_push_new(em_pickle_machine *m, em_pickle_value value);
em_status em_pickle_pop(em_pickle_machine *m, uint32_t *value);                     /* not past the last mark          */
em_status em_pickle_pop_mark(em_pickle_machine *m, uint32_t *first, uint32_t *n);   /* stack[first..first + n) was above it */

/* The value on top of the stack, which must be of this kind; `what` names who wants it. */
em_status em_pickle_top(em_pickle_machine *m, em_pickle_value **value, em_pickle_kind kind, const char *what);

/* A tuple of the n values from stack[first] on takes their place. */
em_status em_pickle_tuple(em_pickle_machine *m, uint32_t first, uint32_t n);

/* Appends stack[first..first + n) to a tuple, list or dict. */
em_status em_pickle_append(em_pickle_machine *m, em_pickle_value *to, uint32_t first, uint32_t n);

const char *em_pickle_kind_name(em_pickle_kind kind);

/* After the last opcode: nothing holds itself, and nothing is deeper than EM_PICKLE_MAX_DEPTH. */
em_status em_pickle_check_nesting(em_pickle_machine *m);

/* Pushes the global of this name, which is looked up and nothing else. EM_EFORMAT names it when it is not in the table. */
em_status em_pickle_push_global(em_pickle_machine *m, const char *module, size_t n_module, const char *name, size_t n_name);

/* REDUCE, "a global called with a tuple": pops both and pushes what the call means. */
em_status em_pickle_call(em_pickle_machine *m);

/* BINPERSID: pops the tuple that describes a storage, pushes the storage. */
em_status em_pickle_storage(em_pickle_machine *m);

#endif
