/* listener_options.c - see listener_options.h. The ranges are those of the program's options (src/cli/option_table.c), and so
 * are the usual values, which tests/lib/program.sh finds out. */
#include "lib/listener_options.h"

#include "lib/inside.h"

static const earmark_listener_options usual = {
    .struct_size = sizeof usual, .name = "stream", .channels = 1, .channel = 1, .step_s = 1, .hysteresis = .15,
    .min_on_s = .4, .min_off_s = 2,
};

void earmark_listener_options_init(earmark_listener_options *options, size_t struct_size)
{
    em_give_options(options, struct_size, &usual, sizeof usual);
}

static em_status check_numbers(const earmark_listener_options *o, em_err *err)
{
    const struct { const char *name; double value, min, max; } numbers[] = {
        { "channels", o->channels, 1, 64 },         { "channel", o->channel, 0, o->channels }, { "step_s", o->step_s, .01, 3600 },
        { "window_s", o->window_s, 0, 160 },        { "threshold", o->threshold, 0, 1 },       { "hysteresis", o->hysteresis, 0, 1 },
        { "min_on_s", o->min_on_s, 0, 86400 },      { "min_off_s", o->min_off_s, 0, 86400 },
    };

    for (size_t i = 0; i < EM_COUNT(numbers); i++)
        if (!(numbers[i].value >= numbers[i].min && numbers[i].value <= numbers[i].max))
            return em_fail(err, EM_EINVAL, "%s: %g is not from %g to %g", numbers[i].name, numbers[i].value, numbers[i].min, numbers[i].max);
    if (!em_is_step(o->step_s))
        return em_fail(err, EM_EINVAL, "step_s: %g is not a multiple of 0.01", o->step_s);
    return EM_OK;
}

static em_text_list list_of(const char *const *texts)
{
    em_text_list list = { .list = texts };

    while (texts && texts[list.n])
        list.n++;
    return list;
}

static em_status check_texts(const char *const *texts, const char *name, bool (*is_valid)(const char *), const char *wanted, em_err *err)
{
    for (; texts && *texts; texts++)
        if (!is_valid(*texts))
            return em_fail(err, EM_EINVAL, "%s: '%.60s' is not %s", name, *texts, wanted);
    return EM_OK;
}

em_status em_listener_options_read(earmark_listener_options *out, const earmark_listener_options *given, em_err *err)
{
    em_status status;

    *out = usual;
    if ((status = em_take_options(out, sizeof *out, given, err)) || (status = check_numbers(out, err)) ||
        (status = check_texts(out->groups, "groups", em_is_group, "NAME=CLASS", err)) ||
        (status = check_texts(out->tunes, "tunes", em_is_tuning,
                              "NAME:KEY=VALUE, KEY one of threshold, hysteresis, min-on, min-off, gate (yes, no)", err)))
        return status;
    if (!out->name)
        out->name = usual.name;
    return EM_OK;
}

em_settings em_listener_options_settings(const earmark_listener_options *o)
{
    return (em_settings){
        .dashes = "", .watch = list_of(o->watch), .ignore = list_of(o->ignore), .all_classes = o->all_classes != 0,
        .threshold = o->threshold, .hysteresis = o->hysteresis, .min_on = o->min_on_s, .min_off = o->min_off_s,
        .groups = list_of(o->groups), .tunes = list_of(o->tunes),
    };
}
