/* guard.c - a library for LD_PRELOAD that names what a real-time section must not call.
 *
 * A program brackets its callback with em_rt_enter and em_rt_leave (weak in the program: absent without the
 * guard). Between them, on that thread, each call of a function below is named on standard error; at exit the
 * program then ends with code 70. Calls are passed on either way. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { VIOLATION = 70 };

static _Thread_local int depth;
static _Thread_local int is_reporting;
static int n_violations;

void em_rt_enter(void);
void em_rt_leave(void);

void em_rt_enter(void)
{
    depth++;
}

void em_rt_leave(void)
{
    depth--;
}

static void said(const char *text)
{
    (void)!syscall(SYS_write, 2, text, strlen(text));
}

static void note(const char *name)
{
    if (depth == 0 || is_reporting)
        return;
    is_reporting = 1;
    said("real-time violation: ");
    said(name);
    said("\n");
    __atomic_fetch_add(&n_violations, 1, __ATOMIC_RELAXED);
    is_reporting = 0;
}

__attribute__((destructor)) static void at_exit(void)
{
    if (__atomic_load_n(&n_violations, __ATOMIC_RELAXED) > 0)
        _exit(VIOLATION);
}

/* glibc's own names: dlsym allocates, so malloc cannot be looked up by it. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void  __libc_free(void *p);

void *malloc(size_t n) { note("malloc"); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { note("calloc"); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { note("realloc"); return __libc_realloc(p, n); }
void  free(void *p) { note("free"); __libc_free(p); }
void *aligned_alloc(size_t align, size_t n) { note("aligned_alloc"); return __libc_memalign(align, n); }

int posix_memalign(void **out, size_t align, size_t n)
{
    note("posix_memalign");
    *out = __libc_memalign(align, n);
    return *out ? 0 : ENOMEM;
}

/* A function that is named and passed on. The lookup is done once; the pointer is one word. */
#define PASS(type, name, parameters, arguments)                              \
    type name parameters                                                     \
    {                                                                        \
        static type (*next) parameters;                                      \
                                                                             \
        note(#name);                                                         \
        if (!next)                                                           \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                       \
        return next arguments;                                               \
    }

PASS(int, pthread_mutex_lock, (pthread_mutex_t *m), (m))
PASS(int, pthread_mutex_trylock, (pthread_mutex_t *m), (m))
PASS(int, pthread_mutex_unlock, (pthread_mutex_t *m), (m))
PASS(int, pthread_cond_signal, (pthread_cond_t *c), (c))
PASS(int, pthread_cond_broadcast, (pthread_cond_t *c), (c))
PASS(int, pthread_cond_wait, (pthread_cond_t *c, pthread_mutex_t *m), (c, m))
PASS(int, pthread_rwlock_rdlock, (pthread_rwlock_t *l), (l))
PASS(int, pthread_rwlock_wrlock, (pthread_rwlock_t *l), (l))
PASS(int, pthread_spin_lock, (pthread_spinlock_t *l), (l))
PASS(int, pthread_create, (pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x), (t, a, f, x))
PASS(int, sem_post, (sem_t *s), (s))
PASS(int, sem_wait, (sem_t *s), (s))
PASS(int, puts, (const char *s), (s))
PASS(int, putchar, (int c), (c))
PASS(int, fputs, (const char *s, FILE *f), (s, f))
PASS(int, fflush, (FILE *f), (f))
PASS(size_t, fwrite, (const void *p, size_t size, size_t n, FILE *f), (p, size, n, f))
PASS(int, vfprintf, (FILE *f, const char *format, va_list args), (f, format, args))
PASS(int, vsnprintf, (char *s, size_t n, const char *format, va_list args), (s, n, format, args))
PASS(FILE *, fopen, (const char *path, const char *mode), (path, mode))
PASS(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
PASS(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
PASS(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms))
PASS(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left))
PASS(int, clock_nanosleep, (clockid_t c, int flags, const struct timespec *t, struct timespec *left), (c, flags, t, left))
PASS(int, usleep, (useconds_t us), (us))
PASS(int, sched_yield, (void), ())
PASS(void *, mmap, (void *at, size_t n, int protection, int flags, int fd, off_t offset), (at, n, protection, flags, fd, offset))
PASS(int, munmap, (void *at, size_t n), (at, n))
PASS(int, mlock, (const void *at, size_t n), (at, n))

#define PASS_FORMAT(name, parameters, call)                                  \
    int name parameters                                                      \
    {                                                                        \
        va_list args;                                                        \
        int n;                                                               \
                                                                             \
        note(#name);                                                         \
        is_reporting++;                                                      \
        va_start(args, format);                                              \
        n = call;                                                            \
        va_end(args);                                                        \
        is_reporting--;                                                      \
        return n;                                                            \
    }

PASS_FORMAT(printf, (const char *format, ...), vfprintf(stdout, format, args))
PASS_FORMAT(fprintf, (FILE *f, const char *format, ...), vfprintf(f, format, args))
PASS_FORMAT(snprintf, (char *s, size_t n_bytes, const char *format, ...), vsnprintf(s, n_bytes, format, args))
