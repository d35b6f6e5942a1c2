/* The handlers are found by symbol, because which libraries PortAudio brings along depends on how it was built; and from the library
 * that was named, because what a module loads is in no scope of the program's. */
#include "audio/hush.h"

#include "base/log.h"
#include "base/text.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { ROOM = 2048, LINE = 256 };

typedef void alsa_handler(const char *file, int line, const char *function, int code, const char *fmt, ...);
typedef void jack_handler(const char *line);

/* Unavoidable globals: the handlers get no context of ours. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char            kept[ROOM];
static size_t          n_kept;

/* A library may call a handler while it holds locks of its own: whoever finds ours taken says nothing. */
static void keep(const char *line)
{
    size_t n = strlen(line);

    if (n == 0 || n + 2 > ROOM || pthread_mutex_trylock(&lock) != 0)
        return;
    if (n_kept + n + 2 > ROOM)
        n_kept = 0;
    memcpy(kept + n_kept, line, n);
    n_kept += n;
    kept[n_kept++] = '\n';
    kept[n_kept] = '\0';
    pthread_mutex_unlock(&lock);
}

static void __attribute__((format(printf, 5, 6)))
on_alsa(const char *file, int line, const char *function, int code, const char *fmt, ...)
{
    char text[LINE];
    va_list args;

    (void)file;
    (void)line;
    (void)code;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    keep(text[0] ? text : function);
}

static void on_jack_error(const char *line)
{
    keep(line);
}

/* Said when all is well, too: not worth keeping. */
static void on_jack_info(const char *line)
{
    (void)line;
}

static void put_handlers(void *library)
{
    int (*set_alsa)(alsa_handler *) = (int (*)(alsa_handler *))dlsym(library, "snd_lib_error_set_handler");
    void (*set_error)(jack_handler *) = (void (*)(jack_handler *))dlsym(library, "jack_set_error_function");
    void (*set_info)(jack_handler *) = (void (*)(jack_handler *))dlsym(library, "jack_set_info_function");

    if (set_alsa)
        set_alsa(on_alsa);
    if (set_error)
        set_error(on_jack_error);
    if (set_info)
        set_info(on_jack_info);
}

void em_hush(em_hush_function *function)
{
    Dl_info where;
    void *library = dladdr((void *)function, &where) ? dlopen(where.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;

    if (library) {
        put_handlers(library);
        dlclose(library);               /* what loaded it keeps it */
    }
    pthread_mutex_lock(&lock);
    n_kept = 0;
    kept[0] = '\0';
    pthread_mutex_unlock(&lock);
}

static ssize_t filter(void *cookie, const char *text, size_t n)
{
    static const char chatter[] = "Expression '";
    char line[LINE];

    (void)cookie;
    if (n >= sizeof chatter - 1 && memcmp(text, chatter, sizeof chatter - 1) == 0) {
        snprintf(line, sizeof line, "%.*s", (int)(text[n - 1] == '\n' ? n - 1 : n), text);
        keep(line);
        return (ssize_t)n;
    }
    return write(STDERR_FILENO, text, n);
}

static void put_filter(void)
{
    FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = filter });

    if (!file)
        return;
    /* Unbuffered as stderr always is: each print arrives whole in one write. */
    setvbuf(file, NULL, _IONBF, 0);
    fflush(stderr);
    stderr = file;
}

void em_hush_stderr(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, put_filter);
}

void em_hush_replay(void)
{
    char text[ROOM], line[LINE];
    char *rest = text, *at;

    pthread_mutex_lock(&lock);
    memcpy(text, kept, n_kept + 1);
    n_kept = 0;
    kept[0] = '\0';
    pthread_mutex_unlock(&lock);
    while ((at = strsep(&rest, "\n")) != NULL) {
        if (*at)
            em_log(EM_LOG_DEBUG, "%s", em_text_clean(line, sizeof line, at));
    }
}
