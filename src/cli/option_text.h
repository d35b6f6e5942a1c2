/* option_text.h - option values that are more than a number or a word: is this text one, and what does it say. */
#ifndef EM_CLI_OPTION_TEXT_H
#define EM_CLI_OPTION_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Whole text, C locale, finite. */
bool em_parse_real(double *out, const char *text);

bool em_parse_channel(int *out, const char *text);              /* 1..64; 0: mix; -1: each                     */
bool em_parse_shard(int *i, int *n, const char *text);          /* 1 <= i <= n <= 1000000                      */
bool em_parse_utc(int64_t *ms, const char *text);               /* YYYY-MM-DDThh:mm:ss[.sss]Z, since 1970      */
bool em_parse_wait(double *seconds, const char *text);          /* no, yes (-1: for ever) or seconds           */

/* What is said of one class or group: "Dog:min-on=1". */
typedef enum em_tune_key { EM_TUNE_THRESHOLD, EM_TUNE_HYSTERESIS, EM_TUNE_MIN_ON, EM_TUNE_MIN_OFF, EM_TUNE_GATE } em_tune_key;

typedef struct em_tuning {
    char        name[256];
    em_tune_key key;
    double      value;              /* of a gate 0 or 1 */
} em_tuning;

bool em_parse_tuning(em_tuning *out, const char *text);

bool em_is_channel(const char *text);
bool em_is_shard(const char *text);
bool em_is_utc(const char *text);
bool em_is_jack_name(const char *text);
bool em_is_step(const char *text);
bool em_is_format(const char *text);
bool em_is_group(const char *text);
bool em_is_tuning(const char *text);

#endif
