/* exit_codes.c - see exit_codes.h. */
#include "cli/exit_codes.h"

#include "base/status.h"

#include <stddef.h>

static const em_exit_row rows[] = {
    { EM_EXIT_OK,        "done",                               "Also after SIGINT or SIGTERM where the sound is live." },
    { EM_EXIT_NOT_HEARD, "--until was not heard",              "Before the end of the sound, --timeout, or the signal that ended live listening." },
    { EM_EXIT_USAGE,     "wrong use",                          "An option, a configuration file or a variable that cannot be so." },
    { EM_EXIT_MODEL,     "bad model",                          "A model file, or a table of labels, that is not there or not right." },
    { EM_EXIT_INPUT,     "no sound input",                     "It cannot be opened, or was lost for good; of several files the others were heard." },
    { EM_EXIT_BACKEND,   "no such backend here",
                         "What should compute is not on this machine, or not in this build; of --doctor: or it is too slow." },
    { EM_EXIT_OUTPUT,    "output failed",
                         "A full disk, or a file that cannot be written. A reader that went away is no failure." },
    { EM_EXIT_TRAINING,  "data unusable or training diverged", "The data set cannot be learnt from, or the loss did not stay finite." },
    { EM_EXIT_INTERNAL,  "internal error",                     "No memory, or a mistake of ours." },
};

const em_exit_row *em_exit_row_at(int i)
{
    return i >= 0 && (size_t)i < EM_COUNT(rows) ? &rows[i] : NULL;
}
