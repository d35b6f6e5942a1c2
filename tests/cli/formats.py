"""formats.py PREFIX [--sources]: reads PREFIX.jsonl and the same run's files in every other format, each by a parser that takes
nothing but what the format allows, and compares the events. Where the format's own reader is installed, that one too.
--sources: several sources shared each file."""
import csv
import json
import re
import sys
from datetime import datetime, timedelta

problems = []


def check(condition, what):
    if not condition:
        problems.append(what)


def text(path):
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "strict")


def line(label):
    """A label on one line: what every format but jsonl makes of it."""
    label = re.sub("[\t\n\v\f\r]", " ", label)
    return re.sub("[\0-\x1f\x7f-\x9f\ufffd]", "?", label)


def tabbed(label):
    return line(label).replace('"', "'").replace(";", ",")


def named(event, has_sources, how=line):
    return (how(event["source"]) + ": " if has_sources else "") + how(event["label"])


def code(event):
    return event.get("mid") or event["label"]


def channel(event, has_sources):
    """(file, number as text)"""
    return event["source"].rsplit(":", 1) if has_sources else (event["source"], "1")


def seconds(ms):
    return f"{ms:.3f}"


def rows(path, n_fields, header=None):
    """The fields of a file of lines and tabs."""
    content = text(path)
    check(content == "" or content.endswith("\n"), f"{path}: the last line has no end")
    found = [row.split("\t") for row in content.split("\n")[:-1]]
    if header is not None:
        check(found and found[0] == header, f"{path}: its header is {found[:1]}")
        found = found[1:]
    for row in found:
        check(len(row) == n_fields and not re.search("[\0-\x1f\x7f-\x9f]", "".join(row)), f"{path}: {row}")
    return found


def equal(path, got, want):
    check(len(got) == len(want), f"{path}: {len(got)} events, not {len(want)}")
    for g, w in zip(got, want):
        check(list(g) == list(w), f"{path}: {g}, not {w}")


def audacity(prefix, events, has_sources):
    path = prefix + ".audacity.txt"
    got = rows(path, 3)
    for row in got:
        check(all(re.fullmatch(r"\d+\.\d{6}", x) for x in row[:2]) and float(row[0]) <= float(row[1]), f"{path}: {row}")
    equal(path, [(seconds(float(a)), seconds(float(b)), label) for a, b, label in got],
          [(seconds(e["onset"]), seconds(e["offset"]), f"{named(e, has_sources)} {e['peak']:.2f}") for e in events])


def dcase(prefix, events, has_sources):
    path = prefix + ".dcase.tsv"
    equal(path, rows(path, 4, ["filename", "onset", "offset", "event_label"]),
          [(tabbed(e["source"]), seconds(e["onset"]), seconds(e["offset"]), tabbed(e["label"])) for e in events])


def sed_eval(prefix, events, has_sources):
    path = prefix + ".sed-eval.txt"
    equal(path, rows(path, 3 + has_sources),
          [[tabbed(e["source"])] * has_sources + [seconds(e["onset"]), seconds(e["offset"]), tabbed(e["label"])] for e in events])


def audioset(prefix, events, has_sources):
    path = prefix + ".audioset.tsv"

    def segment(e):
        name, number = channel(e, has_sources)
        return tabbed(re.sub(r"(?<=[^/])\.[^./]*$", "", name) + (":" + number if has_sources else "") + "_0")

    equal(path, rows(path, 4, ["segment_id", "start_time_seconds", "end_time_seconds", "label"]),
          [(segment(e), seconds(e["onset"]), seconds(e["offset"]), tabbed(code(e))) for e in events])


def raven(prefix, events, has_sources):
    path = prefix + ".raven.txt"
    header = ["Selection", "View", "Channel", "Begin File", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
              "Species Code", "Common Name", "Confidence"]
    equal(path, rows(path, 11, header),
          [(str(i), "Spectrogram 1", channel(e, has_sources)[1], tabbed(channel(e, has_sources)[0]), seconds(e["onset"]), seconds(e["offset"]),
            "0", "16000", tabbed(code(e)), tabbed(e["label"]), seconds(e["peak"])) for i, e in enumerate(events, 1)])


