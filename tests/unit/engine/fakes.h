/* fakes.h - stand-ins for a source and a session, linked in their place, so that a test decides what comes when.
 *
 * The source plays a script of blocks and gaps; sample i of channel c is fake_sample(i, c). The session's logits
 * are a pure function of the frames; it can be late, and it can answer NaN. Both run on the caller's thread. */
#ifndef EM_TESTS_FAKES_H
#define EM_TESTS_FAKES_H

#include "audio/source.h"
#include "listener/watcher.h"
#include "model/session.h"

enum { FAKE_CLASSES = 7, FAKE_HEARD = 2 };

typedef struct fake_step {          /* what one em_source_take finds                             */
    uint64_t n_frames;
    uint64_t n_gap;                 /* missing before them                                       */
    em_source_state state;          /* that em_source_watch says from here on                    */
    int      rate_hz;               /* 0: as before                                              */
} fake_step;

typedef struct fake_script {
    const char *name;
    int  rate_hz, n_channels;
    bool is_live;
    const fake_step *steps;
    int  n_steps;
    em_status end_code;             /* what ENDED or FAILED fills err with                       */
    uint64_t n_bad;                 /* bad samples to report                                     */
    uint32_t n_latency;             /* frames                                                    */
    void (*watched)(uint64_t at);   /* called by em_source_watch, so many frames given so far; may be NULL */
    int  dead_channel, full_channel;    /* 1..: gives zeros; clips in every sample. 0: none      */
} fake_script;

em_source *fake_source_new(const fake_script *script);
float      fake_sample(uint64_t i, int channel);

typedef struct fake_session_cfg {
    int  slow_every;                /* each n-th run is late, 0: none                            */
    int  nan_every;                 /* each n-th window's first logit is NaN, 0: none            */
    uint64_t late_frames;           /* what a late run lets pile up in the source                */
    bool hears;                     /* FAKE_HEARD is in every slot that is not silent, and nothing else is */
} fake_session_cfg;

em_session *fake_session_new(int sample_rate, const fake_session_cfg *cfg);

/* FAKE_HEARD and the class before it, as em_sound_default has them, in the session's windows. */
em_watch_rules fake_events(int sample_rate);

/* What the session answers for frames, before the sigmoid. */
void  fake_logits(float *out, const float *frames, int n_frames, int n_mels);

int   fake_session_runs(const em_session *s);
int   fake_session_largest_batch(const em_session *s);

#endif
