#!/usr/bin/env python3
"""Makes demo.flac, demo.tsv and CREDITS.md from ESC-10: a maintainer's tool, needed only to change the demo.

    python3 make_demo.py path/to/esc10        (the folder with audio/, meta.csv and attribution.csv)

Needs numpy and soundfile (Debian: python3-numpy python3-soundfile). Only CC0 clips of fold 5, which the bundled model has
not seen; anything else on the list is refused. Each clip loses the digital silence that ESC-10 pads with, is brought to
32 kHz and gets short fades; between the clips there is noise too quiet to hear. Same inputs, same samples.
"""
import csv
import pathlib
import sys

import numpy as np
import soundfile

RATE = 32000
NOISE_DBFS = -72
SILENCE = 0.001             # what ESC-10 padded lies below this
FADE_S = 0.02

# seconds of pause before it, clip, the most specific of its AudioSet labels
PLAN = [
    (2.0, "5-231762-A-0.ogg", "Bark"),
    (4.0, "5-202898-A-10.ogg", "Rain"),
    (3.5, "5-233160-A-1.ogg", "Crowing, cock-a-doodle-doo"),
    (3.5, "5-220955-A-40.ogg", "Helicopter"),
    (3.5, "5-221518-A-21.ogg", "Sneeze"),
    (3.5, "5-189212-A-12.ogg", "Crackle"),
    (3.5, "5-151085-A-20.ogg", "Baby cry, infant cry"),
    (3.5, "5-210571-A-38.ogg", "Tick-tock"),
]
PAUSE_AT_END = 3.0


def resampled(x, rate):
    """x at RATE, band-limited by cutting its spectrum; zeros around it keep the ends apart."""
    pad = rate // 10
    x = np.concatenate([np.zeros(pad), x, np.zeros(pad + -(len(x) + 2 * pad) % rate)])
    n = len(x) * RATE // rate
    spectrum = np.fft.rfft(x)
    keep = np.zeros(n // 2 + 1, complex)
    both = min(len(keep), len(spectrum)) - 1
    keep[:both] = spectrum[:both]
    return (np.fft.irfft(keep, n) * (RATE / rate))[pad * RATE // rate:]


def clip(path):
    x, rate = soundfile.read(path, always_2d=True)
    x = x.mean(1)
    loud = np.flatnonzero(np.abs(x) > SILENCE)
    x = x[loud[0]:loud[-1] + 1]
    y = resampled(x, rate)[:len(x) * RATE // rate]
    fade = np.linspace(0, 1, int(FADE_S * RATE))
    y[:len(fade)] *= fade
    y[-len(fade):] *= fade[::-1]
    return y * min(1, 0.97 / np.abs(y).max())


def rows_by_file(path):
    with open(path, newline="", encoding="utf-8") as f:
        return {row["filename"]: row for row in csv.DictReader(f)}


def main(esc10):
    here = pathlib.Path(__file__).resolve().parent
    credit, meta = rows_by_file(esc10 / "attribution.csv"), rows_by_file(esc10 / "meta.csv")
    pieces, events, at = [], [], 0
    for pause, name, label in PLAN:
        if meta[name]["fold"] != "5" or credit[name]["licence"] != "CC0":
            sys.exit(f"{name}: fold {meta[name]['fold']}, {credit[name]['licence']}; only CC0 clips of fold 5 may go into the demo")
        gap, sound = np.zeros(round(pause * RATE)), clip(esc10 / "audio" / name)
        events.append((at + len(gap), at + len(gap) + len(sound), label))
        at = events[-1][1]
        pieces += [gap, sound]
    x = np.concatenate(pieces + [np.zeros(round(PAUSE_AT_END * RATE))])
    x += np.random.default_rng(0).standard_normal(len(x)) * 10 ** (NOISE_DBFS / 20)
    soundfile.write(here / "demo.flac", np.clip(np.rint(x * 32767), -32768, 32767).astype(np.int16), RATE, subtype="PCM_16")

    with open(here / "demo.tsv", "w", encoding="utf-8") as f:
        f.write("onset\toffset\tlabel\n")
        f.writelines(f"{a / RATE:.3f}\t{b / RATE:.3f}\t{label}\n" for a, b, label in events)
    with open(here / "CREDITS.md", "w", encoding="utf-8") as f:
        f.write("# The sounds of demo.flac\n\nAll are clips of ESC-10 (K. J. Piczak, ESC: Dataset for Environmental Sound Classification, "
                "2015) and were\ndedicated to the public by their authors (CC0 1.0). They were trimmed, brought to 32 kHz, faded at "
                "both ends and put\none after another over quiet noise by `make_demo.py`; so demo.flac is CC0 as well. True labels "
                "and times: `demo.tsv`.\n\n| from s | clip | title | author | licence | source |\n|---|---|---|---|---|---|\n")
        for (_, name, _), (a, _, _) in zip(PLAN, events):
            c = credit[name]
            f.write(f"| {a / RATE:.1f} | {name} | {c['title']} | {c['author']} | {c['licence']} | {c['source']} |\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
