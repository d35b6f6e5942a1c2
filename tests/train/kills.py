#!/usr/bin/env python3
"""kills.py PROGRAM MADE KILLS - a run that saves at every step is killed at random moments and gone on with, each time from what it left.

Half the kills come between the first step and the third of a process, half anywhere from its start to there. Steps are counted as they are
told, so that a process faster than the straight run gets hardly further. After each, what the next process begins with is the last step
that was told, or the one before it (a step is told, then saved): nothing saved is lost, and no torn file was ever taken or even found
under a state's name. In the end the run is the one that nobody killed.
"""
import filecmp
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

program, made, kills = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
LIMIT_S = 60
RECIPE = ["--train", "--data", "set", "--init", "tiny.safetensors", "--train-window", "1.25", "--batch", "2", "--micro-batch", "2",
          "--threads", "1", "--epochs", str(kills), "--save-steps", "1", "--validate", "10", "--average", "2",
          "--progress=jsonl"]
rng = random.Random(20)


def start(out):
    return subprocess.Popen([program, *RECIPE, "--resume", "--out", out], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def steps_of(lines):
    return [json.loads(line)["step"] for line in lines if line.startswith('{"type":"step"')]


def fail(sentence, lines=()):
    sys.exit(f"FAILED: {sentence}\n{''.join(list(lines)[-5:])}")


def run_and_kill(out, startup, step):
    """Kills one process; its lines, and whether it ended before that."""
    n_steps, limit = rng.choice([(rng.randint(1, 2), LIMIT_S), (2, rng.uniform(0, startup + 3 * step))])
    process = start(out)
    guard = threading.Timer(limit, process.kill)
    guard.start()
    lines = []
    while len(steps_of(lines)) < n_steps and (line := process.stderr.readline()):
        lines.append(line)
    time.sleep(rng.uniform(0, step))
    process.kill()
    lines += process.stderr.readlines()
    code = process.wait()
    guard.cancel()
    if code not in (-9, 0):
        fail(f"a process ended with {code}", lines)
    return lines, code == 0


def straight():
    """The run that nobody kills; seconds from its start to the first step, and of a step."""
    began, first, last, n = time.monotonic(), None, None, 0
    process = start("straight")
    for line in process.stderr:
        if steps_of([line]):
            last, n = time.monotonic(), n + 1
            first = first or last
    if process.wait() != 0 or n < 2:
        fail("the straight run fails")
    return first - began, (last - first) / (n - 1)


def main():
    subprocess.run([sys.executable, made, "model", "tiny.safetensors"], check=True)
    subprocess.run([sys.executable, made, "sounds", "set", "5", "tone"], check=True)
    startup, step = straight()
    n_left, n_cut, told, n_killed = 0, 0, 0, 0
    while n_killed < kills:
        lines, is_over = run_and_kill("killed", startup, step)
        if is_over:
            fail(f"the run was over after {n_killed} kills: it is too short for this test")
        n_killed += 1
        steps = steps_of(lines)
        if any("could not be taken" in line or "damaged" in line for line in lines):
            fail(f"kill {n_killed}: a state was torn", lines)
        if steps and steps[0] not in (max(told, 1), told + 1):
            fail(f"kill {n_killed}: step {told} was told, but the next process began with {steps[0]}", lines)
        if steps:
            told, n_cut = steps[-1], n_cut + 1
        names = os.listdir("killed") if os.path.isdir("killed") else []
        n_left += any(name.endswith(".tmp") for name in names)
        if any(name.endswith(".damaged") for name in names):
            fail(f"kill {n_killed}: {names}")
    process = start("killed")
    rest = process.communicate(timeout=4 * LIMIT_S)[1]          # read on: a full pipe would stop it
    if process.returncode != 0:
        fail("the killed run cannot be finished", rest.splitlines(True))
    for name in ("last.safetensors", "best.safetensors", "log.jsonl"):
        if not filecmp.cmp(f"straight/{name}", f"killed/{name}", shallow=False):
            fail(f"{name} differs after {kills} kills")
    if kills >= 100 and (n_left == 0 or n_cut < kills // 4):
        fail(f"only {n_cut} kills met a process at work, {n_left} a file half written: the test shows little")
    print(f"{kills} kills, {n_cut} of them after a step, {n_left} left a part behind; steps of {1000 * step:.0f} ms")


with tempfile.TemporaryDirectory() as here:
    os.chdir(here)
    main()
