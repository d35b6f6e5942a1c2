#!/usr/bin/env python3
"""default_report.py FINAL.CSV PREDICTIONS.JSONL CARD.MD - what a model answers to the test clips, as one JSON line and a table a class.

Each clip is at the end of a 10 s window. Accuracy is of fold 5 of ESC-10: the highest of its ten classes (the direct label of
a clip, not the classes above it); mAP there is the mean over the ten, as for the first model. Average precision of a class is
over all test clips, as scikit-learn counts it."""
import csv
import json
import sys


def average_precision(scores, truths):
    """Mean over the positives of the precision at their score; equal scores are one step."""
    pairs = sorted(zip(scores, truths), reverse=True)
    found = seen = 0
    total = 0.0
    i = 0
    while i < len(pairs):
        j = i
        while j < len(pairs) and pairs[j][0] == pairs[i][0]:
            j += 1
        new = sum(truth for _, truth in pairs[i:j])
        found, seen = found + new, j
        total += new * found / seen
        i = j
    return total / found if found else None


def mean(values):
    values = [value for value in values if value is not None]
    return sum(values) / len(values)


def main():
    table, predictions, card = sys.argv[1:4]
    with open(table, newline="", encoding="utf-8") as f:
        rows = {row["filename"]: row for row in csv.DictReader(f)}
    with open(sys.path[0] + "/../labels/audioset.csv", newline="", encoding="utf-8") as f:
        index = {row["display_name"]: int(row["index"]) for row in csv.DictReader(f)}
    with open(predictions, encoding="utf-8") as f:
        answers = [json.loads(line) for line in f]
    train = [row for row in rows.values() if row["split"] == "train"]
    trained = sorted({label for row in train for label in row["labels"].split("|") if label}, key=index.get)

    def precision(name, clips):
        return average_precision([a["scores"][index[name]] for a in clips], [name in a["labels"] for a in clips])

    esc10 = [a for a in answers if a["clip"].startswith("esc10/")]
    direct = {a["clip"]: rows[a["clip"]]["labels"].split("|")[0] for a in esc10}
    ten = sorted(set(direct.values()), key=index.get)
    right = sum(max(ten, key=lambda name: a["scores"][index[name]]) == direct[a["clip"]] for a in esc10)
    of_class = {name: precision(name, answers) for name in trained}
    with open(card, "w", encoding="utf-8") as f:
        f.write("| class | clips trained on | clips tested on | average precision |\n|---|---|---|---|\n")
        for name in trained:
            n_train = sum(name in row["labels"].split("|") for row in train)
            n_test = sum(name in a["labels"] for a in answers)
            value = of_class[name]
            f.write(f"| {name} | {n_train} | {n_test} | {'none to test on' if value is None else f'{value:.3f}'} |\n")
    print(json.dumps({
        "dataset": "clips that never trained, each at the end of a 10 s window: fold 5 of ESC-10; with the corpus's test clips",
        "accuracy": round(right / len(esc10), 4), "mAP": round(mean(precision(name, esc10) for name in ten), 4),
        "corpus_mAP": round(mean(of_class.values()), 4), "corpus_clips": len(answers), "classes": len(trained),
    }))


main()
