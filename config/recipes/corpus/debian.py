"""The Debian part: labelled sounds out of Debian packages, as debian_tier1.csv (and, if wished, debian_tier2.csv) lists them.

Tier 1 are CC0, public domain, CC-BY, MIT and BSD sounds; tier 2 (CC-BY-SA, GPL, GFDL, ...) is for models that stay at home.
Packages are downloaded with apt-get into a cache, never installed. `path` in the table is a path in the package, or
FILE#OFFSET+LENGTH:NAME for a sound that lies unpacked inside an archive. Each file must have the table's SHA-256. What is
longer than WHOLE_S is cut into pieces of PIECE_S, at most MOST of them, evenly over the file."""
import collections
import hashlib
import pathlib
import subprocess
import sys
import tempfile

from sound import db, read_mono, rms, write_flac
from tables import table

WHOLE_S, PIECE_S, MOST = 12.0, 10.0, 8
QUIET_DB = -60      # a piece below is the gap of a piece of music, not the sound


def archive_of(package, version, cache):
    """The .deb in the cache, downloaded if it is not there: the table's version, or else what the mirror still has."""
    def cached(pattern):
        return sorted(cache.glob(pattern), key=lambda path: path.stat().st_mtime)

    wanted = f"{package}_{version.replace(':', '%3a')}_*.deb"
    for name in (f"{package}={version}", package):
        if cached(wanted):
            break
        subprocess.run(["apt-get", "download", "-q", name], cwd=cache, stdout=subprocess.DEVNULL, check=False)
    found = cached(wanted) or cached(f"{package}_*.deb")
    return found[-1] if found else None


def unpack(archive, paths, to):
    names = "".join(f"./{path}\n" for path in sorted(paths))
    (to / "names").write_text(names, encoding="utf-8")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as tar:
        subprocess.run(["tar", "-x", "-C", to, "--verbatim-files-from", "-T", to / "names"], stdin=tar.stdout, check=False)


def content(root, path):
    """The bytes of a table's path under root; none if the file is not there."""
    name, _, part = path.partition("#")
    file = root / name
    if not file.is_file():
        return b""
    if not part:
        return file.read_bytes()
    offset, length = part.split(":")[0].split("+")
    with open(file, "rb") as f:
        f.seek(int(offset))
        return f.read(int(length))


def pieces(path):
    """The sound of a long file in pieces, each with its rate."""
    x, rate = read_mono(path)
    length = int(PIECE_S * rate)
    n = min(MOST, len(x) // length)
    for i in range(n):
        start = (len(x) - length) * i // max(1, n - 1)
        piece = x[start:start + length]
        if db(rms(piece)) > QUIET_DB:
            yield piece, rate


def store(data, row, out):
    """Writes the sound of a table's row; returns the names of the files made under out."""
    base = f"debian/{row['package']}-{row['sha256'][:16]}"
    whole = out / f"{base}{pathlib.PurePath(row['path']).suffix}"
    whole.write_bytes(data)
    if float(row["seconds"]) <= WHOLE_S:
        return [f"debian/{whole.name}"]
    names = []
    for piece, rate in pieces(whole):
        names.append(f"{base}.{len(names)}.flac")
        write_flac(out / names[-1], piece, rate)
    whole.unlink()
    return names


def corpus_row(name, row):
    return {"filename": name, "labels": row["labels"], "split": row["split"], "fold": 0, "group": f"debian:{row['group']}",
            "source": f"Debian {row['package']} {row['version']}, {row['path'].split(':')[-1].split('/')[-1]}",
            "licence": row["licence"], "author": row["author"]}


def fetch(out, cache, tiers):
    """Rows of the corpus for every file of the tiers' tables that came and is the table's; the rest is named."""
    (out / "debian").mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    packages = collections.defaultdict(list)
    for tier in tiers:
        for row in table(f"debian_tier{tier}.csv"):
            packages[row["package"], row["version"]].append(row)

    found = []
    for (package, version), wanted in sorted(packages.items()):
        archive = archive_of(package, version, cache)
        with tempfile.TemporaryDirectory(dir=out) as folder:
            root = pathlib.Path(folder)
            if archive:
                unpack(archive.resolve(), {row["path"].split("#")[0] for row in wanted}, root)
            for row in wanted:
                data = content(root, row["path"])
                if hashlib.sha256(data).hexdigest() != row["sha256"]:
                    print(f"{package}: {row['path']}: missing, or not the file of the table", file=sys.stderr)
                    continue
                found += [corpus_row(name, row) for name in store(data, row, out)]
    return found
