"""hostile.py HOSTILE_LABELS EARMARK: labels that are meant to break a reader, on a terminal with the live view, in the status of a service, and
in files of scores that are heard again."""
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading

HOSTILE, EARMARK = sys.argv[1:3]
N, ROWS, COLUMNS, MOST_LABEL = 47, 24, 60, 255
CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
problems = []


def check(condition, *what):
    if not condition:
        problems.append(" ".join(map(repr, what))[:600])


def drawn(color):
    """All that the view sent to a terminal."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen([HOSTILE, "--view", color], stdin=subprocess.DEVNULL, stdout=side, stderr=subprocess.PIPE) as p:
        os.close(side)
        timer = threading.Timer(60, p.kill)
        timer.start()
        out = b""
        try:
            while chunk := os.read(main, 65536):
                out += chunk
        except OSError:
            pass                        # the other end is closed
        timer.cancel()
        err = p.stderr.read()
    os.close(main)
    check(p.returncode == 0 and not err, "the view:", p.returncode, err)
    return out.decode("utf-8", "strict")


def view():
    for color in ["plain", "color"]:
        text = drawn(color)
        rest = re.sub(r"\x1b\[(\d+F|2?J|K|H|[\d;]*m)", "", text)
        check(bool(re.search(r"\x1b\[[\d;]*m", text)) == (color == "color"), "colours where they are asked for:", color)
        lines = rest.replace("\r\n", "\n").split("\n")
        check(not any(CONTROL.search(line) for line in lines), "control characters:", [line for line in lines if CONTROL.search(line)][:3])
        check(max(map(len, lines)) < COLUMNS, "a line as wide as the terminal:", max(lines, key=len))
        for label in ["Bark", '"a" "b', "a?b?c", "1?00:00:01,000 --> 00:00:02,000?x", "=1+1", "%s%n%d", "?[2J?]0;x?", "\U0001f415", "x" * 20]:
            check(rest.count(label) >= 3, "is no bar, event or mark:", label)


def status():
    """As a manager reads it: a datagram is lines of NAME=VALUE."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{folder}/notify")
        manager.settimeout(60)
        with subprocess.Popen([HOSTILE, "--status", f"{folder}/notify"], stdin=subprocess.DEVNULL) as p:
            told = [manager.recv(4096) for _ in range(4 * N)]
        check(p.returncode == 0, "--status:", p.returncode)
        manager.settimeout(0.1)
        try:
            check(False, "one more:", manager.recv(4096))
        except TimeoutError:
            pass
    for text in told:
        check(text.startswith(b"STATUS=") and not CONTROL.search(text.decode("utf-8", "strict")), "a datagram:", text)
    check(len(set(told)) > 100, "they differ:", len(set(told)))


def head_of(path):
    with open(path, "rb") as f:
        start = f.readline() + f.read(4)
        return json.loads(f.read(struct.unpack("<I", start[-4:])[0]).decode("utf-8", "strict"))


def replay(path, *options):
    return subprocess.run([EARMARK, "--replay", path, *options], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


def stored():
    """A label that a model could not have is refused, in one sentence; another is told as it is."""
    n_told = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([HOSTILE, "--store", folder], check=True, timeout=60, stdin=subprocess.DEVNULL)
        paths = sorted(os.listdir(folder))
        check(len(paths) == N, "files:", paths)
        for name in paths:
            label = head_of(f"{folder}/{name}")["classes"][0]["label"]
            is_clean = not CONTROL.search(label) and len(label.encode()) <= MOST_LABEL
            records, text = replay(f"{folder}/{name}", "-f", "jsonl"), replay(f"{folder}/{name}")
            check(records.returncode == text.returncode == (0 if is_clean else 4), label, records.returncode, text.returncode, text.stderr)
            lines = text.stderr.decode("utf-8", "strict").split("\n")
            if not is_clean:
                check(len(lines) == 2 and "its classes are not as they should be" in lines[0], label, "is refused:", lines)
                check(not records.stdout and not text.stdout, label, "tells nothing:", text.stdout)
                continue
            n_told += 1
            check(lines == [""], label, lines)
            told = [json.loads(line) for line in records.stdout.decode("utf-8", "strict").split("\n")[:-1]]
            check([e["label"] for e in told if e["type"] in ("onset", "offset")] == [label] * 2, label, "is told once:", records.stdout)
            shown = text.stdout.decode("utf-8", "strict").split("\n")
            check(not any(CONTROL.search(line) for line in shown) and len(shown) == 8, label, "in lines:", shown)
    check(20 < n_told < N - 10, "labels that are told:", n_told)


if __name__ == "__main__":
    for part in [view, status, stored]:
        part()
    for problem in problems[:20]:
        print("FAILED:", problem)
    sys.exit(len(problems) > 0)
