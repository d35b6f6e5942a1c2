#!/usr/bin/env python3
"""table.py [FOLDER [PAGE]] - prints the JSON lines in bench/results (or FOLDER) as tables, and records them on PAGE between
its two marks. Python's own library only.

A floor is the time that a network's multiply-adds would take at the rate of this machine's best single-precision matrix
product with as many threads: of all results, a yardstick for everybody; and of the race that earmark runs in turn with what it
measures, for on a shared machine another minute is another machine.
"""
import contextlib
import io
import json
import pathlib
import re
import sys

GMAC = {"tiny": 8.21, "micro": 2.34, "nano": 0.87}      # as DESIGN counts a floor, for everybody who runs the preset


def read(folder):
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
            except ValueError:
                sys.exit(f"{path}:{number}: not a JSON line")
            if "what" not in row:               # the GPU's, told by gpu_table.py
                yield row


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
    table = [("preset", "who", "threads", "window ms", "p99 ms", "floors", "in turn", "memory MB", "versions")]
    order = list(GMAC) + ["dass-small"]
    timed = [r for r in rows if "window_ms" in r and "preset" in r and r.get("window_s", 10) <= 10.24]
    timed.sort(key=lambda r: (order.index(r["preset"]) if r["preset"] in order else len(order), r["preset"], r["threads"],
                              r["window_ms"]))
    for r in timed:
        gmac, rate = GMAC.get(r["preset"], r.get("gmac")), best.get(r["threads"])
        floors = r["window_ms"] / (2e3 * gmac / rate) if gmac and rate else None
        table.append((r["preset"], r.get("peer", "earmark"), str(r["threads"]), number(r["window_ms"], 2), number(r.get("p99_ms"), 2),
                      number(floors, 2), number(r.get("floors"), 2), number(r.get("rss_mb"), 0), r.get("versions", "")))
    return table


def steps(rows, best):
    """Steps of training; three floors: backward is two products for each one of forward."""
    table = [("preset", "who", "threads", "windows", "step ms", "forward ms", "a window ms", "over 3 floors", "in turn",
              "memory MB", "versions")]
    for r in sorted(rows, key=lambda r: (r["preset"], r["window_s"], r["threads"], r["window_ms"])):
        gmac, rate = GMAC[r["preset"]] * r["window_s"] / 10 if r["preset"] in GMAC else r["gmac"], best.get(r["threads"])
        table.append((r["preset"], r.get("peer", "earmark"), str(r["threads"]), f"{r['batch']} x {r['window_s']:g} s", number(r["step_ms"], 1),
                      number(r.get("forward_ms"), 1), number(r["window_ms"], 2),
                      number(r["window_ms"] / (6e3 * gmac / rate) if rate else None, 2), number(r.get("floors3"), 2),
                      number(r["rss_mb"], 0), r.get("versions", "")))
    return table


def step_operators(rows):
    table = [("preset", "operator", "threads", "windows", "forward ms", "backward ms", "share", "GFLOP/s", "of the roofline")]
    for r in rows:
        for o in r.get("operators", []):
            table.append((r["preset"], o["op"], str(r["threads"]), f"{r['batch']} x {r['window_s']:g} s", number(o["forward_ms"], 2),
                          number(o["backward_ms"], 2), f"{100 * o['share']:.1f}%", number(o["gflops"], 0), f"{100 * o['roofline_share']:.0f}%"))
    return table


def live(rows):
    table = [("preset", "who", "threads", "live, core ms a s", "over a window", "log-mel us a frame", "memory MB", "")]
    for r in rows:
        if "live_core_ms_per_s" in r and r["window_s"] <= 10.24:
            table.append((r["preset"], "earmark", str(r["threads"]), number(r["live_core_ms_per_s"], 1),
                          number(r["live_core_ms_per_s"] / r["window_ms"] / r["threads"], 2), number(r["logmel_us_per_frame"], 1),
                          number(r["rss_mb"], 0), ""))
    return table


