/* What PortAudio prints on stderr is kept; what anybody else prints goes through. */
#include "check.h"

#include "audio/hush.h"

#include "base/log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct said { char text[1024]; int n; } said;

static void on_log(void *ctx, em_log_level level, const char *line)
{
    said *s = ctx;

    CHECK(level == EM_LOG_DEBUG, "level %d", (int)level);
    snprintf(s->text, sizeof s->text, "%s|", line);
    s->n++;
}

static void only_chatter_is_kept_from_stderr(void **state)
{
    char path[] = "/tmp/earmark-hush-XXXXXX", got[256] = "";
    int fd = mkstemp(path), before = dup(STDERR_FILENO);
    said s = { "", 0 };

    (void)state;
    assert_true(fd >= 0 && before >= 0);
    unlink(path);
    dup2(fd, STDERR_FILENO);
    em_log_set(on_log, &s, EM_LOG_DEBUG);
    em_hush(NULL);
    em_hush_stderr();
    em_hush_stderr();
    fprintf(stderr, "one %d\n", 1);
    fprintf(stderr, "Expression '%s' failed in 'x.c', line: %d\n", "r\x1b[2J", 7);
    fputs("Expression of joy\n", stderr);
    dup2(before, STDERR_FILENO);
    (void)!pread(fd, got, sizeof got - 1, 0);
    close(fd);
    close(before);
    CHECK(strcmp(got, "one 1\nExpression of joy\n") == 0, "\"%s\"", got);

    em_hush_replay();
    CHECK(s.n == 1 && strcmp(s.text, "Expression 'r?[2J' failed in 'x.c', line: 7|") == 0, "%d: \"%s\"", s.n, s.text);
    em_hush_replay();
    CHECK(s.n == 1, "said once");
    em_log_set(NULL, NULL, EM_LOG_INFO);
}

static void endless_chatter_is_bounded_and_the_last_of_it_stays(void **state)
{
    said s = { "", 0 };

    (void)state;
    em_hush(NULL);
    em_hush_stderr();
    em_log_set(on_log, &s, EM_LOG_DEBUG);
    for (int i = 0; i < 10000; i++)
        fprintf(stderr, "Expression 'number %d' failed\n", i);
    em_hush_replay();
    CHECK(s.n >= 1 && s.n <= 100, "%d lines", s.n);
    CHECK(strstr(s.text, "'number 9999'"), "%s", s.text);
    s.n = 0;
    fputs("Expression 'old'\n", stderr);
    em_hush(NULL);
    em_hush_replay();
    CHECK(s.n == 0, "forgotten");
    em_log_set(NULL, NULL, EM_LOG_INFO);
}

/* As the library of a module is: in no scope of the program's. */
static void a_library_is_hushed_wherever_it_was_loaded(void **state)
{
    void *library = dlopen(EM_CHATTER, RTLD_NOW | RTLD_LOCAL);
    em_hush_function *talk = library ? (em_hush_function *)dlsym(library, "chatter_talk") : NULL;
    said s = { "", 0 };

    (void)state;
    CHECK(talk, "%s", dlerror());
    em_log_set(on_log, &s, EM_LOG_DEBUG);
    em_hush(talk);
    talk();
    em_hush_replay();
    CHECK(s.n == 2 && strcmp(s.text, "jack: no server|") == 0, "%d lines, the last: \"%s\"", s.n, s.text);
    em_log_set(NULL, NULL, EM_LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_chatter_is_kept_from_stderr),
        cmocka_unit_test(endless_chatter_is_bounded_and_the_last_of_it_stays),
        cmocka_unit_test(a_library_is_hushed_wherever_it_was_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
