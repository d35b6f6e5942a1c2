/* sink_jsonl.c - JSON Lines, one record of event_json.h a line (application/x-ndjson). */
#include "sinks/event_json.h"
#include "sinks/row.h"

typedef struct jsonl {
    em_sink base;
    em_event_json record;
} jsonl;

static em_status jsonl_init(em_sink *s, em_err *err)
{
    return em_event_json_init(&((jsonl *)s)->record, &s->cfg, err);
}

static void jsonl_deinit(em_sink *s)
{
    em_event_json_deinit(&((jsonl *)s)->record);
}

static em_status jsonl_put(em_sink *base, const em_event *e, em_err *err)
{
    em_json *line = &((jsonl *)base)->record.json;
    bool has_one;
    em_status status = em_event_json_put(&((jsonl *)base)->record, e, &has_one, err);

    if (status || !has_one)
        return status;
    em_json_newline(line);
    return line->has_failed ? em_fail(err, EM_ENOMEM, "no memory for a record of jsonl") : em_out_write(&base->out, line->text, line->n, err);
}

const em_sink_row em_sink_jsonl = {
    .format = "jsonl", .help = "one JSON object a line", .n_bytes = sizeof(jsonl),
    .traits = { .extension = "jsonl", .is_asked = true },
    .init = jsonl_init, .put = jsonl_put, .deinit = jsonl_deinit,
};
