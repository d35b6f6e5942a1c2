#!/bin/bash
# osc_in.sh EARMARK SOURCE_DIR JSONL_CHECK - oscsend gives commands: pause, marks, clips, thresholds, the end; what is no command is ignored
# and told once; a port that is taken is a warning.
. "$(dirname "$0")/../cli/lib.sh"
for program in oscsend jq python3; do command -v $program >/dev/null || { echo "$program is not installed"; exit 77; }; done
program=
trap 'kill -9 $program 2>/dev/null; wait 2>/dev/null; rm -rf "$here"' EXIT

# Stationary noise: what the model makes of it at the end is what it makes of it all the time.
noise_wav 32000 >second.wav
{ wav_header 1 1 32000 16 $((60 * 64000)); for i in $(seq 60); do tail -c 64000 second.wav; done; } >noise.wav

# listen ARGS...: a run at its own pace; returns once hops are told. $port is its own.
listen() {
    local i
    for i in $(seq 10); do
        port=$((20000 + RANDOM % 20000))
        : >told
        timeout 100 "$earmark" -f jsonl --scores=top --realtime --osc-port $port "$@" >told 2>said </dev/null &
        program=$!
        seen '"type":"scores"'
        grep -q 'no commands come' said || return
        kill -9 $program; wait $program 2>/dev/null
    done
}
# seen TEXT [N]: N times in the output, within 20 s.
seen() {
    local i
    for i in $(seq 400); do [ "$(grep -cF -- "$1" told)" -ge "${2:-1}" ] && return; kill -0 $program 2>/dev/null || break; sleep 0.05; done
    [ "$(grep -cF -- "$1" told)" -ge "${2:-1}" ] || bad "'$1' does not come: $(tail -n 3 told | cut -c 1-300) $(head -c 400 said)"
}
ends() { # with this code, soon
    local i code
    for i in $(seq 200); do kill -0 $program 2>/dev/null || break; sleep 0.05; done
    kill -9 $program 2>/dev/null && bad "it does not end"
    wait $program; code=$?
    [ $code -eq "$1" ] || bad "exit code $code: $(cat said)"
    "$jsonl_check" <told >/dev/null || bad "whole records, and the counters add up"
}
any() { jq -se "any(.[]; $1)" told >/dev/null || bad "no record with $1: $(cut -c 1-200 told | tail -n 5)"; }

listen --clip-dir clips -f audacity -o labels.txt -f vtt -o cues.vtt --store marks.scores noise.wav
oscsend localhost $port /earmark/mark s $'my\n"door\tbell"'
oscsend localhost $port /earmark/mark
seen '"type":"mark"' 2
oscsend localhost $port /earmark/pause i 1
seen '"state":"off"'
sleep 2.5
oscsend localhost $port /earmark/pause f 0
seen '"state":"on"'
oscsend localhost $port /earmark/clip f 0; oscsend localhost $port /earmark/clip f 1
seen '"type":"mark"' 3
# none of these is a command, nor do they do anything
oscsend localhost $port /nope s $'\x1b[31m'
oscsend localhost $port /earmark/pause s 1; oscsend localhost $port /earmark/pause
oscsend localhost $port /earmark/threshold sf Dog 7; oscsend localhost $port /earmark/threshold f 0.5
oscsend localhost $port /earmark/mark ii 1 2
oscsend localhost $port /earmark/stop s now; oscsend localhost $port /earmark/stop f 0
python3 - $port <<'PY'
import socket, struct, sys
to = ("127.0.0.1", int(sys.argv[1])); s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
word = lambda t: t + b"\0" * (4 - len(t) % 4)
stop = word(b"/earmark/stop") + word(b",")
bundle = lambda *parts: word(b"#bundle") + b"\0" * 8 + b"".join(struct.pack(">I", len(p)) + p for p in parts)
deep = stop
for i in range(6): deep = bundle(deep)
pause = word(b"/earmark/pause")
for bad in (b"", b"junk", b"\0" * 4, b"\xff" * 64, stop[:-4] + b"x", word(b"/earmark/stop") + b",sss",
            pause + word(b",i"), pause + word(b",b") + struct.pack(">I", 1 << 31), deep, word(b"#bundle") + b"\0" * 8 + struct.pack(">I", 1 << 30),
            word(b"/earmark/threshold") + word(b",sf") + word(b"Dog") + struct.pack(">f", float("nan")),
            word(b"/earmark/mark") + word(b",s") + b"\xff" * 60000 + b"\0" * 4,
            pause + word(b",iiiiiiii") + b"\1" * 32, word(b"/" + b"A" * 3000)):
    s.sendto(bad, to)
