/* log.c - one finished line a call, only of the levels that are wanted, to the one handler. */
#include "check.h"

#include "base/log.h"

typedef struct heard { int n; em_log_level level; char line[1024]; } heard;

static void listen(void *ctx, em_log_level level, const char *line)
{
    heard *h = ctx;

    h->n++;
    h->level = level;
    snprintf(h->line, sizeof h->line, "%s", line);
}

static void only_wanted_levels_arrive(void **state)
{
    heard h = { 0 };

    (void)state;
    for (em_log_level most = EM_LOG_ERROR; most <= EM_LOG_DEBUG; most++) {
        em_log_set(listen, &h, most);
        for (em_log_level level = EM_LOG_ERROR; level <= EM_LOG_DEBUG; level++) {
            h.n = 0;
            em_log(level, "level %d", (int)level);
            CHECK(h.n == (level <= most), "level %d, most %d", (int)level, (int)most);
        }
    }
    assert_string_equal(h.line, "level 3");
    em_log_set(NULL, NULL, EM_LOG_DEBUG);
    h.n = 0;
    em_log(EM_LOG_ERROR, "nobody hears this");
    CHECK(h.n == 0, "no handler");
}

static void a_long_line_is_cut_and_ended(void **state)
{
    char text[2000];
    heard h = { 0 };

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    em_log_set(listen, &h, EM_LOG_INFO);
    em_log(EM_LOG_INFO, "%s", text);
    CHECK(h.n == 1 && strlen(h.line) == 511, "%zu characters", strlen(h.line));
    em_log_set(NULL, NULL, EM_LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_wanted_levels_arrive),
        cmocka_unit_test(a_long_line_is_cut_and_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
