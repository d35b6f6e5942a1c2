"""Sound as numpy arrays: reading, writing, resampling, levels, and the rooms, colours and noise that clips are given."""
import numpy as np
import soundfile

RATE = 32000
LOWEST_HZ = 28


def read_mono(path):
    x, rate = soundfile.read(path, always_2d=True)
    return x.mean(1), rate


def resampled(x, rate, to=RATE):
    """x at the rate `to`, band-limited by cutting its spectrum; zeros around it keep the ends apart."""
    if rate == to:
        return x
    pad = rate // 10
    length = len(x) * to // rate
    x = np.concatenate([np.zeros(pad), x, np.zeros(pad + -(len(x) + 2 * pad) % rate)])
    n = len(x) * to // rate
    spectrum = np.fft.rfft(x)
    keep = np.zeros(n // 2 + 1, complex)
    both = min(len(keep), len(spectrum)) - 1
    keep[:both] = spectrum[:both]
    start = pad * to // rate
    return (np.fft.irfft(keep, n) * (to / rate))[start:start + length]


def write_flac(path, x, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.clip(np.rint(x * 32767), -32768, 32767).astype(np.int16)
    soundfile.write(path, whole, rate, subtype="PCM_16")


def rms(x):
    return float(np.sqrt(np.mean(np.square(x)) + 1e-20))


def db(ratio):
    return 20 * np.log10(max(ratio, 1e-10))


def from_db(level):
    return 10 ** (level / 20)


def clip_rng(*key):
    """A random source of its own for what `key` names: a clip does not change when others are added."""
    return np.random.default_rng(list("|".join(map(str, key)).encode()))


def filtered(x, gain_db_at):
    """x with its spectrum changed by gain_db_at(frequencies in Hz)."""
    spectrum = np.fft.rfft(x)
    return np.fft.irfft(spectrum * from_db(gain_db_at(np.fft.rfftfreq(len(x), 1 / RATE))), len(x))


def coloured_noise(rng, n, tilt_db):
    """Gaussian noise of rms 1 whose spectrum changes by tilt_db an octave: 0 white, -3 pink, -6 brown."""
    x = filtered(rng.standard_normal(n), lambda hz: tilt_db * np.log2(np.maximum(hz, 20) / 1000))
    return x / rms(x)


def recoloured(rng, x, most_db):
    """x through a smooth random equaliser, as loudspeakers, microphones and instruments of another make would be."""
    knots = np.linspace(np.log2(40), np.log2(16000), 7)
    gains = rng.uniform(-most_db, most_db, len(knots))
    return filtered(x, lambda hz: np.interp(np.log2(np.maximum(hz, 1)), knots, gains))


def band(x, low_hz, high_hz):
    """x between two frequencies; both edges fall by 24 dB an octave."""
    def gain(hz):
        hz = np.maximum(hz, 1)
        return -24 * (np.maximum(0, np.log2(low_hz / hz)) + np.maximum(0, np.log2(hz / high_hz)))
    return filtered(x, gain)


def in_room(rng, x):
    """x with a random reverberation: noise that decays, darker than the sound; as long as x."""
    decay_s, wet_db = rng.uniform(0.15, 1.4), rng.uniform(-14, -3)
    n = int(decay_s * RATE)
    tail = coloured_noise(rng, n, rng.uniform(-4, 0)) * from_db(-60 * np.arange(n) / n)
    tail /= np.sqrt(np.sum(np.square(tail)))
    size = 1 << (len(x) + n).bit_length()          # a fast length for the transform; the tail must not wrap
    wet = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[:len(x)]
    return x + from_db(wet_db) * wet


def faded(x, seconds=0.01):
    n = min(int(seconds * RATE), len(x) // 2)
    x = x.copy()
    x[:n] *= np.linspace(0, 1, n)
    x[len(x) - n:] *= np.linspace(1, 0, n)
    return x


def at_level(rng, x, low_db=-36, high_db=-14, peak=0.9):
    """x at a random rms level, lower if its peak would come too near full scale."""
    gain = from_db(rng.uniform(low_db, high_db)) / rms(x)
    return x * min(gain, peak / np.max(np.abs(x)))


def over_noise(rng, x):
    """x over a bed of noise, far below it, as any recording has."""
    noise = coloured_noise(rng, len(x), rng.uniform(-6, 0))
    return x + noise * rms(x) * from_db(rng.uniform(-60, -32))


def as_recorded(rng, x, most_db=8):
    """x as someone's recording of it: recoloured, half of the time in a room, over noise, through a narrow band at times.

    Nothing below hearing is kept: some fonts' samples stand off zero, which no microphone would give."""
    x = recoloured(rng, band(x, LOWEST_HZ, RATE / 2), most_db)
    if rng.random() < 0.5:
        x = in_room(rng, x)
    if rng.random() < 0.1:
        x = band(x, rng.uniform(100, 400), rng.uniform(3000, 6000))
    if rng.random() < 0.6:
        x = over_noise(rng, x)
    return at_level(rng, faded(x))
