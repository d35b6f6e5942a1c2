/* hearing.h - what the tests of the worker share: a scripted source heard to its end, and what became of it. */
#ifndef EM_TESTS_ENGINE_HEARING_H
#define EM_TESTS_ENGINE_HEARING_H

#include "engine/engine.h"
#include "fakes.h"
#include "memory_sink.h"

enum { RATE = 32000, STEP = RATE };

typedef struct heard {
    em_sink sink;
    em_engine_result result;
    em_status status;
    em_err    err;
    int       n_runs, largest_batch;        /* of the session                               */
} heard;

/* A hop a second, of the first channel, without a wall clock. */
em_engine_cfg usual(void);

/* Runs the worker; cfg's session and outlet are made here. fake NULL: a session that does nothing odd. */
void hear(heard *h, const fake_script *script, em_engine_cfg cfg, const fake_session_cfg *fake);

/* Mono sources at the model's rate: dog.wav, which waits, and the device mic, which does not. */
fake_script file_of(const fake_step *steps, int n);
fake_script device_of(const fake_step *steps, int n);

#endif
