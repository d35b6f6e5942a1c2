#!/usr/bin/env python3
"""Builds the training corpus of the default model: ESC-10, labelled sounds of Debian packages, sounds synthesised here.

    make_corpus.py OUT --esc10 DIR [--valid-fold N] [--tier2] [--cache DIR] [--parts esc10,debian,synth]

Writes OUT/corpus.csv (columns: tables.py) with its sounds under OUT/esc10, OUT/debian and OUT/synth; OUT/final.csv, the same
with the fold to choose by (--valid-fold, 4) among the training clips; OUT/trained_classes.txt; OUT/credits.md; and prints
what there is of each class. Fold 5 of ESC-10 and every other test clip never train. Parts already made are made anew only
if named by --parts; the others keep their rows of the present corpus.csv."""
import argparse
import collections
import pathlib
import sys

from tables import COLUMNS, FREE, audioset_names, table, write_table

PARTS = ["esc10", "debian", "synth"]
# A class counts as trained that has this many training clips from this many groups: fewer cannot be told from their recording.
LEAST_CLIPS, LEAST_GROUPS = 12, 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--esc10", type=pathlib.Path, help="folder with meta.csv, attribution.csv and audio/")
    parser.add_argument("--valid-fold", type=int, default=4, choices=range(5), help="fold of ESC-10 to choose by, 0: none")
    parser.add_argument("--tier2", action="store_true",
                        help="also sounds under GPL, CC-BY-SA and the like: not for models to be shipped")
    parser.add_argument("--cache", type=pathlib.Path, help="where downloaded packages are kept (OUT/cache)")
    parser.add_argument("--parts", default=",".join(PARTS))
    given = parser.parse_args()
    given.parts = given.parts.split(",")
    if not set(given.parts) <= set(PARTS):
        parser.error(f"--parts knows {', '.join(PARTS)}")
    if "esc10" in given.parts and not given.esc10:
        parser.error("--esc10 DIR is missing")
    return given


def made(part, given):
    """Makes a part; the modules are loaded here, because only sound needs numpy."""
    if part == "esc10":
        import esc10
        rows = esc10.rows(given.esc10, given.valid_fold)
        esc10.copy(given.esc10, given.out, rows)
        return rows
    if part == "debian":
        import debian
        return debian.fetch(given.out, given.cache or given.out / "cache", [1, 2] if given.tier2 else [1])
    import synth
    return synth.make(given.out)


def kept(part, out):
    if not (out / "corpus.csv").exists():
        return []
    return [row for row in table((out / "corpus.csv").resolve()) if row["filename"].startswith(f"{part}/")]


def faults(rows, any_licence):
    """What would make the corpus dishonest: unknown labels, a group in two splits, a licence that may not train."""
    names, splits = set(audioset_names()), collections.defaultdict(set)
    for row in rows:
        splits[row["group"]].add(row["split"])
        for label in row["labels"].split("|"):
            if label not in names:
                yield f"{row['filename']}: {label} is no class of AudioSet"
        if row["split"] != "test" and row["licence"] not in FREE and not any_licence:
            yield f"{row['filename']}: {row['licence']} may not train a model to be shipped"
    for group, found in splits.items():
        if len(found) > 1:
            yield f"{group} is in the splits {', '.join(sorted(found))}"


def final(rows):
    """The rows for the last training, when nothing is left to choose: the valid fold of ESC-10 trains, too."""
    def moved(row):
        return row | {"split": "train"} if row["filename"].startswith("esc10/") and row["split"] == "valid" else row
    return [moved(row) for row in rows]


def by_class(rows):
    """{class: {split: [rows]}} in AudioSet's order."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        for label in row["labels"].split("|"):
            found[label][row["split"]].append(row)
    return {name: found[name] for name in audioset_names() if name in found}


def trained(classes):
    return [name for name, splits in classes.items()
            if len(splits["train"]) >= LEAST_CLIPS and len({row["group"] for row in splits["train"]}) >= LEAST_GROUPS]


def restricted(rows, known):
    """The rows with labels of known classes alone. A clip of other classes is one of no class: what the known ones are not."""
    return [row | {"labels": "|".join(label for label in row["labels"].split("|") if label in known)} for row in rows]


def write_credits(path, rows):
    """Who made what, for the licences that ask for it and for those that do not: one line an author, licence and source."""
    works = collections.defaultdict(list)
    for row in rows:
        if row["licence"] != "generated":
            part = row["filename"].split("/")[0]
            source = row["source"].split(",")[0] if part != "esc10" else "freesound.org, ESC-10"
            works[source, row["author"], row["licence"]].append(row)
    with open(path, "w", encoding="utf-8") as f:
        f.write("# The sounds of the corpus and their authors\n\n"
                "Some were cut, all are heard resampled. No clip of the split `test` trains a model.\n\n"
                "| source | author | licence | sounds |\n|---|---|---|---|\n")
        for (source, author, licence), found in sorted(works.items()):
            names = sorted({row["source"].split(", ")[-1] if source.startswith("Debian") else row["source"] for row in found})
            listed = ", ".join(names) if source.startswith("Debian") or source.startswith("freesound") else f"{len(found)} clips"
            f.write(f"| {source} | {author} | {licence} | {listed} |\n")


def report(classes, known):
    print(f"{'class':44} train valid test  groups of train")
    for name, splits in classes.items():
        train = splits["train"]
        print(f"{name:44} {len(train):5} {len(splits['valid']):5} {len(splits['test']):4}  {len({row['group'] for row in train}):4}"
              f"{'' if name in known else '   not counted as trained'}")


def main():
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for part in PARTS:
        rows += made(part, given) if part in given.parts else kept(part, given.out)
    wrong = list(faults(rows, given.tier2))
    if wrong:
        sys.exit("\n".join(wrong))
    classes = by_class(rows)
    known = trained(classes)
    write_table(given.out / "corpus.csv", COLUMNS, rows)
    write_table(given.out / "known.csv", COLUMNS, restricted(rows, known))
    write_table(given.out / "final.csv", COLUMNS, restricted(final(rows), known))
    (given.out / "trained_classes.txt").write_text("".join(f"{name}\n" for name in known), encoding="utf-8")
    write_credits(given.out / "credits.md", rows)
    report(classes, known)
    splits = collections.Counter(row["split"] for row in rows)
    print(f"{len(rows)} clips: {dict(splits)}; {len(known)} classes count as trained")


if __name__ == "__main__":
    main()
