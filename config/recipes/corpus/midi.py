"""Standard MIDI files (format 0), written by hand: a list of (seconds, bytes) becomes a file of 1 ms ticks."""

TICKS = 500             # a quarter note, which the default tempo makes 500 ms


def number(n):
    """n in MIDI's variable length: seven bits a byte, the highest first, all but the last marked."""
    out = [n & 0x7f]
    while n > 0x7f:
        n >>= 7
        out.insert(0, 0x80 | (n & 0x7f))
    return bytes(out)


def note(start, end, key, velocity):
    return [(start, bytes([0x90, key, velocity])), (end, bytes([0x80, key, 0]))]


def program(at, index):
    return (at, bytes([0xc0, index]))


def control(at, index, value):
    return (at, bytes([0xb0, index, value]))


def bend(at, semitones):
    """Detunes what sounds; a synthesizer's wheel reaches two semitones unless told otherwise."""
    wheel = max(0, min(16383, round(8192 + 4096 * semitones)))
    return (at, bytes([0xe0, wheel & 0x7f, wheel >> 7]))


def silence(at):
    """Ends every note and its tail: sustain off, all sound off."""
    return [control(at, 64, 0), control(at, 120, 0)]


def write(path, events, length_s):
    track, now = b"", 0
    for seconds, message in sorted(events, key=lambda event: event[0]):
        tick = round(seconds * 1000)
        track += number(tick - now) + message
        now = tick
    track += number(max(0, round(length_s * 1000) - now)) + b"\xff\x2f\x00"
    head = b"MThd" + (6).to_bytes(4, "big") + bytes([0, 0, 0, 1]) + TICKS.to_bytes(2, "big")
    path.write_bytes(head + b"MTrk" + len(track).to_bytes(4, "big") + track)
