#!/usr/bin/env python3
"""scenes_report.py SCENES TOLD ONTOLOGY.CSV [OPTION...] - how well events are told, as one JSON line, and a line a class beside it.

SCENES is what corpus/make_scenes.py wrote with these options, TOLD what `earmark -f audacity --out-dir TOLD SCENES/*.flac` wrote. A sound
is found if an event of its class overlaps it; it is timely if that is one event and both its ends are within half a second. An event is
false if it overlaps no sound of its class, nor of one below it in the ontology. Counted by themselves are the sounds of ESC-10's ten
classes, and the false events that are instruments."""
import collections
import csv
import json
import pathlib
import sys

COLLAR_S = 0.5
ESC10 = pathlib.Path(__file__).resolve().parent / "corpus" / "esc10.csv"


def spans(path):
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("\\"))
    return [(float(row[0]), float(row[1]), row[2]) for row in rows]


def told_spans(path):
    """The label ends with its score."""
    return [(onset, offset, label.rsplit(" ", 1)[0]) for onset, offset, label in spans(path)]


class Ontology:
    def __init__(self, path):
        with open(path, newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        names = {row["mid"]: row["name"] for row in rows}
        self.parents = {row["name"]: [names[mid] for mid in row["parents"].split("|") if mid in names] for row in rows}

    def is_at_or_above(self, general, specific):
        return general == specific or any(self.is_at_or_above(general, parent) for parent in self.parents.get(specific, ()))


def esc10_classes():
    with open(ESC10, newline="", encoding="utf-8") as f:
        return {row["labels"].split("|")[0] for row in csv.DictReader(f)}


def overlaps(a, b):
    return a[0] < b[1] and b[0] < a[1]


def is_timely(sound, of_it):
    return len(of_it) == 1 and all(abs(of_it[0][end] - sound[end]) <= COLLAR_S for end in (0, 1))


def main():
    scenes, told, ontology = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), Ontology(sys.argv[3])
    command = " ".join(["config/recipes/corpus/make_scenes.py", *sys.argv[4:]])
    clips = "known clips" if "--known" in sys.argv else "test clips that never trained"
    total, classes, n_scenes, ten = collections.Counter(), collections.defaultdict(collections.Counter), 0, esc10_classes()
    for path in sorted(scenes.glob("scene-*.txt")):
        sounds, events = spans(path), told_spans(told / f"{path.stem}.flac.audacity.txt")
        n_scenes += 1
        for sound in sounds:
            of_it = [e for e in events if e[2] == sound[2] and overlaps(e, sound)]
            for counts in (total, classes[sound[2]]):
                counts.update(sounds=1, found=bool(of_it), timely=is_timely(sound, of_it))
        for event in events:
            if not any(overlaps(event, sound) and ontology.is_at_or_above(event[2], sound[2]) for sound in sounds):
                total["false"] += 1
                total["false_instruments"] += ontology.is_at_or_above("Musical instrument", event[2])
                classes[event[2]]["false"] += 1
    for name, n in sorted(classes.items()):
        print(f"{name:44} {n['sounds']:3} sounds, {n['found']:3} found, {n['timely']:3} timely; {n['false']:3} false", file=sys.stderr)
    for key in ("sounds", "found"):
        total[f"esc10_{key}"] = sum(classes[name][key] for name in ten)
    print(json.dumps({"dataset": f"scenes of {clips} ({command})", "scenes": n_scenes,
                      **{key: total[key] for key in ("sounds", "found", "timely", "false", "esc10_sounds", "esc10_found",
                                                     "false_instruments")}}))


main()
