/* mqtt_box.c - a ring of messages and a list of topics, under one lock that is held for moments: see mqtt_box.h.
 *
 * A state that is_due is told before all messages, by the value that it has then; what the ring holds of it from before is out of date
 * and left out. */
#include "sinks/mqtt_box.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct em_mqtt_topic {
    em_mqtt_topic *next;
    em_mqtt_kind kind;
    bool     has_value, is_due;
    uint64_t valid_from;            /* messages of the ring before this one are out of date */
    em_mqtt_message value;
    char     name[];
};

struct em_mqtt_box {
    pthread_mutex_t lock;
    int      fd;
    em_mqtt_topic *first, *last;
    em_mqtt_topic *cursor;          /* where the search for one that is due goes on; NULL: at the first */
    size_t   n_due;
    bool     has_broker;
    em_mqtt_message ring[EM_MQTT_MESSAGES];         /* message i is at i % EM_MQTT_MESSAGES  */
    uint64_t n_put, n_taken, n_dropped;
};

void em_mqtt_message_deinit(em_mqtt_message *m)
{
    free(m->bytes);
    *m = (em_mqtt_message){ 0 };
}

static bool set(em_mqtt_message *m, const em_mqtt_topic *topic, const char *bytes, size_t n)
{
    if (n + 1 > m->room) {
        char *grown = realloc(m->bytes, n + 1);

        if (!grown)
            return false;
        m->bytes = grown;
        m->room = n + 1;
    }
    if (n > 0)
        memcpy(m->bytes, bytes, n);
    m->n = n;
    m->topic = topic;
    return true;
}

static bool is_state(const em_mqtt_topic *t)
{
    return t->kind == EM_MQTT_STATE || t->kind == EM_MQTT_DISCOVERY;
}

/* ---- life ---- */

