/* bench_streams.h - how many live streams this machine serves: --bench --streams N.
 *
 * N sources of noise at 48 kHz, a scheduler each, through one session, as live mode has them: all are due at once, which is the most
 * that a hop can ask. The frontends run on one core, the model on all threads or on the GPU. */
#ifndef EM_CLI_BENCH_STREAMS_H
#define EM_CLI_BENCH_STREAMS_H

#include "cli/bench.h"
#include "cli/options.h"

typedef struct em_bench_streams_result {
    char   name[64];                /* preset or model                                                      */
    char   device[64];              /* what computed, and on how many threads                               */
    int    n_streams, batch;        /* batch: windows that went through the session together                */
    int    n_hops;                  /* measured, of each stream                                             */
    double window_s;
    double hop_ms, p99_ms;          /* of all streams, from sound to scores: median and 99th percentile     */
    double frontend_ms;             /* median of the part of it that makes log-mel of sound                 */
    double windows_per_s;           /* that the session alone scores                                        */
    double served;                  /* streams whose hops would just take their step: n_streams * step / hop */
    double rss_mb;                  /* most memory the process ever held                                    */
} em_bench_streams_result;

/* step_s: seconds between hops. Ends after eight seconds, or five hops. EM_EINVAL: unknown preset, backend, window, or a step that the
 * model cannot keep; EM_ENOMEM; else what opening the model says. */
em_status em_bench_streams_run(em_bench_streams_result *out, const em_bench_cfg *cfg, int n_streams, double step_s, em_err *err);

/* The rest of em_cmd_bench, where o->streams asks for it. Returns the exit code. */
int       em_cmd_bench_streams(const em_options *o, const em_bench_cfg *cfg, em_err *err);

#endif
