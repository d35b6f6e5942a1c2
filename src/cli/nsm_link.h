/* nsm_link.h - the talk with a session manager: NSM's API 1.1 over OSC. Inside the module earmark-nsm.so (nsm_link.c), which brings liblo;
 * nsm.c loads it.
 *
 * A thread of liblo's answers; what it calls of ours is `save`. The rest is called from one thread. */
#ifndef EM_CLI_NSM_LINK_H
#define EM_CLI_NSM_LINK_H

#include "base/status.h"

enum { EM_NSM_PATH = 4096, EM_NSM_ID = 64 };

typedef struct em_nsm_link em_nsm_link;

/* What the manager says with /nsm/client/open. */
typedef struct em_nsm_project {
    char path[EM_NSM_PATH];         /* of this client alone; the manager makes only what is above it */
    char client_id[EM_NSM_ID];      /* what the JACK client is to be called */
} em_nsm_project;

typedef struct em_nsm_link_cfg {
    const char *url;                /* $NSM_URL                                                          */
    const char *program;            /* argv[0]                                                           */
    em_status (*save)(void *ctx, em_err *err);      /* from liblo's thread, after answer said yes        */
    void *ctx;
} em_nsm_link_cfg;

typedef struct em_nsm_ops {
    /* Announces us, waits to be told what to open (at most some seconds). EM_EIO: nobody answers, or he does not want us. The caller ends
     * *out with leave; on error it is NULL. */
    em_status (*join)(em_nsm_link **out, em_nsm_project *project, const em_nsm_link_cfg *cfg, em_err *err);
    /* The answer to open, once: NULL: it is; else why not. */
    void (*answer)(em_nsm_link *l, const char *why_not);
    /* 0..1, of work that has an end. */
    void (*progress)(em_nsm_link *l, float share);
    void (*leave)(em_nsm_link *l);
} em_nsm_ops;

extern const em_nsm_ops em_nsm_liblo;

#endif
