/* recent.c - a short list, by id: see recent.h. */
#include "sinks/recent.h"

#include <string.h>

static em_recent_sound *find(em_recent *r, const char *id)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->sounds[i].id, id) == 0)
            return &r->sounds[i];
    return NULL;
}

static void take_away(em_recent *r, em_recent_sound *s)
{
    r->n--;
    memmove(s, s + 1, (size_t)(r->sounds + r->n - s) * sizeof *s);
}

static em_recent_sound *add(em_recent *r, const em_event *e)
{
    if (r->n == EM_RECENT)
        take_away(r, r->sounds);
    r->sounds[r->n] = (em_recent_sound){ .label = e->u.sound.label };
    memcpy(r->sounds[r->n].id, e->u.sound.id, sizeof e->u.sound.id);
    return &r->sounds[r->n++];
}

bool em_recent_take(em_recent *r, const em_event *e)
{
    em_recent_sound *s;

    if (e->type != EM_EVENT_ONSET && e->type != EM_EVENT_OFFSET && e->type != EM_EVENT_RETRACT)
        return false;
    s = find(r, e->u.sound.id);
    if (e->type == EM_EVENT_RETRACT) {
        if (s)
            take_away(r, s);
        return s;
    }
    if (!s)
        s = add(r, e);
    s->onset = e->u.sound.onset;
    s->offset = e->u.sound.offset;
    s->score = e->u.sound.score;
    s->is_over = e->type == EM_EVENT_OFFSET;
    return true;
}
