"""metrics.py EARMARK SOURCE - /metrics, read by a strict parser of the text format 0.0.4, and by Prometheus' own where it is."""
import os
import re
import sys
import time

from program import Program, check, finish

EARMARK, SOURCE = sys.argv[1:3] if __name__ == "__main__" else ("", "")

# Every family of conventions, its type and its labels.
FAMILIES = {
    "earmark_build_info": ("gauge", {"version", "model", "model_sha256", "backend"}),
    "earmark_audio_frames_total": ("counter", {"source"}),
    "earmark_audio_dropped_frames_total": ("counter", {"source", "reason"}),
    "earmark_audio_source_up": ("gauge", {"source"}),
    "earmark_audio_reconnects_total": ("counter", {"source"}),
    "earmark_audio_level_dbfs": ("gauge", {"source"}),
    "earmark_ring_fill_ratio": ("gauge", {"source"}),
    "earmark_inference_duration_seconds": ("histogram", {"stage"}),
    "earmark_inference_deadline_missed_total": ("counter", {"source"}),
    "earmark_realtime_ratio": ("gauge", {"source"}),
    "earmark_event_latency_seconds": ("histogram", set()),
    "earmark_events_total": ("counter", {"source", "class"}),
    "earmark_class_score": ("gauge", {"source", "class"}),
    "earmark_last_event_timestamp_seconds": ("gauge", {"source"}),
    "earmark_sink_queue_length": ("gauge", {"sink"}),
    "earmark_sink_errors_total": ("counter", {"sink"}),
    "process_start_time_seconds": ("gauge", set()),
    "process_resident_memory_bytes": ("gauge", set()),
}
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?|Inf))$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def read_labels(text, line):
    labels, at = {}, 0
    while at < len(text or ""):
        found = LABEL.match(text, at)
        if not check(found, f"labels of {line!r}"):
            return labels
        check(found[1] not in labels, f"a label twice: {line!r}")
        labels[found[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), found[2])
        at = found.end()
    return labels


def parse(text):
    """{family: {"type", "samples": [(name, labels, value)]}}; every rule that is broken counts as a failure."""
    families, family, seen = {}, None, set()
    check(text.endswith("\n") and "\r" not in text and "\n\n" not in text, "lines end with a line feed, none is empty")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            check(family not in families and len(line.split(" ", 3)) == 4, f"HELP: {line}")
            families[family] = {"type": None, "samples": []}
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name == family and not families[family]["type"] and not families[family]["samples"], f"TYPE: {line}")
            families[family]["type"] = kind
        else:
            found = SAMPLE.match(line)
            if not check(found and families, f"a sample: {line!r}"):
                continue
            name, labels, value = found[1], read_labels(found[2], line), float(found[3])
            key = (name, tuple(sorted(labels.items())))
            base = re.sub(r"_(bucket|sum|count)$", "", name) if families[family]["type"] == "histogram" else name
            check(base == family, f"{name} stands under {family}")
            check(key not in seen, f"twice: {line}")
            seen.add(key)
            families[family]["samples"].append((name, labels, value))
    return families


def check_histogram(name, samples):
    rows = {}
    for sample, labels, value in samples:
        rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        row = rows.setdefault(rest, {"buckets": []})
        if sample.endswith("_bucket"):
            row["buckets"].append((float(labels["le"]), value))
        else:
            row[sample[len(name):]] = value
    for rest, row in rows.items():
        bounds, counts = zip(*row["buckets"])
        check(list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), f"{name}{rest}: bounds {bounds}")
        check(list(counts) == sorted(counts) and counts[-1] == row["_count"], f"{name}{rest}: counts {counts}")
        check(row["_sum"] >= 0, f"{name}{rest}: sum")
    return rows


def check_families(families):
    check(set(families) == set(FAMILIES), "families", set(families) ^ set(FAMILIES))
    for name, (kind, wanted) in FAMILIES.items():
        got = families.get(name, {"type": None, "samples": []})
        check(got["type"] == kind, f"{name}: {got['type']}")
        check((kind == "counter") == name.endswith("_total"), f"{name}: its end")
        for _, labels, value in got["samples"]:
            check(set(labels) - {"le"} == wanted, f"{name}: labels {labels}")
            check(kind != "counter" or value >= 0, f"{name}: {value}")
        if kind == "histogram" and got["samples"]:
            check_histogram(name, got["samples"])


