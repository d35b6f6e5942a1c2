/* inputs.h - from the options to the sources to open: one after the other, or several at once. */
#ifndef EM_CLI_INPUTS_H
#define EM_CLI_INPUTS_H

#include "audio/source.h"
#include "cli/options.h"
#include "cli/together.h"

typedef struct em_sound_file {
    const char *file;               /* path, URL or "-"; from the options                */
    char       *url_name;           /* what a URL is called; NULL: it is none            */
    bool        is_live;            /* a URL without an end                              */
    char       *name;               /* that records give it: the path as named, where another file has its name;
                                       NULL: the name that the source gives itself       */
    char       *output;             /* --out-dir: where its outputs go in there, without their extension */
} em_sound_file;

typedef struct em_inputs {
    em_source_cfg common;           /* all but kind and name                             */
    const char   *kind;             /* of a device; NULL: files                          */
    em_sound_file *list;            /* [n] files, after --shard; NULL for a device        */
    int           n;                /* sources: 1 for a device                           */
    em_together_one     *heard;            /* [n_heard] what is heard at once; NULL: one after the other */
    int           n_heard;
    bool          is_live;          /* they cannot wait: a device, --live, a live URL    */
} em_inputs;

/* EM_EINVAL: nothing to hear, or two kinds at once; two files with one output; a URL that cannot be heard. The caller ends *in with
 * em_inputs_deinit. is_interactive: a person at a terminal, for whom no source means the default microphone. */
em_status em_inputs_from(em_inputs *in, const em_options *o, bool is_interactive, em_err *err);
void      em_inputs_deinit(em_inputs *in);

/* The i-th source's settings. */
em_source_cfg em_inputs_source(const em_inputs *in, int i);

#endif
