/* settings.h - what a person says about events, as text, and what that means: the options of the program and the fields of
 * earmark_listener_options are the same settings. */
#ifndef EM_LIB_SETTINGS_H
#define EM_LIB_SETTINGS_H

#include "base/status.h"

#include <stdbool.h>

typedef struct em_text_list {       /* borrowed                                                             */
    const char *const *list;
    int n;
    const char *const *where;       /* [n] what sentences call each: "FILE:3: watch"; NULL: as the setting is called */
} em_text_list;

typedef struct em_settings {        /* borrowed                                                             */
    const char  *dashes;            /* before the name of a setting in sentences: "--" or ""                */
    em_text_list watch, ignore;     /* classes, watch with or without a threshold: "Dog", "Dog=0.5"         */
    bool         all_classes;       /* those too that the model was not trained on                          */
    double       threshold;         /* 0: the model's own                                                   */
    double       hysteresis;        /* events end below the threshold less this                             */
    double       min_on, min_off;   /* seconds: shortest event, shortest pause                              */
    em_text_list groups, tunes;     /* "alarm=Siren", "Dog:min-on=1"; each is one (em_is_group, em_is_tuning) */
    em_text_list explain;           /* classes and groups                                                   */
    double       gate;              /* dBFS, below which sound is of no event; 0: all of it may be          */
    em_text_list until;             /* the same: whose onset em_watcher_has_met tells                       */
} em_settings;

/* A sentence about item i of a list begins with where it stands: for what `status` says was wrong. Returns status. */
em_status em_settings_at(em_status status, const em_settings *o, const em_text_list *list, int i, const char *setting, em_err *err);

/* Whole text, finite, with a decimal point in every locale. */
bool em_parse_real(double *out, const char *text);

bool em_is_step(double seconds);                    /* whether hops can be that far apart: a multiple of 10 ms    */
int  em_step_samples(double seconds, int rate_hz);  /* the same at a model's rate                                */

bool em_is_group(const char *text);                 /* NAME=CLASS; the name is what stands before the first '='  */

/* What is said of one class or group: "Dog:min-on=1". */
typedef enum em_tune_key { EM_TUNE_THRESHOLD, EM_TUNE_HYSTERESIS, EM_TUNE_MIN_ON, EM_TUNE_MIN_OFF, EM_TUNE_GATE } em_tune_key;

typedef struct em_tuning {
    char        name[256];
    em_tune_key key;
    double      value;              /* of a gate 0 or 1 */
} em_tuning;

bool em_parse_tuning(em_tuning *out, const char *text);
bool em_is_tuning(const char *text);

/* The i-th key, "threshold", "min-on" and so on, and what its values are, in words; NULL after the last. */
const char *em_tuning_key(int i, const char **wanted);

#endif
