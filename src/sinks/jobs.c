/* jobs.c - begins runs on the caller's thread, looks after them on its own: see jobs.h. */
#include "sinks/jobs.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TICK_MS = 10,                   /* how often runs under way are looked at                    */
    MOST_READ = 1 << 16,            /* bytes of output a tick: what floods us is slowed, not fed */
    GRACE_S = 1,                    /* from SIGTERM to SIGKILL, and what is left once give_up    */
    LINE_BYTES = 120,
};

typedef struct run {                /* pid 0: free                                               */
    pid_t    pid;
    int      out_fd;                /* what it writes; not blocking                              */
    uint64_t end_ns;                /* when it is asked to end; then, when it is killed          */
    bool     is_asked, was_late;
    char     line[LINE_BYTES];      /* the first it wrote, as far as it has come                 */
    size_t   n_line;
    bool     has_line;
} run;

struct em_jobs {
    em_jobs_cfg cfg;
    pthread_t   thread;
    bool        has_thread;
    pthread_mutex_t lock;           /* of all that follows                                       */
    pthread_cond_t  changed;
    run         runs[EM_JOBS_MOST];
    int         n_running;
    bool        is_closed, has_warned, is_hurried;
    em_jobs_counters count;
};

/* ---- how a run ends ---- */

/* The first for everybody, all with -v: what fails once fails with every event. Under the lock. */
static void tell_failure(em_jobs *j, const char *how, const char *line)
{
    char clean[LINE_BYTES];

    j->count.n_failed++;
    em_text_clean(clean, sizeof clean, line);
    em_log(j->has_warned ? EM_LOG_DEBUG : EM_LOG_WARNING, "--exec: %.80s %s%s%s%s", j->cfg.argv[0], how, *clean ? ": " : "", clean,
           j->has_warned ? "" : " (further failures are counted; -v tells each)");
    j->has_warned = true;
}

static void judge(em_jobs *j, const run *r, int status)
{
    char how[64];

    if (r->was_late)
        snprintf(how, sizeof how, "took longer than %g s and was ended", j->cfg.limit_s);
    else if (r->is_asked)
        snprintf(how, sizeof how, "was ended, as we were");
    else if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "died of signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(status));
    else
        return;
    tell_failure(j, how, r->line);
}

static void keep_line(run *r, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && !r->has_line; i++) {
        r->has_line = bytes[i] == '\n' || r->n_line == sizeof r->line - 1;
        if (!r->has_line && bytes[i])
            r->line[r->n_line++] = bytes[i];
    }
}

static void drain(run *r)
{
    char bytes[4096];
    ssize_t n = 1;

    for (size_t left = MOST_READ; left > 0 && n > 0; left -= n > 0 ? (size_t)n : 0)
        if ((n = read(r->out_fd, bytes, sizeof bytes < left ? sizeof bytes : left)) > 0)
            keep_line(r, bytes, (size_t)n);
}

static void end_run(em_jobs *j, run *r)
{
    int status = 0;

    drain(r);
    if (r->is_asked)
        kill(-r->pid, SIGKILL);                 /* what it left behind; until it is reaped the group's number is its own */
    if (waitpid(r->pid, &status, 0) < 0)
        status = 0;                             /* whoever started us ignores SIGCHLD: nobody knows */
    close(r->out_fd);
    judge(j, r, status);
    r->pid = 0;
    j->n_running--;
    pthread_cond_broadcast(&j->changed);
}

/* ---- looking after them ---- */

static void hurry(em_jobs *j, uint64_t now)
{
    if (j->is_hurried || !j->cfg.give_up || !atomic_load(j->cfg.give_up))
        return;
    j->is_hurried = true;
    pthread_cond_broadcast(&j->changed);        /* who waits for room does not any more */
    for (int i = 0; i < j->cfg.n_most; i++)
        if (j->runs[i].end_ns > now + GRACE_S * 1000000000ull)
            j->runs[i].end_ns = now + GRACE_S * 1000000000ull;
}

static void look_after(em_jobs *j, run *r, uint64_t now)
{
    drain(r);
    if (em_child_has_ended(r->pid)) {
        end_run(j, r);
    } else if (now >= r->end_ns) {
        kill(-r->pid, r->is_asked ? SIGKILL : SIGTERM);
        r->was_late |= !r->is_asked && !j->is_hurried;
        r->is_asked = true;
        r->end_ns = now + GRACE_S * 1000000000ull;
    }
}