def lengths(rows):
    table = [("preset", "window s", "threads", "window ms", "ms a s of sound", "over 10 s", "memory MB", "")]
    ours = [r for r in rows if "window_ms" in r and "window_s" in r and "peer" not in r]
    tens = {(r["preset"], r["threads"]): r["window_ms"] / r["window_s"] for r in ours if r["window_s"] == 10}
    for r in ours:
        ten, cost = tens.get((r["preset"], r["threads"])), r["window_ms"] / r["window_s"]
        if any(o["window_s"] > 10.24 and o["preset"] == r["preset"] and o["threads"] == r["threads"] for o in ours):
            table.append((r["preset"], f"{r['window_s']:g}", str(r["threads"]), number(r["window_ms"], 1), number(cost, 2),
                          number(cost / ten if ten else None, 2), number(r["rss_mb"], 0), ""))
    return table


def operators(rows):
    table = [("preset", "operator", "threads", "ms", "share", "GFLOP/s", "GB/s", "of the roofline")]
    for r in rows:
        for o in r.get("operators", []) if r.get("window_s", 0) <= 10.24 else []:
            table.append((r["preset"], o["op"], str(r["threads"]), number(o["ms"], 3), f"{100 * o['share']:.1f}%", number(o["gflops"], 0),
                          number(o["gb_s"], 1), f"{100 * o['roofline_share']:.0f}%"))
    return table


def outputs(rows):
    """Hops with none and with all outputs, two of them hung."""
    table = [("outputs", "hops", "p50 ms", "p99 ms", "longest ms", "late", "frames lost", "")]
    for r in rows:
        if r.get("bench") == "sinks" and "hops" in r:
            table.append((r["outputs"], str(r["hops"]), number(r["p50_ms"], 2), number(r["p99_ms"], 2), number(r["longest_ms"], 2),
                          str(r["late_hops"]), str(r["lost_frames"]), ""))
        elif r.get("bench") == "sinks":
            table.append((r["outputs"], "", f"{r['p50_ratio']:.3f}x", f"{r['p99_ratio']:.3f}x", "", "", "", ""))
    return table


def products(rows):
    table = [("products of", "library", "threads", "ms", "GFLOP/s", "")]
    for r in rows:
        if r.get("bench") == "square":
            table.append((f"{r['n']} x {r['n']} x {r['n']}", r["library"], str(r["threads"]), "", number(r["gflops"], 1), ""))
        if r.get("bench") == "products":
            table.append((r["preset"], r["library"], str(r["threads"]), number(r["ms"], 2), number(r["gflops"], 1), ""))
    return table


def print_all(rows):
    best = best_rates(rows)
    for r in rows:
        if "machine" in r:
            print(f"{r['machine']}, {r['cpus']} CPUs, commit {r['commit']}, {r['date']}")
    for threads, rate in sorted(best.items()):
        reads = max((r.get("gb_per_s", r.get("read_gb_s", 0)) for r in rows if r.get("threads") == threads), default=0)
        print(f"{threads} thread{'s'[:threads > 1]}: best matrix product {rate:.1f} GFLOP/s"
              + (f", reading {reads:.1f} GB/s" if reads else ""))
    training, rows = [r for r in rows if "step_ms" in r], [r for r in rows if "step_ms" not in r]
    for table in (windows(rows, best), live(rows), lengths(rows), operators(rows), steps(training, best), step_operators(training),
                  products(rows), outputs(rows)):
        if len(table) > 1:
            print()
            aligned(table)


def record(page, text):
    """Puts the tables between the marks of a page that a person wrote the rest of; a page that is not there is made."""
    begin, end = "<!-- measured: bench/table.py -->", "<!-- end -->"
    old = page.read_text(encoding="utf-8") if page.exists() else f"{begin}{end}\n"
    new, n = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n```\n{text}```\n{end}", old, flags=re.S)
    if n != 1:
        sys.exit(f"{page}: needs the marks {begin} and {end} once")
    page.write_text(new, encoding="utf-8")


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "results"
    rows = list(read(folder))
    if not rows:
        sys.exit(f"{folder}: no *.jsonl; bench/run.sh makes them")
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        print_all(rows)
    print(text.getvalue(), end="")
    if len(sys.argv) > 2:
        record(pathlib.Path(sys.argv[2]), text.getvalue())


if __name__ == "__main__":
    main()
