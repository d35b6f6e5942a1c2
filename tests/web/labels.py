"""labels.py HOSTILE_LABELS - labels, sources and a model's names that are meant to break a reader, as the feeds, /v1/classes and /metrics tell
them (tests/cli/hostile_labels.c). page.py has them in a browser."""
import json
import re
import socket
import subprocess
import sys
import tempfile
import time

from metrics import check_families, parse
from program import check, finish

N = 47
CONTROL = re.compile("[\\0-\x08\x0b-\x1f\x7f-\x9f]")


def ask(path, target, *fields, seconds=1.0):
    """The body, as far as it comes in the time."""
    out = b""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall("\r\n".join([f"GET {target} HTTP/1.0", "Host: localhost", *fields, "", ""]).encode())
        s.settimeout(seconds)
        try:
            while piece := s.recv(65536):
                out += piece
        except TimeoutError:
            pass
    return out.partition(b"\r\n\r\n")[2].decode()


def messages(text):
    """Of a feed, each with its fields; nothing but fields that there are."""
    found = []
    for block in text.split("\n\n")[:-1]:
        message = {}
        for line in block.split("\n"):
            key, _, value = line.partition(": ")
            check(key in ("data", "id", "event", "retry") and key not in message and not CONTROL.search(line), f"a line of a feed: {line!r}")
            message[key] = value
        if "data" in message:
            found.append(json.loads(message["data"]))
    return found


def feeds(path):
    records = [m for m in messages(ask(path, "/v1/events", "Last-Event-ID: unknown")) if m["type"] in ("onset", "offset")]
    check(len(records) == 2 * N, f"{len(records)} records in /v1/events")
    check(len({r["id"] for r in records}) == N and all(len({r["label"] for r in records if r["id"] == i}) == 1 for i in {r["id"] for r in records}),
          "each label is one")
    check(len({r["source"] for r in records}) == 2, "the sources", {r["source"] for r in records})
    live = messages(ask(path, "/v1/live"))
    check(sum(m.get("type") in ("onset", "offset") for m in live) == 2 * N, "records in /v1/live")
    check(len(messages(ask(path, "/v1/scores", "Last-Event-ID: 0"))) == 2, "hops in /v1/scores")


def classes(path):
    found = json.loads(ask(path, "/v1/classes"))["classes"]
    check([c["index"] for c in found] == list(range(N)), "the classes")
    check(all(re.fullmatch("[a-z0-9_]*", c["slug"]) for c in found), "slugs", [c["slug"] for c in found])
    check({"=1+1", "\n", "../../etc/x.wav_0"} <= {c["label"] for c in found}, "labels as they are")


def metrics(path):
    families = parse(ask(path, "/metrics"))
    check_families(families)
    slugs = {labels["class"] for _, labels, _ in families["earmark_class_score"]["samples"]}
    check(len(slugs) == N and all(re.fullmatch("[a-z0-9_]+", s) for s in slugs), "classes are told by slugs, no two alike", sorted(slugs))
    check({labels["source"] for _, labels, _ in families["earmark_audio_source_up"]["samples"]} and
          not any(CONTROL.search(v) for f in families.values() for _, labels, _ in f["samples"] for v in labels.values()), "control characters")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/page"
        p = subprocess.Popen([sys.argv[1], "--http", f"unix:{path}"], stdin=subprocess.PIPE)
        try:
            end = time.monotonic() + 20
            seen = ""
            while "earmark_events_total" not in seen and time.monotonic() < end:
                time.sleep(0.05)
                seen = ask(path, "/metrics") if p.poll() is None and socket_is_there(path) else ""
            time.sleep(0.2)
            feeds(path)
            classes(path)
            metrics(path)
            p.stdin.close()
            check(p.wait(10) == 0, "its end")
        finally:
            p.kill()
    finish()


def socket_is_there(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


main()
