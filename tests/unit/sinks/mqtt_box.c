/* What waits for a broker: order, bounds, and that states end up as they are. */
#include "check.h"

#include "sinks/mqtt_box.h"

#include <poll.h>

static em_mqtt_box *box;
static em_mqtt_topic *state, *event, *level, *config;
static em_mqtt_message message;

static int open_box(void **s)
{
    em_err err;
    (void)s;

    CHECK_OK(em_mqtt_box_new(&box, &err));
    state = em_mqtt_box_add(box, EM_MQTT_STATE, "state");
    event = em_mqtt_box_add(box, EM_MQTT_EVENT, "event");
    level = em_mqtt_box_add(box, EM_MQTT_LEVEL, "level");
    config = em_mqtt_box_add(box, EM_MQTT_DISCOVERY, "config");
    return state && event && level && config ? 0 : -1;
}

static int close_box(void **s)
{
    (void)s;
    em_mqtt_message_deinit(&message);
    em_mqtt_box_free(box);
    return 0;
}

static void put(em_mqtt_topic *topic, const char *text)
{
    em_err err;

    CHECK_OK(em_mqtt_box_put(box, topic, text, strlen(text), &err));
}

/* The next message as "topic=bytes", "" where there is none. */
static const char *taken(void)
{
    static char text[64];

    if (!em_mqtt_box_take(box, &message))
        return "";
    snprintf(text, sizeof text, "%s=%.*s", em_mqtt_topic_name(message.topic), (int)message.n, message.bytes);
    return text;
}

#define TAKES(want) do { const char *got_ = taken(); CHECK(strcmp(got_, want) == 0, "'%s', not '%s'", got_, want); } while (0)

static void with_a_broker_every_change_is_told_in_order(void **s)
{
    (void)s;
    em_mqtt_box_renew(box);
    put(state, "ON"), put(event, "1"), put(state, "OFF"), put(state, "OFF"), put(level, "-3"), put(event, "");
    TAKES("state=ON"); TAKES("event=1"); TAKES("state=OFF"); TAKES("level=-3"); TAKES("event="); TAKES("");
}

static void without_one_states_have_but_their_last_value(void **s)
{
    (void)s;
    put(state, "ON"), put(event, "1"), put(level, "-3"), put(state, "OFF"), put(config, "{}");
    em_mqtt_box_renew(box);
    TAKES("state=OFF"); TAKES("config={}"); TAKES("event=1"); TAKES("");
}

static void a_broker_that_is_new_is_told_all_states_once(void **s)
{
    (void)s;
    em_mqtt_box_renew(box);
    put(state, "ON"), put(config, "{}");
    TAKES("state=ON"); TAKES("config={}");
    put(state, "OFF"), put(event, "1");
    em_mqtt_box_leave(box);
    put(state, "ON");
    em_mqtt_box_renew(box);
    TAKES("state=ON"); TAKES("config={}"); TAKES("event=1"); TAKES("");
    em_mqtt_box_rediscover(box);
    TAKES("config={}"); TAKES("");
}

static void what_is_too_much_is_counted_and_states_stay_true(void **s)
{
    char text[16];
    (void)s;

    em_mqtt_box_renew(box);
    put(state, "ON"), put(state, "OFF"), put(config, "{}");
    for (int i = 0; i < EM_MQTT_MESSAGES + 5; i++) {
        snprintf(text, sizeof text, "%d", i);
        put(event, text);
    }
    CHECK(em_mqtt_box_dropped(box) == 5, "%llu events are dropped", (unsigned long long)em_mqtt_box_dropped(box));
    CHECK(em_mqtt_box_waiting(box) == EM_MQTT_MESSAGES + 2, "%zu wait", em_mqtt_box_waiting(box));
    TAKES("state=OFF"); TAKES("config={}"); TAKES("event=5");
    put(state, "ON");
    for (int i = 6; i < EM_MQTT_MESSAGES + 5; i++) {
        snprintf(text, sizeof text, "event=%d", i);
        TAKES(text);
    }
    TAKES("state=ON"); TAKES("");
}

/* A state that is pushed out by its own next value. */
static void the_last_value_is_told_whatever_gives_way(void **s)
{
    (void)s;
    em_mqtt_box_renew(box);
    for (int i = 0; i < 3 * EM_MQTT_MESSAGES; i++)
        put(state, i % 2 ? "OFF" : "ON");
    put(state, "ON");
    TAKES("state=ON"); TAKES("");
    CHECK(em_mqtt_box_dropped(box) == 0, "no message is lost");
}

static void it_is_readable_while_something_may_wait(void **s)
{
    struct pollfd p = { .fd = em_mqtt_box_fd(box), .events = POLLIN };
    (void)s;

    CHECK(poll(&p, 1, 0) == 0, "nothing was put");
    em_mqtt_box_renew(box);
    put(event, "1");
    CHECK(poll(&p, 1, 0) == 1, "something was put");
    TAKES("event=1");
    CHECK(poll(&p, 1, 0) == 1, "nobody has seen that it is empty");
    TAKES("");
    CHECK(poll(&p, 1, 0) == 0, "it is empty");
}

#define BOX_TEST(test) cmocka_unit_test_setup_teardown(test, open_box, close_box)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOX_TEST(with_a_broker_every_change_is_told_in_order), BOX_TEST(without_one_states_have_but_their_last_value),
        BOX_TEST(a_broker_that_is_new_is_told_all_states_once), BOX_TEST(what_is_too_much_is_counted_and_states_stay_true),
        BOX_TEST(the_last_value_is_told_whatever_gives_way), BOX_TEST(it_is_readable_while_something_may_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
