"""url.py EARMARK DEMO: URLs as ffmpeg hears them, from servers of the test's own on 127.0.0.1: files that are whole, cut, resumed, missing,
hostile; radios that stall, break off and come back; a camera (RTSP). Every wait is bounded."""
import base64, http.server, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time

from verdict import check, finish

EARMARK, DEMO = sys.argv[1:]
PASSWORD, TOKEN = "hunter2@x", "s3cr3t-token"
RATE, SECONDS = 16000, 60

if not shutil.which("ffmpeg"):
    print("ffmpeg is not installed")
    sys.exit(77)

here = tempfile.mkdtemp()
env = {k: v for k, v in os.environ.items() if not k.startswith("EARMARK_")}
env.update(XDG_CONFIG_HOME=here, HOME=here, LC_ALL="C")
demo = open(DEMO, "rb").read()
subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", f"anoisesrc=r={RATE}:d={SECONDS}:a=0.3",
                "-b:a", "64k", "-f", "adts", f"{here}/noise"], check=True, timeout=60)
noise = open(f"{here}/noise", "rb").read()


# ---- the server ----

class Radio:
    """Noise at its own pace, begun anew by each that comes; what it does is set by the test. It stalls once."""

    def __init__(self):
        self.is_open, self.breaks_after, self.stalls_after, self.burst = True, None, None, 0
        self.n_came = 0

    def play(self, out):
        self.n_came += 1
        begun, n, tenth = time.monotonic(), 0, len(noise) // SECONDS // 10
        stalls_after, self.stalls_after = self.stalls_after, None
        while self.is_open and n < 10 * SECONDS:
            if self.breaks_after and n >= 10 * self.breaks_after:
                return
            if stalls_after and n >= 10 * stalls_after:
                time.sleep(0.1)
                continue
            out.write(noise[n * tenth:(n + 1) * tenth])
            n += 1
            time.sleep(max(0, begun + n / 10 - self.burst - time.monotonic()))


