"""The columns of the corpus, and reading and writing tables. Needs nothing but Python.

A row of the corpus is a dict of COLUMNS. `labels` are AudioSet display names divided by '|', the direct class first, then
its ancestors among the 527. `group` names what must not cross splits: a recording, an author, a voice, a melody."""
import csv
import pathlib

COLUMNS = ["filename", "labels", "split", "fold", "group", "source", "licence", "author"]
HERE = pathlib.Path(__file__).resolve().parent

# What the shipped model may learn from. "PD" is the public domain, "generated" what this recipe makes itself.
FREE = {"CC0", "CC0-1.0", "PD", "CC-BY", "CC-BY-3.0", "CC-BY-4.0", "MIT", "BSD-3-Clause", "generated"}


def table(name):
    """The rows of a table; a bare name is one of this folder's."""
    with open(HERE / name, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def write_table(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, columns, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def audioset_names():
    return [row["display_name"] for row in table(HERE.parents[1] / "labels" / "audioset.csv")]
