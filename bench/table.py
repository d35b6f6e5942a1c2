#!/usr/bin/env python3
"""table.py [FOLDER] - makes one table of the JSON lines in bench/results (or FOLDER). Python's own library only.

A floor is the time that a network's multiply-adds would take at the rate of this machine's best single-precision matrix
product with as many threads, taken from the same results.
"""
import json
import pathlib
import sys

GMAC = {"tiny": 8.21, "micro": 2.34, "nano": 0.87}      # as DESIGN counts a floor, for everybody who runs the preset


def read(folder):
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                yield json.loads(line)
            except ValueError:
                sys.exit(f"{path}:{number}: not a JSON line")


def best_rates(rows):
    """GFLOP/s of the best matrix product by number of threads."""
    best = {}
    for r in rows:
        rate = r.get("gflops", 0) if r.get("bench") == "square" else r.get("sgemm_gflops") or 0
        if rate:
            best[r["threads"]] = max(rate, best.get(r["threads"], 0))
    return best


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for n, row in enumerate(rows):
        print("  ".join(cell.ljust(w) if i < 2 or i == len(row) - 1 else cell.rjust(w)
                        for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
        if n == 0:
            print("  ".join("-" * w for w in widths))


def number(x, digits):
    return "" if x is None else f"{x:.{digits}f}"


def windows(rows, best):
    table = [("preset", "who", "threads", "window ms", "p99 ms", "floors", "memory MB", "versions")]
    order = list(GMAC) + ["dass-small"]
    timed = [r for r in rows if "window_ms" in r and "preset" in r]
    timed.sort(key=lambda r: (order.index(r["preset"]) if r["preset"] in order else len(order), r["preset"], r["threads"],
                              r["window_ms"]))
    for r in timed:
        gmac, rate = GMAC.get(r["preset"], r.get("gmac")), best.get(r["threads"])
        floors = r["window_ms"] / (2e3 * gmac / rate) if gmac and rate else None
        table.append((r["preset"], r.get("peer", "earmark"), str(r["threads"]), number(r["window_ms"], 2), number(r.get("p99_ms"), 2),
                      number(floors, 2), number(r.get("rss_mb"), 0), r.get("versions", "")))
    return table


def products(rows):
    table = [("products of", "library", "threads", "ms", "GFLOP/s", "")]
    for r in rows:
        if r.get("bench") == "square":
            table.append((f"{r['n']} x {r['n']} x {r['n']}", r["library"], str(r["threads"]), "", number(r["gflops"], 1), ""))
        if r.get("bench") == "products":
            table.append((r["preset"], r["library"], str(r["threads"]), number(r["ms"], 2), number(r["gflops"], 1), ""))
    return table


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "results"
    rows = list(read(folder))
    if not rows:
        sys.exit(f"{folder}: no *.jsonl; bench/run.sh makes them")
    best = best_rates(rows)
    for r in rows:
        if "machine" in r:
            print(f"{r['machine']}, {r['cpus']} CPUs, commit {r['commit']}, {r['date']}")
    for threads, rate in sorted(best.items()):
        reads = max((r["gb_per_s"] for r in rows if r.get("bench") == "read" and r["threads"] == threads), default=None)
        print(f"{threads} thread{'s'[:threads > 1]}: best matrix product {rate:.1f} GFLOP/s"
              + (f", reading {reads:.1f} GB/s" if reads else ""))
    for table in (windows(rows, best), products(rows)):
        if len(table) > 1:
            print()
            aligned(table)


if __name__ == "__main__":
    main()
