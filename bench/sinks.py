#!/usr/bin/env python3
"""bench/sinks.py [--blocks N] [--seconds S] [--step S] [--out FILE] - do slow or dead outputs delay the hop?

Hears the demo clip over and over through a pipe that does not wait (--live), a hop every 0.1 s, in blocks that alternate within one run: one with no
output but a file of events, one with every output that a pipe can have (a file in each of the formats, --store, --plot, --clip-dir, --exec, --mqtt,
--osc, --http; not --midi, which only a JACK source has), of which two hang: an MQTT broker that is stopped (SIGSTOP) once it is connected, and
a pipe that nobody reads; and readers of the page that take nothing. Prints a JSON line each and one that compares them (p50, p99: the median of
the blocks); --out keeps the lines. EARMARK names another program.

    bench/sinks.py --blocks 5 --seconds 60 --out bench/results/sinks.jsonl      # 10 blocks of a minute, 6,000 hops
"""
import argparse
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EARMARK = os.environ.get("EARMARK", f"{SOURCE}/build/earmark")
DEMO = f"{SOURCE}/config/demo/demo.flac"
RATE = 32000
FORMATS = ["text", "jsonl", "audacity", "dcase", "sed-eval", "audioset", "vtt", "srt", "raven", "csv", "obs"]
COMMAND = "bench/sinks.py --blocks {} --seconds {} --step {}"


def demo_samples():
    """The demo clip as 16-bit samples, by libsndfile, which the program has, too."""
    info = struct.pack("=q5i4x", 0, 0, 0, 0, 0, 0)
    info = ctypes.create_string_buffer(info)
    sndfile = ctypes.CDLL("libsndfile.so.1")
    sndfile.sf_open.restype = ctypes.c_void_p
    file = sndfile.sf_open(DEMO.encode(), 0x10, info)
    n, rate, channels = struct.unpack_from("=qii", info)
    if not file or (rate, channels) != (RATE, 1):
        sys.exit(f"bench/sinks.py: {DEMO} cannot be read")
    out = (ctypes.c_short * n)()
    sndfile.sf_readf_short.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_longlong]
    sndfile.sf_readf_short(file, out, n)
    sndfile.sf_close(ctypes.c_void_p(file))
    return bytes(out)


def feed(pipe, sound, seconds):
    """At the pace of sound, whatever the reader does."""
    n, begin = RATE * 2 // 50, time.monotonic()
    try:
        for i in range(int(seconds * 50)):
            at = i * n % (len(sound) - n)
            pipe.write(sound[at:at + n])
            pipe.flush()
            time.sleep(max(0, begin + (i + 1) / 50 - time.monotonic()))
        pipe.close()
    except OSError:
        pass


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench/sinks.py: {what} took more than {seconds} s")
        time.sleep(0.05)


