/* gate.h - who may ask: the checks that every request passes before anything of it is looked at.
 *
 * A name in Host that is not ours is how a foreign page reaches a server on this machine (DNS rebinding), so it comes first,
 * on loopback too. One thread. */
#ifndef EM_SINKS_WEB_GATE_H
#define EM_SINKS_WEB_GATE_H

#include "sinks/web/address.h"
#include "sinks/web/token.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { EM_WEB_FAILURES = 10, EM_WEB_FAILURE_S = 60 };       /* wrong tokens of an address before it has to wait, and how long */

enum { EM_WEB_GUESSERS = 64 };

typedef struct em_web_guesser { char address[EM_WEB_ADDRESS_CHARS]; int n; uint64_t since_ns; } em_web_guesser;

typedef struct em_web_gate {
    const char *token;              /* "" : none is asked for                                             */
    const char *const *hosts;       /* [n_hosts] further names by which this machine is called            */
    int n_hosts;
    em_web_guesser guessers[EM_WEB_GUESSERS];   /* the newest replaces the oldest                         */
} em_web_gate;

typedef struct em_web_caller {      /* what a request says of itself; NULL: nothing                       */
    const char *host, *origin, *authorization;
    const struct sockaddr *from, *to;           /* who asks, and the connection's end here                */
    bool is_open;                   /* it asks for what needs no token                                    */
    uint64_t now_ns;
} em_web_caller;

/* 0: come in. Else the HTTP status: 400 no Host, 403 a foreign Host or Origin, 401 no token or a wrong one, 429 too many
 * wrong ones. */
int em_web_gate_check(em_web_gate *g, const em_web_caller *c);

#endif
