/* doctor_model.c - is the model there, is it fast enough here, does it know what --private needs: see doctor.h. */
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/speech.h"
#include "cli/tagger.h"

#include <stdlib.h>

enum { N_WINDOWS = 10 };

/* Of a window, the median of several: a hop has one of each channel that is heard for itself. */
static void check_speed(em_checkup *c, const em_tagger *t)
{
    const bool is_each = em_options_channel(c->o) < 0;
    double seconds;
    em_err err;

    if (em_tagger_measure(t, N_WINDOWS, &seconds, &err))
        em_check_fail(c, "speed", EM_EXIT_BACKEND, "%s", err.msg);
    else if (seconds > c->o->step)
        em_check_fail(c, "speed", EM_EXIT_BACKEND,
                      "a window takes %.3f s, and --step is %g s: choose a longer --step, a smaller --model or more --threads",
                      seconds, c->o->step);
    else
        em_check_pass(c, "speed", "a window takes %.3f s of --step %g s on %s: ratio %.3f%s", seconds, c->o->step, em_tagger_device(t),
                      seconds / c->o->step, is_each ? ", for each channel" : "");
}

static void check_private(em_checkup *c, const em_tagger *t)
{
    bool *is_speech = NULL;
    em_err err;

    if (!c->o->is_private)
        em_check_skip(c, "private", "no --private");
    else if (em_speech_find(&is_speech, t->model, &t->classes, em_tagger_name(t), &err))
        em_check_fail(c, "private", EM_EXIT_USAGE, "%s; choose another --model", err.msg);
    else
        em_check_pass(c, "private", "the model was trained on human speech");
    free(is_speech);
}

void em_doctor_model(em_checkup *c)
{
    em_tagger t = { 0 };
    em_err err = { 0 };
    const int code = em_tagger_open(&t, c->o, 1, 0, &err);

    if (code) {
        em_check_fail(c, "model", code, "%s", err.msg);
        em_check_skip(c, "speed", "no model");
        em_check_skip(c, "private", "no model");
    } else {
        em_check_pass(c, "model", "%s (%.8s), %d classes, %s", em_tagger_name(&t), em_model_hash(t.model), t.classes.n, t.path);
        check_speed(c, &t);
        check_private(c, &t);
    }
    em_tagger_close(&t);
}
