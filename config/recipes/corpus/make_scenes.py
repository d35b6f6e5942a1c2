#!/usr/bin/env python3
"""Makes scenes to evaluate by: test clips of the corpus, one after another with pauses, their times known.

    make_scenes.py CORPUS OUT [--n 12] [--events 10] [--seed 0] [--known] [--only esc10|synth]

CORPUS is the folder that make_corpus.py wrote. OUT gets scene-00.flac, beside it scene-00.txt (an Audacity label file: onset,
offset, label by tabs), and for all of them strong.tsv (filename, onset, offset, event_label), the layout of DESED. Half of a
scene's events come from ESC-10's fold 5, half from the synthesised test clips (--only: all from one of the two); every clip is
used once before any is again. With --known they are of clips that may choose settings instead: those of ESC-10 that trained, and
the valid synthesised ones.
A clip loses the digital silence and the near-silence around its sound. The label is the direct class, as in the table."""
import argparse
import csv
import pathlib

import numpy as np

import sound
from tables import table

KNOWN_SPLITS = {"esc10": "train", "synth": "valid"}         # of each part, whose clips may choose settings
PAUSE_S = (2.0, 5.0)
NOISE_DB = -70
SILENCE = 0.001             # what ESC-10 padded lies below this


def event_clips(corpus, part, split):
    """Clips of a part that are events; noise floors and silence are no more than the pauses between them."""
    return [row for row in table((corpus / "corpus.csv").resolve())
            if row["split"] == split and row["filename"].startswith(f"{part}/") and row["labels"] != "Silence"]


def without_silence(path):
    x, rate = sound.read_mono(path)
    loud = np.flatnonzero(np.abs(x) > min(SILENCE, np.abs(x).max() / 30))
    x = sound.resampled(x[loud[0]:loud[-1] + 1], rate)
    return sound.faded(x * min(1, 0.97 / np.abs(x).max()), 0.02)


def shuffled_for_ever(rng, rows):
    while True:
        for i in rng.permutation(len(rows)):
            yield rows[i]


def scene(rng, corpus, rows):
    """The sound of a scene and its events (onset, offset, label), seconds."""
    parts, events, at = [], [], 0
    for row in rows:
        gap = np.zeros(int(rng.uniform(*PAUSE_S) * sound.RATE))
        x = without_silence(corpus / row["filename"])
        onset = at + len(gap)
        at = onset + len(x)
        parts += [gap, x]
        events.append((onset / sound.RATE, at / sound.RATE, row["labels"].split("|")[0]))
    x = np.concatenate(parts + [np.zeros(int(PAUSE_S[0] * sound.RATE))])
    return x + rng.standard_normal(len(x)) * sound.from_db(NOISE_DB), events


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--n", type=int, default=12)
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--only", choices=KNOWN_SPLITS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(given.seed)
    sources = [shuffled_for_ever(rng, event_clips(given.corpus, part, split if given.known else "test"))
               for part, split in KNOWN_SPLITS.items() if given.only in (None, part)]
    with open(given.out / "strong.tsv", "w", newline="", encoding="utf-8") as f:
        strong = csv.writer(f, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
        strong.writerow(["filename", "onset", "offset", "event_label"])
        for i in range(given.n):
            x, events = scene(rng, given.corpus, [next(sources[k % len(sources)]) for k in range(given.events)])
            sound.write_flac(given.out / f"scene-{i:02}.flac", x)
            times = [(f"{onset:.3f}", f"{offset:.3f}", label) for onset, offset, label in events]
            (given.out / f"scene-{i:02}.txt").write_text("".join("\t".join(e) + "\n" for e in times), encoding="utf-8")
            strong.writerows((f"scene-{i:02}.flac", *e) for e in times)


if __name__ == "__main__":
    main()
