/* options.c - options of other versions, values out of range, files that are no models: each is refused in a sentence. */
#include "check.h"

#include "lib/earmark.h"

#include <math.h>
#include <stdbool.h>

static const char *const model_path = EM_SOURCE_DIR "/config/models/nano.safetensors";
static earmark_model *model;
static earmark_error error;

static int open_model(void **state)
{
    earmark_model_options o;

    (void)state;
    earmark_model_options_init(&o, sizeof o);
    o.backend = "cpu";
    o.threads = 1;
    return earmark_model_open(&model, model_path, &o, &error) ? -1 : 0;
}

static int close_model(void **state)
{
    (void)state;
    earmark_model_close(model);
    return 0;
}

static earmark_status try(const earmark_listener_options *o)
{
    earmark_listener *l;
    earmark_status status = earmark_listener_new(&l, model, o, &error);

    CHECK(!l == (status != EARMARK_OK) && error.status == (int)status && !*error.message == !status, "%d: %s", (int)status, error.message);
    earmark_listener_free(l);
    return status;
}

static void a_model_tells_of_itself(void **state)
{
    const earmark_model_info *info = earmark_model_get_info(model);
    int n_trained = 0;
    (void)state;

    CHECK(strcmp(info->backend, "cpu") == 0 && info->rate_hz == 32000 && info->n_classes == 527 && info->window_s == 10, "%s, %d Hz",
          info->backend, info->rate_hz);
    CHECK(strlen(info->sha256) == 64 && *info->name && *earmark_version(), "%s", info->sha256);
    CHECK(!earmark_model_class(model, -1) && !earmark_model_class(model, 527), "no class");
    for (int i = 0; i < info->n_classes; i++)
        n_trained += earmark_model_class(model, i)->is_trained;
    CHECK(strcmp(earmark_model_class(model, 75)->label, "Bark") == 0 && strcmp(earmark_model_class(model, 75)->mid, "/m/05tny_") == 0, "class 75");
    CHECK(n_trained > 0 && earmark_model_class(model, 75)->is_trained && earmark_model_class(model, 75)->threshold > 0, "%d trained", n_trained);
}

static void what_is_no_model_is_refused(void **state)
{
    earmark_model_options o;
    earmark_model *m;
    (void)state;

    CHECK(earmark_model_open(&m, "/nowhere", NULL, &error) == EARMARK_EIO && !m && strstr(error.message, "/nowhere"), "%s", error.message);
    CHECK(earmark_model_open(&m, EM_SOURCE_DIR "/README.md", NULL, NULL) == EARMARK_EFORMAT && !m, "a text, and nobody listens to why");
    earmark_model_options_init(&o, sizeof o);
    o.backend = "abacus";
    CHECK(earmark_model_open(&m, model_path, &o, &error) == EARMARK_EINVAL && strstr(error.message, "abacus"), "%s", error.message);
    o.backend = NULL;
    o.threads = 2000;
    CHECK(earmark_model_open(&m, model_path, &o, &error) == EARMARK_EINVAL && strstr(error.message, "2000 threads"), "%s", error.message);
    o.threads = 1;
    o.labels = "/nowhere.csv";
    CHECK(earmark_model_open(&m, model_path, &o, &error) == EARMARK_EIO && !m && strstr(error.message, "/nowhere.csv"), "%s", error.message);
    earmark_model_close(NULL);
    earmark_listener_free(NULL);
}

static void values_out_of_range_are_named(void **state)
{
    static const char *const dogg[] = { "Dogg", NULL }, *const two[] = { "Dog=2", NULL }, *const no_name[] = { "=Dog", NULL };
    static const char *const no_key[] = { "Bark:min-on=1", "Dog:min=1", NULL };
    earmark_listener_options usual, o;
    (void)state;

    earmark_listener_options_init(&usual, sizeof usual);
    CHECK(try(&usual) == EARMARK_OK && try(NULL) == EARMARK_OK, "%s", error.message);
#define REFUSED(field, value, word) \
    do { \
        o = usual; \
        o.field = value; \
        CHECK(try(&o) == EARMARK_EINVAL && strstr(error.message, word), #field ": %s", error.message); \
    } while (0)
    REFUSED(rate_hz, 999, "999");
    REFUSED(rate_hz, -1, "-1");
    REFUSED(channels, 0, "channels: 0 is not from 1 to 64");
    REFUSED(channels, 65, "channels: 65");
    REFUSED(channel, 2, "channel: 2 is not from 0 to 1");
    REFUSED(channel, -1, "channel: -1");
    REFUSED(step_s, .015, "0.015 is not a multiple of 0.01");
    REFUSED(step_s, 0, "step_s: 0 is not");
    REFUSED(step_s, NAN, "step_s: nan");
    REFUSED(window_s, 10.3, "multiples of 1.25 s");
    REFUSED(window_s, -1, "window_s: -1");
    REFUSED(threshold, 1.5, "threshold: 1.5 is not from 0 to 1");
    REFUSED(hysteresis, -.1, "hysteresis: -0.1");
    REFUSED(min_on_s, INFINITY, "min_on_s: inf");
    REFUSED(min_off_s, -1, "min_off_s: -1");
    REFUSED(watch, dogg, "\"Dog\"");
    REFUSED(watch, two, "watch: 'Dog=2'");
    REFUSED(ignore, dogg, "\"Dog\"");
    REFUSED(groups, no_name, "groups: '=Dog' is not NAME=CLASS");
    REFUSED(tunes, no_key, "tunes: 'Dog:min=1' is not NAME:KEY=VALUE");
#undef REFUSED
}

/* A program built with the header of an older version, and one built with a newer one's. */
static void structs_of_other_versions_are_understood(void **state)
{
    struct { earmark_listener_options o; double more[2]; } newer;
    earmark_listener_options o;
    (void)state;

    memset(&o, 0x55, sizeof o);
    earmark_listener_options_init(&o, offsetof(earmark_listener_options, all_classes));
    CHECK(o.min_off_s == 2 && o.all_classes == 0x55555555, "no more than the older struct is written");
    CHECK(try(&o) == EARMARK_OK, "and no more read: %s", error.message);
    o.struct_size = 4;
    CHECK(try(&o) == EARMARK_EINVAL && strstr(error.message, "_init"), "%s", error.message);
    memset(&newer, 0x55, sizeof newer);
    earmark_listener_options_init(&newer.o, sizeof newer);
    CHECK(newer.o.struct_size == sizeof newer && newer.more[0] == 0 && newer.more[1] == 0, "what is not known is zero");
    CHECK(try(&newer.o) == EARMARK_OK, "%s", error.message);
    newer.more[1] = 1;
    CHECK(try(&newer.o) == EARMARK_EINVAL && strstr(error.message, "does not know"), "%s", error.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_tells_of_itself),
        cmocka_unit_test(what_is_no_model_is_refused),
        cmocka_unit_test(values_out_of_range_are_named),
        cmocka_unit_test(structs_of_other_versions_are_understood),
    };

    return cmocka_run_group_tests(tests, open_model, close_model);
}
