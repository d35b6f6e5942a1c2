/* listen.h - a run that hears its sources: what it is made of. cmd_listen.c makes it and ends it; listen_*.c are its parts, each of
 * which says in its header what it does to it. One thread, but for what listen_progress.h says. */
#ifndef EM_CLI_LISTEN_H
#define EM_CLI_LISTEN_H

#include "base/midi.h"
#include "cli/inputs.h"
#include "cli/listen_progress.h"
#include "cli/outputs.h"
#include "cli/remote.h"
#include "cli/service.h"
#include "cli/tagger.h"
#include "engine/engine.h"
#include "lib/rules.h"

typedef struct em_listen {
    const em_options *o;
    const atomic_bool *stop;
    em_tagger  tagger;
    em_known   known;               /* of its classes                                   */
    em_rules   rules;               /* of events                                        */
    em_privacy_cfg privacy;         /* whose clips are kept, with --private             */
    em_tape   *tape;                /* NULL without --clip-dir                           */
    bool      *is_speech;           /* [n_classes] NULL without --private                */
    em_midi    midi;                /* what --midi sends                                 */
    em_inputs  inputs;
    em_sink_set outputs;
    em_outlet *outlet;
    bool       is_live;             /* sound at its own pace, which any moment may end: device, --live or --realtime;
                                       a file or pipe that waits for us is done at its end only */
    bool       is_queued;           /* slow readers must not hold up the hops           */
    int        n_bad;               /* files that did not end well                      */
    bool       has_heard;           /* sound, since the outputs were opened             */
    bool       has_met;             /* what --until names                               */
    double     heard_s;             /* of sound, for --timeout                          */
    uint64_t   deadline_ns;         /* the same on the clock                            */
    double     window_s;            /* that the session needs for one window            */
    em_listen_progress progress;    /* and which of the inputs is heard                  */
    em_remote  remote;              /* what gives commands                              */
    em_sink_set_cfg sinks;          /* how outputs were opened                          */
    em_event   start;               /* what each is told first                          */
    em_frontend_cfg frontend;       /* of the columns that some are told                */
    em_service service;             /* that the run is, where NOTIFY_SOCKET says so      */
} em_listen;

#endif
