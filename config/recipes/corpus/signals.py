"""Signals: sine waves, beeps, telephone tones, white and pink noise, silence.

Train and valid are computed here; the test clips come from sox, so that another program's idea of each is what is tested.
Frequencies lie on a grid of quarter tones whose members are dealt out to the splits."""
import pathlib
import subprocess
import tempfile

import numpy as np

import sound

RATE = sound.RATE
DTMF = [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477)]
DIAL = {"train": [(350, 440), (425,), (425, 450)], "valid": [(350, 440), (440,)], "test": [(350, 450), (400, 425), (350, 440)]}
BUSY = {"train": [((480, 620), 0.5), ((425,), 0.5), ((425,), 0.25)], "valid": [((480, 620), 0.5), ((440,), 0.5)],
        "test": [((480, 620), 0.5), ((400,), 0.375), ((425,), 0.48)]}


def pitch(rng, split, low, high):
    """A frequency of the split: every fifth quarter tone is for test, every next for valid, the rest for train."""
    mine = {"test": [0], "valid": [1], "train": [2, 3, 4]}[split]
    grid = [i for i in range(300) if i % 5 in mine and low <= 27.5 * 2 ** (i / 24) <= high]
    return 27.5 * 2 ** (grid[rng.integers(len(grid))] / 24)


