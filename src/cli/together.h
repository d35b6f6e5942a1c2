/* together.h - several sources that are heard at once: what --source NAME:KEY=VALUE, or KEY = VALUE in [source "NAME"], says of each. */
#ifndef EM_CLI_TOGETHER_H
#define EM_CLI_TOGETHER_H

#include "audio/source.h"

#include <stdbool.h>

enum { EM_TOGETHER_NAME = 104, EM_TOGETHER_MOST = 32, EM_TOGETHER_GLOBS = 8 };

#define EM_TOGETHER_KEYS "device, url, input, jack, jack-name, jack-server, connect, channel, channels, wait, stall, live, realtime or gate"

typedef struct em_together_one {               /* one of them; what it points to is the options'                     */
    char   name[EM_TOGETHER_NAME];      /* that records give it                                               */
    em_source_cfg source;
    int    channel;                     /* 1..: that one; 0: the mean; -1: each                               */
    bool   has_gate;                    /* its own, in place of that of all                                   */
    double gate;                        /* dBFS; 0: none                                                      */
    char   jack_name[EM_TOGETHER_NAME + 8];     /* its own as a JACK client, unless one is given              */
    bool   has_jack_name;               /* one is                                                             */
    bool   is_twice;                    /* two kinds of source are named                                      */
    const char *globs[EM_TOGETHER_GLOBS];
} em_together_one;

/* Sets what one such text says: in the one of its name among list[*n], or a new one that begins as `usual`. False: no such key, or
 * no such value, or too many. */
bool em_together_set(em_together_one *list, int *n, const em_together_one *usual, const char *text);

bool em_together_has_key(const char *key);

/* The table's is_valid. */
bool em_is_source_setting(const char *text);

/* Whether it is one source, and of a kind that there is; *is_live: it cannot wait. From here on h->source is whole, and points into
 * *h. EM_EINVAL. */
em_status em_together_settle(em_together_one *h, bool *is_live, em_err *err);

#endif
