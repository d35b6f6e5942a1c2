#!/usr/bin/env python3
"""nsm.py EARMARK SOURCE_DIR - the program in a session: a manager of the test's own keeps to NSM's API to the letter, and to nothing else,
on a real JACK server."""
import fcntl
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import verdict
from verdict import check

EARMARK, SOURCE = sys.argv[1], sys.argv[2]
DEMO = SOURCE + "/config/demo/demo.flac"
HERE = tempfile.mkdtemp(prefix="earmark-nsm-")


def parse(packet):
    """path, types, arguments of one OSC message; anything that OSC 1.0 does not allow is an exception."""
    def text(at):
        end = packet.index(b"\0", at)
        over = (end // 4 + 1) * 4
        assert packet[end:over] == b"\0" * (over - end), "padding"
        return packet[at:end].decode(), over

    assert len(packet) % 4 == 0
    path, at = text(0)
    types, at = text(at)
    assert path.startswith("/") and types.startswith(",")
    arguments = []
    for t in types[1:]:
        if t == "s":
            value, at = text(at)
        else:
            value, at = struct.unpack({"i": ">i", "f": ">f"}[t], packet[at:at + 4])[0], at + 4
        arguments.append(value)
    assert at == len(packet), "bytes behind the message"
    return path, types[1:], arguments


def message(path, types="", *arguments):
    def text(s):
        b = s.encode() + b"\0"
        return b + b"\0" * (-len(b) % 4)

    return text(path) + text("," + types) + b"".join(text(a) if t == "s" else struct.pack(">i" if t == "i" else ">f", a)
                                                    for t, a in zip(types, arguments))


class Session:
    """One program and its manager."""

    def __init__(self, *options, env=None, url=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.folder = tempfile.mkdtemp(dir=HERE)
        self.project = self.folder + "/porch.nABCD"
        self.client = None
        self.progress = []
        environment = dict(os.environ, NSM_URL=url or f"osc.udp://127.0.0.1:{self.socket.getsockname()[1]}/", **(env or {}))
        self.log = open(self.folder + "/log", "w+")
        self.program = subprocess.Popen([EARMARK, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, cwd=self.folder,
                                        env=environment, start_new_session=True)

    def say(self, *what):
        self.socket.sendto(message(*what), self.client)

    def hear(self, limit=20):
        """The next message that is no progress; None: there was none in time."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            self.socket.settimeout(max(until - time.monotonic(), 0.01))
            try:
                packet, address = self.socket.recvfrom(65536)
            except socket.timeout:
                break
            check(self.client in (None, address), f"another socket speaks: {address}, not {self.client}")
            self.client = address
            path, types, arguments = parse(packet)
            if path == "/nsm/client/progress":
                check(types == "f" and 0 <= arguments[0] <= 1, f"{path} {types} {arguments}")
                self.progress.append(arguments[0])
                continue
            return path, types, arguments
        return None

    def expect(self, path, types, *arguments, limit=20):
        got = self.hear(limit)
        check(got is not None and got[:2] == (path, types) and got[2][:len(arguments)] == list(arguments),
              f"{got}, not {path} {types} {arguments}; {self.said()}")
        return got[2] if got else []

    def announced(self):
        got = self.expect("/nsm/server/announce", "sssiii", "earmark")
        if not got:
            return
        check(got[1:] == [":progress:message:", EARMARK, 1, 1, self.program.pid], f"announced: {got}")
        self.say("/reply", "ssss", "/nsm/server/announce", "hello", "a manager", ":server-control:broadcast:")

    def open(self, project=None, client_id="porch.nABCD"):
        self.say("/nsm/client/open", "sss", project or self.project, "porch", client_id)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def end(self, code, sig=None, limit=20):
        if sig:
            self.program.send_signal(sig)
        begin = time.monotonic()
        try:
            out, _ = self.program.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(self.program.pid, signal.SIGKILL)
            out, _ = self.program.communicate()
            check(False, "it does not end")
        check(self.program.returncode == code, f"exit code {self.program.returncode}, not {code}: {self.said()}")
        check(sig is None or time.monotonic() - begin < 2.5, "it takes long to end")
        while self.hear(0.05):
            check(False, "it speaks at its end")
        self.socket.close()
        return out.decode()


def lsp(*options):
    return subprocess.run(["jack_lsp", *options], capture_output=True, text=True, timeout=10).stdout


def on_jack():
    """Nothing before open; then our name and nothing connected; saved, and ended by SIGTERM."""
    s = Session()
    s.announced()
    time.sleep(0.5)
    check("in_1" not in lsp(), "a JACK client before open")
    s.open()
    s.expect("/reply", "ss", "/nsm/client/open")
    check("porch.nABCD:in_1" in lsp(), f"ports: {lsp()}")
    time.sleep(0.5)
    check("system:capture" not in lsp("-c").split("porch.nABCD:in_1", 1)[-1].split("\n", 2)[1], "it connects itself: " + lsp("-c"))
    s.say("/nsm/client/session_is_loaded")
    s.say("/nsm/client/save")
    s.expect("/reply", "ss", "/nsm/client/save")
    check(os.path.isfile(s.project + "/earmark.conf"), "nothing is saved")
    s.open()
    s.expect("/error", "sis", "/nsm/client/open", -8)
    s.say("/nsm/client/save")
    s.expect("/reply", "ss", "/nsm/client/save")
    s.end(0, signal.SIGTERM)


def what_was_set_is_saved():
    """Variables and arguments become the session's file, which the next run begins with, in the session's folder."""
    s = Session("--watch", "Bark", "-f", "jsonl", "-o", "events.jsonl", DEMO,
                env={"EARMARK_TOP_K": "3", "EARMARK_MQTT_NODE": "x", "EARMARK_REALTIME": "yes"})
    s.announced()
    s.open()
    s.expect("/reply", "ss", "/nsm/client/open")
    s.say("/nsm/client/save")
    s.expect("/reply", "ss", "/nsm/client/save")
    s.end(0, signal.SIGTERM)
    lines = [row for row in open(s.project + "/earmark.conf").read().split("\n") if row and row[0] != "#"]
    want = ["watch = Bark", "format = jsonl", "output = events.jsonl", f"input = {DEMO}", "top-k = 3", "mqtt-node = x",
            "realtime = yes"]
    check(sorted(lines) == sorted(want), f"saved: {lines}")
    check(os.path.isfile(s.project + "/events.jsonl"), "a relative path is not of the session's folder")
    os.remove(s.project + "/events.jsonl")
    again = Session("--duration", "5", "--realtime=no")
    again.announced()
    again.open(s.project)
    again.expect("/reply", "ss", "/nsm/client/open")
    again.end(0)
    check("Bark" in open(s.project + "/events.jsonl").read(), "the saved settings are not those of the next run")
    check(again.progress and again.progress == sorted(again.progress), f"progress: {again.progress}")


def a_file_of_a_person_stays():
    s = Session(env={"EARMARK_TOP_K": "3"})
    os.mkdir(s.project)
    text = f"# mine\ninput = {DEMO}\nrealtime = yes\n"
    open(s.project + "/earmark.conf", "w").write(text)
    s.announced()
    s.open()
    s.expect("/reply", "ss", "/nsm/client/open")
    s.say("/nsm/client/save")
    s.expect("/reply", "ss", "/nsm/client/save")
    check(open(s.project + "/earmark.conf").read() == text, "a person's file is changed")
    s.end(0, signal.SIGTERM)


def mistakes_are_answered():
    s = Session(DEMO, "--realtime")
    s.announced()
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.sendto(message("/nsm/client/open", "sss", HERE + "/stranger", "x", "y"), s.client)
    for project, client_id in (("relative", "x"), (s.project, ""), (s.project, "y" * 64), (s.project, "a:b"), ("/" + "z" * 5000, "x")):
        s.open(project, client_id)
        s.expect("/error", "sis", "/nsm/client/open", -9)
    s.say("/nsm/client/save")
    s.expect("/error", "sis", "/nsm/client/save", -8)
    s.open()
    s.expect("/reply", "ss", "/nsm/client/open")
    rng = random.Random(1)
    for i in range(300):
        good = message("/nsm/client/open", "sss", s.project, "a", "b")
        s.socket.sendto(rng.randbytes(rng.randrange(200)) if i % 2 else good[:rng.randrange(len(good))], s.client)
        if i % 20 == 0:
            time.sleep(0.05)                                        # datagrams have a small room to wait in
    s.say("/nsm/client/save", "i", 1)
    s.say("/nsm/client/hide_optional_gui")
    check(not os.path.exists(HERE + "/stranger"), "a stranger is obeyed")
    shutil.rmtree(s.project)
    time.sleep(0.5)
    s.say("/nsm/client/save")
    while (got := s.hear(5)) and got[2][0] == "/nsm/client/open":
        pass
    check(got and got[:2] == ("/error", "sis") and got[2][:2] == ["/nsm/client/save", -1] and "earmark.conf" in got[2][2], f"no folder: {got}")
    s.end(0, signal.SIGTERM)

    for text, says, code in (("top-k = many\n", "earmark.conf:1: top-k", 2), ("input = nope.wav\n", "nope.wav", 4)):
        s = Session()
        os.mkdir(s.project)
        open(s.project + "/earmark.conf", "w").write(text)
        s.announced()
        s.open()
        got = s.expect("/error", "sis", "/nsm/client/open", -1)
        check(len(got) == 3 and says in got[2], f"{text!r}: {got}")
        s.end(code)
    s = Session(DEMO)
    open(s.project, "w").close()                                    # a file where the folder should be
    s.announced()
    s.open()
    got = s.expect("/error", "sis", "/nsm/client/open", -1)
    s.program.wait(10)
    check(s.program.returncode not in (0, None) and s.project in got[2], f"{s.program.returncode}: {got}")


def without_a_manager_it_goes_on():
    s = Session("--duration", "2", "-f", "jsonl", DEMO)
    s.expect("/nsm/server/announce", "sssiii", "earmark")
    s.say("/error", "sis", "/nsm/server/announce", -3, "not \x1b[31m you")
    check('"type":"stop"' in s.end(0), "refused: nothing is told")
    check("does not want us: not ?[31m you; going on without a session" in s.said(), s.said())
    free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    for url, says in ((f"osc.udp://127.0.0.1:{port}/", "no session manager answers"), ("nonsense", "is not osc.udp"),
                      ("osc.tcp://127.0.0.1:1/", "is not osc.udp")):
        s = Session("--duration", "2", "-f", "jsonl", DEMO, url=url)
        check('"type":"stop"' in s.end(0), f"{url}: nothing is told")
        check(says in s.said(), s.said())
    s = Session("--version", url=f"osc.udp://127.0.0.1:{port}/")
    begin = time.monotonic()
    s.end(0)
    check(time.monotonic() - begin < 2, "--version waits for a manager")


def take_jack_name():
    """As peer.c: the machine's registry has room for eight servers."""
    for i in range(4):
        lock = open(f"/tmp/earmark-test-{i}.lock", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return f"earmark-test-{i}", lock
        except OSError:
            lock.close()
    print("SKIPPED: other tests hold all names for JACK servers")
    sys.exit(77)


def main():
    features = subprocess.run([EARMARK, "--version"], capture_output=True, text=True).stdout
    if "osc: yes" not in features or not shutil.which("jackd"):
        print("SKIPPED: built without EARMARK_OSC, or jackd is not installed")
        sys.exit(77)
    name, lock = take_jack_name()
    for key in [k for k in os.environ if k.startswith("EARMARK_")]:
        if key != "EARMARK_MODULES":
            del os.environ[key]
    os.environ.update(JACK_DEFAULT_SERVER=name, JACK_NO_AUDIO_RESERVATION="1", JACK_NO_START_SERVER="1", HOME=HERE, XDG_CONFIG_HOME=HERE)
    # With us it ends, however we do: one that stays would answer for every later test of that name.
    jackd = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "jackd", "-r", "-n", name, "-d", "dummy", "-r", "48000", "-p", "1024"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 15
        while "system:capture_1" not in lsp() and time.monotonic() < until:
            time.sleep(0.1)
        for test in (on_jack, what_was_set_is_saved, a_file_of_a_person_stays, mistakes_are_answered, without_a_manager_it_goes_on):
            n = verdict.n_failed
            test()
            print(test.__name__, "passed" if verdict.n_failed == n else "FAILED", flush=True)
    finally:
        jackd.send_signal(signal.SIGTERM)
        jackd.wait(10)
        lock.close()
        shutil.rmtree(HERE, ignore_errors=True)
    verdict.finish()


main()
