/* status.h - how a failure travels: one enum, one struct, one sentence.
 *
 * The lowest function that knows the file, device or tensor by name writes the sentence; those above pass
 * it up; main alone prints it. Libraries never exit and never write to stderr. */
#ifndef EM_BASE_STATUS_H
#define EM_BASE_STATUS_H

typedef enum em_status {
    EM_OK = 0,
    EM_EINVAL, EM_ENOMEM, EM_EIO,   /* bad request; no memory; file, pipe or socket        */
    EM_EFORMAT, EM_ESHAPE,          /* bytes are not what they claim; tensors do not fit   */
    EM_EDEVICE, EM_EUNSUPPORTED,    /* sound card, JACK, GPU; not built: names the option  */
    EM_ECANCELED,                   /* told to stop, which is no failure: exit code 0      */
} em_status;

typedef struct em_err {
    em_status code;
    char      msg[240];             /* one sentence without a full stop at its end, UTF-8  */
} em_err;

/* Fills *err unless NULL, returns code: return em_fail(err, EM_EFORMAT, "%s: 24-bit", path); */
em_status em_fail(em_err *err, em_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define EM_COUNT(array) (sizeof(array) / sizeof *(array))

/* Marks functions that are safe in the audio callback: no allocation, lock, system call or print. */
#if defined(__clang__) && __clang_major__ >= 20
#define EM_RT __attribute__((nonblocking))
#else
#define EM_RT
#endif

#endif
