/* osc_message.h - OSC 1.0 messages out of a datagram, which anybody may have sent: nothing in it is believed. Plain functions. */
#ifndef EM_CLI_OSC_MESSAGE_H
#define EM_CLI_OSC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

enum { EM_OSC_ARGS = 4 };           /* that a message has at most; one with more is not taken */

typedef struct em_osc_arg {
    bool        is_number;          /* i, h, f, d, T, F; else a string                        */
    double      number;             /* may be anything, NaN as well                           */
    const char *text;               /* valid during the call; hostile                         */
} em_osc_arg;

typedef struct em_osc_message {
    const char *address;            /* "/..."; valid during the call; hostile                 */
    em_osc_arg  args[EM_OSC_ARGS];
    int         n_args;
} em_osc_message;

typedef void em_osc_take(void *ctx, const em_osc_message *m);

/* Hands on each message of the n bytes, those of bundles as well (at once: their times are not kept). False: something in it is not OSC, or
 * not of these types; what came before it has been handed on. */
bool em_osc_parse(const unsigned char *bytes, size_t n, em_osc_take *take, void *ctx);

#endif
