#!/bin/bash
# doctor.sh EARMARK SOURCE_DIR JSONL_CHECK - --doctor on sound with known faults, a real broker that says no, ports that are taken, folders
# that cannot be written. Every broker is this test's own; without mosquitto that part is left out.
. "$(dirname "$0")/../cli/lib.sh"
pids=()
trap '{ kill -9 "${pids[@]}"; wait; } 2>/dev/null; rm -rf "$here"' EXIT

# wav FILE EXPRESSION: two seconds of it at 32000 Hz, t in seconds; beyond -1..1 it is cut off.
wav() {
    python3 - "$1" "$2" <<'P'
import math, random, struct, sys
random.seed(1)
noise = lambda: random.uniform(-1, 1)
value = eval("lambda t: " + sys.argv[2], {"sin": lambda hz, t: math.sin(2 * math.pi * hz * t), "noise": noise})
x = [max(-32768, min(32767, round(32768 * value(n / 32000)))) for n in range(64000)]
data = struct.pack("<64000h", *x)
open(sys.argv[1], "wb").write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 32000, 64000, 2, 16) +
                              b"data" + struct.pack("<I", len(data)) + data)
P
}
# finds CODE CHECK RESULT TEXT args...: the line of that check; every check has one, and nothing else is said but, of settings, where help is
finds() {
    run "$1" --doctor --step 60 "${@:5}"             # a machine that is busy is fast enough for that
    [ "$(cat err)" = "$([ "$1" -ne 2 ] || echo "Try 'earmark --help'")" ] || bad "$(cat err)"
    grep -E "^$3  $2 " out | grep -qF -- "$4" || bad "$2 is not '$3 … $4': $(grep -F "  $2 " out)"
    [ "$(awk '{ print $2 }' out | uniq | tr '\n' ' ')" = \
        'model speed private device rate level clipping hum folder output exec broker http osc osc-port ' ] ||
        bad "the checks: $(cat out)"
    ! grep -q $'\x1b' out || bad "colour in a pipe"
}

wav good.wav '0.05 * noise()'
wav hum.wav '0.1 * sin(50, t) + 0.02 * noise()'
wav clipped.wav '1.5 * sin(440, t)'
wav quiet.wav '0.0002 * sin(1000, t)'
wav silent.wav '0'
finds 0 model pass nano good.wav; [ "$(grep -c ^fail out)" -eq 0 ] || bad "$(cat out)"
says out 'a file or pipe has no clock'; says out '2.0 s heard'
finds 4 hum fail '50 Hz and its multiples are 9' hum.wav; [ "$(grep -c ^fail out)" -eq 1 ] || bad "hum alone: $(cat out)"
finds 4 clipping fail 'turn the input'"'"'s gain down' clipped.wav; [ "$(grep -c ^fail out)" -eq 1 ] || bad "clipping alone: $(cat out)"
finds 4 level fail 'gain up' quiet.wav
finds 4 level fail 'unmute' silent.wav; says out 'skip  hum'
finds 4 device fail nope.wav nope.wav; says out 'skip  level'
finds 4 device fail 'there is only 1' --channel 2 good.wav
finds 3 model fail nope -m nope good.wav; says out 'skip  speed'; says out 'pass  level'
finds 5 speed fail 'choose a longer --step' --threads 1 --step 0.01 -m nano good.wav
finds 2 private fail 'was not trained on human speech' --private good.wav
em --doctor --step 60 --duration 1 - <good.wav >out 2>err || bad "a pipe: $(cat out err)"
grep -q '^pass  device    stdin, .* 1.0 s heard' out || bad "a pipe: $(cat out)"

