/* sink_status.c - the newest event as the status of a service, as `systemctl status` shows it. What finds the socket full is
 * left out: the next one tells more. */
#include "base/notify.h"
#include "sinks/line.h"
#include "sinks/row.h"

enum { TEXT_BYTES = 320 };

static em_status status_put(em_sink *s, const em_event *e, em_err *err)
{
    char text[TEXT_BYTES];
    em_line line = { text, 0, sizeof text };

    (void)err;
    if (e->type == EM_EVENT_ONSET || e->type == EM_EVENT_OFFSET) {
        em_line_put_name(&line, e->u.sound.label);
        em_line_put(&line, " %.2f ", (double)e->u.sound.score);
        em_line_put_time(&line, e->u.sound.onset);
        if (e->type == EM_EVENT_OFFSET) {
            em_line_put(&line, " - ");
            em_line_put_time(&line, e->u.sound.offset);
        }
        em_line_put(&line, ", ");
        em_line_put_name(&line, e->source);
    } else if (e->type == EM_EVENT_SOURCE) {
        em_line_put_name(&line, e->source);
        em_line_put(&line, e->u.source_state.is_up ? ": sound comes" : ": no sound comes, looking for it");
    } else {
        return EM_OK;
    }
    em_notify_status(s->cfg.notify, text);
    return EM_OK;
}

const em_sink_row em_sink_status = { .format = "status", .traits = { .extension = "status", .is_events = true }, .n_bytes = sizeof(em_sink),
                                    .has_no_file = true, .put = status_put };
