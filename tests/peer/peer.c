/* Sound servers of a test's own. One process, one test at a time. */
#include "peer.h"

#include "check.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PEERS = 64, MOST_NAMES = 4, READY_S = 15 };

static char  folder[64] = "/tmp/earmark-peer-XXXXXX";
static char  jack_name[32];
static pid_t peers[MOST_PEERS];

const char *peer_folder(void)
{
    return folder;
}

const char *peer_jack_name(void)
{
    return jack_name;
}

static void remove_folder(void)
{
    const char *argv[] = { "rm", "-rf", folder, NULL };

    peer_run(argv);
}

/* Politely first: a killed jackd keeps its place in the machine's registry. */
static void end_all(void)
{
    for (int i = 0; i < MOST_PEERS; i++) {
        if (peers[i] > 0)
            peer_kill(peers[i], SIGTERM);
    }
    remove_folder();
}

static bool is_installed(const char *program)
{
    char path[512];
    const char *folders[] = { "/usr/bin", "/usr/local/bin", "/bin" };

    for (size_t i = 0; i < EM_COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void write_asoundrc(void)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/.asoundrc", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("pcm.!default { type pulse }\nctl.!default { type pulse }\n", file);
    fclose(file);
}

/* The registry has room for eight servers, and one that was killed leaves its place only to the next of the same
 * name. So the tests of this machine share four names, each behind a lock that ends with its process. */
static void take_jack_name(void)
{
    char path[64];

    for (int i = 0; i < MOST_NAMES; i++) {
        int fd;

        snprintf(jack_name, sizeof jack_name, "earmark-test-%d", i);
        snprintf(path, sizeof path, "/tmp/%s.lock", jack_name);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            return;                             /* held open until the end */
        if (fd >= 0)
            close(fd);
    }
    SKIP_ALL("%d other tests hold all names for JACK servers", MOST_NAMES);
}

void peer_begin(const char *const *programs, int n_programs)
{
    char server[128];

    for (int i = 0; i < n_programs; i++) {
        if (!is_installed(programs[i]))
            SKIP_ALL("%s is not installed", programs[i]);
    }
    if (!mkdtemp(folder))
        SKIP_ALL("no folder in /tmp: %s", strerror(errno));
    atexit(end_all);
    write_asoundrc();
    take_jack_name();
    snprintf(server, sizeof server, "unix:%s/pulse.sock", folder);
    setenv("HOME", folder, 1);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    setenv("XDG_CONFIG_HOME", folder, 1);
    setenv("PULSE_RUNTIME_PATH", folder, 1);
    setenv("PULSE_SERVER", server, 1);
    setenv("JACK_DEFAULT_SERVER", jack_name, 1);
    setenv("JACK_NO_AUDIO_RESERVATION", "1", 1);
    setenv("JACK_NO_START_SERVER", "1", 1);
}

pid_t peer_start(const char *const *argv)
{
    char log[160];
    pid_t pid = fork();
    int fd;

    if (pid == 0) {
        /* If the test dies by its time limit, so do its peers. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(log, sizeof log, "%s/%s.log", folder, argv[0]);
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    assert_true(pid > 0);
    for (int i = 0; i < MOST_PEERS; i++) {
        if (peers[i] <= 0) {
            peers[i] = pid;
            return pid;
        }
    }
    fail_msg("too many peers");
    return -1;
}

void peer_kill(pid_t pid, int signal)
{
    kill(pid, signal);
    for (int i = 0; waitpid(pid, NULL, WNOHANG) == 0; i++) {
        if (i == 300)
            kill(pid, SIGKILL);
        em_sleep_ms(10);
    }
    for (int i = 0; i < MOST_PEERS; i++) {
        if (peers[i] == pid)
            peers[i] = 0;
    }
}

int peer_run(const char *const *argv)
{
    pid_t pid = peer_start(argv);
    int status = 0;

    for (int i = 0; i < 1000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            for (int j = 0; j < MOST_PEERS; j++) {
                if (peers[j] == pid)
                    peers[j] = 0;
            }
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        }
        em_sleep_ms(10);
    }
    peer_kill(pid, SIGKILL);
    return 124;
}

/* Runs argv until it exits with 0. */
static void wait_ready(const char *const *argv, const char *what)
{
    uint64_t until = em_now_ns() + READY_S * 1000000000ull;

    while (peer_run(argv) != 0) {
        if (em_now_ns() > until)
            fail_msg("%s does not answer within %d s; its log is in %s", what, READY_S, folder);
        em_sleep_ms(20);
    }
}

pid_t peer_jackd(int rate_hz, int period)
{
    char rate[16], frames[16];
    /* Synchronous and patient: on a loaded machine a late client delays the graph and is not left behind. */
    const char *argv[] = { "jackd", "-r", "-S", "-t", "5000", "-n", jack_name, "-d", "dummy", "-r", rate, "-p", frames,
                           "-C", "2", "-P", "2", NULL };
    const char *ready[] = { "jack_lsp", NULL };
    pid_t pid;

    snprintf(rate, sizeof rate, "%d", rate_hz);
    snprintf(frames, sizeof frames, "%d", period);
    pid = peer_start(argv);
    wait_ready(ready, "jackd");
    return pid;
}

pid_t peer_pulse(void)
{
    char protocol[160];
    const char *argv[] = { "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=1",
                           "-L", "module-null-sink sink_name=em rate=48000", "-L", protocol, NULL };
    const char *ready[] = { "pactl", "info", NULL };
    pid_t pid;

    snprintf(protocol, sizeof protocol, "module-native-protocol-unix auth-anonymous=1 socket=%s/pulse.sock", folder);
    pid = peer_start(argv);
    wait_ready(ready, "pulseaudio");
    return pid;
}

double peer_wait_state(em_source *s, em_source_state state, double limit_s)
{
    static float x[64 * 4096];
    uint64_t from = em_now_ns();
    double waited_s = 0.0;
    em_gap gap;

    while (em_source_watch(s, NULL) != state) {
        while (em_source_take(s, x, 4096, &gap) > 0)
            ;
        em_sleep_ms(2);
        waited_s = (double)(em_now_ns() - from) * 1e-9;
        if (waited_s > limit_s)
            return -1.0;
    }
    return waited_s;
}

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

int peer_count_threads(void)
{
    return count_entries("/proc/self/task");
}

/* libjack opens and closes its store of names when it likes, and keeps the semaphore of a client that left while ours was being opened:
 * jack_lsp, by which peer_jackd knows that the server is there. */
static bool is_libjacks(const char *fd)
{
    char path[64], to[256] = "";

    snprintf(path, sizeof path, "/proc/self/fd/%s", fd);
    return readlink(path, to, sizeof to - 1) > 0 && (strstr(to, "/jack_db-") || strstr(to, "_lsp (deleted)"));
}

int peer_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += *e->d_name != '.' && !is_libjacks(e->d_name);
    closedir(dir);
    return n - 1;                               /* dir's own */
}

static void *do_nothing(void *arg)
{
    return arg;
}

int peer_count_threads_alone(void)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, do_nothing, NULL), 0);
    pthread_join(thread, NULL);
    return peer_count_threads();
}