# a device: a JACK server of this test's own, whose dummy driver has the time and no sound
if command -v jackd >/dev/null && em --version | grep -q 'jack: yes'; then
    export JACK_NO_AUDIO_RESERVATION=1
    setpriv --pdeathsig KILL jackd --no-realtime -n "doctor$$" -d dummy -r 44100 -p 512 >jackd.log 2>&1 &
    pids+=($!)
    for i in $(seq 100); do grep -q 'Listening\|driver is running\|server.*ready\|JACK server starting' jackd.log && break; sleep 0.05; done
    sleep 0.5
    finds 4 level fail 'unmute' --jack --jack-server "doctor$$" --duration 3; says out 'pass  device'
    awk '$2 == "rate" { n = $3 / 44100; exit !(n > .9 && n < 1.01) }' out ||
        bad "its rate: $(grep rate out)"     # a busy machine is late with its dummy
    kill "${pids[-1]}"
    finds 4 device fail 'nobody' --jack --jack-server nobody
fi

# as records
run 0 --doctor --step 60 --json good.wav; [ "$("$jsonl_check" <out | sort -u)" = check ] && one_line out 15 || bad "--json: $(cat out)"
jq -e -s 'map(.result) | unique == ["pass", "skip"]' out >/dev/null || bad "results: $(cat out)"
em --doctor good.wav >/dev/full 2>err; [ $? -eq 6 ] || bad "a full disk"
run 2 --doctor --jack --device x; says err 'choose one source'
python3 - "$earmark" <<'P' || bad "on a terminal it has colours, with NO_COLOR none"
import os, pty, sys
def shown(env):
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(sys.argv[1], [sys.argv[1], "--doctor", "--step", "60", "good.wav"], {**os.environ, "TERM": "xterm", **env})
    out = b""
    try:
        while chunk := os.read(fd, 4096):
            out += chunk
    except OSError:
        pass
    os.waitpid(pid, 0)
    return out
sys.exit(not (b"\x1b[32mpass" in shown({}) and b"\x1b" not in shown({"NO_COLOR": "1"})))
P

# folders: one that is there stays as it is, one that is not is not made
mkdir clips; finds 0 folder pass '--clip-dir clips can be written' --clip-dir clips good.wav
[ -z "$(ls -A clips)" ] || bad "left in clips: $(ls -A clips)"
finds 0 folder pass 'will be made' --clip-dir new/clips good.wav; [ ! -e new ] || bad "new was made"
: >file; finds 6 folder fail 'cannot be written' --clip-dir file good.wav
finds 6 folder fail 'cannot be written' --out-dir /proc/x good.wav

# files: where a run would end with status 6, and none of them is made or touched
finds 0 output pass '--output new.jsonl can be written' -f jsonl -o new.jsonl --store new.scores good.wav
says out 'pass  output    --store new.scores can be written'
finds 6 output fail '--output /nonexistent/x: cannot be opened for writing: No such file or directory: choose' -o /nonexistent/x good.wav
finds 6 output fail '--store /nonexistent/y: cannot' --store /nonexistent/y good.wav
finds 6 output fail '--output clips: cannot be opened for writing: Is a directory' -o clips good.wav
finds 6 output fail '--output /proc/x: cannot' --append -o /proc/x good.wav
finds 2 output fail '-f obs is a file that is written again and again: give it an --output' -f obs good.wav
echo old >old.txt; mkdir blocked.txt.part
finds 0 output pass '--output old.txt can be written' -o old.txt good.wav; finds 0 output pass 'old.txt can be written' --append -o old.txt good.wav
[ "$(cat old.txt)" = old ] && [ ! -e old.txt.part ] || bad "old.txt was touched: $(ls)"
finds 6 output fail '--output blocked.txt: cannot be opened for writing: Is a directory' -o blocked.txt good.wav
ln -s missing/far.txt far; finds 6 output fail '--output far: cannot' -o far good.wav
finds 0 output pass '--output /dev/null can be written' -o /dev/null good.wav
[ ! -e new.jsonl ] && [ ! -e new.scores ] || bad "made: $(ls)"
if em --version | grep -q 'cairo: yes'; then
    finds 0 output pass '--plot new.png can be written' --plot new.png good.wav
    finds 6 output fail '--plot /nonexistent/z.png: cannot' --plot /nonexistent/z.png good.wav
fi
finds 2 output fail '--store: wants a file' --store - good.wav
finds 0 exec pass '/sh would be run' --exec 'sh -c true' good.wav
finds 2 exec fail 'nosuchprogram is no program that can be run' --exec 'nosuchprogram now' good.wav