em_status em_mqtt_box_new(em_mqtt_box **out, em_err *err)
{
    em_mqtt_box *box = calloc(1, sizeof *box);

    *out = NULL;
    if (!box)
        return em_fail(err, EM_ENOMEM, "no memory for messages to a broker");
    pthread_mutex_init(&box->lock, NULL);
    if ((box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0) {
        em_mqtt_box_free(box);
        return em_fail(err, EM_EIO, "no descriptor left for messages to a broker");
    }
    *out = box;
    return EM_OK;
}

void em_mqtt_box_free(em_mqtt_box *box)
{
    if (!box)
        return;
    for (em_mqtt_topic *t = box->first, *next; t; t = next) {
        next = t->next;
        em_mqtt_message_deinit(&t->value);
        free(t);
    }
    for (size_t i = 0; i < EM_MQTT_MESSAGES; i++)
        em_mqtt_message_deinit(&box->ring[i]);
    if (box->fd >= 0)
        close(box->fd);
    pthread_mutex_destroy(&box->lock);
    free(box);
}

em_mqtt_topic *em_mqtt_box_add(em_mqtt_box *box, em_mqtt_kind kind, const char *name)
{
    const size_t n = strlen(name) + 1;
    em_mqtt_topic *t = calloc(1, sizeof *t + n);

    if (!t)
        return NULL;
    t->kind = kind;
    memcpy(t->name, name, n);
    pthread_mutex_lock(&box->lock);
    if (box->last)
        box->last->next = t;
    else
        box->first = t;
    box->last = t;
    pthread_mutex_unlock(&box->lock);
    return t;
}

const char *em_mqtt_topic_name(const em_mqtt_topic *topic) { return topic->name; }
em_mqtt_kind em_mqtt_topic_kind(const em_mqtt_topic *topic) { return topic->kind; }

/* ---- in; under the lock ---- */

static void make_due(em_mqtt_box *box, em_mqtt_topic *t)
{
    box->n_due += !t->is_due;
    t->is_due = true;
    t->valid_from = box->n_put;
}

static bool is_out_of_date(const em_mqtt_box *box, uint64_t i)
{
    return i < box->ring[i % EM_MQTT_MESSAGES].topic->valid_from;
}

/* The oldest message gives way. The topic is the box's own: only what takes from it sees it as constant. */
static void displace(em_mqtt_box *box)
{
    const uint64_t i = box->n_taken++;
    em_mqtt_topic *t = (em_mqtt_topic *)(uintptr_t)box->ring[i % EM_MQTT_MESSAGES].topic;

    if (!is_state(t))
        box->n_dropped++;
    else if (!is_out_of_date(box, i))
        make_due(box, t);
}

static bool enqueue(em_mqtt_box *box, em_mqtt_topic *t, const char *bytes, size_t n)
{
    if (box->n_put - box->n_taken == EM_MQTT_MESSAGES)
        displace(box);
    if (t->is_due)                  /* its last message has just been displaced */
        return true;
    if (!set(&box->ring[box->n_put % EM_MQTT_MESSAGES], t, bytes, n))
        return false;
    box->n_put++;
    return true;
}

static bool put_state(em_mqtt_box *box, em_mqtt_topic *t, const char *bytes, size_t n)
{
    if (t->has_value && t->value.n == n && memcmp(t->value.bytes, bytes, n) == 0)
        return true;
    if (!set(&t->value, t, bytes, n))
        return false;
    t->has_value = true;
    if (!box->has_broker)
        make_due(box, t);
    return t->is_due || enqueue(box, t, bytes, n);
}

em_status em_mqtt_box_put(em_mqtt_box *box, em_mqtt_topic *topic, const char *bytes, size_t n, em_err *err)
{
    bool is_well = true;

    pthread_mutex_lock(&box->lock);
    if (is_state(topic))
        is_well = put_state(box, topic, bytes, n);
    else if (topic->kind == EM_MQTT_EVENT || box->has_broker)
        is_well = enqueue(box, topic, bytes, n);
    pthread_mutex_unlock(&box->lock);
    em_mqtt_box_wake(box);
    return is_well ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for messages to a broker");
}

/* ---- out ---- */

static bool take_due(em_mqtt_box *box, em_mqtt_message *m)
{
    em_mqtt_topic *t = box->cursor ? box->cursor : box->first;

    if (box->n_due == 0)
        return false;
    while (!t->is_due)
        t = t->next ? t->next : box->first;
    box->cursor = t->next;
    t->is_due = false;
    box->n_due--;
    if (set(m, t, t->value.bytes, t->value.n))
        return true;
    box->n_dropped++;
    return false;
}

/* Buffers are changed, not copied. */
static bool take_message(em_mqtt_box *box, em_mqtt_message *m)
{
    while (box->n_taken < box->n_put) {
        const uint64_t i = box->n_taken++;
        em_mqtt_message *from = &box->ring[i % EM_MQTT_MESSAGES], other = *m;

        if (is_out_of_date(box, i))
            continue;
        *m = *from;
        *from = other;
        return true;
    }
    return false;
}

bool em_mqtt_box_take(em_mqtt_box *box, em_mqtt_message *m)
{
    uint64_t n_wakes;
    bool has_one;

    pthread_mutex_lock(&box->lock);
    has_one = take_due(box, m) || take_message(box, m);
    if (!has_one && read(box->fd, &n_wakes, sizeof n_wakes) < 0)
        n_wakes = 0;                /* nothing was put since */
    pthread_mutex_unlock(&box->lock);
    return has_one;
}

void em_mqtt_box_renew(em_mqtt_box *box)
{
    pthread_mutex_lock(&box->lock);
    box->has_broker = true;
    box->cursor = NULL;
    for (em_mqtt_topic *t = box->first; t; t = t->next)
        if (is_state(t) && t->has_value)
            make_due(box, t);
    pthread_mutex_unlock(&box->lock);
}

void em_mqtt_box_leave(em_mqtt_box *box)
{
    pthread_mutex_lock(&box->lock);
    box->has_broker = false;
    pthread_mutex_unlock(&box->lock);
}

void em_mqtt_box_rediscover(em_mqtt_box *box)
{
    pthread_mutex_lock(&box->lock);
    for (em_mqtt_topic *t = box->first; t; t = t->next)
        if (t->kind == EM_MQTT_DISCOVERY && t->has_value)
            make_due(box, t);
    pthread_mutex_unlock(&box->lock);
}

uint64_t em_mqtt_box_dropped(em_mqtt_box *box)
{
    uint64_t n;

    pthread_mutex_lock(&box->lock);
    n = box->n_dropped;
    pthread_mutex_unlock(&box->lock);
    return n;
}

size_t em_mqtt_box_waiting(em_mqtt_box *box)
{
    size_t n;

    pthread_mutex_lock(&box->lock);
    n = box->n_due + (size_t)(box->n_put - box->n_taken);
    pthread_mutex_unlock(&box->lock);
    return n;
}

int em_mqtt_box_fd(const em_mqtt_box *box) { return box->fd; }

void em_mqtt_box_wake(em_mqtt_box *box)
{
    const uint64_t one = 1;
    const ssize_t n = write(box->fd, &one, sizeof one);

    (void)n;                        /* full: it is awake already */
}
