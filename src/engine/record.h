/* record.h - an event as one block of bytes: the struct, the source's name, then its arrays, whose pointers are set
 * anew where it is read. Plain functions, no state. */
#ifndef EM_ENGINE_RECORD_H
#define EM_ENGINE_RECORD_H

#include "base/event.h"

#include <stddef.h>

typedef struct em_record_cfg {      /* the most that events hold                         */
    int    n_classes, n_slots, n_embedding;
    size_t column_bytes;            /* of a hop's columns; 0: neither columns nor vitals */
} em_record_cfg;

/* Bytes that any event takes, aligned for it. */
size_t em_record_bytes(const em_record_cfg *cfg);

/* Copies *e into item[em_record_bytes]. The strings of a start record and of a gap's reason stay borrowed. */
void em_record_pack(char *item, const em_event *e, const em_record_cfg *cfg);

/* The event in item, a copy of what was packed, aligned as that was. It points into item. */
em_event *em_record_unpack(char *item, const em_record_cfg *cfg);

#endif
