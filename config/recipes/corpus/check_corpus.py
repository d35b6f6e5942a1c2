#!/usr/bin/env python3
"""Checks the sounds of a corpus that make_corpus.py wrote: check_corpus.py CORPUS. Prints levels and spectra, a line a class.

Faults, each printed, exit status 1: a file that does not open or is missing, one that is silent (no sound above -70 dBFS; the
class Silence excepted, which must be below -60 and not digital zero), a generated clip that clips (more than 0.1 % at full
scale) or lies mostly below hearing, one whose samples are in two splits. "Centre" is the
spectral centroid, "hiss" the level above 10 kHz."""
import argparse
import collections
import hashlib
import pathlib
import sys

import numpy as np

import sound
from tables import table

LOUD_ENOUGH_DB, SILENT_DB, CLIPPED, RUMBLE = -70, -60, 0.001, 0.5


def measured(path):
    """Duration, peak and rms in dB, spectral centroid, level above 10 kHz, shares below hearing and at full scale, hash."""
    x, rate = sound.read_mono(path)
    power = np.abs(np.fft.rfft(x)) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / rate)
    total = power.sum() + 1e-20
    return {
        "seconds": len(x) / rate, "peak": sound.db(np.abs(x).max()), "rms": sound.db(sound.rms(x)),
        "centre": float((power * hz).sum() / total), "hiss": 10 * np.log10(power[hz > 10000].sum() / total + 1e-10),
        "below": float(power[hz < 25].sum() / total), "full": float(np.mean(np.abs(x) > 0.999)),
        "hash": hashlib.sha256(x.astype(np.float32).tobytes()).hexdigest(),
    }


def faults(row, m):
    label = row["labels"].split("|")[0]
    if label == "Silence":
        if m["rms"] > SILENT_DB or m["peak"] < -100:
            yield f"{row['filename']}: silence at {m['rms']:.0f} dB rms, peak {m['peak']:.0f} dB"
    elif m["peak"] < LOUD_ENOUGH_DB:
        yield f"{row['filename']}: nothing above {m['peak']:.0f} dB"
    elif row["filename"].startswith("synth/") and m["below"] > RUMBLE:
        yield f"{row['filename']}: {100 * m['below']:.0f} % of it lies below 25 Hz"
    if row["filename"].startswith("synth/") and m["full"] > CLIPPED:
        yield f"{row['filename']}: {100 * m['full']:.1f} % at full scale"


def summary(found):
    """One line a direct class and split."""
    print(f"{'class':34} split  clips seconds  rms dB (low .. high)  centre Hz (low .. high)   hiss dB")
    for (label, split), all_m in sorted(found.items()):
        level, centre, hiss, seconds = ([m[name] for m in all_m] for name in ("rms", "centre", "hiss", "seconds"))
        print(f"{label[:34]:34} {split:5} {len(all_m):6} {sum(seconds):7.0f}"
              f"  {np.median(level):6.1f} ({min(level):6.1f} .. {max(level):6.1f})"
              f"  {np.median(centre):6.0f} ({min(centre):6.0f} .. {max(centre):6.0f})  {np.median(hiss):6.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    corpus = parser.parse_args().corpus
    found, same, wrong = collections.defaultdict(list), collections.defaultdict(set), []
    for row in table((corpus / "corpus.csv").resolve()):
        try:
            m = measured(corpus / row["filename"])
        except (OSError, RuntimeError) as error:
            wrong.append(f"{row['filename']}: {error}")
            continue
        wrong += faults(row, m)
        same[m["hash"]].add((row["split"], row["filename"]))
        found[row["labels"].split("|")[0], row["split"]].append(m)
    for twins in same.values():
        if len({split for split, _ in twins}) > 1:
            wrong.append("the same samples in two splits: " + ", ".join(name for _, name in sorted(twins)))
    summary(found)
    minutes = sum(m["seconds"] for all_m in found.values() for m in all_m) / 60
    print(f"{minutes:.1f} minutes; {len(wrong)} faults")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