static void *supervise(void *ctx)
{
    em_jobs *j = ctx;

    pthread_mutex_lock(&j->lock);
    while (!j->is_closed || j->n_running > 0) {
        if (j->n_running == 0) {
            pthread_cond_wait(&j->changed, &j->lock);
            continue;
        }
        pthread_mutex_unlock(&j->lock);
        em_sleep_ms(TICK_MS);
        pthread_mutex_lock(&j->lock);
        hurry(j, em_now_ns());
        for (int i = 0; i < j->cfg.n_most; i++)
            if (j->runs[i].pid)
                look_after(j, &j->runs[i], em_now_ns());
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- beginning one ---- */

static int spawn(pid_t *pid, char *const *argv, char *const *env, int in_fd, int out_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    int failure;

    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);                 /* that we ignore, and a child would go on ignoring */
    sigaddset(&usual, SIGXFSZ);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    failure = posix_spawnp(pid, argv[0], &actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/* Fills *r; 0, or what went wrong. */
static int begin(run *r, char *const *argv, char *const *env, const char *input, size_t n_input)
{
    int ends[2] = { -1, -1 }, in_fd = em_child_input(input, n_input), failure = 0;

    *r = (run){ .out_fd = -1 };
    if (in_fd < 0 || pipe2(ends, O_CLOEXEC) != 0)
        failure = errno;
    ends[0] = em_child_above_standard(ends[0]);
    ends[1] = em_child_above_standard(ends[1]);
    if (!failure)
        failure = ends[0] < 0 || ends[1] < 0 ? errno : spawn(&r->pid, argv, env, in_fd, ends[1]);
    if (in_fd >= 0)
        close(in_fd);
    if (ends[1] >= 0)
        close(ends[1]);
    if (failure && ends[0] >= 0)
        close(ends[0]);
    if (failure) {
        r->pid = 0;
        return failure;
    }
    r->out_fd = ends[0];
    return fcntl(r->out_fd, F_SETFL, O_NONBLOCK), 0;
}

static bool has_given_up(const em_jobs *j)
{
    return j->cfg.give_up && atomic_load(j->cfg.give_up);
}

static run *free_run(em_jobs *j)
{
    for (int i = 0; i < j->cfg.n_most; i++)
        if (!j->runs[i].pid)
            return &j->runs[i];
    return NULL;
}

void em_jobs_run(em_jobs *j, char *const *env, const char *input, size_t n_input)
{
    run begun;
    int failure;

    pthread_mutex_lock(&j->lock);
    while (j->n_running == j->cfg.n_most && !has_given_up(j))
        pthread_cond_wait(&j->changed, &j->lock);
    if (has_given_up(j)) {
        j->count.n_left_out++;
    } else if ((failure = begin(&begun, j->cfg.argv, env, input, n_input))) {
        tell_failure(j, "cannot be run", strerror(failure));
    } else {
        begun.end_ns = em_now_ns() + (uint64_t)(j->cfg.limit_s * 1e9);
        *free_run(j) = begun;
        j->n_running++;
        j->count.n_begun++;
        pthread_cond_broadcast(&j->changed);
    }
    pthread_mutex_unlock(&j->lock);
}

/* ---- life ---- */

em_status em_jobs_new(em_jobs **out, const em_jobs_cfg *cfg, em_err *err)
{
    char path[PATH_MAX];
    em_jobs *j;

    *out = NULL;
    if (!em_child_find(path, cfg->argv[0]))
        return em_fail(err, EM_EINVAL, "--exec: %.120s is no program that can be run", cfg->argv[0]);
    if (!(j = calloc(1, sizeof *j)))
        return em_fail(err, EM_ENOMEM, "no memory for --exec");
    j->cfg = *cfg;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    if (pthread_create(&j->thread, NULL, supervise, j) != 0) {
        em_jobs_free(j);
        return em_fail(err, EM_ENOMEM, "no thread for --exec");
    }
    j->has_thread = true;
    *out = j;
    return EM_OK;
}

void em_jobs_wait(em_jobs *j)
{
    pthread_mutex_lock(&j->lock);
    while (j->n_running > 0)
        pthread_cond_wait(&j->changed, &j->lock);
    pthread_mutex_unlock(&j->lock);
}

void em_jobs_get_counters(em_jobs *j, em_jobs_counters *out)
{
    pthread_mutex_lock(&j->lock);
    *out = j->count;
    pthread_mutex_unlock(&j->lock);
}

void em_jobs_free(em_jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_closed = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (j->has_thread)
        pthread_join(j->thread, NULL);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
