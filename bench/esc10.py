#!/usr/bin/env python3
"""esc10.py RECIPE OUT RESULT - folds' reports OUT/foldN.json to one line RESULT.jsonl, their predictions to RESULT.predictions.jsonl;
prints the line, the spread of the folds and how many clips of each class are right."""
import collections
import json
import pathlib
import statistics
import sys

recipe, out, result = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
folds = [json.loads((out / f"fold{n}.json").read_text())["accuracy"] for n in range(1, 6)]
line = {"dataset": "esc10", "protocol": "5-fold", "accuracy": round(sum(folds) / 5, 6), "folds": folds, "recipe": recipe}
pathlib.Path(result + ".jsonl").write_text(json.dumps(line) + "\n")
with open(result + ".predictions.jsonl", "w", encoding="utf-8") as f:
    for n in range(1, 6):
        f.write((out / f"fold{n}.jsonl").read_text(encoding="utf-8"))
print(json.dumps(line))
print(f"standard deviation of the folds {statistics.stdev(folds):.4f}, least {min(folds)}, most {max(folds)}")
answers = [json.loads(text) for n in range(1, 6) for text in (out / f"fold{n}.jsonl").read_text(encoding="utf-8").splitlines()]
right = collections.Counter(a["labels"][0] for a in answers if a["answer"] in a["labels"])
print("right: " + ", ".join(f"{name} {n}" for name, n in right.most_common()))