s.sendto(bundle(word(b"/earmark/mark") + word(b",s") + word(b"of a bundle"), bundle(word(b"/earmark/mark") + word(b",s") + word(b"inner"))), to)
PY
seen '"text":"inner"'
oscsend localhost $port /earmark/stop
ends 0
[ "$(jq -r 'select(.type == "mark") | .text' told | head -n 2)" = $'my\n"door\tbell"' ] || bad "the mark's text: $(grep '"mark"' told)"
any '.type == "mark" and .text == "of a bundle"'
[ "$(grep -c '"type":"mark"' told)" -eq 5 ] || bad "marks: $(grep '"mark"' told)"
[ "$(grep -c '"type":"listening"' told)" -eq 2 ] || bad "pauses: $(grep listening told)"
[ "$(grep -c 'is ignored' said)" -eq 1 ] && ! grep -q $'\x1b' said || bad "said once: $(cat said)"
says said '/nope: there is no such command'; says said 'messages were no commands'
# a pause is silence of the same length: time goes on, and no frame is lost
jq -se '[.[] | select(.type == "listening") | .time] | .[1] - .[0] > 2' told >/dev/null || bad "the pause: $(grep listening told)"
jq -se '[.[] | select(.type == "scores") | .time] == [range(1; 1 + length)]' <(grep '"scores"' told) >/dev/null || bad "times"
any '.type == "scores" and .gated'
[ "$(ls clips | grep -c mark)" -eq 1 ] && [ -e "$(jq -r 'select(.type == "mark" and .clip) | .clip' told)" ] || bad "clips: $(ls clips)"
[ "$(grep -c '	mark: my "door bell"$' labels.txt)" -eq 1 ] && [ "$(awk -F'\t' '$3 ~ /^mark/ && $1 == $2' labels.txt | wc -l)" -eq 5 ] ||
    bad "labels: $(cat labels.txt)"
[ "$(grep -c '^NOTE [0-9:.]* mark' cues.vtt)" -eq 5 ] && [ "$(grep -c ' mark: my "door bell"$' cues.vtt)" -eq 1 ] || bad "notes: $(cat cues.vtt)"
# kept with the scores: the same bytes, but that there is no sound for a clip
run 0 -f jsonl --replay marks.scores
cmp -s <(grep '"mark"' out) <(grep '"mark"' told | sed 's/"clip":"[^"]*"/"clip":null/') ||
    bad "marks again: $(diff <(grep '"mark"' out) <(grep '"mark"' told))"
run 0 -f vtt --vtt=metadata --replay marks.scores
[ "$(grep '^{' out | jq -c 'select(.type == "mark") | .text' | sort)" = "$(grep '"mark"' told | jq -c .text | sort)" ] ||
    bad "cues for scripts: $(cat out)"

# a threshold: what begins at the lowest does not at the highest, and what is open ends
em --progress never -f jsonl --scores=top -k 1 --duration 12 noise.wav >probe 2>err || bad "probe: $(cat err)"
class=$(jq -r 'select(.type == "scores") | .top[0].label' probe | tail -n 1)
listen --watch "$class=1" --duration 40 noise.wav
seen '"type":"scores"' 10
oscsend localhost $port /earmark/threshold sf "$class" 0.01
seen '"type":"onset"'
any '.type == "onset" and .threshold < 0.02'
kill -INT $(pgrep -P $program); ends 0

# a port that is taken: a warning, and the run goes on
silence_wav 64000 >short.wav
listen noise.wav
run 0 -f jsonl --osc-port $port short.wav; says err "--osc-port: $port: cannot be listened to"; says err 'no commands come by OSC'
kill -INT $(pgrep -P $program); ends 0
for wrong in x 70000 -1 host:1 '[::1' :; do run 2 --osc-port "$wrong" short.wav; one_line err 2; says err 'is not PORT or ADDR:PORT'; done
finish
