/* What all sources share: the row behind them, the consumer's side of the block, the timeline. Every function
 * runs on the one thread that owns the em_source. */
#include "audio/hush.h"
#include "audio/sources.h"
#include "base/channel.h"
#include "base/limits.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_RING_SECONDS = 10, UNKNOWN_RATE = 48000, MOST_RING_BYTES = 256 << 20 };

typedef enum life { OPENED, STARTED, STOPPED } life;

struct em_source {
    const em_source_ops *ops;
    void                *impl;
    em_source_info       info;          /* rate_hz: of the frames taken last     */
    em_capture          *capture;
    ringbuf_reader       reader;
    em_gap               held;          /* taken from the ring, not reported yet */
    uint64_t             n_bad;
    life                 life;
};

static uint32_t ring_frames(const em_source_plan *plan)
{
    int64_t rate = plan->info.rate_hz > 0 ? plan->info.rate_hz : UNKNOWN_RATE;
    int64_t n = plan->ring_frames > 0 ? plan->ring_frames : rate * DEFAULT_RING_SECONDS;
    int64_t most = MOST_RING_BYTES / ((int64_t)sizeof(float) * plan->info.n_channels);

    /* The size is rounded up to a power of two, hence half. */
    return (uint32_t)(n < most / 2 ? n : most / 2);
}

em_status em_source_open(em_source **out, const em_source_cfg *cfg, em_err *err)
{
    const em_source_ops *ops;
    em_source_plan plan = { .info = { .n_frames = -1 } };
    em_err own = { EM_OK, "" };
    em_source *s;

    *out = NULL;
    if (em_source_find(&ops, cfg->kind, &own) != EM_OK)
        return em_fail(err, own.code, "%s", own.msg);
    s = calloc(1, sizeof *s);
    if (!s)
        return em_fail(err, EM_ENOMEM, "no memory for a source");
    s->ops = ops;
    if (ops->open(&s->impl, &plan, cfg, &own) != EM_OK)
        goto failed;
    if (em_capture_new(&s->capture, plan.info.n_channels, ring_frames(&plan), &own) != EM_OK)
        goto failed;
    s->capture->rate_hz = plan.info.rate_hz;
    em_capture_attach_reader(s->capture, &s->reader);
    s->info = plan.info;
    em_text_clean(s->info.name, sizeof s->info.name, plan.info.name);
    *out = s;
    return EM_OK;

failed:
    em_hush_replay();
    em_source_close(s);
    return em_fail(err, own.code, "%s", own.msg);
}

void em_source_close(em_source *s)
{
    if (!s)
        return;
    em_source_stop(s);
    s->ops->close(s->impl);
    em_capture_free(s->capture);
    free(s);
}

em_status em_source_start(em_source *s, em_err *err)
{
    if (s->life != OPENED)
        return em_fail(err, EM_EINVAL, "%s was started before: open it again", s->info.name);
    s->life = STARTED;
    return s->ops->start(s->impl, s->capture, err);
}

void em_source_stop(em_source *s)
{
    if (s->life != STARTED)
        return;
    em_capture_tell_stop(s->capture, true);
    s->ops->stop(s->impl);
    s->life = STOPPED;
    em_capture_settle(s->capture);          /* counted now, and told when there is room for it (is_over) */
}

void em_source_get_info(const em_source *s, em_source_info *out)
{
    *out = s->info;
}

/* Stretches that touch become one, named after the longer. */
static void hold_gap(em_gap *held, const ringbuf_mark *mark)
{
    if (mark->n_missing > held->n_frames && mark->tag < EM_CAPTURE_REASONS)
        held->reason = (em_gap_reason)mark->tag;
    held->n_frames += mark->n_missing;
}

static em_gap give_gap(em_source *s)
{
    em_gap gap = s->held;

    s->held = (em_gap){ 0, EM_GAP_OVERRUN };
    return gap;
}

static bool is_over(em_source *s)
{
    em_source_state state = em_capture_state(s->capture, NULL);

    /* No producer is left, so the writer's handle is ours: what is missing at the very end gets its mark. */
    if (s->life == STOPPED)
        em_capture_settle(s->capture);
    return s->life == STOPPED || state == EM_SOURCE_ENDED || state == EM_SOURCE_FAILED;
}

size_t em_source_take(em_source *s, float *dst, size_t max, em_gap *gap)
{
    const bool is_last = is_over(s);        /* asked first: what came before the end is then seen below */
    const uint32_t n_max = max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
    ringbuf_mark mark;
    uint32_t n = 0;

    *gap = (em_gap){ 0, EM_GAP_OVERRUN };
    for (;;) {
        n = ringbuf_read(&s->reader, dst, n_max);
        if (n > 0 || n_max == 0 || !ringbuf_peek_mark(&s->reader, &mark))
            break;
        if (mark.tag == EM_CAPTURE_RATE_TAG) {
            /* What is missing before the change is counted at the old rate, so it goes out first. */
            if (s->held.n_frames == 0) {
                ringbuf_advance_mark(&s->reader);
                if (mark.value >= EM_RATE_LEAST && mark.value <= EM_RATE_MOST)
                    s->info.rate_hz = (int)mark.value;
            }
            *gap = give_gap(s);
            return 0;
        }
        ringbuf_advance_mark(&s->reader);
        hold_gap(&s->held, &mark);
    }
    if (n > 0 || is_last)
        *gap = give_gap(s);
    s->n_bad += em_channel_clean(dst, (size_t)n * (size_t)s->info.n_channels);
    return n;
}

em_source_state em_source_watch(em_source *s, em_err *err)
{
    em_source_state state;
    em_err own = { EM_OK, "" };

    if (s->life == STARTED && s->ops->watch)
        state = s->ops->watch(s->impl, &own);
    else
        state = em_capture_state(s->capture, &own);
    if (s->life == STOPPED && state != EM_SOURCE_FAILED)
        state = EM_SOURCE_ENDED;
    if (s->reader.is_broken) {
        em_fail(&own, EM_EDEVICE, "%s: the capture side wrote nonsense into the shared ring", s->info.name);
        state = EM_SOURCE_FAILED;
    }
    if (err)
        *err = own;
    return state;
}

void em_source_get_counters(const em_source *s, em_source_counters *out)
{
    const em_capture_shared *shared = s->capture->shared;
    ringbuf_reader reader = s->reader;
    uint32_t n_waiting;

    *out = (em_source_counters){ .taken = reader.n_read, .n_bad_samples = s->n_bad };
    /* Of a producer that stands still in the middle of a callback the ring's own count is all that can be told. */
    if (!em_capture_count(s->capture, &reader, &out->captured, &n_waiting, &out->dropped))
        out->captured = out->taken + out->dropped + n_waiting;
    out->waiting = n_waiting;
    out->room = reader.capacity;
    out->n_xruns = em_capture_xruns(s->capture);
    out->n_latency = atomic_load_explicit(&shared->n_latency, memory_order_relaxed);
    out->n_reconnects = atomic_load_explicit(&shared->n_reconnects, memory_order_relaxed);
}
