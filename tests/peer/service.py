"""service.py EARMARK DEMO: the program as systemd's Type=notify sees it: a datagram socket stands in for the manager. Ready once
sound flows, a watchdog that the computing thread alone feeds (it is stopped by ptrace while the others run), a status, a stop.
Every wait is bounded."""
import ctypes, os, re, signal, socket, subprocess, sys, tempfile, time

from verdict import check, finish

EARMARK, DEMO = sys.argv[1:]
WATCHDOG_S = 2.0
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Manager:
    """Starts the program and hears it."""

    def __init__(self, *args, stdin=subprocess.DEVNULL, **environment):
        self.folder = tempfile.mkdtemp()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"{self.folder}/notify")
        env = {k: v for k, v in os.environ.items() if not k.startswith("EARMARK_")}
        env.update(NOTIFY_SOCKET=f"{self.folder}/notify", WATCHDOG_USEC=str(int(WATCHDOG_S * 1e6)), XDG_CONFIG_HOME=self.folder)
        env.update(environment)
        self.heard, self.start = [], time.monotonic()
        self.err = open(f"{self.folder}/err", "w+")
        self.program = subprocess.Popen([EARMARK, *args], env=env, stdin=stdin, stdout=subprocess.DEVNULL, stderr=self.err)

    def hear(self, seconds, until=None):
        """Takes what comes, for so long or up to a datagram with such a line; true: it came."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                text = self.socket.recv(4096).decode()
            except TimeoutError:
                return False
            self.heard.append((time.monotonic(), text))
            if until and re.search(until, text, re.M):
                return True
        return False

    def times(self, wanted):
        return [at for at, text in self.heard if re.search(wanted, text, re.M)]

    def end(self, number=signal.SIGTERM):
        self.program.send_signal(number)
        stopped = self.hear(20, "^STOPPING=1$")
        return stopped, self.program.wait(20)

    def close(self):
        if self.program.poll() is None:
            self.program.kill()
            self.program.wait()
        self.socket.close()


def a_run():
    m = Manager("--realtime", "-q", DEMO)
    check(m.hear(30, "^READY=1$"), "ready once sound flows")
    check(m.hear(30, "^STATUS=Bark "), f"an event is the status: {m.heard}")
    m.program.send_signal(signal.SIGHUP)                # systemctl reload
    check(m.hear(20, r"^RELOADING=1\nMONOTONIC_USEC=[0-9]+$"), f"a reload is told when it begins: {m.heard}")
    check(m.hear(20, "^READY=1$"), "and when it is done")
    while len(m.times("^WATCHDOG=1$")) < 5 and m.hear(10, "^WATCHDOG=1$"):
        pass
    stopped, code = m.end()
    check(stopped and code == 0, f"a stop is told, and clean: {code}")
    check(len(m.times("^READY=1$")) == 2, "ready is told once, and after the reload")
    fed = m.times("^WATCHDOG=1$")
    check(len(fed) > 4, f"the watchdog was fed {len(fed)} times")
    check(all(b - a < WATCHDOG_S / 2 for a, b in zip(fed, fed[1:])), "and never later than half its time")
    m.close()


def a_hung_hop():
    m = Manager("--realtime", "-q", DEMO)
    check(m.hear(30, "^READY=1$"), "ready")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    worker = m.program.pid                              # the main thread computes; the other threads go on
    if libc.ptrace(PTRACE_SEIZE, worker, 0, 0) != 0 or libc.ptrace(PTRACE_INTERRUPT, worker, 0, 0) != 0:
        print("no ptrace here: a hung hop is not asked")
        return m.close()
    os.waitpid(worker, 0x40000000)                      # __WALL
    m.hear(0.3)
    n = len(m.heard)
    m.hear(2 * WATCHDOG_S)
    check(not m.times("^WATCHDOG=1$")[len([1 for _, text in m.heard[:n] if "WATCHDOG" in text]):], "a hung hop is silent")
    libc.ptrace(PTRACE_DETACH, worker, 0, 0)
    check(m.hear(10, "^WATCHDOG=1$"), "it goes on when the hop does")
    check(m.end() == (True, 0), "and ends well")
    m.close()


def not_ready():
    """A pipe without sound: alive, but not ready."""
    r, w = os.pipe()
    m = Manager("-q", "--live", "--raw", "s16le", "-", stdin=r)
    os.close(r)
    check(not m.hear(4, "^READY=1$"), "no sound, not ready")
    check(m.times("^WATCHDOG=1$"), "but alive")
    os.write(w, bytes(64000))
    check(m.hear(20, "^READY=1$"), "ready with the first sound")
    check(m.end() == (True, 0), "a clean end")
    os.close(w)
    m.close()


def no_manager_of_ours():
    """The watchdog of another process, and a socket that is not there."""
    m = Manager("-q", "--live", "--raw", "s16le", "--step", "0.1", "-", stdin=subprocess.PIPE, WATCHDOG_PID="1")
    m.program.stdin.write(bytes(640000))
    m.program.stdin.close()
    check(m.program.wait(60) == 0, "it ends by itself")
    m.hear(1)
    check(not m.times("^WATCHDOG=1$"), "the watchdog of another process is not fed")
    m.close()
    m = Manager("-q", "--realtime", "--duration", "2", DEMO, NOTIFY_SOCKET="/nonexistent/socket")
    check(m.program.wait(60) == 0, "a socket that is not there does not end the run")
    m.close()


for part in (a_run, a_hung_hop, not_ready, no_manager_of_ours):
    part()
finish()
