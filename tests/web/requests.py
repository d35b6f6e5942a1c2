"""requests.py EARMARK SOURCE - what the server answers to raw bytes, to whom, and what the options refuse."""
import base64
import os
import re
import socket
import subprocess
import sys
import time

from program import Program, check, finish

EARMARK, SOURCE = sys.argv[1:3]
DEMO = ["--realtime", f"{SOURCE}/config/demo/demo.flac"]
EVERY_ANSWER = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
}


def talk(port, data, seconds=3, host="127.0.0.1"):
    """All that comes back until the server closes or says nothing for a moment."""
    out = b""
    with socket.create_connection((host, port), timeout=seconds) as s:
        s.settimeout(seconds)
        try:
            for piece in [data] if isinstance(data, bytes) else data:
                s.sendall(piece)
                time.sleep(0.02)
            s.settimeout(0.4)
            while piece := s.recv(65536):
                out += piece
        except (TimeoutError, ConnectionError):
            pass
    return out


def status(answer):
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found.group(1)) if found else 0


def request(path="/healthz", *fields, method="GET", version="HTTP/1.1", host="127.0.0.1"):
    lines = [f"{method} {path} {version}"] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def many(n, name="X-A"):
    return [f"{name}{i}: b" for i in range(n)]


# What is sent, the status (0: closed without one, -1: refused in one way or the other), and why.
RAW = [
    (request(), 200, "the plain one"),
    (request(host="localhost"), 200, "localhost is us"),
    (request(host="LOCALHOST:80"), 200, "in any case, with a port"),
    (request(host="127.0.0.1:65535"), 200, "with any port: a proxy may stand before us"),
    (request(host=None), 400, "no Host"),
    (request("/healthz", "Host: 127.0.0.1"), 400, "two Hosts"),
    (request(host=""), 400, "an empty Host"),
    (request(host="example.com"), 403, "a foreign Host"),
    (request(host="127.0.0.1.example.com"), 403, "one that begins like ours"),
    (request(host="localhost.example.com"), 403, "another"),
    (request(host="127.0.0.1:"), 403, "a port without digits"),
    (request(host="127.0.0.1:80x"), 403, "no port"),
    (request(host="127.0.0.2"), 403, "an address that the connection did not come to"),
    (request(host="[::1]"), 403, "likewise"),
    (request(host="user@127.0.0.1"), 403, "a user"),
    (request("/healthz", "Origin: http://127.0.0.1:1"), 200, "our own origin"),
    (request("/healthz", "Origin: https://localhost"), 200, "behind a proxy"),
    (request("/healthz", "Origin: http://example.com"), 403, "a foreign origin"),
    (request("/healthz", "Origin: null"), 403, "a sandboxed page"),
    (request("/healthz", "Origin: file://"), 403, "a file"),
    (request("/", method="HEAD"), 200, "HEAD"),
    (request("/v1/events", method="HEAD"), 200, "HEAD of a feed ends"),
    (request("/", method="POST"), 405, "POST"),
    (request("/", method="PUT"), 405, "PUT"),
    (request("/", method="DELETE"), 405, "DELETE"),
    (request("/", method="OPTIONS"), 405, "OPTIONS: there is no CORS"),
    (request("/", method="TRACE"), 405, "TRACE"),
    (request("/", method="CONNECT"), 405, "CONNECT"),
    (request("/", method="get"), 405, "methods have capitals"),
    (request("/", "Content-Length: 0"), 200, "no body is no body"),
    (request("/", "Content-Length: 5") + b"hello", 400, "a body"),
    (request("/", "Content-Length: 5", method="POST") + b"hello", 400, "a body of POST"),
    (request("/", "Content-Length: 0", "Content-Length: 0"), 400, "two lengths"),
    (request("/", "Content-Length: -1"), 400, "a length below nothing"),
    (request("/", "Content-Length: 99999999999999999999999"), -1, "a length beyond all"),
    (request("/", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, "chunks"),
    (request("/", "Transfer-Encoding: identity"), 400, "any encoding"),
    (request("/", "Content-Length: 0", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, "both"),
    (request("/nowhere"), 404, "no such path"),
    (request("/index.html"), 404, "the page has one name"),
    (request("/../etc/passwd"), 404, "upwards"),
    (request("/%2e%2e/%2e%2e/etc/passwd"), 404, "upwards, escaped"),
    (request("//"), 404, "two slashes"),
    (request("/%2f"), 404, "an escaped slash"),
    (request("/%00"), 404, "an escaped NUL"),
    (request("/page.js%00.html"), 404, "likewise inside"),
    (request("/PAGE.JS"), 404, "paths have their case"),
    (request("/v1/clips/x"), 404, "no files are served"),
    (request("/page.js?x=1"), 200, "a query is not looked at"),
    (request("/", "Range: bytes=0-1"), 200, "no ranges: all of it"),
    (request("/" + "a" * 3000), 404, "a long path"),
    (request("/" + "a" * 5000), 414, "a line of more than 4 KiB"),
    (request("/" + "a" * 60000), -1, "one beyond the memory of a connection"),
    (request("/", *many(40)), 200, "many fields"),
    (request("/", *many(70)), 431, "more than 64"),
    (request("/", *["X: " + "b" * 1000] * 9), 431, "more than 8 KiB"),
    (request("/", "X: " + "b" * 60000), -1, "one beyond the memory of a connection"),
    (request(version="HTTP/1.0"), 200, "HTTP/1.0 is answered and closed"),
    (request(version="HTTP/2.0"), -1, "another protocol"),
    (request(version="HTTP/9.9"), -1, "no protocol"),
    (b"GET /healthz\r\n\r\n", -1, "no version"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0, "TLS"),
    (b"\r\n\r\n\r\n", 0, "nothing"),
    (b"\0" * 100, 0, "zeros"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -1, "HTTP/2"),
    (request("/healthz", "X-Bare"), -1, "a field without a colon"),
    (request("/healthz", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"), 200, "no WebSockets"),
]


def raw_requests(p):
    for data, want, why in RAW:
        got = status(talk(p.port, data))
        check(got == 0 or got >= 400 if want < 0 else got == want, f"{why}: {got}, not {want}: {data[:80]!r}")
        if p.process.poll() is not None:
            check(False, f"the program died of: {why}")
            return
    answer = talk(p.port, request("/", "Content-Length: 30") + request("/metrics"))
    check(answer.count(b"HTTP/1.1") == 1, "a request hides in a body", answer[:200])
    answer = talk(p.port, request() + request("/v1/classes") + request("/nowhere"))
    check(answer.count(b"HTTP/1.1") == 3, "requests in a row on one connection", answer[:300])
    answer = talk(p.port, [bytes([b]) for b in request()])
    check(status(answer) == 200, "a byte at a time")
    answer = talk(p.port, request(version="HTTP/1.0"))
    check(b"Connection: close" in answer or b"onnection: keep-alive" not in answer.lower(), "HTTP/1.0 stays open")
    answer = talk(p.port, request() * 105, seconds=10)
    check(answer.count(b"HTTP/1.1 200") == 100, f"{answer.count(b'HTTP/1.1 200')} requests on a connection, not 100")


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
    """Who does not come to an end with his first request is cut after 5 s, however busily he trickles."""
    with socket.create_connection(("127.0.0.1", p.port), timeout=10) as s:
        begin = time.monotonic()
        try:
            for byte in b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 200:
                s.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
        took = time.monotonic() - begin
        check(4 < took < 8, f"a trickle was cut after {took:.1f} s")


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
    refuses(2, "cannot go together", "--http", "127.0.0.1:0", "--summary", *DEMO)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refuses(6, f"cannot listen at 127.0.0.1:{taken.getsockname()[1]}", "--http", f"127.0.0.1:{taken.getsockname()[1]}", *DEMO)


def main():
    p = Program(EARMARK, SOURCE, ["--http-host", "ear.lan", *DEMO])
    bad_options(p.folder.name)
    answers(p)
    check(status(talk(p.port, request(host="Ear.lan:8080"))) == 200, "a name of --http-host")
    raw_requests(p)
    slow_headers(p)
    check(p.end() == 0, "its end")
    tokens()
    finish()


main()
