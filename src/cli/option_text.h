/* option_text.h - option values that are more than a number or a word: is this text one, and what does it say. */
#ifndef EM_CLI_OPTION_TEXT_H
#define EM_CLI_OPTION_TEXT_H

#include <stdbool.h>
#include <stdint.h>

bool em_parse_channel(int *out, const char *text);              /* 1..64; 0: mix; -1: each                     */
bool em_parse_shard(int *i, int *n, const char *text);          /* 1 <= i <= n <= 1000000                      */
bool em_parse_utc(int64_t *ms, const char *text);               /* YYYY-MM-DDThh:mm:ss[.sss]Z, since 1970      */
bool em_parse_wait(double *seconds, const char *text);          /* no, yes (-1: for ever) or seconds           */

bool em_is_channel(const char *text);
bool em_is_shard(const char *text);
bool em_is_utc(const char *text);
bool em_is_jack_name(const char *text);
bool em_is_step_text(const char *text);
bool em_is_format(const char *text);
bool em_is_topic_level(const char *text);       /* what a topic can call something: has a letter or digit */
bool em_is_osc_url(const char *text);
bool em_is_topic(const char *text);             /* no wildcards, no empty level, not too long             */
bool em_is_web_address(const char *text);
bool em_is_host_name(const char *text);
bool em_is_proxy(const char *text);             /* an address, a network, or unix                         */

#endif
