/* made.h - what the tests of sinks have in common: a few classes, events of them, and files in a folder of their own. */
#ifndef EM_TESTS_MADE_H
#define EM_TESTS_MADE_H

#include "sinks/sink.h"

enum { N = 4 };

extern const em_classes classes;    /* [N]; one label is hostile           */
extern const float scores[N];

int make_folder(void **state);      /* setup and teardown of a test group  */
int remove_folder(void **state);

/* The path of a file in the folder; valid for four calls. */
const char *in_folder(const char *name);

/* All of a file; valid until the next call. */
char *read_whole(const char *path);

/* A sink's settings with top scores, two of them. */
em_sink_cfg usual(const char *format, const char *path);

/* A hop at `time`, and a record of "Rain, heavy" from 2.24 s to 3.52 s; sources are dog.wav. */
em_event hop(double time);
em_event sound(em_event_type type);

/* What a sink makes of n events, as read_whole. */
char *written(const em_sink_cfg *cfg, const em_event *events, int n);

#endif
