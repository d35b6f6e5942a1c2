"""Instruments of General MIDI (instruments.csv), played by fluidsynth: melodies, chords, broken chords, long notes, all random.

A sound font (fonts.csv) is a set of recordings, so train and valid share fonts, which are under the MIT licence, but no
melody; the test clips are played with a font of other recordings, which the model has never heard. It is GPL-2, so it only
tests."""
import pathlib
import subprocess
import tempfile

import midi
import sound
from tables import table

FOLDERS = ["/usr/share/sounds/sf2", "/usr/share/sounds/sf3"]
CLIP_S, SLOT_S = 5.0, 6.0       # the rest of a slot lets tails end before the next clip
SCALES = [(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10), (0, 2, 4, 7, 9), tuple(range(12))]


def font_path(name):
    for folder in FOLDERS:
        if (pathlib.Path(folder) / name).exists():
            return pathlib.Path(folder) / name
    raise SystemExit(f"{name} is in none of {', '.join(FOLDERS)}: run packages/install.sh corpus")


def keys_of(rng, low, high):
    """The keys of a random scale within the instrument's range."""
    root, scale = rng.integers(12), SCALES[rng.integers(len(SCALES))]
    return [key for key in range(low, high + 1) if (key - root) % 12 in scale]


def velocity(rng, loud):
    return int(min(124, max(30, loud + rng.normal(0, 9))))


def melody(rng, keys, loud):
    beat, at, place = 60 / rng.uniform(60, 170), 0.02, int(rng.integers(len(keys)))
    held = rng.uniform(0.45, 1.0)
    events = []
    while at < CLIP_S - 0.2:
        length = beat * rng.choice([0.5, 0.5, 1, 1, 2])
        if rng.random() > 0.1:                          # or else a rest
            events += midi.note(at, min(at + held * length, CLIP_S), keys[place], velocity(rng, loud))
        place = int(min(len(keys) - 1, max(0, place + rng.integers(-3, 4))))
        at += length
    return events


def chord_keys(rng, keys):
    """Three to five keys, every second one of the scale, as far as the range goes."""
    first = int(rng.integers(max(1, len(keys) - 8)))
    return keys[first::2][:rng.integers(3, 6)]


def chords(rng, keys, loud):
    beat, at = 60 / rng.uniform(60, 140), 0.02
    roll = rng.choice([0, 0.015, 0.04])
    events = []
    while at < CLIP_S - 0.3:
        length = beat * rng.choice([1, 1, 2, 4])
        for i, key in enumerate(chord_keys(rng, keys)):
            events += midi.note(at + i * roll, min(at + 0.95 * length + i * roll, CLIP_S), key, velocity(rng, loud))
        at += length
    return events


def broken(rng, keys, loud):
    step, at = rng.uniform(0.08, 0.3), 0.02
    events = []
    while at < CLIP_S - 0.2:
        for key in chord_keys(rng, keys) * 2:
            if at < CLIP_S - 0.05:
                events += midi.note(at, min(at + step * rng.uniform(1, 4), CLIP_S), key, velocity(rng, loud))
            at += step
    return events


def both(rng, keys, loud):
    middle = len(keys) // 2
    return melody(rng, keys[middle:], loud) + chords(rng, keys[:middle], loud - 15)


def long_notes(rng, keys, loud):
    at, events = 0.02, []
    while at < CLIP_S - 0.5:
        length = rng.uniform(1.0, 3.5)
        events += midi.note(at, min(at + length, CLIP_S), keys[rng.integers(len(keys))], velocity(rng, loud))
        at += length + rng.uniform(0, 0.3)
    return events


WAYS = {"melody": melody, "chords": chords, "broken": broken, "both": both, "long": long_notes}


def played(rng, instrument, start):
    """The events of one clip from `start` on, its slot silenced at the end."""
    programs = instrument["programs"].split()
    ways = instrument["ways"].split()
    keys = keys_of(rng, int(instrument["low"]), int(instrument["high"]))
    events = WAYS[ways[rng.integers(len(ways))]](rng, keys, rng.uniform(55, 112))
    events = [(start + at, message) for at, message in events]
    program = int(programs[rng.integers(len(programs))])
    opening = [midi.program(start - 0.1, program), midi.bend(start - 0.1, rng.uniform(-0.4, 0.4))]
    return opening + events + midi.silence(start + SLOT_S - 0.2)


def rendered(instrument, clips, font):
    """Plays the clips, given as random sources, one after another with one font; returns their sound."""
    events, length = [], (len(clips) + 1) * SLOT_S
    for i, rng in enumerate(clips):
        events += played(rng, instrument, 0.5 + i * SLOT_S)
    with tempfile.TemporaryDirectory() as folder:
        score, wave = pathlib.Path(folder) / "score.mid", pathlib.Path(folder) / "score.wav"
        midi.write(score, events, length)
        subprocess.run(["fluidsynth", "-niq", "-o", "synth.dynamic-sample-loading=1", "-R", "0", "-C", "0", "-g", "0.5",
                        "-r", str(sound.RATE), "-T", "wav", "-O", "float", "-F", wave, font_path(font), score],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        x, _ = sound.read_mono(wave)
    starts = [int((0.5 + i * SLOT_S) * sound.RATE) for i in range(len(clips))]
    return [x[start:start + int(CLIP_S * sound.RATE)] for start in starts]


def share_of(fonts, font, split):
    """Which of a split's clips the font plays: every n-th, n fonts sharing the split."""
    players = [other["font"] for other in fonts if split in other["splits"].split()]
    return players.index(font["font"]), len(players)


def clips(counts):
    """Yields (row of the corpus, sound) for every instrument and split; a font is loaded once an instrument."""
    fonts = table("fonts.csv")
    for instrument in table("instruments.csv"):
        name = instrument["labels"].split("|")[0]
        for font in fonts:
            shares = [(split, *share_of(fonts, font, split)) for split in font["splits"].split()]
            ids = [(split, i) for split, first, step in shares for i in range(first, counts[split], step)]
            rngs = [sound.clip_rng("instrument", name, *key) for key in ids]
            for (split, i), rng, x in zip(ids, rngs, rendered(instrument, rngs, font["font"])):
                row = {"labels": instrument["labels"], "split": split, "group": f"synth:{name}/{split}/{i}",
                       "source": f"fluidsynth with {font['font']}", "licence": font["licence"], "author": font["author"]}
                yield row, sound.as_recorded(rng, x)
