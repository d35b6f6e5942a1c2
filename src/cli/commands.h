/* commands.h - one function a mode. Each returns the exit code; *err has the sentence when there is one to print. */
#ifndef EM_CLI_COMMANDS_H
#define EM_CLI_COMMANDS_H

#include "base/json.h"
#include "base/status.h"
#include "cli/exit_codes.h"
#include "cli/options.h"

typedef int em_command_run(const em_options *o, em_err *err);

em_command_run em_cmd_listen, em_cmd_replay, em_cmd_help, em_cmd_version, em_cmd_print_config, em_cmd_list_devices, em_cmd_list_classes,
               em_cmd_inspect, em_cmd_import, em_cmd_rewrite, em_cmd_bench, em_cmd_bench_step, em_cmd_train, em_cmd_eval, em_cmd_doctor;

/* EM_OK and EM_ECANCELED: 0; EM_ENOMEM: internal; else the code of the stage that failed. */
int em_exit_code(em_status status, int stage_code);

/* Puts a whole record on stdout and ends it. */
int em_finish_record(em_json *j, em_err *err);

/* stdout is whole: flushes it. A full disk is EM_EXIT_OUTPUT, a closed pipe is fine. */
int em_finish_stdout(em_err *err);

#endif