class Own:
    """Tones and noise computed here: train and valid."""
    def __init__(self, rng):
        self.rng = rng

    def tones(self, hz, seconds, wave="sine"):
        t = np.arange(int(seconds * RATE)) / RATE
        phase = self.rng.uniform(0, 1)
        if wave == "sine":
            return sum(np.sin(2 * np.pi * (f * t + phase)) for f in hz)
        odd = range(1, int(0.45 * RATE / hz[0]) + 1, 2)         # no partial above the band: nothing folds back
        power = {"square": 1, "triangle": 2}[wave]
        signs = [(-1) ** (k // 2) if wave == "triangle" else 1 for k in odd]
        return sum(s * np.sin(2 * np.pi * k * hz[0] * t) / k ** power for s, k in zip(signs, odd))

    def noise(self, colour, seconds):
        tilt = {"white": 0, "pink": -3, "brown": -6}[colour] + self.rng.uniform(-0.3, 0.3)
        return sound.coloured_noise(self.rng, int(seconds * RATE), tilt)


class Sox:
    """The same from sox: test. Its noise always begins alike (-R), so each clip starts elsewhere in it."""
    def __init__(self, rng):
        self.rng = rng

    def synth(self, *what, trim=0):
        with tempfile.TemporaryDirectory() as folder:
            wave = pathlib.Path(folder) / "synth.wav"
            subprocess.run(["sox", "-R", "-n", "-r", str(RATE), "-b", "24", "-c", "1", wave, "synth", *map(str, what),
                            "trim", str(trim), "gain", "-6"], check=True)
            return sound.read_mono(wave)[0]

    def tones(self, hz, seconds, wave="sine"):
        second = [wave, "mix", hz[1]] if len(hz) > 1 else []
        return self.synth(seconds, wave, hz[0], *second)

    def noise(self, colour, seconds):
        start = int(self.rng.integers(0, 100))
        return self.synth(start + seconds, f"{colour}noise", trim=start)


def bursts(maker, pattern, seconds, wave="sine"):
    """[(frequencies, on, off)] over and over until `seconds`."""
    parts, length, i = [], 0, 0
    while length < seconds * RATE:
        hz, on, off = pattern[i % len(pattern)]
        parts += [sound.faded(maker.tones(hz, on, wave), 0.003), np.zeros(int(off * RATE))]
        length += len(parts[-1]) + len(parts[-2])
        i += 1
    return np.concatenate(parts)[:int(seconds * RATE)]


def length(rng):
    return float(np.round(rng.uniform(2.5, 5), 2))


def sine(rng, split, maker):
    x = maker.tones([sine_hz(rng, split)], length(rng))
    return sound.at_level(rng, sound.faded(sound.over_noise(rng, x)), -40, -9)


def sine_hz(rng, split):
    """Any pitch but those of the single dial tones, which would be the same sound under another name."""
    hz = pitch(rng, split, 80, 8000)
    return sine_hz(rng, split) if 380 < hz < 470 else hz


def beep(rng, split, maker):
    wave = ["sine", "sine", "square", "triangle"][rng.integers(4)]
    pair = [pitch(rng, split, 400, 4200) for _ in range(1 + rng.integers(2))]
    on, off = rng.uniform(0.05, 0.35), rng.uniform(0.05, 0.9)
    x = bursts(maker, [([hz], on, off) for hz in pair], length(rng), wave)
    if rng.random() < 0.4:
        x = sound.in_room(rng, x)
    return sound.at_level(rng, sound.faded(sound.over_noise(rng, x)), -40, -12)


def on_the_line(rng, x):
    """Through a telephone, or through a loudspeaker that plays one."""
    x = sound.recoloured(rng, sound.band(x, rng.uniform(200, 320), rng.uniform(3200, 4000)), 5)
    return sound.at_level(rng, sound.faded(sound.over_noise(rng, x)), -38, -14)


def dial_tone(rng, split, maker):
    hz = DIAL[split][rng.integers(len(DIAL[split]))]
    return on_the_line(rng, maker.tones(hz, length(rng)))


def busy_signal(rng, split, maker):
    hz, half = BUSY[split][rng.integers(len(BUSY[split]))]
    return on_the_line(rng, bursts(maker, [(hz, half, half)], length(rng)))


def dialling(rng, split, maker):
    on, off = rng.uniform(0.06, 0.2), rng.uniform(0.05, 0.25)
    digits = [(DTMF[rng.integers(len(DTMF))], on, off) for _ in range(20)]
    return on_the_line(rng, bursts(maker, digits, length(rng)))


def white(rng, split, maker):
    return sound.at_level(rng, sound.faded(maker.noise("white", 5)), -45, -14)


def pink(rng, split, maker):
    return sound.at_level(rng, sound.faded(maker.noise("pink", 5)), -45, -14)


def silence(rng, split, maker):
    """What a quiet input gives: noise near the last bit or under hearing, a little hum at times; never digital zero."""
    x = maker.noise(["white", "pink", "brown"][rng.integers(3)], 10)
    x *= sound.from_db(rng.uniform(-88, -68)) / sound.rms(x)
    if rng.random() < 0.3:
        t = np.arange(len(x)) / RATE
        x += sound.from_db(rng.uniform(-90, -76)) * np.sin(2 * np.pi * rng.choice([50, 60, 100, 120]) * t)
    return x + (rng.random(len(x)) - rng.random(len(x))) / 32768    # dither, so that the last bit does not cut it off


# function, labels, share of the wished number of clips
SIGNALS = [
    (sine, "Sine wave", 1),
    (beep, "Beep, bleep", 1),
    (dial_tone, "Dial tone|Telephone|Alarm", 0.75),
    (busy_signal, "Busy signal|Telephone|Alarm", 0.75),
    (dialling, "Telephone dialing, DTMF|Telephone|Alarm", 0.75),
    (white, "White noise|Noise", 0.75),
    (pink, "Pink noise|Noise", 0.75),
    (silence, "Silence", 0.75),
]


def clips(counts):
    """Yields (row of the corpus, sound) for every signal and split."""
    for make, labels, share in SIGNALS:
        for split, count in counts.items():
            for i in range(round(count * share)):
                rng = sound.clip_rng("signal", make.__name__, split, i)
                maker = Sox(rng) if split == "test" else Own(rng)
                row = {"labels": labels, "split": split, "group": f"synth:{make.__name__}/{split}/{i}",
                       "source": "sox synth" if split == "test" else "computed", "licence": "generated", "author": "earmark"}
                yield row, make(rng, split, maker)
