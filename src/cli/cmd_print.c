/* cmd_print.c - the commands that only print: --help, --version, --print-config. */
#include "backend/backend.h"
#include "cli/commands.h"
#include "cli/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int em_exit_code(em_status status, int stage_code)
{
    return status == EM_OK || status == EM_ECANCELED ? EM_EXIT_OK : status == EM_ENOMEM ? EM_EXIT_INTERNAL : stage_code;
}

int em_finish_stdout(em_err *err)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return EM_EXIT_OK;
    em_fail(err, EM_EIO, "standard output: cannot write: %s", strerror(errno));
    return EM_EXIT_OUTPUT;
}

int em_finish_record(em_json *j, em_err *err)
{
    const bool is_whole = !j->has_failed;

    if (is_whole)
        fputs(j->text, stdout);
    em_json_deinit(j);
    return is_whole ? em_finish_stdout(err) : em_exit_code(em_fail(err, EM_ENOMEM, "no memory for a record"), EM_EXIT_OUTPUT);
}

int em_cmd_help(const em_options *o, em_err *err)
{
    (void)o;
    em_options_print_help(stdout);
    return em_finish_stdout(err);
}

int em_cmd_version(const em_options *o, em_err *err)
{
    (void)o;
    printf("earmark %s\n%s, cuda: %s\n", EM_VERSION, EM_FEATURES, em_backend_is_built("cuda") ? "yes" : "no (build option EARMARK_CUDA)");
    return em_finish_stdout(err);
}

int em_cmd_print_config(const em_options *o, em_err *err)
{
    em_options_print_config(o, stdout);
    return em_finish_stdout(err);
}
