#!/usr/bin/env python3
"""default_report.py FINAL.CSV TEST.JSON FOLD5.JSON FOLD5.JSONL CARD.MD - a model's figures as one JSON line, and a table a class.

TEST and FOLD5 are reports of earmark --eval on the test clips and on fold 5 of ESC-10, which is among them; each clip is at the end
of a 10 s window. Accuracy is of fold 5 and told from its predictions: the highest of ESC-10's ten classes, the direct label of a
clip and not the classes above it; mAP there is the mean over the ten."""
import csv
import json
import pathlib
import sys


def report(path):
    return {row["class"]: row for row in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["per_class"]}


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
    table, test, fold, predictions, card = sys.argv[1:]
    with open(table, newline="", encoding="utf-8") as f:
        rows = {row["filename"]: dict(row, labels=row["labels"].split("|")) for row in csv.DictReader(f)}
    answers = [json.loads(line) for line in pathlib.Path(predictions).read_text(encoding="utf-8").splitlines()]
    of_test, of_fold = report(test), report(fold)

    n_train = {name: sum(name in row["labels"] for row in rows.values() if row["split"] == "train") for name in of_test}
    trained = [name for name, n in n_train.items() if n > 0]
    direct = [rows[a["clip"]]["labels"][0] for a in answers]
    ten = sorted(set(direct))
    right = sum(max(ten, key=lambda name: a["scores"][of_fold[name]["index"]]) == truth for a, truth in zip(answers, direct))

    write_card(card, [(name, n_train[name], of_test[name]["positives"], of_test[name]["ap"]) for name in trained])
    print(json.dumps({
        "dataset": "fold 5 of ESC-10, and all test clips of the corpus; none ever trained; each at the end of a 10 s window",
        "accuracy": round(right / len(answers), 4), "mAP": round(mean(of_fold[name]["ap"] for name in ten), 4),
        "corpus_mAP": round(mean(of_test[name]["ap"] for name in trained), 4), "classes": len(trained),
    }))


main()
