/* row.h - what a format is made of, inside src/sinks. */
#ifndef EM_SINKS_ROW_H
#define EM_SINKS_ROW_H

#include "sinks/out.h"
#include "sinks/sink.h"

typedef struct em_sink_row {
    const char *format, *help;      /* help NULL: not for --format                                              */
    const char *option;             /* not NULL: name and traits alone; the row is em_sink_FORMAT of the module
                                       earmark-FORMAT.so, which this build option brings                       */
    em_sink_traits traits;          /* of the table's row; a module's has none                                 */
    const void *kind;               /* where several formats share a file: what tells this one from the others */
    bool   has_no_file;             /* it writes to no path and not to stdout: cfg.path is not opened           */
    size_t n_bytes;                 /* of the format's own struct, which begins with an em_sink; zeroed        */
    em_status (*init)(em_sink *s, em_err *err);                         /* NULL: nothing to do                 */
    em_status (*put)(em_sink *s, const em_event *e, em_err *err);
    em_status (*end)(em_sink *s, em_err *err);                          /* what was held back goes out, before the
                                                                           output closes; NULL: nothing is     */
    void      (*deinit)(em_sink *s);                                    /* also after an init that failed      */
} em_sink_row;

struct em_sink {
    const em_sink_row *row;
    em_sink_traits traits;
    em_sink_cfg cfg;
    em_out      out;
    bool        is_open;            /* its init went well                                                      */
};

extern const em_sink_row em_sink_text, em_sink_jsonl, em_sink_audacity, em_sink_dcase, em_sink_sed_eval, em_sink_audioset,
    em_sink_vtt, em_sink_srt, em_sink_raven, em_sink_csv, em_sink_obs, em_sink_exec, em_sink_clip, em_sink_store, em_sink_status,
    em_sink_mqtt, em_sink_osc, em_sink_web, em_sink_picture, em_sink_midi;

#endif
