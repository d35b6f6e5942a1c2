/* output_checks.h - which outputs cannot stand beside each other, or beside what is heard: found out before any is opened. */
#ifndef EM_CLI_OUTPUT_CHECKS_H
#define EM_CLI_OUTPUT_CHECKS_H

#include "cli/outputs.h"

/* n: pairs of --format and --output. EM_EINVAL: the sentence names the option. */
em_status em_outputs_check(const em_options *o, const em_sink_set_cfg *cfg, int n, em_err *err);

/* Logs what is asked for and told by no output: --slots, --embeddings and --level, which records of jsonl alone have room for. Once a run. */
void em_outputs_warn(const em_options *o);

/* Whether a path, or none, means standard output. */
bool em_is_stdout(const char *path);

#endif
