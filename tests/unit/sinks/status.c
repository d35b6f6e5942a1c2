/* status.c - what a service's manager is told: whole datagrams, one line of status whatever a label holds, never a wait. */
#include "check.h"

#include "base/notify.h"
#include "made.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager that listens at a name of its own; NOTIFY_SOCKET has it. */
static int listen_at(char name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), n;

    n = snprintf(at.sun_path, sizeof at.sun_path, "@em-test-status-%d-%c", (int)getpid(), name);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    at.sun_path[0] = '\0';
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)) == 0, "a socket");
    return fd;
}

/* The next datagram, "" when there is none. */
static const char *told(int fd)
{
    static char text[2048];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void events_become_the_status(void **state)
{
    const em_event hop_event = hop(1), onset = sound(EM_EVENT_ONSET), offset = sound(EM_EVENT_OFFSET);
    const int fd = listen_at('e');
    em_notify notify;
    em_sink_cfg cfg = usual("status", NULL);
    em_sink *s;
    em_err err;
    (void)state;

    CHECK_OK(em_notify_open(&notify, &err));
    CHECK(!getenv("NOTIFY_SOCKET"), "no child speaks for us");
    cfg.notify = &notify;
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    CHECK_OK(em_sink_put(s, &hop_event, &err));
    CHECK_OK(em_sink_put(s, &onset, &err));
    CHECK(strncmp(told(fd), "STATUS=Rain, heavy ", 19) == 0, "an onset");
    CHECK_OK(em_sink_put(s, &offset, &err));
    CHECK(strstr(told(fd), "0:02.24 - 0:03.52, dog.wav"), "an offset");
    CHECK(!*told(fd), "no more than that");
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    em_notify_close(&notify);
    close(fd);
}

static void a_label_says_nothing_but_status(void **state)
{
    static const char *const hostile[] = { "Dog\nWATCHDOG=1", "\nREADY=1\nMAINPID=1", "\r\x1b[31m\x7f", "\xff\xfe\xc0\x80", "" };
    const int fd = listen_at('h');
    em_notify notify;
    em_sink_cfg cfg = usual("status", NULL);
    em_sink *s;
    em_err err;
    (void)state;

    CHECK_OK(em_notify_open(&notify, &err));
    cfg.notify = &notify;
    CHECK_OK(em_sink_open(&s, &cfg, &err));
    for (size_t i = 0; i < EM_COUNT(hostile); i++) {
        em_event e = sound(EM_EVENT_ONSET);
        const char *text;

        e.u.sound.label = e.source = hostile[i];
        CHECK_OK(em_sink_put(s, &e, &err));
        text = told(fd);
        CHECK(strncmp(text, "STATUS=", 7) == 0 && !strpbrk(text, "\n\r\x1b\x7f\xff"), "label %zu: %s", i, text);
        CHECK(em_notify_status(&notify, hostile[i]), "text %zu", i);
        text = told(fd);
        CHECK(strncmp(text, "STATUS=", 7) == 0 && !strpbrk(text, "\n\r\x1b\x7f\xff"), "text %zu: %s", i, text);
    }
    CHECK_OK(em_sink_close(s, EM_SINK_WHOLE, &err));
    em_notify_close(&notify);
    close(fd);
}

/* A manager that reads nothing, or is gone, costs nothing: the test's limit is the proof that no call waits. */
static void a_full_socket_is_not_waited_for(void **state)
{
    const int fd = listen_at('f');
    em_notify notify;
    em_err err;
    int n_sent = 0;
    (void)state;

    CHECK_OK(em_notify_open(&notify, &err));
    while (n_sent < 100000 && em_notify_send(&notify, "WATCHDOG=1"))
        n_sent++;
    CHECK(n_sent > 0 && n_sent < 100000, "it is full after %d", n_sent);
    CHECK(strcmp(told(fd), "WATCHDOG=1") == 0, "what was sent is whole");
    CHECK(em_notify_send(&notify, "READY=1"), "with room again it goes on");
    close(fd);
    CHECK(!em_notify_send(&notify, "READY=1"), "a manager that is gone");
    em_notify_close(&notify);
}

static void bad_sockets_are_told_of(void **state)
{
    static const char *const bad[] = { "relative", "/", "@", "/nonexistent/socket", "/etc/passwd", "@em-test-nobody",
        "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" };
    em_notify notify;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(bad); i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        setenv("WATCHDOG_USEC", "1000000", 1);
        CHECK(em_notify_open(&notify, &err) != EM_OK && strstr(err.msg, "NOTIFY_SOCKET"), "%s", bad[i]);
        CHECK(notify.fd < 0 && notify.watchdog_us == 0 && !em_notify_send(&notify, "READY=1"), "%s", bad[i]);
    }
    setenv("NOTIFY_SOCKET", "", 1);
    CHECK_OK(em_notify_open(&notify, &err));
    CHECK(notify.fd < 0, "an empty name is none");
}

static void the_watchdog_is_of_this_process(void **state)
{
    const int fd = listen_at('w');
    char *name = strdup(getenv("NOTIFY_SOCKET"));
    char pid[16];
    em_notify notify;
    em_err err;
    (void)state;

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    for (int is_own = 0; is_own < 2; is_own++) {
        setenv("NOTIFY_SOCKET", name, 1);
        setenv("WATCHDOG_USEC", "250000", 1);
        setenv("WATCHDOG_PID", is_own ? pid : "1", 1);
        CHECK_OK(em_notify_open(&notify, &err));
        CHECK(notify.watchdog_us == (is_own ? 250000 : 0), "own %d", is_own);
        em_notify_close(&notify);
    }
    free(name);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_become_the_status),
        cmocka_unit_test(a_label_says_nothing_but_status),
        cmocka_unit_test(a_full_socket_is_not_waited_for),
        cmocka_unit_test(bad_sockets_are_told_of),
        cmocka_unit_test(the_watchdog_is_of_this_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
