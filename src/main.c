/* main.c - parses, dispatches, prints the one error, sets the exit code. */
#include "base/url.h"
#include "cli/commands.h"
#include "cli/nsm.h"
#include "cli/report.h"
#include "cli/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static em_command_run *const commands[] = {
    [EM_COMMAND_LISTEN] = em_cmd_listen,             [EM_COMMAND_HELP] = em_cmd_help,
    [EM_COMMAND_VERSION] = em_cmd_version,           [EM_COMMAND_PRINT_CONFIG] = em_cmd_print_config,
    [EM_COMMAND_LIST_DEVICES] = em_cmd_list_devices, [EM_COMMAND_LIST_CLASSES] = em_cmd_list_classes,
    [EM_COMMAND_INSPECT] = em_cmd_inspect,           [EM_COMMAND_IMPORT] = em_cmd_import,
    [EM_COMMAND_BENCH] = em_cmd_bench,               [EM_COMMAND_TRAIN] = em_cmd_train,
    [EM_COMMAND_EVAL] = em_cmd_eval,                 [EM_COMMAND_REWRITE] = em_cmd_rewrite,
    [EM_COMMAND_DOCTOR] = em_cmd_doctor,
};

static void set_log(const em_options *o)
{
    em_report_init(o->quiet ? EM_LOG_ERROR : o->verbose ? EM_LOG_DEBUG : EM_LOG_INFO);
}

/* Of a session, where there is one: it may change what is to be heard. */
static int listen(em_options *o, int argc, char **argv, em_err *err)
{
    em_nsm session;
    int code = EM_EXIT_OK;

    if (em_nsm_begin(&session, o, argc, argv, err)) {
        code = err->code == EM_ENOMEM ? EM_EXIT_INTERNAL : EM_EXIT_USAGE;
    } else {
        set_log(o);
        o->nsm = &session;
        code = commands[o->command](o, err);
    }
    em_nsm_end(&session, err->msg);
    return code;
}

static void free_words(char **words)
{
    for (int i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}

/* The arguments are kept, for they are read again at SIGHUP, and who lists processes sees no password from here on. NULL: no memory. */
static char **take_words(int argc, char **argv)
{
    char **words = calloc((size_t)argc + 1, sizeof *words);

    for (int i = 0; words && i < argc; i++) {
        if (!(words[i] = strdup(argv[i]))) {
            free_words(words);
            return NULL;
        }
        if (i > 0)
            em_url_blank(argv[i]);
    }
    return words;
}

static int run(int argc, char **argv, em_err *err)
{
    em_options o;
    int code;

    if (em_options_read(&o, argc, argv, err)) {
        code = err->code == EM_ENOMEM ? EM_EXIT_INTERNAL : EM_EXIT_USAGE;
    } else {
        set_log(&o);
        code = o.command == EM_COMMAND_LISTEN ? listen(&o, argc, argv, err) : commands[o.command](&o, err);
    }
    em_options_deinit(&o);
    return code;
}

int main(int argc, char **argv)
{
    em_err err = { .code = EM_ENOMEM, .msg = "no memory for the arguments" };
    char **words = take_words(argc, argv);
    int code = EM_EXIT_INTERNAL;

    em_signals_ignore();
    em_report_init(EM_LOG_WARNING);
    if (words) {
        err = (em_err){ 0 };
        code = run(argc, words, &err);
    }
    if (err.msg[0] && code != EM_EXIT_OK)
        em_report_error(err.msg);
    if (code == EM_EXIT_USAGE)
        fputs("Try 'earmark --help'\n", stderr);
    free_words(words);
    return code == EM_EXIT_CUT ? em_signals_die() : code;
}
