/* parts.h - sources that are heard at once, open, with what the engine is told of each. */
#ifndef EM_CLI_PARTS_H
#define EM_CLI_PARTS_H

#include "cli/inputs.h"
#include "engine/engine.h"

typedef struct em_parts {
    em_engine_part *list;           /* [n]                                        */
    em_engine_cfg  *cfgs;           /* [n] the usual one with a source's own      */
    int             n;
} em_parts;

/* Opens in->heard. What an error says is of the first that cannot be opened. *usual and *in must outlive *p; end it with em_parts_close,
 * always. */
em_status em_parts_open(em_parts *p, const em_inputs *in, const em_engine_cfg *usual, em_err *err);
void      em_parts_close(em_parts *p);

#endif
