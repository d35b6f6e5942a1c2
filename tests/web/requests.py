"""requests.py EARMARK SOURCE - what the server answers to raw bytes, to whom, and what the options refuse."""
import base64
import os
import re
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time

import hostile
from hostile import request
from program import Program, check, finish

EARMARK, SOURCE = sys.argv[1:3]
DEMO = ["--realtime", f"{SOURCE}/config/demo/demo.flac"]
EVERY_ANSWER = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
}


def talk(port, data, seconds=10, host="127.0.0.1", is_over=False):
    """All that comes back until the server closes or says nothing for a moment. is_over: it is told that nothing more comes."""
    out = b""
    with socket.create_connection((host, port), timeout=seconds) as s:
        s.settimeout(seconds)
        try:
            for piece in [data] if isinstance(data, bytes) else data:
                s.sendall(piece)
                time.sleep(0.02)
            if is_over:
                s.shutdown(socket.SHUT_WR)
            s.settimeout(seconds)
            while piece := s.recv(65536):
                out += piece
        except (TimeoutError, ConnectionError):
            pass
    return out


def status(answer):
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found.group(1)) if found else 0


LEAKS = re.compile(rb"earmark/|microhttpd|libmicro|/home|/tmp|\.c:\d|0x[0-9a-f]{6}|errno|[Ee]xception", re.S)


def raw_request(p, data, want, why):
    """The status, in one answer that has every field, ends the connection, and says nothing of us or of what was asked."""
    answer = talk(p.port, data, is_over=want == 0)
    got = status(answer)
    words = f"{why}: {got}, not {want}: {data[:80]!r}"
    if not check(got == want and (want or not answer), words) or not want:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    names = {line.split(b":")[0].lower().decode() for line in head.split(b"\r\n")[1:]}
    check(answer.count(b"HTTP/1.1 ") == 1, "more than one answer to", words)
    check(names >= {n.lower() for n in EVERY_ANSWER} | {"connection"} and not names & {"server", "access-control-allow-origin"}, words, head)
    if want >= 400:
        check(len(body) < 80 and not LEAKS.search(answer) and b"\r\nContent-Type: text/plain" in head, "says too much:", words, answer)
        check((body == b"") == data.startswith(b"HEAD "), "a body for HEAD, or none:", words)


def raw_requests(p):
    check(len({data for data, _, _ in hostile.ROWS}) >= 150, "too few of them")
    for row in hostile.ROWS:
        raw_request(p, *row)
        if p.process.poll() is not None:
            check(False, f"the program died of: {row[2]}")
            return
    answer = talk(p.port, request() + request("/v1/classes") + request("/nowhere"))
    check(answer.count(b"HTTP/1.1") == 1 and status(answer) == 200, "what stands behind a request is not looked at", answer[:300])
    answer = talk(p.port, request("/metrics", host="example.com") + request("/metrics"))
    check(answer.count(b"HTTP/1.1") == 1 and status(answer) == 403, "nor behind one that is refused", answer[:300])
    for i in range(1, len(request())):
        check(status(talk(p.port, [request()[:i], request()[i:]])) == 200, f"cut after {i} bytes")
    answer = talk(p.port, [bytes([b]) for b in request()])
    check(status(answer) == 200, "a byte at a time")
    check(status(talk(p.port, request(), is_over=True)) == 200, "half closed behind a request")


def answered_again(p, end):
    """All who came earlier have been taken up by then, however long they waited in the kernel's queue, where they are no descriptors."""
    return status(talk(p.port, request())) == 200 or time.monotonic() >= end


def early_ends(p):
    """Whoever goes away in the middle, by a reset too, leaves nothing behind."""
    def fds():
        return len(os.listdir(f"/proc/{p.process.pid}/fd"))

    before = fds()
    for i in range(200):
        with socket.create_connection(("127.0.0.1", p.port), timeout=3) as s:
            s.sendall((request("/v1/live") if i % 2 else request("/v1/classes"))[:i])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    end = time.monotonic() + 5
    while not answered_again(p, end) or (fds() > before and time.monotonic() < end):
        time.sleep(0.05)
    check(fds() <= before, f"{fds() - before} descriptors are left")


def answers(p):
    for path in ["/", "/page.js", "/healthz", "/metrics", "/v1/classes", "/nowhere"]:
        code, fields, text = p.get(path)
        for name, value in EVERY_ANSWER.items():
            check(fields.get(name.lower()) == value, f"{path}: {name} is {fields.get(name.lower())}")
        check(not any(name.startswith("access-control") for name in fields) and "server" not in fields, f"{path}: {fields}")
        check(code == (404 if path == "/nowhere" else 200) and text, f"{path}: {code}")
        check(p.get(path, method="HEAD")[2] == "", f"HEAD {path} has a body")
    check(p.get("/")[1]["content-type"] == "text/html; charset=utf-8", "the page's type")
    page = p.get("/")[2]
    check("<script>" not in page and "style=" not in page and not re.search(r"\son\w+=", page), "inline script or style")
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        check(p.get(f"/{name}")[0] == 200, f"{name} of the page is missing")


