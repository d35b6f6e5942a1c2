/* hearing.c - one source, one worker, one sink in memory: see hearing.h. */
#include "hearing.h"

#include "check.h"

em_engine_cfg usual(void)
{
    return (em_engine_cfg){ .max_batch = 2, .step_samples = STEP, .channel = 1, .start_ms = -1 };
}

void hear(heard *h, const fake_script *script, em_engine_cfg cfg, const fake_session_cfg *fake)
{
    em_source *source = fake_source_new(script);
    em_sink *sink = &h->sink;
    em_outlet_cfg outlet = { .sinks = &sink, .n_sinks = 1, .is_queued = script->is_live, .n_classes = FAKE_CLASSES };
    em_err err;

    h->err.msg[0] = '\0';
    sink->n = 0;
    sink->n_classes = FAKE_CLASSES;
    cfg.session = fake_session_new(RATE, fake);
    CHECK_OK(em_outlet_new(&cfg.outlet, &outlet, &err));
    h->status = em_engine_run(&h->result, &cfg, source, &h->err);
    h->n_runs = fake_session_runs(cfg.session);
    h->largest_batch = fake_session_largest_batch(cfg.session);
    em_outlet_free(cfg.outlet);
    em_session_free(cfg.session);
    em_source_close(source);
}

fake_script file_of(const fake_step *steps, int n)
{
    return (fake_script){ .name = "dog.wav", .rate_hz = RATE, .n_channels = 1, .steps = steps, .n_steps = n };
}

fake_script device_of(const fake_step *steps, int n)
{
    return (fake_script){ .name = "mic", .rate_hz = RATE, .n_channels = 1, .is_live = true, .steps = steps, .n_steps = n };
}
