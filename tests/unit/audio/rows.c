/* The table of kinds: what is not there is named, by the build's option or by the module that is away, and hides nothing else. */
#include "check.h"

#include "audio/sources.h"
#include "base/log.h"

static void kinds_that_are_not_there_are_named(void **state)
{
    em_source_cfg cfg = { .kind = "tape" };
    em_source *s;
    em_err err;

    (void)state;
    assert_int_equal(em_source_open(&s, &cfg, &err), EM_EINVAL);
    CHECK(strstr(err.msg, "\"tape\"") && strstr(err.msg, "file, stdin, url, portaudio, jack, synth"), "%s", err.msg);
    cfg.kind = NULL;
    assert_int_equal(em_source_open(&s, &cfg, &err), EM_EINVAL);
}

static void each_kind_is_in_the_program_or_in_its_module(void **state)
{
    (void)state;
    for (int i = 0; i < em_source_n_rows; i++) {
        const em_source_row *row = &em_source_rows[i];
        const em_source_ops *ops;
        em_err err = { EM_OK, "" };

        if (row->ops || row->has_module) {
            CHECK_OK(em_source_find(&ops, row->kind, &err));
            CHECK(ops && ops->open && ops->close, "%s", row->kind);
            continue;
        }
        CHECK(em_source_find(&ops, row->kind, &err) == EM_EUNSUPPORTED && !ops, "%s", row->kind);
        CHECK(strstr(err.msg, "-DEARMARK_") && strstr(err.msg, "=ON"), "%s: %s", row->kind, err.msg);
    }
}

static void ignore_device(void *ctx, const char *kind, int index, const char *name, int n_channels, int rate_hz, bool is_default)
{
    (void)ctx, (void)kind, (void)index, (void)name, (void)n_channels, (void)rate_hz, (void)is_default;
}

static void on_log(void *ctx, em_log_level level, const char *line)
{
    (void)level;
    snprintf(ctx, sizeof(em_err), "%s", line);
}

/* Of several that are away the first is the error, the others are said. */
static void modules_that_are_away_are_named(void **state)
{
    const char *last = NULL;
    char said[sizeof(em_err)] = "";
    int n = 0;
    em_err err;

    (void)state;
    setenv("EARMARK_MODULES", "/nonexistent", 1);
    for (int i = 0; i < em_source_n_rows; i++) {
        const em_source_cfg cfg = { .kind = em_source_rows[i].kind };
        em_source *s;

        if (!em_source_rows[i].has_module)
            continue;
        CHECK(em_source_open(&s, &cfg, &err) == EM_EUNSUPPORTED && !s, "%s", cfg.kind);
        CHECK(strstr(err.msg, "earmark-") && strstr(err.msg, cfg.kind) && strstr(err.msg, ".so"), "%s: %s", cfg.kind, err.msg);
        last = cfg.kind;
        n++;
    }
    em_log_set(on_log, said, EM_LOG_WARNING);
    CHECK((em_source_list_devices(ignore_device, NULL, &err) == EM_EUNSUPPORTED) == (n > 0), "%s", err.msg);
    em_log_set(NULL, NULL, EM_LOG_INFO);
    if (n > 1)
        CHECK(!strstr(err.msg, last) && strstr(said, last), "error \"%s\", log \"%s\"", err.msg, said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_that_are_not_there_are_named),
        cmocka_unit_test(each_kind_is_in_the_program_or_in_its_module),
        cmocka_unit_test(modules_that_are_away_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
