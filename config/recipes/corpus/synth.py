"""The synthesised part: speech, instruments and signals, 32 kHz mono FLAC, the same every time but for the tools' versions."""
import re

import instruments
import signals
import sound
import speech

COUNTS = {"train": 64, "valid": 12, "test": 24}            # clips a class
SPEECH = {"train": 120, "valid": 24, "test": 45}           # one class of many voices


def folder_of(labels):
    return re.sub(r"[^a-z]+", "_", labels.split("|")[0].lower()).strip("_")


def make(out):
    """Makes every clip under out/synth and returns their rows of the corpus."""
    rows, numbers = [], {}
    for part, counts in ((speech, SPEECH), (signals, COUNTS), (instruments, COUNTS)):
        for row, x in part.clips(counts):
            place = folder_of(row["labels"])
            number = numbers[place, row["split"]] = numbers.get((place, row["split"]), -1) + 1
            row |= {"filename": f"synth/{place}/{row['split']}-{number:03}.flac", "fold": 0}
            sound.write_flac(out / row["filename"], x)
            rows.append(row)
    return rows
