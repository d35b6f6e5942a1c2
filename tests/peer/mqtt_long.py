"""mqtt_long.py EARMARK DEMO: brokers of the test's own that mosquitto is not: one of MQTT 3.1.1 alone, and ones that send more than was asked
for. What is too long is never kept, ends the connection, and is told once. Every wait is bounded."""
import os, signal, socket, struct, subprocess, sys, tempfile, threading, time

from verdict import check, finish

EARMARK, DEMO = sys.argv[1:]
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, DISCONNECT = 1, 2, 3, 4, 8, 9, 14
MOST = 65536

here = tempfile.mkdtemp()
env = {k: v for k, v in os.environ.items() if not k.startswith("EARMARK_")}
env.update(XDG_CONFIG_HOME=here, HOME=here, LC_ALL="C")
if b"mqtt: yes" not in subprocess.run([EARMARK, "--version"], env=env, capture_output=True, timeout=60).stdout:
    print("built without EARMARK_MQTT")
    sys.exit(77)


def packet(kind, body, flags=0):
    n, length = len(body), b""
    while True:
        length += bytes([n % 128 | (128 if n > 127 else 0)])
        n //= 128
        if not n:
            return bytes([kind << 4 | flags]) + length + body


class Broker:
    """Says yes to protocols up to newest; to who subscribes it sends n_bytes at a switch's topic."""

    def __init__(self, newest, n_bytes):
        self.newest, self.n_bytes = newest, n_bytes
        self.protocols, self.longest_asked, self.n_states = [], None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.hold, args=(line,), daemon=True).start()

    def hold(self, line):
        line.settimeout(30)
        with line, line.makefile("rb") as bytes_in:
            try:
                self.answer(line, bytes_in)
            except (OSError, IndexError, struct.error):
                pass

    def answer(self, line, bytes_in):
        is_new = False
        while True:
            kind = bytes_in.read(1)[0]
            n, shift = 0, 0
            while True:
                digit = bytes_in.read(1)[0]
                n |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    break
            body = bytes_in.read(n)
            if kind >> 4 == CONNECT:
                protocol = body[6]
                self.protocols.append(protocol)
                if protocol > self.newest:
                    line.sendall(packet(CONNACK, b"\0\1"))
                    return
                is_new = protocol == 5
                if is_new and body[11] == 39:
                    self.longest_asked = struct.unpack(">I", body[12:16])[0]
                line.sendall(packet(CONNACK, b"\0\0\0" if is_new else b"\0\0"))
            elif kind >> 4 == SUBSCRIBE:
                line.sendall(packet(SUBACK, body[:2] + (b"\0" if is_new else b"") + b"\1"))
                topic = b"earmark/pi/demo_flac/listening/set"
                if b"listening" in body:
                    head = struct.pack(">H", len(topic)) + topic + (b"\0" if is_new else b"")
                    line.sendall(packet(PUBLISH, head + bytes(self.n_bytes - len(topic))))
            elif kind >> 4 == PUBLISH:
                self.n_states += 1
                n_topic = struct.unpack(">H", body[:2])[0]
                line.sendall(packet(PUBACK, body[2 + n_topic:4 + n_topic]))
            elif kind >> 4 == DISCONNECT:
                return


def hear(broker, is_enough):
    """The demo clip at its own pace, until is_enough; its messages. It ends well."""
    with open(f"{here}/err", "w+b") as err:
        program = subprocess.Popen([EARMARK, "--mqtt-node", "pi", "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--realtime", "--scores=none",
                                    "-f", "jsonl", "-o", f"{here}/out.jsonl", DEMO], env=env, stdin=subprocess.DEVNULL, stderr=err)
        until = time.monotonic() + 60
        while not is_enough() and time.monotonic() < until and program.poll() is None:
            time.sleep(0.05)
        check(is_enough(), f"it comes to {is_enough.__name__}")
        program.send_signal(signal.SIGINT)
        try:
            program.wait(30)
        except subprocess.TimeoutExpired:
            check(False, "it ends")
            program.kill()
            program.wait()
        err.seek(0)
        broker.listener.close()
        return program.returncode, err.read().decode()


# ---- one that knows 3.1.1 alone is asked for 5 once, at once for 3.1.1, and then told all

old = Broker(4, MOST)
def states(): return old.n_states >= 5
code, text = hear(old, states)
check(code == 0, f"status {code}: {text}")
check(old.protocols == [5, 4], f"protocols: {old.protocols}")
check("trying again" not in text and "it sent" not in text, f"64 KiB are taken: {text}")

# ---- too long, from one that was not asked, and from one that does not care

for newest in 4, 5:
    broker = Broker(newest, MOST + 1)
    def again(): return sum(p == newest for p in broker.protocols) >= 3
    code, text = hear(broker, again)
    told = [line for line in text.splitlines() if "trying again" in line]
    check(len(told) == 1 and f"it sent a message of {MOST - 33} bytes, more than the {MOST}" in told[0], f"{newest}: told once: {text}")
    warned = [line for line in text.splitlines() if "it is ignored" in line]
    check(not warned, f"{newest}: what is too long is no command, not even a wrong one: {warned}")
    if newest == 5:
        check(broker.longest_asked == MOST, f"asked for {broker.longest_asked} at most")
finish()