def start_broker(folder):
    """mosquitto on a free port; (process, URL)."""
    port = free_port(socket.SOCK_STREAM)
    with open(f"{folder}/broker.conf", "w", encoding="utf-8") as f:
        f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser {os.environ.get('USER', 'root')}\n")
    broker = subprocess.Popen(["mosquitto", "-c", f"{folder}/broker.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_up():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for("the broker", is_up)
    return broker, f"mqtt://127.0.0.1:{port}"


class Reader:
    """Who follows the page and takes nothing: his window is small and stays full."""

    def __init__(self, port):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(b"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


def all_outputs(folder, url):
    """All outputs at once. One of jsonl goes into a pipe that somebody holds open and nobody reads."""
    args = []
    for name in FORMATS:
        args += ["-f", name, "-o", f"{folder}/out.{name}"]
    os.mkfifo(f"{folder}/stuck")
    stuck = os.open(f"{folder}/stuck", os.O_RDWR)
    fcntl.fcntl(stuck, fcntl.F_SETPIPE_SZ, 4096)
    args += ["-f", "jsonl", "-o", f"{folder}/stuck", "--scores", "--store", f"{folder}/out.scores"]
    args += ["--mqtt", url, "--osc", f"osc.udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}/", "--http", "127.0.0.1:0"]
    args += ["--exec", "true", "--exec-on", "both", "--clip-dir", f"{folder}/clips", "--plot", f"{folder}/out.png"]
    return args, stuck


def read_figures(folder, log, code):
    found = re.search(r"a hop took ([\d.]+) ms \(median; 99 of 100 within ([\d.]+), the longest ([\d.]+)\)", log)
    if not found:
        sys.exit(f"bench/sinks.py: no figures: {log[-2000:]}")
    with open(f"{folder}/out.jsonl", encoding="utf-8") as f:
        stop = [r for r in map(json.loads, f) if r["type"] == "stop"][-1]
    counted = re.search(r"(\d+) hops, (\d+) frames captured, (\d+) dropped, (\d+) hops skipped", log)
    return {"hops": int(counted[1]), "p50_ms": float(found[1]), "p99_ms": float(found[2]), "longest_ms": float(found[3]),
            "late_hops": stop["skipped_hops"], "lost_frames": stop["dropped"], "captured": stop["captured"],
            "exit_status": code}


def hear(folder, a, sound, args, when_up=None):
    """One block. when_up is called with its log once it hears."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("EARMARK_")}
    env.update(HOME=folder, XDG_CONFIG_HOME=folder, LC_ALL="C")
    with open(f"{folder}/log", "wb") as log:
        p = subprocess.Popen([EARMARK, "-vv", "-m", f"{SOURCE}/config/models/nano.safetensors", "--live", "--raw", "s16le", "--rate", str(RATE),
                              "--step", str(a.step), *args, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, env=env)
    try:
        threading.Thread(target=feed, args=(p.stdin, sound, a.seconds), daemon=True).start()
        said = lambda: open(f"{folder}/log", encoding="utf-8").read()
        if when_up:
            when_up(p, said)
        p.wait(a.seconds + 120)
    finally:
        p.kill()
        p.wait()
    return read_figures(folder, said(), p.returncode)


def none(a, sound):
    with tempfile.TemporaryDirectory() as folder:
        return hear(folder, a, sound, ["-f", "jsonl", "--scores=none", "-o", f"{folder}/out.jsonl"])


def everything(a, sound):
    with tempfile.TemporaryDirectory() as folder:
        broker, url = start_broker(folder)
        args, stuck = all_outputs(folder, url)
        readers = []

        def hang(p, said):
            wait_for("the page", lambda: p.poll() is not None or "the web page is at" in said())
            wait_for("the broker's greeting", lambda: p.poll() is not None or "connected" in said())
            if p.poll() is not None:
                sys.exit(f"bench/sinks.py: {said()[-2000:]}")
            broker.send_signal(signal.SIGSTOP)
            port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", said())[1])
            readers.extend(Reader(port) for _ in range(4))
        try:
            return hear(folder, a, sound, args, hang)
        finally:
            os.close(stuck)
            broker.send_signal(signal.SIGCONT)
            broker.kill()
            broker.wait()
            for r in readers:
                r.socket.close()


def summary(name, blocks, command):
    return {"bench": "sinks", "outputs": name, "command": command, "hops": sum(b["hops"] for b in blocks),
            "p50_ms": statistics.median(b["p50_ms"] for b in blocks), "p99_ms": statistics.median(b["p99_ms"] for b in blocks),
            "longest_ms": max(b["longest_ms"] for b in blocks), "late_hops": sum(b["late_hops"] for b in blocks),
            "lost_frames": sum(b["lost_frames"] for b in blocks), "seconds_heard": sum(b["captured"] for b in blocks) / RATE,
            "exit_status": sorted({b["exit_status"] for b in blocks}), "blocks_p99_ms": [b["p99_ms"] for b in blocks]}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=60, help="of a block")
    parser.add_argument("--step", type=float, default=0.1)
    parser.add_argument("--out")
    a = parser.parse_args()
    if not shutil.which("mosquitto"):
        print("SKIPPED: mosquitto is not installed")
        sys.exit(77)
    command = COMMAND.format(a.blocks, a.seconds, a.step)
    rows = {"none": [], "all, two hung": []}
    sound = demo_samples()
    for _ in range(a.blocks):
        rows["none"].append(none(a, sound))
        rows["all, two hung"].append(everything(a, sound))
    lines = [summary(name, blocks, command) for name, blocks in rows.items()]
    lines.append({"bench": "sinks", "outputs": "all over none", "command": command,
                  "p50_ratio": round(lines[1]["p50_ms"] / lines[0]["p50_ms"], 3), "p99_ratio": round(lines[1]["p99_ms"] / lines[0]["p99_ms"], 3)})
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    sys.stdout.write(text)
    if a.out:
        with open(a.out, "w", encoding="utf-8") as f:
            f.write(text)


main()
