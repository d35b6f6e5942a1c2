#!/usr/bin/env python3
"""default_report.py FINAL.CSV TEST FOLD5 OUT - a model's figures as one JSON line, and in files what they are of.

OUT/default.classes.jsonl a line a class that was trained, OUT/default.predictions.jsonl a line a test clip with the scores of these
classes in that order, five digits each, OUT/card.md the classes as a table.

TEST.json and FOLD5.json are reports, and TEST.jsonl and FOLD5.jsonl predictions, of earmark --eval on the test clips and on fold 5
of ESC-10, which is among them; each clip is at the end of a 10 s window. Accuracy is of fold 5 and told from its predictions: the
highest of ESC-10's ten classes, the direct label of a clip and not the classes above it; mAP there is the mean over the ten."""
import csv
import json
import pathlib
import sys


def report(path):
    return {row["class"]: row for row in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["per_class"]}


def lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]


def write_lines(path, records):
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    pathlib.Path(path).write_text(text, encoding="utf-8")


def mean(values):
    values = [value for value in values if value is not None]
    return sum(values) / len(values)


def write_card(path, rows):
    """Two classes a line."""
    half = (len(rows) + 1) // 2
    cells = [f"| {name} | {n_train} | {n_test} | {'-' if ap is None else f'{ap:.2f}'} " for name, n_train, n_test, ap in rows]
    cells += ["| | | | "] * (2 * half - len(rows))
    head = "| class | trained on | tested on | AP "
    lines = [2 * head + "|", "|---" * 8 + "|"] + [a + b + "|" for a, b in zip(cells[:half], cells[half:])]
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    table, test, fold, out = sys.argv[1:]
    with open(table, newline="", encoding="utf-8") as f:
        rows = {row["filename"]: dict(row, labels=row["labels"].split("|")) for row in csv.DictReader(f)}
    answers = lines(f"{fold}.jsonl")
    of_test, of_fold = report(f"{test}.json"), report(f"{fold}.json")

    n_train = {name: sum(name in row["labels"] for row in rows.values() if row["split"] == "train") for name in of_test}
    trained = [name for name, n in n_train.items() if n > 0]
    direct = [rows[a["clip"]]["labels"][0] for a in answers]
    ten = sorted(set(direct))
    right = sum(max(ten, key=lambda name: a["scores"][of_fold[name]["index"]]) == truth for a, truth in zip(answers, direct))

    write_lines(f"{out}/default.classes.jsonl", [{
        "class": name, "index": of_test[name]["index"], "trained_on": n_train[name], "tested_on": of_test[name]["positives"],
        "ap": of_test[name]["ap"], "auc": of_test[name]["auc"], "threshold": of_test[name]["threshold"],
        "hits": of_test[name]["hits"], "false": of_test[name]["false"]} for name in trained])
    write_lines(f"{out}/default.predictions.jsonl", [{
        **{key: a[key] for key in ("clip", "fold", "labels") if key in a},
        "scores": [float(f"{a['scores'][of_test[name]['index']]:.5g}") for name in trained]} for a in lines(f"{test}.jsonl")])
    write_card(f"{out}/card.md", [(name, n_train[name], of_test[name]["positives"], of_test[name]["ap"]) for name in trained])
    print(json.dumps({
        "dataset": "fold 5 of ESC-10, and all test clips of the corpus; none ever trained; each at the end of a 10 s window",
        "accuracy": round(right / len(answers), 4), "mAP": round(mean(of_fold[name]["ap"] for name in ten), 4),
        "corpus_mAP": round(mean(of_test[name]["ap"] for name in trained), 4), "classes": len(trained),
    }))


main()