# ports and addresses
for i in $(seq 20); do
    port=$((20000 + RANDOM % 20000))
    python3 -c "
import socket, sys, time
s = socket.socket(); s.bind(('127.0.0.1', $port)); s.listen(); print('up', flush=True); time.sleep(100)" >taken 2>/dev/null &
    pids+=($!)
    for j in $(seq 40); do grep -q up taken && break 2; sleep 0.05; done
done
if em --version | grep -q 'http: yes'; then
    finds 6 http fail "127.0.0.1:$port: Address already in use" --http 127.0.0.1:$port good.wav
    finds 0 http pass 'is free' --http 127.0.0.1:0 good.wav
    finds 2 http fail '--http-token' --http 0.0.0.0:0 good.wav
    finds 0 http pass 'is free' --http 127.0.0.1:0 --http-token ear.token good.wav; [ ! -e ear.token ] || bad "a token was made"
    finds 6 http fail '/nonexistent/ear.token' --http 127.0.0.1:0 --http-token /nonexistent/ear.token good.wav
    echo short >ear.token; chmod 600 ear.token; finds 2 http fail 'ear.token holds no token' --http 127.0.0.1:0 --http-token ear.token good.wav
fi
finds 0 osc pass '127.0.0.1 port 9000' --osc osc.udp://127.0.0.1:9000/ good.wav
finds 0 osc pass '::1 port 9000' --osc 'osc.udp://[::1]:9000' good.wav
finds 0 osc-port pass '127.0.0.1:0 is free' --osc-port 127.0.0.1:0 good.wav
python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); time.sleep(100)" >taken &
pids+=($!)
for j in $(seq 100); do [ -s taken ] && break; sleep 0.05; done
finds 6 osc-port fail "--osc-port: $(cat taken): cannot be listened to: Address already in use: choose another port" \
    --osc-port "$(cat taken)" good.wav
finds 6 osc fail 'nowhere.invalid' --osc osc.udp://nowhere.invalid:9000/ good.wav

# a broker: not there, silent, right and wrong password; it is told nothing
em --version | grep -q 'mqtt: yes' && command -v mosquitto >/dev/null && command -v mosquitto_passwd >/dev/null || { echo "no mosquitto"; finish; }
finds 6 broker fail 'refused' --mqtt mqtt://127.0.0.1:1 good.wav
finds 6 broker fail 'does not answer' --mqtt mqtt://127.0.0.1:$port good.wav
finds 6 broker fail 'no such host' --mqtt mqtt://nowhere.invalid good.wav
touch passwords; chmod 600 passwords; mosquitto_passwd -b passwords ear right
for i in $(seq 20); do
    broker=$((20000 + RANDOM % 20000))
    printf '%s\n' "user $(id -un)" "listener $broker 127.0.0.1" "password_file $here/passwords" "log_type all" >broker.conf
    mosquitto -c broker.conf >broker.log 2>&1 &
    pids+=($!)
    for j in $(seq 40); do grep -q running broker.log && break 2; sleep 0.05; done
done
finds 0 broker pass "mqtt://127.0.0.1:$broker lets us in" --mqtt mqtt://ear:right@127.0.0.1:$broker good.wav
! grep -q PUBLISH broker.log || bad "it was told something: $(grep PUBLISH broker.log)"
! grep -q right out || bad "the password is shown"
finds 6 broker fail 'does not take this user name and password' --mqtt mqtt://ear:wrong@127.0.0.1:$broker good.wav
finds 6 broker fail 'does not take this user name and password' --mqtt mqtt://127.0.0.1:$broker good.wav
echo right >secret; chmod 644 secret; finds 2 broker fail 'chmod 600' --mqtt mqtt://ear@127.0.0.1:$broker --mqtt-password-file secret good.wav
chmod 600 secret; finds 0 broker pass 'lets us in' --mqtt mqtt://ear@127.0.0.1:$broker --mqtt-password-file secret good.wav
finish
