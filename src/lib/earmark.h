/* earmark.h - libearmark: which of AudioSet's sounds are in this sound, from when to when. For C99, C11 and C++.
 *
 *   earmark_model     a model file, opened once: weights, labels, the threads that compute
 *   earmark_listener  one stream of sound: samples go in, scores and events come out
 *
 * Frames are pushed in pieces of any length; how the stream is cut changes no bit of what comes out, which is what the program
 * `earmark` tells of the same sound with the same settings. At every step a window is scored and earmark_push_* stops, so that
 * what became due can be read; the next push goes on and forgets it. At the end of the stream come the last hop and the ends of
 * the events that were under way. examples/tag.c is all of it in forty lines.
 *
 * Times are seconds from the start of the stream, counted in samples. Strings are UTF-8.
 *
 * Errors: functions that can fail return an earmark_status and fill *error, unless NULL, with one sentence. *out is NULL then. A
 * listener whose push or finish has failed can only be freed. Arguments that are not allowed to be NULL are not checked for it.
 *
 * Threads: a listener belongs to one thread at a time. A model may serve listeners of any number of threads at once; their windows
 * are computed one after the other, each by all threads of the model. To compute several at a time open the model several times.
 * Nothing is shared between models. The library's own threads block all signals; they do not survive a fork, so open models
 * behind it. Push computes: do not call it in an audio callback.
 *
 * The library prints nothing, ends nothing, sets no signal handler, and leaves the floating-point mode of the caller's thread as it
 * was. FFTW's planner, which it uses under a lock of its own, is global: who plans with FFTW (single precision) on another thread while
 * a listener is made or freed calls fftwf_make_planner_thread_safe first.
 *
 * What may change: within one soname (libearmark.so.0) functions are added, and structs grow at their end, nothing else. Structs that
 * the program makes carry their size; those that the library gives are read only through the pointers it gave, never copied whole
 * nor put in arrays. Numbers of enums stay; new ones may come, so an event of an unknown type is passed over. Scores may differ in
 * their last bits between versions. */
#ifndef EARMARK_H
#define EARMARK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define EARMARK_API __attribute__((visibility("default")))
#else
#define EARMARK_API
#endif

typedef struct earmark_model    earmark_model;
typedef struct earmark_listener earmark_listener;

typedef enum earmark_status {
    EARMARK_OK           = 0,
    EARMARK_EINVAL       = 1,       /* a setting out of range, an unknown class or backend           */
    EARMARK_ENOMEM       = 2,       /* no memory, or no more threads                                 */
    EARMARK_EIO          = 3,       /* a file cannot be read                                         */
    EARMARK_EFORMAT      = 4,       /* it is not what it claims to be                                */
    EARMARK_ESHAPE       = 5,       /* its tensors do not fit its configuration                      */
    EARMARK_EDEVICE      = 6,       /* the GPU is not there, or failed                               */
    EARMARK_EUNSUPPORTED = 7        /* not in this build, or no model for tagging                    */
} earmark_status;

typedef struct earmark_error {      /* its size never changes                                        */
    int  status;                    /* an earmark_status                                             */
    char message[252];              /* one sentence without a full stop at its end                   */
} earmark_error;

/* "0.1.0"; valid for ever. Any thread. */
EARMARK_API const char *earmark_version(void);

/* ---- models ---- */

typedef struct earmark_model_options {
    size_t      struct_size;        /* set by earmark_model_options_init                             */
    const char *backend;            /* "auto": the best that is there; "cpu", "cuda"                 */
    int         threads;            /* that compute on the CPU, 1 to 1024; 0: one a processor        */
    const char *labels;             /* CSV file of other display names (index,mid,display_name); NULL: the model's own */
} earmark_model_options;

/* The usual options; struct_size: sizeof(earmark_model_options). */
EARMARK_API void earmark_model_options_init(earmark_model_options *options, size_t struct_size);

/* Opens a model file; options NULL: the usual ones. All that options point to is borrowed for the call. The caller ends *out with
 * earmark_model_close. EARMARK_EIO, EFORMAT, ESHAPE: the file or one of its tensors; EINVAL, EDEVICE, EUNSUPPORTED: options, backend;
 * ENOMEM. */
EARMARK_API earmark_status earmark_model_open(earmark_model **out, const char *path, const earmark_model_options *options,
                                              earmark_error *error);

/* All its listeners must be freed before. NULL is allowed. */
EARMARK_API void earmark_model_close(earmark_model *model);

typedef struct earmark_model_info {
    const char *name;               /* "" if the file has none                                       */
    const char *sha256;             /* of the file, in hex                                           */
    const char *backend;            /* that computes: "cpu", "cuda"                                  */
    int         rate_hz;            /* that sound is resampled to                                    */
    int         n_classes;
    double      window_s;           /* unless a listener is made with another                        */
} earmark_model_info;

/* Valid until the model is closed. Any thread, as earmark_model_class. */
EARMARK_API const earmark_model_info *earmark_model_get_info(const earmark_model *model);

typedef struct earmark_class {
    const char *label;              /* display name                                                  */
    const char *mid;                /* AudioSet's id, "" where there is none                         */
    int         is_trained;         /* 0: the model was not trained on it, its scores mean nothing   */
    float       threshold;          /* the model's own, 0: it has none                               */
} earmark_class;

/* The class of score i; NULL unless 0 <= i < n_classes. Valid until the model is closed. */
EARMARK_API const earmark_class *earmark_model_class(const earmark_model *model, int i);

/* ---- listeners ---- */