radio = Radio()
hits, authorizations = {}, []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, body, code=200, length=None, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(length if length is not None else len(body)))
        self.send_header("Connection", "close")
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        path = self.path.partition("?")[0]
        hits[path] = hits.get(path, 0) + 1
        authorizations.append(self.headers.get("Authorization"))
        if TOKEN in self.path and not authorizations[-1]:
            self.answer(b"who?", 401, WWW_Authenticate='Basic realm="ear"')
            return
        try:
            getattr(self, "get_" + path.strip("/").replace(".", "_"), self.get_nothing)()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def get_nothing(self):
        self.answer(b"no", 404)

    def get_demo_flac(self):
        self.answer(demo)

    def get_half_flac(self):                            # promises the whole
        self.answer(demo[:len(demo) // 2], length=len(demo))

    def get_resumed_flac(self):                         # breaks off once, and knows ranges
        begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "bytes=0-")
        begin = int(begin[1]) if begin else 0
        body = demo[begin:] if hits["/resumed.flac"] > 1 else demo[:len(demo) // 3]
        self.answer(body, 206, len(demo) - begin, Accept_Ranges="bytes", Content_Range=f"bytes {begin}-{len(demo) - 1}/{len(demo)}")

    def get_text(self):
        self.answer(b"<html>not here</html>", Content_Type="text/html")

    def get_to_file(self):
        self.answer(b"", 302, Location="file://" + DEMO)

    def get_list_m3u8(self):
        self.answer(b"#EXTM3U\n#EXT-X-TARGETDURATION:60\n#EXTINF:60,\nfile://" + DEMO.encode() + b"\n#EXT-X-ENDLIST\n",
                    Content_Type="application/vnd.apple.mpegurl")

    def get_list_concat(self):
        self.answer(b"ffconcat version 1.0\nfile 'file:" + DEMO.encode() + b"'\n")

    def get_stalled_flac(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(demo)))
        self.end_headers()
        self.wfile.write(demo[:len(demo) // 4])
        self.wfile.flush()
        time.sleep(30)

    def get_steady(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        Radio().play(self.wfile)
        self.close_connection = True

    def get_radio(self):
        if not radio.is_open:
            self.answer(b"closed", 503)
            return
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        radio.play(self.wfile)
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
at = f"127.0.0.1:{server.server_address[1]}"


# ---- the program ----

def run(*args, code=0, limit=60):
    done = subprocess.run([EARMARK, "--progress", "never", *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, text=True)
    check(done.returncode == code, f"{args}: status {done.returncode}, not {code}: {done.stderr[-400:]}")
    return done


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def without_names(rows):
    return [{k: v for k, v in row.items() if k not in ("source", "id")} for row in rows]


class Live:
    """A run that goes on until it is ended; its records as they come."""

    def __init__(self, *args):
        self.begun = time.monotonic()
        self.err = open(f"{here}/err", "w+")
        self.program = subprocess.Popen([EARMARK, "-f", "jsonl", "--scores=top", *args], env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.err, text=True)
        self.rows = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.program.stdout:
            self.rows.append(json.loads(line))

    def of(self, kind, **fields):
        return [r for r in self.rows if r["type"] == kind and all(r.get(k) == v for k, v in fields.items())]

    def wait(self, kind, n=1, limit=20, **fields):
        end = time.monotonic() + limit
        while len(self.of(kind, **fields)) < n and time.monotonic() < end and self.program.poll() is None:
            time.sleep(0.02)
        return len(self.of(kind, **fields)) >= n

    def children(self):
        return children_of(self.program.pid)

    def end(self, number=signal.SIGTERM):
        kids = self.children()
        self.program.send_signal(number)
        code = self.program.wait(10)
        time.sleep(0.2)
        self.err.seek(0)
        self.said = self.err.read()
        check(not [k for k in kids if is_alive(k)], "a child outlives the program")
        return code

    def is_whole(self):
        """The counters at the end, by which no frame is missing."""
        stop = self.of("stop")
        return len(stop) == 1 and stop[0]["captured"] == stop[0]["taken"] + stop[0]["dropped"] + stop[0]["waiting"]


def children_of(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as f:
            found += f.read().split()
    return found


def is_alive(pid):
    """A dead one that its new parent has not looked at yet is not."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_that_say(text):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if int(pid) != os.getpid() and text.encode() in f.read():
                    found.append(pid)
        except OSError:
            pass
    return found


# ---- files from elsewhere ----

def a_file_is_the_file():
    want = records(run("-f", "jsonl", "--scores=all", DEMO).stdout)
    got = run("-f", "jsonl", "--scores=all", f"http://{at}/demo.flac")
    check(without_names(records(got.stdout)) == without_names(want), "a URL's records are those of the file")
    check(records(got.stdout)[-1]["source"] == f"{at}/demo.flac", "named after its host and path")
    check(got.stderr == "", f"without a word: {got.stderr}")
    got = run("-f", "jsonl", "--scores=all", f"http://{at}/resumed.flac")
    check(without_names(records(got.stdout)) == without_names(want), "and so where the line broke and was taken up again")
    check(hits["/resumed.flac"] > 1, "it was")


def what_ends_early_is_an_error():
    done = run("-f", "jsonl", f"http://{at}/half.flac", code=4, limit=90)
    check(f"http://{at}/half.flac: " in done.stderr and done.stderr.count("\n") == 1, f"cut: {done.stderr}")
    check(20 < records(done.stdout)[-1]["time"] < 45, f"what there was is heard: {records(done.stdout)[-1]}")
    begun = time.monotonic()
    done = run("--stall", "2", f"http://{at}/stalled.flac", code=4)
    check("no sound for 2 s" in done.stderr and time.monotonic() - begun < 10, f"stalled: {done.stderr}")


def what_is_no_sound_is_an_error():
    for path, why in (("nowhere", "404 Not Found"), ("text", "Invalid data"), ("to_file", ""), ("list.m3u8", ""), ("list.concat", "")):
        done = run("-f", "jsonl", f"http://{at}/{path}", code=4)
        check(done.stdout.count("\n") == 1 and done.stderr.count("\n") == 1, f"{path}: {done.stdout[-300:]} {done.stderr}")
        check(f"earmark: http://{at}/{path}: " in done.stderr and why in done.stderr, f"{path}: {done.stderr}")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))                        # and nobody listens
        done = run(f"http://127.0.0.1:{s.getsockname()[1]}/x", code=4)
        check("Connection refused" in done.stderr, done.stderr)


def one_bad_url_does_not_stop_the_next():
    done = run("-f", "jsonl", f"http://{at}/nowhere", DEMO, code=4)
    check([r["source"] for r in records(done.stdout) if r["type"] == "stop"] == ["demo.flac"], "the file is heard")


def waits_for_a_file():
    n = hits.get("/nowhere", 0)
    run("--wait=5", f"http://{at}/nowhere", code=4)
    check(hits["/nowhere"] >= n + 2, "it was asked for again")


def secrets_stay_secret():
    user = f"http://ear:{PASSWORD.replace('@', '%40')}@{at}"
    hidden = f"http://ear:***@{at}"
    done = run("-vv", "-f", "jsonl", f"{user}/demo.flac?token={TOKEN}")
    check(authorizations[-1] == "Basic " + base64.b64encode(f"ear:{PASSWORD}".encode()).decode(), "the server gets it")
    bad = run("-vv", f"{user}/nowhere?token={TOKEN}", code=4)
    check(f"{hidden}/nowhere?***: " in bad.stderr, bad.stderr)
    odd = run(f"http://ear:it's'@{at}/nowhere", code=4)
    check(f"{hidden}/nowhere: Server returned 404" in odd.stderr, odd.stderr)
    shown = run("--print-config", f"{user}/demo.flac?token={TOKEN}")
    check(f"input = {hidden}/demo.flac?***\n" in shown.stdout, "--print-config shows the rest")
    for text in (done.stdout, done.stderr, bad.stdout, bad.stderr, odd.stderr, shown.stdout):
        check("hunter2" not in text and TOKEN not in text and "it's" not in text, f"told: {text[:600]}")
    live = Live("--live", f"{user}/radio?token={TOKEN}")
    check(live.wait("scores"), "the radio is heard")
    check(len(live.children()) == 1, "by a child")
    with open(f"/proc/{live.children()[0]}/cmdline") as f:
        args = f.read().split("\0")
    allowed = args[args.index("-protocol_whitelist") + 1].split(",")
    check(set(allowed) == {"pipe", "http", "https", "tcp", "tls", "httpproxy", "crypto"}, f"which may use no other protocol: {allowed}")
    check(not processes_that_say("hunter2") and not processes_that_say(TOKEN), "and nobody who lists processes sees the password")
    check(live.end() == 0, live.said)
    check("hunter2" not in live.said and TOKEN not in live.said, live.said)


# ---- radios and cameras ----

def a_radio_is_kept():
    radio.breaks_after = 3
    live = Live("--live", f"http://{at}/radio")
    check(live.wait("scores", 2), "sound")
    check(live.wait("source", state="down"), "it breaks off")
    radio.breaks_after = None
    check(live.wait("source", 2, state="up"), "and comes back")
    check(live.wait("gap", reason="device") and live.of("gap")[0]["frames"] < 8 * RATE, f"what was missed is a gap: {live.of('gap')}")
    n = len(live.of("scores"))
    check(live.wait("scores", n + 2), "sound again")
    check(live.end() == 0, live.said)
    check(live.is_whole(), f"every frame is counted: {live.of('stop')}")
    check(live.said.count("the server ended it") == 1 and live.said.count("looking for it") == 1, live.said)


def a_stall_is_noticed():
    radio.stalls_after = 3
    n = radio.n_came
    live = Live("--live", "--stall", "2", f"http://{at}/radio")
    check(live.wait("source", state="down"), "a radio that falls silent is lost")
    check(live.wait("source", 2, state="up"), "and asked anew")
    check(radio.n_came == n + 2, f"once: {radio.n_came - n}")
    check(live.end() == 0 and live.is_whole(), live.said)
    check("no sound for 2 s" in live.said, live.said)


def a_burst_loses_nothing():
    radio.burst = 25
    live = Live("--live", f"http://{at}/radio")
    check(live.wait("scores", 2), "sound")
    time.sleep(2)
    check(live.end() == 0 and live.is_whole(), live.said)
    stop = live.of("stop")[0]
    check(stop["dropped"] == 0 and stop["captured"] > 25 * RATE, f"25 s at once: {stop}")
    radio.burst = 0


def absent_at_the_start():
    radio.is_open = False
    done = run("--live", f"http://{at}/radio", code=4)
    check("5XX" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    done = run("--live", "--wait=2", f"http://{at}/radio", code=4)
    waited = re.search(r"\(waited ([\d.]+) s\)", done.stderr)
    check(waited and 2 <= float(waited[1]) < 4, done.stderr)
    live = Live("--live", "--wait", f"http://{at}/radio")
    check(live.wait("source", state="down"), "it is waited for")
    radio.is_open = True
    check(live.wait("scores"), "and heard once it is there")
    check(live.end() == 0 and live.is_whole(), live.said)


def several_at_once():
    """Two radios and a file: one breaks off, the others do not notice."""
    radio.breaks_after = 4
    live = Live("--source", f"first:url=http://{at}/radio", "--source", "first:live=yes",
                "--source", f"demo:input={DEMO}", "--source", "demo:realtime=yes",
                "--source", f"second:url=http://{at}/steady", "--source", "second:live=yes")
    check(live.wait("scores", 2, source="first") and live.wait("scores", 2, source="second"), "sound of both")
    check(live.wait("source", source="first", state="down"), "one breaks off")
    radio.breaks_after = None
    check(live.wait("source", 2, source="first", state="up"), "and comes back")
    check(live.wait("gap", source="first"), "with a gap")
    check(live.wait("scores", 6, source="demo") and live.wait("scores", 6, source="second"), "the others go on")
    check(live.end() == 0, live.said)
    stops = {r["source"]: r for r in live.of("stop")}
    check(set(stops) == {"first", "demo", "second"}, f"a stop each: {stops}")
    check(all(r["captured"] == r["taken"] + r["dropped"] + r["waiting"] for r in stops.values()), f"the counters of each: {stops}")
    check(stops["second"]["dropped"] == 0 and stops["demo"]["dropped"] == 0, f"the others lost nothing: {stops}")
    for source in ("demo", "second"):
        times, n_skipped = [r["time"] for r in live.of("scores", source=source)], stops[source]["skipped_hops"]
        check(len(times) > 5 and len(times) + n_skipped == int(times[-1]), f"each hop is told or counted: {source} {n_skipped} {times}")
        if source == "demo" or os.getloadavg()[0] < 2 * os.cpu_count():     # a file waits; a stream may be late where others keep the machine busy
            check(n_skipped == 0, f"and none was late: {source} {n_skipped} {times}")
    done = run("-f", "jsonl", f"rtsp://127.0.0.1:1/a", f"rtsp://127.0.0.1:1/b", code=4)
    check(done.stderr.count("\n") == 1 and "Connection refused" in done.stderr, done.stderr)


def ends_at_once():
    """Whatever ffmpeg is doing, and however we die, it dies too."""
    for args, number in ((("--live", f"http://{at}/radio"), signal.SIGKILL), ((f"http://{at}/stalled.flac",), signal.SIGKILL),
                         (("--live", f"http://{at}/radio"), signal.SIGINT)):
        live = Live(*args)
        check(live.wait("scores"), f"{args}: sound")
        time.sleep(0.3)
        check(len(live.children()) == 1, f"{args}: a child")
        begun = time.monotonic()
        live.end(number)
        check(time.monotonic() - begun < 2.5, f"{args}: ended in {time.monotonic() - begun:.1f} s")
    with socket.socket() as s:                          # takes the call, and says nothing
        s.bind(("127.0.0.1", 0))
        s.listen()
        s.settimeout(20)
        live = Live("--live", "--wait", f"http://127.0.0.1:{s.getsockname()[1]}/x")
        with s.accept()[0]:                             # ffmpeg waits from here on
            begun = time.monotonic()
            check(live.end() == 0 and time.monotonic() - begun < 2.5, f"ended while it waited, in {time.monotonic() - begun:.1f} s: {live.said}")


class Camera:
    def __init__(self, port):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "camera.py")
        self.program = subprocess.Popen(["/usr/bin/python3", script, str(port), PASSWORD],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.is_there = self.program.stdout.readline() == "there\n"

    def close(self):
        self.program.kill()
        self.program.wait()


def a_camera_is_kept():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    camera = Camera(port)
    if not camera.is_there:
        print("no camera: GStreamer's server of RTSP, or what Python needs for it, is not installed")
        return
    url = f"rtsp://ear:{PASSWORD.replace('@', '%40')}@127.0.0.1:{port}/garden"
    check("401 Unauthorized" in run("--stall", "5", f"rtsp://ear:wrong@127.0.0.1:{port}/garden", code=4).stderr, "a wrong password is told")
    check("404 Not Found" in run("--stall", "5", f"{url}/path", code=4).stderr, "and a wrong path")
    camera.close()
    live = Live("--wait", "--stall", "4", url)
    check(live.wait("source", state="down"), "a camera that is off is waited for")
    camera = Camera(port)
    check(live.wait("scores", 2, limit=40), "and heard once it is on")
    camera.close()
    check(live.wait("source", 2, state="down"), "it goes off")
    camera = Camera(port)
    check(live.wait("source", 2, state="up", limit=40), "and comes back")
    check(live.wait("gap", reason="device"), "with a gap")
    check(live.end() == 0 and live.is_whole(), live.said)
    check("hunter2" not in live.said and live.rows[-1]["source"] == f"127.0.0.1:{port}/garden", f"{live.said} {live.rows[-1]}")
    camera.close()


def no_slow_leak():
    """A radio that breaks off at once, again and again: as many descriptors and threads as before."""
    radio.breaks_after = 3
    live = Live("--live", f"http://{at}/radio")
    check(live.wait("source", 2, state="up"), "back once")
    count = lambda: (len(os.listdir(f"/proc/{live.program.pid}/fd")), len(os.listdir(f"/proc/{live.program.pid}/task")))
    live.wait("source", 2, state="down")
    before = count()
    check(live.wait("source", 4, state="down", limit=40), "four times gone")
    has_more = lambda now: any(n > n_before for n, n_before in zip(now, before))
    end = time.monotonic() + 10
    while has_more(now := count()) and time.monotonic() < end:      # those of the next try may be there already
        time.sleep(0.02)
    check(not has_more(now), f"{now} descriptors and threads, and were {before}")
    check(len(live.children()) < 2 and not [c for c in live.children() if not is_alive(c)], "no zombies")
    check(live.end() == 0 and live.is_whole(), live.said)
    radio.breaks_after = None


def main():
    for test in (a_file_is_the_file, what_ends_early_is_an_error, what_is_no_sound_is_an_error, one_bad_url_does_not_stop_the_next,
                 waits_for_a_file, secrets_stay_secret, a_radio_is_kept, a_stall_is_noticed, a_burst_loses_nothing, absent_at_the_start,
                 several_at_once, ends_at_once, a_camera_is_kept, no_slow_leak):
        if os.environ.get("ONLY", "") in test.__name__:
            print(test.__name__, flush=True)
            test()
    shutil.rmtree(here)
    finish()


main()
