/* child.c - see child.h. vfork, because posix_spawn cannot ask for PR_SET_PDEATHSIG, and fork would mark all our memory, the rings of
 * the audio callbacks among it, to be copied at the next write. */
#include "base/child.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 5 };

static bool can_run(const char *path)
{
    return access(path, X_OK) == 0;
}

bool em_child_find(char path[PATH_MAX], const char *name)
{
    const char *folder = getenv("PATH");

    if (strchr(name, '/'))
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && can_run(path);
    for (size_t n; folder; folder = folder[n] ? folder + n + 1 : NULL) {
        n = strcspn(folder, ":");
        if (snprintf(path, PATH_MAX, "%.*s/%s", (int)n, n ? folder : ".", name) < PATH_MAX && can_run(path))
            return true;
    }
    return false;
}

int em_child_above_standard(int fd)
{
    const int moved = fd < 0 || fd > STDERR_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (moved != fd)
        close(fd);
    return moved;
}

int em_child_input(const char *bytes, size_t n)
{
    const int fd = em_child_above_standard(memfd_create("earmark", MFD_CLOEXEC));

    if (fd >= 0 && (write(fd, bytes, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

typedef struct start {              /* of one child; it shares our memory until it becomes the program */
    const char *path;
    char *const *argv, *const *env;
    int   fds[3];                   /* that become its standard ones, all above them */
    pid_t parent;
    volatile int failure;
} start;

/* In the child: system calls only. */
static _Noreturn void become(start *s)
{
    static const int usual[] = { SIGPIPE, SIGXFSZ, SIGHUP };    /* that we may ignore, and a program would go on ignoring */
    const struct sigaction action = { .sa_handler = SIG_DFL };
    sigset_t none;

    sigemptyset(&none);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        sigaction(usual[i], &action, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == s->parent && setpgid(0, 0) == 0 && dup2(s->fds[0], STDIN_FILENO) >= 0 &&
        dup2(s->fds[1], STDOUT_FILENO) >= 0 && dup2(s->fds[2], STDERR_FILENO) >= 0) {
        close_range(STDERR_FILENO + 1, ~0U, 0);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(s->path, s->argv, s->env);
    }
    s->failure = errno ? errno : ECHILD;
    _exit(127);
}

/* No handler of ours may run in the child, which has our memory. */
static pid_t start_blocked(start *s)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->parent = getpid();
    errno = 0;
    pid = vfork();
    if (pid == 0)
        become(s);
    if (pid < 0)
        s->failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static int make_pipe(int out[2])
{
    if (pipe2(out, O_CLOEXEC) != 0) {
        out[0] = out[1] = -1;
        return errno;
    }
    out[0] = em_child_above_standard(out[0]);
    out[1] = em_child_above_standard(out[1]);
    return out[0] < 0 || out[1] < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) != 0 ? errno : 0;
}

static void close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

int em_child_start(em_child *c, const char *path, char *const *argv, char *const *env, int in_fd)
{
    int out[2] = { -1, -1 }, err[2] = { -1, -1 };
    start s = { .path = path, .argv = argv, .env = env };
    pid_t pid = -1;

    *c = (em_child){ 0 };
    if (!(s.failure = make_pipe(out)) && !(s.failure = make_pipe(err))) {
        s.fds[0] = in_fd;
        s.fds[1] = out[1];
        s.fds[2] = err[1];
        pid = start_blocked(&s);
    }
    close_one(out[1]);
    close_one(err[1]);
    if (!s.failure) {
        *c = (em_child){ .pid = pid, .out_fd = out[0], .err_fd = err[0] };
        return 0;
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    close_one(out[0]);
    close_one(err[0]);
    return s.failure;
}

bool em_child_has_ended(pid_t pid)
{
    siginfo_t info = { 0 };

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

int em_child_end(em_child *c, int wait_ms)
{
    int status = -1;

    if (c->pid <= 0)
        return -1;
    while (wait_ms > 0 && !em_child_has_ended(c->pid)) {
        em_sleep_ms(LOOK_MS);
        wait_ms -= LOOK_MS;
    }
    kill(-c->pid, SIGKILL);                 /* until it is reaped the group's number is its own */
    if (waitpid(c->pid, &status, 0) < 0)
        status = -1;                        /* whoever started us ignores SIGCHLD */
    close_one(c->out_fd);
    close_one(c->err_fd);
    *c = (em_child){ 0 };
    return status;
}
