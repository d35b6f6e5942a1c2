"""readers.py EARMARK SOURCE - the feeds: what they say is what jsonl says, they go on where a reader left, and 64 readers who take nothing
delay no hop and lose no frame of a source that cannot wait."""
import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time

from program import Program, check, finish

EARMARK, SOURCE = sys.argv[1:3]
DEMO = f"{SOURCE}/config/demo/demo.flac"
RATE, SECONDS = 16000, 12


class Reader(threading.Thread):
    """Reads a feed to its end: .messages are {"event", "id", "data"}."""

    def __init__(self, port, path, last_id=None):
        super().__init__(daemon=True)
        self.messages, self.retry, self.text, self.is_whole = [], None, b"", False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        fields = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode())
        self.start()

    def run(self):
        body = b""
        while piece := self.socket.recv(65536):
            self.text += piece
        self.socket.close()
        head, _, rest = self.text.partition(b"\r\n\r\n")
        self.head = head.decode()
        while rest:                                         # chunks
            size, _, rest = rest.partition(b"\r\n")
            body += rest[:int(size, 16)]
            self.is_whole |= int(size, 16) == 0
            rest = rest[int(size, 16) + 2:]
        for block in body.decode().split("\n\n"):
            message = {}
            for line in block.split("\n"):
                key, _, value = line.partition(": ")
                if key:
                    message[key] = value
            self.retry = message.pop("retry", self.retry)
            if "data" in message:
                message["data"] = json.loads(message["data"])
                self.messages.append(message)

    def records(self):
        self.join(30)
        check(not self.is_alive(), "a feed ends with the run")
        return [m["data"] for m in self.messages if m.get("event", "message") == "message"]


def same_tail(got, wanted, least, words):
    check(len(got) >= least and got == wanted[len(wanted) - len(got):], f"{words}: {len(got)} of {len(wanted)} records are not jsonl's")


def feeds():
    p = Program(EARMARK, SOURCE, ["--realtime", "--duration", str(SECONDS), "-f", "jsonl", "--scores=all", DEMO])
    events, scores, live = (Reader(p.port, path) for path in ["/v1/events", "/v1/scores", "/v1/live"])
    time.sleep(8)
    late = Reader(p.port, "/v1/live")
    first = next(r for r in map(json.loads, p.written().splitlines()) if r["type"] == "onset")
    again = Reader(p.port, "/v1/events", first["id"])
    check(p.process.wait(60) == 0, "the run")
    wanted = [json.loads(line) for line in p.written().splitlines()]
    told = [r for r in wanted if r["type"] != "scores"]
    hops = [r for r in wanted if r["type"] == "scores"]

    same_tail(events.records(), told, 3, "/v1/events")
    check("Content-Type: text/event-stream" in events.head and "X-Accel-Buffering: no" in events.head, events.head)
    check(events.is_whole and events.retry == "2000", "its end and its pace", events.retry)
    check(all(m.get("id") == m["data"].get("id") for m in events.messages), "ids are those of events")
    check(again.records() == told[told.index(first) + 1:], "behind the last event that was seen")
    same_tail(scores.records(), hops, SECONDS - 3, "/v1/scores")
    same_tail(live.records(), told, 3, "/v1/live")
    check(late.records() == told, "who comes late hears what was before")
    check_live(live, hops)
    check_live(late, hops)
    check([m["data"]["time"] for m in late.messages if m.get("event") == "hop"] == [h["time"] for h in hops], "all of it")
    p.end()


