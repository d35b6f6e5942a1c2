/* row.h - what a format is made of, inside src/sinks. */
#ifndef EM_SINKS_ROW_H
#define EM_SINKS_ROW_H

#include "sinks/out.h"
#include "sinks/sink.h"

typedef struct em_sink_row {
    const char *format, *help;      /* help NULL: not for --format                                              */
    size_t n_bytes;                 /* of the format's own struct, which begins with an em_sink; zeroed        */
    em_status (*init)(em_sink *s, em_err *err);                         /* NULL: nothing to do                 */
    em_status (*put)(em_sink *s, const em_event *e, em_err *err);
    void      (*deinit)(em_sink *s);                                    /* also after an init that failed      */
} em_sink_row;

struct em_sink {
    const em_sink_row *row;
    em_sink_cfg cfg;
    em_out      out;
};

extern const em_sink_row em_sink_text, em_sink_jsonl, em_sink_store;

#endif
