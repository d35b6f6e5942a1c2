"""broken.py EARMARK TABLE [--write]: configuration files that are wrong, one a row of the table, and what is said of each.

A row is  TEXT => LINE: SENTENCE  with \\n, \\t, \\r, \\\\ and \\xNN in TEXT, and {TEXT*N} for N times TEXT. Each has to end with status 2, nothing
on standard output, and on standard error "earmark: FILE:LINE: SENTENCE" and the hint at --help, nothing else; LINE - stands for a
sentence about several lines together, which names no file. --write fills the sentences in, for somebody to read them."""
import os
import re
import subprocess
import sys
import tempfile

program, table = sys.argv[1:3]
here = tempfile.mkdtemp()
environment = {k: v for k, v in os.environ.items() if not k.startswith("EARMARK_")}
environment.update(XDG_CONFIG_HOME=here, HOME=here, LC_ALL="C")
n_failed = n_cases = n_placed = 0


def unescaped(text):
    text = re.sub(r"\{(.*?)\*(\d+)\}", lambda m: m[1] * int(m[2]), text)
    short = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"\\": b"\\"}
    return re.sub(rb"\\(n|t|r|\\|x[0-9a-fA-F]{2})", lambda m: short.get(m[1]) or bytes([int(m[1][1:], 16)]), text.encode())


def said_of(text):
    """(status, standard output, standard error) of a run that gets so far as to hear a file that is not there."""
    with open(os.path.join(here, "b.conf"), "wb") as f:
        f.write(unescaped(text))
    done = subprocess.run([program, "--config", "b.conf", "nope.wav"], cwd=here, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "strict")


def sentence(error):
    m = re.fullmatch(r"earmark: (?:b\.conf:(\d+): )?(.*)\nTry 'earmark --help'\n", error)
    return f"{m[1] or '-'}: {m[2]}" if m else repr(error)


rows, seen = [], set()
for row in open(table, encoding="utf-8").read().splitlines():
    if not row or row.startswith("#"):
        rows.append(row)
        continue
    text, _, want = row.partition(" => ")
    status, out, error = said_of(text)
    got = sentence(error)
    rows.append(f"{text} => {got}")
    n_cases += 1
    n_placed += not got.startswith("-")
    if status != 2 or out or (got != want and "--write" not in sys.argv) or got.startswith("'"):
        n_failed += 1
        print(f"FAILED: {text[:80]}: status {status}: {got}\n        not: {want}")
    # no two rows are the same but for their numbers
    kind = re.sub(r"\d+", "0", text)
    if kind in seen:
        n_failed += 1
        print(f"FAILED: {text[:80]}: another row has it with other numbers")
    seen.add(kind)
if "--write" in sys.argv:
    open(table, "w", encoding="utf-8").write("\n".join(rows) + "\n")
if n_placed < 200:
    n_failed += 1
    print(f"FAILED: {n_placed} files with file and line, not 200")
subprocess.run(["rm", "-rf", here])
print(f"{n_cases} broken files, {n_failed} failures")
sys.exit(n_failed > 0)