/* Lists of strings end with NULL; NULL is an empty list. Classes are named by label, mid or slug. */
typedef struct earmark_listener_options {
    size_t      struct_size;        /* set by earmark_listener_options_init                          */
    const char *name;               /* of the source, in the ids of events: "stream". What can be heard only once should
                                       have its start in it, "porch@1767225600000", or its ids come again */
    int         rate_hz;            /* of what is pushed, 1000 to 768000; 0: the model's             */
    int         channels;           /* interleaved in it, 1 to 64; usually 1                         */
    int         channel;            /* that is heard: usually 1, the first; 0: the mean of all       */
    double      step_s;             /* from one hop to the next: 1; a multiple of 0.01 from 0.01 to 3600 */
    double      window_s;           /* that one hop looks back; 0: as the model was made             */
    double      threshold;          /* where events begin, 0 to 1; 0: the model's own, class by class */
    double      hysteresis;         /* how far below that they last, 0 to 1: 0.15                    */
    double      min_on_s, min_off_s;    /* shortest event 0.4, shortest pause 2; 0 to 86400          */
    int         all_classes;        /* not 0: events also of classes that the model was not trained on */
    const char *const *watch;       /* events of these only: "Dog", "Dog=0.5" with a threshold       */
    const char *const *ignore;      /* none of these                                                 */
    const char *const *groups;      /* "alarm=Siren": one more event while Siren or what is below it sounds */
    const char *const *tunes;       /* "Dog:KEY=VALUE", of a class or group: threshold, hysteresis, min-on, min-off, gate */
} earmark_listener_options;

/* The usual options; struct_size: sizeof(earmark_listener_options). */
EARMARK_API void earmark_listener_options_init(earmark_listener_options *options, size_t struct_size);

/* Options NULL: the usual ones; borrowed for the call. The caller ends *out with earmark_listener_free; the model must outlive it.
 * EARMARK_EINVAL: a setting out of range, or a class that there is not, with the nearest names; EUNSUPPORTED: a model without
 * classes; ENOMEM, EDEVICE. */
EARMARK_API earmark_status earmark_listener_new(earmark_listener **out, earmark_model *model, const earmark_listener_options *options,
                                                earmark_error *error);

/* NULL is allowed. */
EARMARK_API void earmark_listener_free(earmark_listener *listener);

/* Takes frames until a hop has become due and was scored, or all n_frames are taken; *n_taken says how many. What was due before is
 * forgotten. frames[n_frames][channels], interleaved, borrowed for the call. Floats are nominally -1 to 1 (NaN and infinity count as
 * 0), integers are divided by 32768. Where steps are shorter than a tenth of a second more than one hop may fall due at once: a push
 * of no frames gives the next one. EARMARK_ENOMEM, EDEVICE; EINVAL behind earmark_finish. */
EARMARK_API earmark_status earmark_push_float(earmark_listener *listener, const float *frames, size_t n_frames, size_t *n_taken,
                                              earmark_error *error);
EARMARK_API earmark_status earmark_push_s16(earmark_listener *listener, const int16_t *frames, size_t n_frames, size_t *n_taken,
                                            earmark_error *error);

/* The same for frames that were lost: silence in their place, which `filled` of the scores leaves out. */
EARMARK_API earmark_status earmark_push_gap(earmark_listener *listener, size_t n_frames, size_t *n_taken, earmark_error *error);

/* The stream has ended. Call it, reading in between, until *is_done is not 0: a hop may still be due, and then the last events
 * end. */
EARMARK_API earmark_status earmark_finish(earmark_listener *listener, int *is_done, earmark_error *error);

typedef struct earmark_scores {
    double       time_s;            /* end of the window                                             */
    double       filled;            /* share of the window that is sound, and not the silence before the start or a gap: 0 to 1 */
    float        rms_dbfs, peak_dbfs;   /* of the sound since the last hop; -INFINITY: digital silence */
    int          n_classes;
    const float *scores;            /* [n_classes] probabilities                                     */
    int          n_slots;
    double       slot_s;            /* length of one; the first begins where the window does         */
    const float *slots;             /* [n_slots][n_classes] probabilities, oldest first              */
    int          n_embedding;
    const float *embedding;         /* [n_embedding] the network's last layer before its head, mean over the window */
} earmark_scores;

/* The hop that became due in the last push or finish; NULL: none, or it was read. Valid until the next push, finish or free. */
EARMARK_API const earmark_scores *earmark_next_scores(earmark_listener *listener);

typedef enum earmark_event_type {
    EARMARK_ONSET   = 1,            /* a sound has begun: told as soon as it is sure                 */
    EARMARK_OFFSET  = 2,            /* it is over: onset and score as they are known in the end      */
    EARMARK_RETRACT = 3             /* in place of its offset: later windows did not bear it out     */
} earmark_event_type;

typedef struct earmark_event {
    int         type;               /* an earmark_event_type                                         */
    const char *id;                 /* the same for onset and offset of a sound, and in every run    */
    const char *label;              /* of its class or group                                         */
    int         class_index;        /* its score; -1: a group                                        */
    double      onset_s, offset_s;  /* ONSET: offset_s is how far it is known to last                */
    double      delay_s;            /* of sound from the onset (OFFSET: the offset) to when this was known */
    double      res_s;              /* uncertainty of both times                                     */
    float       score, mean;        /* highest evidence so far; mean from onset to offset            */
    float       threshold;          /* that it has reached                                           */
    float       dbfs;               /* level when this was known                                     */
} earmark_event;

/* The next event of the last push or finish, in the order in which they became known; NULL: no more. Valid until the next push,
 * finish or free. */
EARMARK_API const earmark_event *earmark_next_event(earmark_listener *listener);

#ifdef __cplusplus
}
#endif

#endif
