"""The program with a web page, as these tests start it: on a free port, in a private folder, ended by the test."""
import http.client
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

N_FAILED = 0


def check(is_so, *words):
    """Counts a failure and tells it; the test goes on."""
    global N_FAILED
    if not is_so:
        N_FAILED += 1
        print("FAILED:", *words, flush=True)
    return is_so


def finish():
    print("all passed" if N_FAILED == 0 else f"{N_FAILED} failed")
    sys.exit(N_FAILED > 0)


def skip(why):
    print("SKIPPED:", why)
    sys.exit(77)


class Program:
    """earmark with args; .port is where its page is. What it says on standard error is in .said."""

    def __init__(self, earmark, source, args, address="127.0.0.1:0", stdin=subprocess.DEVNULL, prepare=None):
        self.folder = tempfile.TemporaryDirectory()
        if prepare:
            prepare(self.folder.name)
        env = {k: v for k, v in os.environ.items() if not k.startswith("EARMARK_")}
        env.update(HOME=self.folder.name, XDG_CONFIG_HOME=self.folder.name, XDG_DATA_HOME=self.folder.name, LC_ALL="C")
        self.out = open(os.path.join(self.folder.name, "out"), "w+b")
        self.said = ""
        self.process = subprocess.Popen(
            [earmark, "-m", f"{source}/config/models/nano.safetensors", "--http", address, *args],
            stdin=stdin, stdout=self.out, stderr=subprocess.PIPE, env=env, cwd=self.folder.name)
        os.set_blocking(self.process.stderr.fileno(), False)
        if address.startswith("unix:"):
            self.wait_for(re.escape(f"the web page is at {address}"))
            return
        self.host, self.port = self.wait_for(r"http://(\S+):(\d+)/").groups()
        self.port = int(self.port)

    def read_said(self, seconds=0):
        if select.select([self.process.stderr], [], [], seconds)[0]:
            self.said += (self.process.stderr.read() or b"").decode()
        return self.said

    def wait_for(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.read_said(0.1))
            if found:
                return found
            if self.process.poll() is not None:
                break
        raise SystemExit(f"FAILED: the program did not say {pattern}: {self.read_said()}")

    def wait_hop(self, seconds=20):
        """Until something was heard."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and "earmark_audio_level_dbfs{" not in self.get("/metrics")[2]:
            time.sleep(0.1)

    def get(self, path, headers=None, method="GET", host=None):
        connection = http.client.HTTPConnection(host or self.host.strip("[]"), self.port, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def n_connections(self):
        """That it has taken up: its sockets but for the one that listens."""
        return sum(fd.is_socket() for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()) - 1

    def wait_connections(self, n, seconds=10):
        """Until there are n; how many there are then."""
        end = time.monotonic() + seconds
        while (found := self.n_connections()) != n and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def end(self, signal=15, seconds=20):
        """Its exit status; it has to end by itself in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            check(False, "the program does not end")
            code = self.process.wait()
        self.read_said()
        self.process.stderr.close()
        return code

    def written(self):
        self.out.seek(0)
        return self.out.read().decode()
