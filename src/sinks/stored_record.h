/* stored_record.h - one record of a file of scores (stored.h): from its bytes to an event. One thread at a time. */
#ifndef EM_SINKS_STORED_RECORD_H
#define EM_SINKS_STORED_RECORD_H

#include "sinks/stored.h"

#include <stddef.h>

typedef struct em_stored_record {
    const em_stored_head *head;
    unsigned char *bytes;           /* [most] of the newest record; whoever reads the file fills it    */
    size_t most, n, at;             /* n of them are its; at: taken so far                             */
    float *scores, *slots;          /* of the newest hop                                               */
    char   source[EM_STORED_NAME];  /* the newest name                                                 */
} em_stored_record;

/* Room for the records that head allows; *head must outlive *r. EM_EFORMAT: no model has so many; EM_ENOMEM. The caller ends *r with
 * em_stored_record_deinit, always. */
em_status em_stored_record_init(em_stored_record *r, const em_stored_head *head, const char *path, em_err *err);
void      em_stored_record_deinit(em_stored_record *r);

/* The n bytes as a record of that letter, whatever they are; false: they are none. What *e points to is r's, up to the next call. */
bool em_stored_record_take(em_stored_record *r, char letter, em_event *e);

/* Likewise, as the name of the source that records are of from here on. */
bool em_stored_record_take_name(em_stored_record *r);

#endif