def slow_headers(p):
    """Who does not come to an end with his request is cut after 5 s, however busily he trickles; 8 of one address keep nobody else out."""
    slow = [socket.create_connection(("127.0.0.1", p.port), timeout=10) for _ in range(8)]
    begin, took = time.monotonic(), {}
    for s in slow:
        s.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    check(talk(p.port, request()) == b"", "a ninth of one address")
    while len(took) < len(slow) and time.monotonic() < begin + 12:
        for i, s in enumerate(slow):
            try:
                s.sendall(b"a")
                if select.select([s], [], [], 0)[0] and not s.recv(1):
                    took.setdefault(i, time.monotonic() - begin)
            except OSError:
                took.setdefault(i, time.monotonic() - begin)
        with socket.socket() as other:
            other.bind(("127.0.0.9", 0))
            other.settimeout(3)
            other.connect(("127.0.0.1", p.port))
            other.sendall(request())
            check(status(other.recv(100)) == 200, "another address")
        time.sleep(0.1)
    for s in slow:
        s.close()
    check(len(took) == 8 and all(4 < t < 8 for t in took.values()), f"trickles were cut after {sorted(took.values())} s")


def behind_a_proxy():
    """All come from one address; with --http-trusted-proxy their limits are their own, without it they share them."""
    def readers(p, n, client):
        answers = []
        for i in range(n):
            s = socket.create_connection(("127.0.0.1", p.port), timeout=5)
            s.sendall(request("/v1/live", f"X-Forwarded-For: 6.6.6.{i}, {client(i)}"))
            try:
                answers.append((s, status(s.recv(100))))
            except ConnectionError:
                answers.append((s, 0))
        for s, _ in answers:
            s.close()
        p.wait_connections(0)
        return [code for _, code in answers]

    for options, one, many_codes in [([], [200] * 8 + [0] * 4, [200] * 8 + [0] * 4),
                                     (["--http-trusted-proxy", "127.0.0.0/8"], [200] * 8 + [503] * 4, [200] * 12)]:
        p = Program(EARMARK, SOURCE, [*options, *DEMO])
        check((got := readers(p, 12, lambda i: "10.0.0.1")) == one, f"{options}, one client: {got}")
        check((got := readers(p, 12, lambda i: f"10.0.1.{i}")) == many_codes, f"{options}, many clients: {got}")
        check(p.end() == 0, "its end")


def no_descriptors():
    """With none left, who comes is turned away, nothing spins, and the next is answered."""
    p = Program(EARMARK, SOURCE, DEMO)
    p.wait_hop()
    n = len(os.listdir(f"/proc/{p.process.pid}/fd"))
    resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (n + 2, n + 2))
    held = [socket.create_connection(("127.0.0.1", p.port), timeout=5) for _ in range(6)]
    time.sleep(0.5)
    before = cpu_s(p)
    time.sleep(1)
    spent = cpu_s(p) - before
    for s in held:
        s.close()
    end, answer = time.monotonic() + 5, b""
    while status(answer) != 200 and time.monotonic() < end:
        answer = talk(p.port, request())
    check(status(answer) == 200, "after that it answers again")
    check(spent < 0.8, f"{spent:.2f} s of computing in a second without descriptors")
    check(p.end() == 0, "its end")


def cpu_s(p):
    with open(f"/proc/{p.process.pid}/stat", encoding="utf-8") as f:
        row = f.read().rsplit(")", 1)[1].split()
    return (int(row[11]) + int(row[12])) / os.sysconf("SC_CLK_TCK")


