#!/bin/bash
# osc.sh EARMARK SOURCE_DIR JSONL_CHECK HOSTILE_LABELS - oscdump as the receiver: every event as JSON Lines has it, addresses that no label
# can break, a receiver that is not there, and what is said of mistakes.
hostile_labels=$4
. "$(dirname "$0")/../cli/lib.sh"
command -v oscdump >/dev/null && command -v jq >/dev/null || { echo "oscdump or jq is not installed"; exit 77; }
em --version | grep -q 'osc: yes' || { echo "built without EARMARK_OSC"; exit 77; }

is_bound() { grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") " /proc/net/udp /proc/net/udp6 2>/dev/null; }
for i in $(seq 20); do
    port=$((20000 + RANDOM % 20000))
    is_bound && continue
    timeout 100 oscdump -L "$port" >dump 2>&1 &
    receiver=$!
    for j in $(seq 200); do is_bound && break 2; kill -0 $receiver 2>/dev/null || break; sleep 0.05; done
    kill $receiver 2>/dev/null
done
trap 'kill $receiver 2>/dev/null; wait 2>/dev/null; rm -rf "$here"' EXIT
url=osc.udp://127.0.0.1:$port/

run 0 --scores=none --progress never --watch Bark --watch Rain --group farm=Fowl -f jsonl -o demo.jsonl --osc $url "$demo"; empty out; empty err
for i in $(seq 100); do [ "$(grep -c ' /earmark/demo_flac/level ' dump)" -eq 63 ] && break; sleep 0.05; done
grep -oE '/earmark/demo_flac/(onset|offset) .*' dump >got
jq -r 'select(.type == "onset") | [.label, .index // -1, .score, .time] | "/earmark/demo_flac/onset \(.)"' demo.jsonl | wc -l >n
[ "$(grep -c 'onset sifd ' got)" -eq "$(cat n)" ] && [ "$(cat n)" -gt 0 ] || bad "$(grep -c 'onset sifd' got) onsets of $(cat n)"
numbers() { # type fields: label and numbers to three decimals, as both have them
    jq -r "select(.type == \"$1\") | [.label, $2] | @tsv" demo.jsonl |
        awk -F'\t' '{ printf "%s", $1; for (i = 2; i <= NF; i++) printf " %.3f", $i; print "" }'
}
dumped() {
    sed -nE "s|^/earmark/demo_flac/$1 [sifd]+ \"([^\"]*)\" |\1\t|p" got |
        awk -F'\t' '{ printf "%s", $1; n = split($2, x, " "); for (i = 1; i <= n; i++) printf " %.3f", x[i]; print "" }'
}
numbers onset '(.index // -1), .score, .time' >want; dumped onset >have
cmp -s want have || bad "onsets: $(diff want have | head -c 400)"
numbers offset '(.index // -1), .peak, .time, .duration' >want; dumped offset >have
cmp -s want have || bad "offsets: $(diff want have | head -c 400)"
[ "$(grep -c ' /earmark/demo_flac/score/bark f ' dump)" -eq 63 ] && [ "$(grep -c ' /earmark/demo_flac/score/' dump)" -eq 126 ] ||
    bad "scores: $(grep -c '/score/' dump)"

# hostile labels and sources
"$hostile_labels" --osc $url >out 2>err || bad "hostile labels: $(cat err)"
for i in $(seq 100); do [ "$(grep -cE '/earmark/[^ ]+/offset ' dump)" -ge 94 ] && break; sleep 0.05; done
grep -E '/(onset|offset) ' dump | grep -vE ' /earmark/[a-zA-Z0-9_-]+/(onset|offset) sifdd? "' >odd; empty odd
[ "$(grep -cE '/earmark/(dog_wav|a_b_c_wav_1|two_2_--_wav_2)/(onset|offset) ' dump)" -eq 188 ] ||
    bad "hostile: $(grep -oE ' /earmark/[^ ]+' dump | sort | uniq -c)"

# nobody there delays nothing; nobody of that name is an error
kill $receiver; wait $receiver 2>/dev/null
silence_wav 64000 >short.wav
run 0 --scores=none --osc $url short.wav
run 6 --osc osc.udp://no-such-host.invalid:9000/ short.wav; one_line err; says err 'osc.udp://no-such-host.invalid:9000/: '
for wrong in osc.tcp://h:1/ osc.udp://h osc.udp://h:0/ osc.udp://h:70000/ osc.udp://:1/ osc.udp://h:1/x 'osc.udp://a b:1' 'osc.udp://[:1' h:1; do
    run 2 --osc "$wrong" short.wav; one_line err 2; says err 'is not osc.udp://HOST:PORT/'
done
printf '[osc]\nurl = osc.udp://h:70000\n' >osc.conf
run 2 -c osc.conf short.wav; says err 'osc.conf:2: osc'
finish
