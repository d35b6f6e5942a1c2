#!/usr/bin/env python3
"""Prints tables.inc: 2^(i/32), and cubics c0 + c1 z + c2 z^2 + c3 z^3 of z tail(z), tail the normal distribution beyond z, on 32 pieces.

Piece i is where z (SLOPE - BEND z) rounds to i: short pieces where the function bends, long ones far out; z ends at LAST_Z. Each is the
minimax fit (least squares with Lawson's weights), one coefficient after the other rounded to float32, the highest power first, the
others fitted anew. The first piece begins at exactly 0 with slope 1/2."""
import math
import struct

PIECES, LAST_Z, LAST_INDEX, LAST_SLOPE = 32, 5.6, 31.45, 1.2
POINTS, ROUNDS = 61, 60


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


BEND = float32((LAST_INDEX / LAST_Z - LAST_SLOPE) / LAST_Z)
SLOPE = float32(LAST_SLOPE + 2 * BEND * LAST_Z)


def wanted(z):
    return z * math.erfc(z / math.sqrt(2)) / 2


def z_at(index):
    """Where z (SLOPE - BEND z) is index; beyond its top the last z."""
    square = SLOPE * SLOPE - 4 * BEND * index
    return min(LAST_Z, (SLOPE - math.sqrt(square)) / (2 * BEND)) if square > 0 else LAST_Z


def solve(rows, right):
    """Gauss and Jordan."""
    n, m = len(right), [row + [r] for row, r in zip(rows, right)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[pivot] = m[pivot], m[i]
        for r in range(n):
            if r != i:
                factor = m[r][i] / m[i][i]
                m[r] = [x - factor * y for x, y in zip(m[r], m[i])]
    return [m[i][n] / m[i][i] for i in range(n)]


def fit(zs, target, powers, scale):
    """Coefficients of these powers with the smallest largest error."""
    basis = [[(z / scale) ** p for p in powers] for z in zs]
    weight, best = [1.0] * len(zs), (math.inf, None)
    for _ in range(ROUNDS):
        pairs = [(i, j) for i in range(len(powers)) for j in range(len(powers))]
        sums = {(i, j): sum(w * b[i] * b[j] for w, b in zip(weight, basis)) for i, j in pairs}
        c = solve([[sums[i, j] for j in range(len(powers))] for i in range(len(powers))],
                  [sum(w * b[i] * t for w, b, t in zip(weight, basis, target)) for i in range(len(powers))])
        error = [abs(sum(x * y for x, y in zip(c, b)) - t) for b, t in zip(basis, target)]
        best = min(best, (max(error), c))
        weight = [w * e + 1e-30 for w, e in zip(weight, error)]
        mean = sum(weight) / len(weight)
        weight = [w / mean for w in weight]
    return [x / scale ** p for x, p in zip(best[1], powers)]


def piece(i):
    """Its four coefficients, and their largest error."""
    low, high = z_at(i - .5) if i else 0., z_at(i + .5)
    middle, half = (low + high) / 2, (high - low) / 2 * 1.002
    zs = [max(0., middle - half * math.cos(math.pi * (k + .5) / POINTS)) for k in range(POINTS)]
    c = {0: 0., 1: .5} if i == 0 else {}
    for power in (3, 2, 1, 0):
        if power not in c:
            free = [p for p in range(4) if p not in c]
            target = [wanted(z) - sum(x * z ** p for p, x in c.items()) for z in zs]
            c[power] = float32(fit(zs, target, free, high)[free.index(power)])
    return [c[p] for p in range(4)], max(abs(sum(x * z ** p for p, x in c.items()) - wanted(z)) for z in zs)


def literal(x):
    text = "%.9g" % x
    return text + ("f" if "." in text or "e" in text else ".f")


def lines_of(numbers):
    return [", ".join(literal(x) for x in numbers[i:i + 8]) + "," for i in range(0, PIECES, 8)]


pieces, errors = zip(*(piece(i) for i in range(PIECES)))
print("static const float roots_of_two[32] = {")
print("".join(f"    {line}\n" for line in lines_of([float32(2 ** (i / PIECES)) for i in range(PIECES)])) + "};\n")
print(f"/* SLOPE {literal(SLOPE)}, BEND {literal(BEND)}; largest error {max(errors):.1e} */")
print("static const float gelu_cubics[4][32] = {")
for power in range(4):
    print("    {\n" + "".join(f"        {line}\n" for line in lines_of([c[power] for c in pieces])) + "    },")
print("};")