def utc_onset(event):
    """jsonl has the wall clock at the offset."""
    if "utc" not in event:
        return ""
    at = datetime.fromisoformat(event["utc"].replace("Z", "+00:00")) - timedelta(milliseconds=round((event["offset"] - event["onset"]) * 1000))
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def comma(prefix, events, has_sources):
    path = prefix + ".csv"
    content = text(path)
    check(re.fullmatch(r'(([^",\r\n]*|"([^"\r\n]|"")*")(,([^",\r\n]*|"([^"\r\n]|"")*"))*\r\n)+', content), f"{path}: is not of RFC 4180")
    with open(path, newline="", encoding="utf-8") as f:
        got = list(csv.DictReader(f, strict=True))
    for value in (v for row in got for v in row.values()):
        check(not re.match(r"[=+\-@\x00-\x1f]", value), f"{path}: {value!r} is a formula")
    equal(path, [[v[1:] if v.startswith("'") else v for v in row.values()] for row in got],
          [(line(e["source"]), seconds(e["onset"]), seconds(e["offset"]), utc_onset(e), str(e.get("index", "")), line(e.get("mid", "")),
            line(e["label"]), seconds(e["peak"]), seconds(e["mean"]), seconds(e["res"]), e["id"]) for e in events])


def clock(h, m, s, ms):
    check(int(m) < 60 and int(s) < 60, "a time of day")
    return ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms)


def cues(path, content, pattern, plain):
    """[(start, end, text)] of cues that fill content and never go back."""
    got, at, last = [], 0, 0
    for m in re.finditer(pattern, content):
        check(m.start() == at, f"{path}: what is {content[at:m.start()]!r}?")
        at = m.end()
        start, end = clock(*m.group(2, 3, 4, 5)), clock(*m.group(6, 7, 8, 9))
        check(start < end and start >= last, f"{path}: {m.group(0)!r}")
        check(m.group(1) in (None, str(len(got) + 1)), f"{path}: number {m.group(1)}")
        last = start
        got.append((start, end, plain(m.group(10))))
    check(at == len(content), f"{path}: what is {content[at:]!r}?")
    return got


def in_order(events, has_sources, how):
    return sorted(((round(e["onset"] * 1000), round(e["offset"] * 1000), f"[{named(e, has_sources, how)}]") for e in events), key=lambda c: c[0])


