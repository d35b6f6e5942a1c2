/* memory_sink.c - keeps events as they come, or misbehaves as a test wants it to: see memory_sink.h. */
#include "memory_sink.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

em_status em_sink_put(em_sink *s, const em_event *e, em_err *err)
{
    memory_event *m;

    atomic_fetch_add(&s->n_put, 1);
    while (atomic_load(&s->is_held) && !atomic_load(&s->is_hurried))
        em_sleep_ms(1);
    if (atomic_load(&s->is_held))
        return em_fail(err, EM_ECANCELED, "memory: takes nothing");
    if (s->gone_after && s->n >= s->gone_after)
        return em_fail(err, EM_ECANCELED, "memory: nobody reads");
    if (s->broken_until > 0) {
        s->broken_until--;
        return em_fail(err, EM_EIO, "memory: is full");
    }
    if (s->n == MEMORY_EVENTS)
        return em_fail(err, EM_EIO, "memory: more events than a test expects");
    m = &s->events[s->n++];
    if (s->stop && s->n == s->stop_after)
        atomic_store(s->stop, true);
    m->e = *e;
    snprintf(m->source, sizeof m->source, "%s", e->source ? e->source : "");
    if (e->type == EM_EVENT_SCORES)
        memcpy(m->scores, e->u.scores.scores, (size_t)s->n_classes * sizeof *m->scores);
    if (e->type == EM_EVENT_SUMMARY)
        memcpy(m->scores, e->u.summary.max, (size_t)s->n_classes * sizeof *m->scores);
    return EM_OK;
}

const char *em_sink_name(const em_sink *s)
{
    (void)s;
    return "memory";
}

void em_sink_hurry(em_sink *s)
{
    atomic_store(&s->is_hurried, true);
}

int memory_count(const em_sink *s, em_event_type type)
{
    int n = 0;

    for (int i = 0; i < s->n; i++)
        n += s->events[i].e.type == type;
    return n;
}

const memory_event *memory_nth(const em_sink *s, em_event_type type, int i)
{
    for (int k = 0; k < s->n; k++)
        if (s->events[k].e.type == type && i-- == 0)
            return &s->events[k];
    return NULL;
}
