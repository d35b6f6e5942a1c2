/* listen_engine.c - see listen_engine.h. */
#include "cli/listen_engine.h"

#include "base/log.h"
#include "cli/commands.h"
#include "cli/listen_outputs.h"
#include "engine/scheduler.h"

#include <string.h>
#include <unistd.h>

/* Each channel of a source is a stream of its own: how many there are is known beforehand of JACK and raw sound only. */
enum { USUAL_CHANNELS = 4 };

static int streams_of(int channel, int n_channels)
{
    if (channel >= 0)
        return 1;
    return n_channels > USUAL_CHANNELS ? n_channels : USUAL_CHANNELS;
}

int em_listen_streams(const em_listen *r)
{
    int n = 0;

    if (r->inputs.n_heard == 0)
        return streams_of(em_options_channel(r->o), r->o->channels);
    for (int i = 0; i < r->inputs.n_heard; i++)
        n += streams_of(r->inputs.heard[i].channel, r->inputs.heard[i].source.raw_channels);
    return n;
}

int em_listen_batch(const em_listen *r)
{
    const int n = em_listen_streams(r);

    return n < EM_SCHEDULER_MOST_BATCH ? n : EM_SCHEDULER_MOST_BATCH;
}

/* Seconds to hear of the next source; 0: all. */
static double seconds_to_hear(const em_listen *r)
{
    const double left = r->o->timeout - r->heard_s;

    return r->o->timeout > 0 && (r->o->duration <= 0 || left < r->o->duration) ? left : r->o->duration;
}

uint64_t em_listen_deadline(const em_listen *r, const char *kind)
{
    return r->o->timeout > 0 && strcmp(kind, "file") != 0 ? r->deadline_ns : 0;
}

bool em_listen_is_timed_out(const em_listen *r)
{
    return r->o->timeout > 0 && r->heard_s >= r->o->timeout - 1e-6;
}

/* Whether only events are told, so that nothing is missed where none can be. */
static bool may_rest(const em_listen *r)
{
    bool is_needed = r->o->explain.n > 0 || (r->is_speech && r->o->clip_dir);     /* who speaks may be quiet */

    for (int i = 0; i < r->outputs.n; i++)
        is_needed |= em_sink_needs_scores(r->outputs.sinks[i]);
    return !is_needed;
}

/* Sound that goes on has no end to come near to; and records on a terminal say enough. */
static em_progress_kind progress_kind(const em_listen *r)
{
    const em_progress_kind kind = r->is_live ? EM_PROGRESS_NONE : em_progress_kind_of(r->o);

    return kind == EM_PROGRESS_REDRAWN && r->outputs.has_stdout && isatty(STDOUT_FILENO) ? EM_PROGRESS_NONE : kind;
}

em_engine_cfg em_listen_engine_cfg(em_listen *r)
{
    em_engine_cfg cfg = {
        .session = r->tagger.session, .outlet = r->outlet, .stop = r->stop,
        .max_batch = em_listen_batch(r), .step_samples = em_tagger_step(&r->tagger, r->o),
        .channel = em_options_channel(r->o), .has_slots = em_listen_wants_slots(r->o), .has_embeddings = r->o->embeddings,
        .has_level = r->o->level || r->o->mqtt || r->remote.control,      /* a reload may bring a broker */
        .may_rest = may_rest(r), .has_vitals = r->o->http, .has_columns = em_listen_shows_sound(r->o) && !r->is_speech,
        .events = r->remote.rules ? r->remote.rules : &r->rules.watch, .has_summary = r->o->summary, .needs_end = !r->is_live,
        .duration_s = seconds_to_hear(r), .start_ms = em_options_start_ms(r->o), .tape = r->tape,
        .privacy = r->is_speech && r->o->clip_dir ? &r->privacy : NULL,
        .progress_ctx = &r->progress, .control = r->remote.control, .command = em_remote_obey, .command_ctx = &r->remote,
    };

    r->privacy = (em_privacy_cfg){
        .is_speech = r->is_speech, .n_classes = r->known.classes.n,
        .pre_s = r->o->pre_roll, .post_s = r->o->post_roll, .most_s = r->o->clip_max,
    };
    r->progress.progress.kind = progress_kind(r);
    if (em_listen_has_progress(&r->progress))
        cfg.progress = em_listen_progress_tell;
    return cfg;
}

void em_listen_note(em_listen *r, const em_engine_result *result, em_status status)
{
    r->has_met |= result->has_met;
    r->has_heard |= status == EM_OK || result->frames.taken > 0;
    em_log(EM_LOG_DEBUG, "%.1f s heard, %lld hops, %llu frames captured, %llu dropped, %llu hops skipped, %llu resets; "
           "a hop took %.3f ms (median; 99 of 100 within %.3f, the longest %.3f), up to %d windows at once",
           result->seconds, (long long)result->n_hops, (unsigned long long)result->frames.captured,
           (unsigned long long)result->frames.dropped, (unsigned long long)result->skipped_hops,
           (unsigned long long)result->resets, result->hop_ms, result->hop_p99_ms, result->longest_ms, result->largest_batch);
}

static int stage_code(const em_listen *r, em_engine_stage stage, em_status status)
{
    if (stage == EM_STAGE_OUTPUT)
        return em_exit_code(status, EM_EXIT_OUTPUT);
    if (stage == EM_STAGE_MODEL)
        return em_tagger_code(&r->tagger, status, EM_EXIT_INTERNAL);
    return em_listen_input_code(r, status);
}

int em_listen_input_code(const em_listen *r, em_status status)
{
    return em_exit_code(status, status == EM_EINVAL && r->inputs.n == 1 ? EM_EXIT_USAGE : EM_EXIT_INPUT);
}

int em_listen_judge(const em_listen *r, const em_engine_result *result, em_status status)
{
    const bool was_cut = result->was_stopped || (status == EM_ECANCELED && atomic_load(r->stop));

    if (!r->is_live && was_cut && (!status || status == EM_ECANCELED))
        return EM_EXIT_CUT;
    return status == EM_ECANCELED ? EM_LISTEN_UNREAD : stage_code(r, result->failed_at, status);
}