def vtt(prefix, events, has_sources):
    path, time = prefix + ".vtt", r"(\d\d+):(\d\d):(\d\d)\.(\d{3})"
    content = text(path)
    check(content.startswith("WEBVTT\n\n"), f"{path}: begins {content[:20]!r}")
    pattern = "((?!))?" + time + " --> " + time + r"\n((?:[^&<>\n\r]|&amp;|&lt;|&gt;)+)\n\n"           # no number: group 1 is None
    got = cues(path, content[8:], pattern, lambda t: t.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    equal(path, sorted(got), sorted(in_order(events, has_sources, line)))


def metadata(prefix, records):
    """Cues of -f vtt --vtt=metadata: the records of jsonl, arrows in no string."""
    path, time = prefix + ".meta.vtt", r"(\d\d+):(\d\d):(\d\d)\.(\d{3})"
    content = text(path)
    check(content.startswith("WEBVTT\n\n"), f"{path}: begins {content[:20]!r}")
    got = cues(path, content[8:], "((?!))?" + time + " --> " + time + r"\n(\{[^>\n\r]+\})\n\n", json.loads)
    want = sorted((r for r in records if r["type"] == "offset"), key=lambda r: (round(r["onset"] * 1000), r["id"]))
    equal(path, [c[2] for c in sorted(got, key=lambda c: (c[0], c[2]["id"]))], want)
    for start, end, r in got:
        check((start, end) == (round(r["onset"] * 1000), round(r["offset"] * 1000)), f"{path}: {start} to {end} is {r}")
    if "--own" in sys.argv:
        try:
            import webvtt
        except ImportError:
            print("SKIPPED: webvtt-py is not installed")
        else:
            equal("webvtt", [json.loads(c.text) for c in webvtt.read(path)], [c[2] for c in got])


def srt(prefix, events, has_sources):
    path, time = prefix + ".srt", r"(\d\d+):(\d\d):(\d\d),(\d{3})"
    got = cues(path, text(path), r"(\d+)\n" + time + " --> " + time + r"\n([^<>\n\r]+)\n\n", lambda t: t)
    equal(path, sorted(got), sorted(in_order(events, has_sources, lambda t: line(t).replace("<", "\u2039").replace(">", "\u203a"))))


def obs(prefix, records, has_sources, top_k):
    """The newest onsets that were not retracted; names are cut to 100 bytes."""
    path = prefix + ".obs.txt"
    gone = {r["id"] for r in records if r["type"] == "retract"}
    shown = []
    for r in records:
        if r["type"] == "onset":
            shown = (shown + [r])[-top_k:]
        elif r["type"] == "retract":
            shown = [s for s in shown if s["id"] != r["id"]]
    check(not any(s["id"] in gone for s in shown), "a retracted event is shown")

    def name(s):
        clean = re.sub("[\0-\x1f\x7f-\x9f\ufffd]", "?", s).encode()[:100]
        return clean.decode("utf-8", "ignore")

    content = text(path)
    got = content.split("\n")[:-1]
    check(content == "" or content.endswith("\n"), f"{path}: the last line has no end")
    for row in got:
        check(re.match(r"\d\d+:[0-5]\d:[0-5]\d ", row), f"{path}: {row!r}")
    equal(path, [[row.split(" ", 1)[1]] for row in got],
          [[(name(s["source"]) + ": " if has_sources else "") + name(s["label"])] for s in shown])


def own_readers(prefix, events, has_sources):
    """The formats' own readers, where they are installed."""
    try:
        import sed_eval as package
    except ImportError:
        print("SKIPPED: sed_eval is not installed")
    else:
        got = package.io.load_event_list(prefix + ".sed-eval.txt", delimiter="\t")       # a guess would stumble over commas in labels
        equal("sed_eval", [(seconds(e.onset), seconds(e.offset), e.event_label) for e in got],
              [(seconds(e["onset"]), seconds(e["offset"]), tabbed(e["label"])) for e in events])
    try:
        import webvtt
    except ImportError:
        print("SKIPPED: webvtt-py is not installed")
    else:
        equal("webvtt", sorted([c.start, c.end] for c in webvtt.read(prefix + ".vtt")),
              sorted([stamp(e["onset"], "."), stamp(e["offset"], ".")] for e in events))
    try:
        import pysrt
    except ImportError:
        print("SKIPPED: pysrt is not installed")
    else:
        equal("pysrt", sorted([str(c.start), str(c.end)] for c in pysrt.open(prefix + ".srt", encoding="utf-8", error_handling=pysrt.ERROR_RAISE)),
              sorted([stamp(e["onset"], ","), stamp(e["offset"], ",")] for e in events))


def stamp(s, decimal):
    ms = round(s * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}{decimal}{ms % 1000:03}"


def main():
    prefix, has_sources = sys.argv[1], "--sources" in sys.argv
    top_k = int(sys.argv[sys.argv.index("--top-k") + 1]) if "--top-k" in sys.argv else 5
    records = [json.loads(row) for row in text(prefix + ".jsonl").split("\n")[:-1]]
    events = [r for r in records if r["type"] == "offset"]
    check(len(events) > 0, f"{prefix}: no events")
    for reader in (audacity, dcase, sed_eval, audioset, raven, comma, vtt, srt):
        reader(prefix, events, has_sources)
    obs(prefix, records, has_sources, top_k)
    if "--metadata" in sys.argv:
        metadata(prefix, records)
    if "--own" in sys.argv:
        own_readers(prefix, events, has_sources)
    for problem in problems[:20]:
        print("FAILED:", problem[:600])
    sys.exit(len(problems) > 0)


main()
