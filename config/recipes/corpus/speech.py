"""Synthesised speech: espeak-ng and flite reading sentences of our own (texts.csv) with the voices of voices.csv.

No voice, language (English apart, whose accents are parted) or sentence is in two splits. The label is `Speech synthesizer`
alone, without its ancestor `Speech`: a model that has heard no human being must not claim to know speech."""
import pathlib
import subprocess
import tempfile

import sound
from tables import table

LABELS = "Speech synthesizer"
LONGEST_S, SHORTEST_S = 5.0, 1.0


def command(rng, engine, language, voice, text, wave):
    if engine == "flite":
        return ["flite", "-voice", voice, "--setf", f"duration_stretch={rng.uniform(0.75, 1.35):.2f}",
                "--setf", f"int_f0_target_mean={rng.uniform(85, 190):.0f}", "-t", text, "-o", wave]
    whole = language if voice == "-" else f"{language}+{voice}"
    return ["espeak-ng", "-v", whole, "-s", str(rng.integers(110, 220)), "-p", str(rng.integers(20, 80)), "-w", wave, text]


def sentence(rng, language, split):
    short = language.split("-")[0]
    texts = [row["text"] for row in table("texts.csv") if row["language"] == short and row["split"] == split]
    return texts[rng.integers(len(texts))].format(n=rng.integers(11, 980), m=rng.integers(2, 60))


def spoken(rng, engine, language, voice, split):
    """A sentence or two, at most LONGEST_S, without the silence before and after."""
    text = " ".join(sentence(rng, language, split) for _ in range(rng.integers(1, 3)))
    with tempfile.TemporaryDirectory() as folder:
        wave = str(pathlib.Path(folder) / "speech.wav")
        subprocess.run(command(rng, engine, language, voice, text, wave), check=True, stdout=subprocess.DEVNULL)
        x, rate = sound.read_mono(wave)
    x = sound.resampled(x, rate)
    loud = (abs(x) > 0.003).nonzero()[0]
    if len(loud) == 0 or loud[-1] - loud[0] < SHORTEST_S * sound.RATE:
        raise SystemExit(f"{engine}, {language}, {voice}: no speech came for '{text}'")
    return x[loud[0]:loud[-1]][:int(LONGEST_S * sound.RATE)]


def clips(counts):
    """Yields (row of the corpus, sound); where a split has both engines, every third clip is flite's."""
    for split, count in counts.items():
        speakers = {row["engine"]: row for row in table("voices.csv") if row["split"] == split}
        for i in range(count):
            rng = sound.clip_rng("speech", split, i)
            engine = "flite" if "flite" in speakers and i % 3 == 2 else "espeak-ng"
            languages, voices = (speakers[engine][column].split() for column in ("languages", "voices"))
            language, voice = languages[rng.integers(len(languages))], voices[i % len(voices)]
            row = {"labels": LABELS, "split": split, "group": f"synth:{engine}/{language}/{voice}",
                   "source": f"{engine}, {language}, voice {voice}", "licence": "generated", "author": "earmark"}
            yield row, sound.as_recorded(rng, spoken(rng, engine, language, voice, split))
