/* onset_order.c - a sorted list of events that wait, and the sounds that are not over yet: see onset_order.h. */
#include "sinks/onset_order.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_BYTES = 160, HOLD_WINDOWS = 3 };

static const double usual_window_s = 10;            /* until a START record says */

typedef struct waiting { em_event event; char source[SOURCE_BYTES]; } waiting;
typedef struct sounding { char id[EM_EVENT_ID_CHARS]; double onset_s; } sounding;

struct em_onset_order {
    waiting  list[EM_ORDER_MOST];   /* over, ordered by onset                */
    int      n;
    sounding open[EM_ORDER_MOST];   /* not over; those beyond are not waited for */
    int      n_open;
    waiting  taken;
    double   now_s, window_s, last_s;
};

em_status em_onset_order_new(em_onset_order **out, em_err *err)
{
    if (!(*out = calloc(1, sizeof **out)))
        return em_fail(err, EM_ENOMEM, "no memory for events that wait for their turn");
    (*out)->window_s = usual_window_s;
    return EM_OK;
}

void em_onset_order_free(em_onset_order *o)
{
    free(o);
}

static double onset_of(const em_event *e)
{
    return e->type == EM_EVENT_MARK ? e->time : e->u.sound.onset;
}

static void begin(em_onset_order *o, const em_event *e)
{
    sounding *s = &o->open[o->n_open];

    if (o->n_open == EM_ORDER_MOST)
        return;
    memcpy(s->id, e->u.sound.id, sizeof s->id);
    s->onset_s = e->u.sound.onset;
    o->n_open++;
}

static void end(em_onset_order *o, const em_event *e)
{
    for (int i = 0; i < o->n_open; i++)
        if (strcmp(o->open[i].id, e->u.sound.id) == 0) {
            o->open[i] = o->open[--o->n_open];
            return;
        }
}

static void wait_for_turn(em_onset_order *o, const em_event *e)
{
    int at = o->n;

    assert(o->n < EM_ORDER_MOST);
    while (at > 0 && onset_of(&o->list[at - 1].event) > onset_of(e))
        at--;
    memmove(&o->list[at + 1], &o->list[at], (size_t)(o->n - at) * sizeof *o->list);
    o->list[at].event = *e;
    snprintf(o->list[at].source, SOURCE_BYTES, "%s", e->source ? e->source : "");
    o->n++;
}

void em_onset_order_put(em_onset_order *o, const em_event *e)
{
    switch (e->type) {
    case EM_EVENT_START:
        o->window_s = e->u.start.window_s;
        break;
    case EM_EVENT_SCORES:
        if (e->time > o->now_s)
            o->now_s = e->time;
        break;
    case EM_EVENT_ONSET:
        begin(o, e);
        break;
    case EM_EVENT_RETRACT:
        end(o, e);
        break;
    case EM_EVENT_OFFSET:
        end(o, e);
        wait_for_turn(o, e);
        break;
    case EM_EVENT_MARK:
        wait_for_turn(o, e);
        break;
    case EM_EVENT_LOST:                             /* perhaps the ends of some of them */
        o->n_open = 0;
        break;
    default:
        break;
    }
}

/* An onset may still move by a window when its sound is over. */
static bool is_first(const em_onset_order *o, double onset_s)
{
    for (int i = 0; i < o->n_open; i++)
        if (o->open[i].onset_s <= onset_s + o->window_s)
            return false;
    return o->now_s - onset_s >= HOLD_WINDOWS * o->window_s;
}

/* In order, also where it comes too late. */
static void settle(em_onset_order *o)
{
    em_event *e = &o->taken.event;

    o->last_s = fmax(onset_of(e), o->last_s);
    if (e->type == EM_EVENT_MARK) {
        e->time = o->last_s;
    } else {
        e->u.sound.onset = o->last_s;
        e->u.sound.offset = fmax(e->u.sound.offset, o->last_s);
    }
    e->source = o->taken.source;
}

const em_event *em_onset_order_take(em_onset_order *o, bool is_end)
{
    if (o->n == 0 || (!is_end && o->n < EM_ORDER_MOST && !is_first(o, onset_of(&o->list[0].event))))
        return NULL;
    o->taken = o->list[0];
    o->n--;
    memmove(o->list, o->list + 1, (size_t)o->n * sizeof *o->list);
    settle(o);
    return &o->taken.event;
}