def check_live(reader, hops):
    check(reader.messages[0]["event"] == "hello" and reader.messages[0]["data"]["step"] == 1, "a feed begins with hello")
    by_time = {h["time"]: h for h in hops}
    end = None
    for m in reader.messages:
        if m.get("event") != "hop":
            continue
        data, hop = m["data"], by_time[m["data"]["time"]]
        got = list(base64.b64decode(data["scores"]))
        check(all(abs(b - s * 255) <= 0.51 for b, s in zip(got, hop["scores"])) and len(got) == 527, f"scores at {data['time']}")
        n = len(base64.b64decode(data["columns"]))
        check(n % data["bands"] == 0 and data["bands"] == 64 and data["column"] == 0.04, "the shape of the columns")
        n //= data["bands"]
        check(0 <= data["time"] - data["end"] < 0.07, f"columns end at {data['end']}, the hop at {data['time']}")
        check(end is None or abs(data["end"] - end - n * 0.04) < 1e-3, f"columns from {end} to {data['end']}: {n}")
        end = data["end"]


def take_nothing(port, i):
    """From an address of its own: 8 of one may come. Its window is small and stays full."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.bind((f"127.0.0.{2 + i // 8}", 0))
    s.settimeout(10)
    s.connect(("127.0.0.1", port))
    s.sendall(f"GET {['/v1/live', '/v1/scores', '/v1/events'][i % 3]} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return s


def is_refused(port, address):
    """Closed without a word."""
    with socket.socket() as s:
        s.bind((address, 0))
        s.settimeout(10)
        try:
            s.connect(("127.0.0.1", port))
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            return s.recv(100) == b""
        except OSError:
            return True


def feed(pipe, seconds):
    """A pipe that cannot wait, at the pace of sound."""
    noise = os.urandom(RATE // 10 * 2)
    begin = time.monotonic()
    for i in range(seconds * 10):
        pipe.write(noise)
        pipe.flush()
        time.sleep(max(0, begin + (i + 1) / 10 - time.monotonic()))
    pipe.close()


def slow_readers():
    p = Program(EARMARK, SOURCE, ["--live", "--raw", "s16le", "--rate", str(RATE), "-f", "jsonl", "--scores", "-"], stdin=subprocess.PIPE)
    pusher = threading.Thread(target=feed, args=(p.process.stdin, SECONDS))
    pusher.start()
    p.wait_hop()
    check((n := p.wait_connections(0)) == 0, f"its own connection is gone: {n}")
    slow = [take_nothing(p.port, i) for i in range(64)]
    check((n := p.wait_connections(64)) == 64, f"64 readers are there: {n}")
    check(is_refused(p.port, "127.0.0.100"), "the 65th is refused")
    for s in slow[:8]:
        s.close()
    check((n := p.wait_connections(56)) == 56, f"who is gone is noticed: {n}")
    check(p.get("/healthz")[0] == 200, "there is room again")
    check(is_refused(p.port, "127.0.0.4"), "but not for a ninth of one address")
    pusher.join()
    check(p.process.wait(20) == 0, "the run ends although they take nothing")
    records = [json.loads(line) for line in p.written().splitlines()]
    times = [r["time"] for r in records if r["type"] == "scores"]
    stop = records[-1]
    check(stop["type"] == "stop" and stop["captured"] == stop["taken"] == SECONDS * RATE and stop["dropped"] == stop["skipped_hops"] == 0,
          "no frame is lost and no hop late", stop)
    check(times == [float(t) for t in range(1, SECONDS + 1)], "every hop is there", times)
    check(not any(r["type"] in ("gap", "lost") for r in records), "no gap and no lost record")
    p.end()


def health():
    """A source that stands still is no healthy one."""
    p = Program(EARMARK, SOURCE, ["--live", "--raw", "s16le", "--rate", str(RATE), "-"], stdin=subprocess.PIPE)
    feed_once = os.urandom(RATE * 4)
    p.process.stdin.write(feed_once)
    p.process.stdin.flush()
    p.wait_hop()
    check(p.get("/healthz")[0] == 200, "healthy while sound comes")
    end = time.monotonic() + 15
    while p.get("/healthz")[0] == 200 and time.monotonic() < end:
        time.sleep(0.2)
    code, _, text = p.get("/healthz")
    check(code == 503 and text.startswith("no sound for "), f"and not when it stays away: {code} {text}")
    check(p.end() == 0, "its end")


feeds()
slow_readers()
health()
finish()
