#!/usr/bin/env python3
"""same_events.py CPU.jsonl GPU.jsonl - the events of one sound on two backends: as many, of the same classes, their times within a slot of
the model (0.32 s), their scores within 0.03. Exit 1 and a line each where they differ, or where there are none."""
import json
import sys

SLOT_S, SCORE = 0.32, 0.03
TIMES = SLOT_S + 1e-3                           # times are told in thousandths


def events(path):
    with open(path, encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    told = [r for r in records if r["type"] == "offset"]
    return sorted(told, key=lambda e: (e["label"], e["onset"]))


cpu, gpu = (events(path) for path in sys.argv[1:3])
wrong = []
if not cpu:
    wrong.append("the CPU tells no event")
if [e["label"] for e in cpu] != [e["label"] for e in gpu]:
    wrong.append(f"{[e['label'] for e in cpu]} on the CPU, {[e['label'] for e in gpu]} on the GPU")
else:
    for a, b in zip(cpu, gpu):
        for key, most in (("onset", TIMES), ("offset", TIMES), ("peak", SCORE), ("mean", SCORE)):
            if abs(a[key] - b[key]) > most:
                wrong.append(f"{a['label']}: {key} {a[key]} on the CPU, {b[key]} on the GPU")
print("\n".join(wrong) if wrong else f"{len(cpu)} events, the same on both")
sys.exit(bool(wrong))