def value(families, name, **labels):
    found = [v for n, have, v in families[name]["samples"] if n == name and labels.items() <= have.items()]
    return found[0] if len(found) == 1 else None


def read_by_prometheus(text):
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        print("Prometheus' own parser is not here (python3-prometheus-client): read by ours alone")
        return
    names = {f.name for f in text_string_to_metric_families(text)}
    check(names == {re.sub("_total$", "", n) for n in FAMILIES}, "Prometheus' parser finds", names)


def numbers(p):
    families = parse(p.get("/metrics")[2])
    check(value(families, "earmark_audio_source_up") == 1, "source_up")
    check(value(families, "earmark_audio_frames_total") >= 3 * 32000, "frames")
    check(-120 < value(families, "earmark_audio_level_dbfs") < 0, "level")
    check(0 < value(families, "earmark_realtime_ratio") < 50, "real-time ratio")
    check(0 <= value(families, "earmark_ring_fill_ratio") <= 1, "fill")
    check(value(families, "earmark_events_total", **{"class": "bark"}) == 1, "one bark")
    check(value(families, "earmark_events_total", **{"class": "dog"}) == 0, "a watched class without an event is 0")
    check(abs(value(families, "earmark_last_event_timestamp_seconds") - time.time()) < 60, "when the event was")
    check(0.5 < value(families, "earmark_class_score", **{"class": "bark"}) <= 1, "the score of a watched class")
    check(len(families["earmark_class_score"]["samples"]) == 2, "of watched classes only")
    check({s[1]["sink"] for s in families["earmark_sink_queue_length"]["samples"]} == {"jsonl", "jsonl_2", "web"}, "sinks",
          families["earmark_sink_queue_length"])
    stages = check_histogram("earmark_inference_duration_seconds", families["earmark_inference_duration_seconds"]["samples"])
    for stage in ["mel", "backbone", "head"]:
        check(stages[(("stage", stage),)]["_count"] >= 3 and 0 < stages[(("stage", stage),)]["_sum"], f"stage {stage}")
    check(abs(value(families, "process_start_time_seconds") - time.time()) < 120, "when the process began")
    check(value(families, "process_resident_memory_bytes") > 1e6, "its memory")


def main():
    p = Program(EARMARK, SOURCE, ["--realtime", "--watch", "Bark", "--watch", "Dog", "-f", "jsonl", "-o", "a", "-f", "jsonl", "-o", "b",
                                  f"{SOURCE}/config/demo/demo.flac"])
    first = p.get("/metrics")
    check(first[1]["content-type"] == "text/plain; version=0.0.4; charset=utf-8", first[1])
    check_families(parse(first[2]))
    end = time.monotonic() + 20
    while time.monotonic() < end and 'earmark_events_total{source="demo.flac",class="bark"} 1' not in p.get("/metrics")[2]:
        time.sleep(0.2)
    text = p.get("/metrics")[2]
    check_families(parse(text))
    read_by_prometheus(text)
    numbers(p)
    check(p.get("/healthz")[0] == 200, "health")
    check(p.end() == 0, "its end")

    # A source's name is hostile text: quotes, backslashes and line ends are escaped, control characters gone.
    hostile = 'a"b\\c\n\x1b[31m{}=,é.flac'
    q = Program(EARMARK, SOURCE, ["--realtime", hostile],
                prepare=lambda folder: os.symlink(f"{SOURCE}/config/demo/demo.flac", f"{folder}/{hostile}"))
    q.wait_hop()
    families = parse(q.get("/metrics")[2])
    check_families(families)
    names = {labels["source"] for _, labels, _ in families["earmark_audio_source_up"]["samples"]}
    check(len(names) == 1 and all('a"b\\c' in n and "\x1b" not in n for n in names), "the hostile name", names)
    check(q.end() == 0, "its end")
    finish()


if __name__ == "__main__":
    main()