def unix_socket():
    """Mode 0600, no token, names as elsewhere; gone with the program, and what a killed one left is no obstacle."""
    def ask(path, *fields, host="localhost"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(path)
            s.sendall(request("/metrics", *fields, host=host))
            return status(s.recv(100))

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/page"
        subprocess.run([EARMARK, "-m", f"{SOURCE}/config/models/nano.safetensors", "--doctor", "--http", f"unix:{path}", *DEMO[1:]],
                       capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        check(not os.path.exists(path), "--doctor leaves the socket that it tried")
        for ends in [9, 15]:
            p = Program(EARMARK, SOURCE, DEMO, address=f"unix:{path}")
            check(os.stat(path).st_mode & 0o777 == 0o600, "its mode", oct(os.stat(path).st_mode))
            check(ask(path) == 200 and ask(path, host="example.com") == 403, "what it answers")
            refuses(6, f"cannot listen at unix:{path}: Address already in use", "--http", f"unix:{path}", *DEMO)
            code = p.end(ends)
            check(code == (0 if ends == 15 else -9) and os.path.exists(path) == (ends == 9), f"its end: {code}")
        open(path, "w", encoding="utf-8").close()
        refuses(6, f"cannot listen at unix:{path}: ", "--http", f"unix:{path}", *DEMO)
        check(os.path.isfile(path), "a file of somebody's is gone")
        refuses(6, "unix:/nowhere/page", "--http", "unix:/nowhere/page", *DEMO)
        refuses(2, "--http", "--http", "unix:", *DEMO)
        refuses(2, "--http", "--http", "unix:" + "x" * 108, *DEMO)


def basic(token, user="me"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def tokens():
    p = Program(EARMARK, SOURCE, ["--http-token", "token", *DEMO])
    path = os.path.join(p.folder.name, "token")
    token = open(path).read().strip()
    check(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) and os.stat(path).st_mode & 0o777 == 0o600, "the token's file", oct(os.stat(path).st_mode))
    paths = re.findall(r'(?:src|href)="([^"]+)"', p.get("/", basic(token))[2])
    for route in ["/", "/metrics", "/v1/classes", "/v1/events", "/v1/scores", "/v1/live", *(f"/{x}" for x in paths)]:
        code, fields, _ = p.get(route)
        check(code == 401 and fields["www-authenticate"].startswith("Basic "), f"{route} without the token: {code}")
    check(p.get("/healthz")[0] == 200, "/healthz needs no token")
    check(p.get("/metrics", {"Authorization": f"Bearer {token}"})[0] == 200, "Bearer")
    check(p.get("/metrics?token=" + token)[0] == 401, "a token in the URL counts for nothing")
    check(p.get("/metrics", dict(basic(token), Host="example.com"))[0] == 403, "the Host comes first")
    check(token not in p.read_said(), "the token is in the log")
    guesses = ["", token[:-1], token + "A", "A" * 43, token.swapcase()]
    for guess in guesses:
        check(p.get("/metrics", basic(guess))[0] == 401, f"the guess {guess!r}")
    check(p.get("/metrics", {"Authorization": "Basic !!!"})[0] == 401 and p.get("/metrics", {"Authorization": "Digest x"})[0] == 401, "broken fields")
    check(p.get("/metrics", basic(token))[0] == 200, "some guesses do not lock the owner out")
    for _ in range(10):
        last = p.get("/metrics", basic("wrong"))
    check(last[0] == 429 and last[1]["retry-after"] == "60", f"the eleventh guess: {last[0]}")
    check(p.get("/metrics", basic(token))[0] == 429, "who guesses too often waits, whatever he says then")
    check(p.get("/healthz")[0] == 200, "/healthz is for all")
    check(p.end() == 0, "its end")


def refuses(code, sentence, *args):
    r = subprocess.run([EARMARK, "-m", f"{SOURCE}/config/models/nano.safetensors", *args], capture_output=True, text=True, timeout=60,
                       stdin=subprocess.DEVNULL)
    lines = r.stderr.strip().splitlines()
    if lines and lines[-1].startswith("Try "):
        lines.pop()
    check(r.returncode == code and sentence in r.stderr and len(lines) == 1, f"{args}: {r.returncode} {r.stderr}")


def bad_options(folder):
    def file(name, text, mode):
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    for address in ["", "x", "1.2.3.4", "1.2.3:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1", "example.com:80",
                    ":80", "127.0.0.1:80x", "[127.0.0.1]:80", "1" * 100 + ":80"]:
        refuses(2, "--http", f"--http={address}", *DEMO)
    refuses(2, "needs a token", "--http", "0.0.0.0:0", *DEMO)
    refuses(2, "needs a token", "--http", "[::]:0", *DEMO)
    refuses(2, "can be read by others", "--http", "127.0.0.1:0", "--http-token", file("open", "A" * 43, 0o644), *DEMO)
    refuses(2, "holds no token", "--http", "127.0.0.1:0", "--http-token", file("short", "A" * 31, 0o600), *DEMO)
    refuses(2, "holds no token", "--http", "127.0.0.1:0", "--http-token", file("long", "A" * 129, 0o600), *DEMO)
    refuses(2, "holds no token", "--http", "127.0.0.1:0", "--http-token", file("odd", "A" * 40 + " \x1b[31m", 0o600), *DEMO)
    refuses(6, "nowhere/token", "--http", "127.0.0.1:0", "--http-token", f"{folder}/nowhere/token", *DEMO)
    refuses(2, "--http-host", "--http-host", "a b", *DEMO)
    for proxy in ["", "x", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "ear.lan"]:
        refuses(2, "--http-trusted-proxy", f"--http-trusted-proxy={proxy}", *DEMO)
    refuses(2, "cannot go together", "--http", "127.0.0.1:0", "--summary", *DEMO)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refuses(6, f"cannot listen at 127.0.0.1:{taken.getsockname()[1]}", "--http", f"127.0.0.1:{taken.getsockname()[1]}", *DEMO)


def main():
    p = Program(EARMARK, SOURCE, ["--http-host", "ear.lan", *DEMO])
    bad_options(p.folder.name)
    answers(p)
    raw_requests(p)
    early_ends(p)
    slow_headers(p)
    check(p.end() == 0, "its end")
    tokens()
    behind_a_proxy()
    no_descriptors()
    unix_socket()
    finish()


main()
