"""Times one peer and prints one JSON line: the keys that every peer has in common.

20 warm-ups, then up to 200 runs or 20 s; the median and the 99th percentile. One process a measurement, so that its
memory is its own.
"""
import json
import resource
import time


def percentile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(run, peer, preset, threads, gmac, versions):
    for _ in range(20):
        run()
    times, start = [], time.perf_counter()
    while len(times) < 200 and time.perf_counter() - start < 20:
        begin = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begin))
    print(json.dumps({
        "peer": peer, "preset": preset, "threads": threads,
        "window_ms": round(percentile(times, 0.5), 3), "p99_ms": round(percentile(times, 0.99), 3),
        "gmac": round(gmac, 4), "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "versions": versions}), flush=True)
