#!/usr/bin/env python3
"""Cuts the core of the golden files that travels with the project: tests/golden/data/NAME.safetensors.

  make_core.py [--golden DIR] [--out DIR] [NAME...]      all rows of CORE, or those named

Plain Python, no packages. Recorded audio may enter only where its licence is CC0: `dog` and `rain` do,
`rooster` and `sneeze` do not (data/CREDITS.md). Says what it wrote and the size of the folder, which is to
stay under 20 MB.
"""
import argparse
import fnmatch
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# name: (file it is cut from, patterns kept, patterns dropped, {tensor: rows kept of its first dimension})
# A file that serves every test of the whole one has its name, and is read instead of it.
CORE = {
    "frontend_core": ("frontend",
                      ["htsat.short513.*", "htsat.short1000.*", "htsat.silence.*", "htsat.square.*", "htsat.noise.*",
                       "htsat.quirk16k.*", "htsat.mel_bank", "kaldi.mel_bank", "kaldi.noise.wave", "kaldi.noise.fbank"],
                      [], {"kaldi.noise.wave": 32000, "kaldi.noise.fbank": 198}),
    "ops": ("ops", ["*"], [], {}),
    "blocks": ("blocks", ["*"], [], {}),
    "models/mini_p": ("models/mini_p", ["*"], [], {}),
    "models/mini_p.io": ("models/mini_p.io", ["*"], [], {}),
    "models/mini_kaldi": ("models/mini_kaldi", ["*"], [], {}),
    "models/mini_kaldi.io": ("models/mini_kaldi.io", ["*"], [], {}),
}


def read(path):
    """Returns (metadata or None, {name: (dtype, shape, bytes)})."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    meta = header.pop("__metadata__", None)
    return meta, {k: (v["dtype"], v["shape"], data[slice(*v["data_offsets"])]) for k, v in header.items()}


def write(path, meta, tensors):
    header, at = {}, 0
    if meta is not None:
        header["__metadata__"] = meta
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def cut(tensor, rows):
    dtype, shape, data = tensor
    assert 0 < rows <= shape[0]
    return dtype, [rows] + shape[1:], data[:len(data) // shape[0] * rows]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--golden", default=os.path.join(HERE, "../../../shared/golden"), help="the whole golden folder")
    a.add_argument("--out", default=os.path.join(HERE, "data"))
    a.add_argument("names", nargs="*", metavar="NAME")
    a = a.parse_args()
    unknown = [n for n in a.names if n not in CORE]
    if unknown:
        sys.exit(f"make_core.py: no row {unknown[0]}: there are {', '.join(CORE)}")
    for name in a.names or CORE:
        source, keep, drop, rows = CORE[name]
        meta, tensors = read(os.path.join(a.golden, source + ".safetensors"))
        tensors = {k: cut(v, rows[k]) if k in rows else v
                   for k, v in tensors.items() if matches(k, keep) and not matches(k, drop)}
        missing = [p for p in keep if not any(fnmatch.fnmatchcase(k, p) for k in tensors)]
        if missing:
            sys.exit(f"make_core.py: {source} has nothing like {missing[0]}")
        path = os.path.join(a.out, name + ".safetensors")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, meta, tensors)
        print(f"{name:20s} {os.path.getsize(path) / 1e6:6.2f} MB, {len(tensors)} tensors of {source}")
    total = sum(os.path.getsize(os.path.join(folder, f)) for folder, _, files in os.walk(a.out) for f in files)
    print(f"{a.out}: {total / 1e6:.2f} MB")
    if total > 20e6:
        sys.exit("make_core.py: more than 20 MB")


if __name__ == "__main__":
    main()
