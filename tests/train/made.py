#!/usr/bin/env python3
"""Small things to train with, and looks at what came of it. The same arguments give the same bytes.

made.py sounds DIR N CLASS...   DIR/set.csv (filename,labels,split) and N clips of 1.25 s of each class: tone, noise, clicks, sweep, hum.
                                The last of every class is its valid split.
made.py folds DIR N CLASS...    the same as meta.csv (filename,fold,target,category) beside audio/, two folds
made.py model FILE [X]          a model file of one tensor (all X, or 1), whose configuration is as small as they come: --init makes runs quick
made.py swin FILE               likewise of window attention, HTS-AT's kind: what --preset htsat is, but for its size
made.py nan WAV                 a clip of floats that are not numbers
made.py curve FILE FILE LIMIT   the losses of two --progress=jsonl streams differ by no more than LIMIT
made.py json FILE EXPRESSION    the lines of FILE parse; the expression over the list `x` of them holds
"""
import array
import json
import math
import os
import random
import struct
import sys
import wave

RATE, SECONDS = 32000, 1.25


def tone(rng, t, state):
    hz = state.setdefault("hz", rng.uniform(400, 900))
    return 0.5 * math.sin(2 * math.pi * hz * t)


def hum(rng, t, state):
    hz = state.setdefault("hz", rng.uniform(90, 140))
    return 0.4 * math.sin(2 * math.pi * hz * t) + 0.2 * math.sin(4 * math.pi * hz * t)


def noise(rng, t, state):
    return rng.uniform(-0.3, 0.3)


def clicks(rng, t, state):
    every = state.setdefault("every", rng.uniform(0.08, 0.15))
    return 0.8 if t % every < 0.001 else 0.0


def sweep(rng, t, state):
    low = state.setdefault("low", rng.uniform(2000, 4000))
    return 0.5 * math.sin(2 * math.pi * (low + 2000 * t) * t)


def write_clip(path, sound, seed):
    rng, state = random.Random(seed), {}
    samples = [int(32000 * sound(rng, i / RATE, state)) for i in range(int(RATE * SECONDS))]
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(array.array("h", samples).tobytes())


def clips_of(n, classes):
    return [(name, i, f"{name}{i}.wav") for name in classes for i in range(n)]


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def sounds(folder, n, *classes):
    os.makedirs(folder)
    rows = ["filename,labels,split"]
    for name, i, clip in clips_of(int(n), classes):
        write_clip(os.path.join(folder, clip), globals()[name], clip)
        rows.append(f"{clip},{name},{'valid' if i == int(n) - 1 else 'train'}")
    write_lines(os.path.join(folder, "set.csv"), rows)


def folds(folder, n, *classes):
    os.makedirs(os.path.join(folder, "audio"))
    rows = ["filename,fold,target,category"]
    for name, i, clip in clips_of(int(n), classes):
        write_clip(os.path.join(folder, "audio", clip), globals()[name], clip)
        rows.append(f"{clip},{i % 2 + 1},{classes.index(name)},{name}")
    write_lines(os.path.join(folder, "meta.csv"), rows)


def model(path, value="1", norm="norm", **kind):
    config = {"format": 1, "sample_rate": 32000, "frontend": "htsat", "fit": "pad", "mels": 64, "frames": 1024, "fold": 4,
              "patch_embed": "v2", "downsample": "v3", "block": "ss2d", "dims": [8, 16, 32, 64], "depths": [1, 1, 1, 1], "gate": False,
              "d_state": 1, "ssm_ratio": 2.0, "conv_bias": False, "mlp_ratio": 4.0, "head": "tscam", "labels": ["nothing"], **kind}
    head = json.dumps({"__metadata__": {"earmark": json.dumps(config)},
                       "bn0.weight": {"dtype": "F32", "shape": [64], "data_offsets": [0, 256]},
                       f"layers.0.blocks.0.{norm}.weight": {"dtype": "F32", "shape": [8], "data_offsets": [256, 288]}})
    head += " " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head.encode() + struct.pack("<64f", *[float(value)] * 64) + struct.pack("<8f", *[1.0] * 8))


def swin(path):
    model(path, norm="norm1", block="swin", patch_embed="v1", downsample="v1", d_state=0, ssm_ratio=0.0, mlp_ratio=0.0, fit="stretch",
          heads=[1, 2, 4, 8], window=8)


def nan(path):
    n = int(RATE * SECONDS)
    body = struct.pack("<f", math.nan) * n
    with open(path, "wb") as f:
        f.write(b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, RATE, 4 * RATE, 4, 32))
        f.write(b"data" + struct.pack("<I", len(body)) + body)


def losses(path):
    steps = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith('{"type":"step"'):
                record = json.loads(line)
                steps[record["step"]] = record["loss"]
    return steps


def curve(a, b, limit):
    x, y = losses(a), losses(b)
    worst = max(abs(x[k] - y.get(k, math.inf)) for k in x) if x else math.inf
    if len(x) != len(y) or not worst <= float(limit):
        sys.exit(f"losses of {len(x)} and {len(y)} steps differ by up to {worst:g}")


def check_json(path, expression):
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    if not eval(expression, {"math": math}, {"x": lines}):
        sys.exit(f"{path}: {expression} does not hold: {json.dumps(lines)[:300]}")


DEEDS = {"sounds": sounds, "folds": folds, "model": model, "swin": swin, "nan": nan, "curve": curve, "json": check_json}
DEEDS[sys.argv[1]](*sys.argv[2:])
