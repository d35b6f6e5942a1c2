#!/bin/bash
# gate.sh - what is too quiet is of no event: the same from sound, with scores or without, and from kept scores.
. "$(dirname "$0")/lib.sh"

# Two seconds of noise, loud or 40 dB below, between twelve of silence; the levels of the file are what the scores say.
python3 - "$source_dir/config/models/nano.safetensors" <<'P'
import struct, sys
raw = open(sys.argv[1], "rb").read(128000)
loud = struct.unpack("<64000h", raw)
quiet = [int(x / 100) for x in loud]
gap = [0] * 12 * 32000
x = gap + list(loud) + gap + quiet + gap
data = struct.pack("<%dh" % len(x), *x)
with open("scene.wav", "wb") as f:
    f.write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 32000, 64000, 2, 16))
    f.write(b"data" + struct.pack("<I", len(data)) + data)
P
anything=(-f jsonl --all-classes -t 0.005 --progress never)
events() { grep -E '"type":"(onset|offset|retract|stop)"' "$1"; }
onsets() { jq -r 'select(.type == "onset") | .time' "$1"; }
same() { cmp -s "$1" "$2" || bad "$1 and $2 differ: $(diff "$1" "$2" | head -c 300)"; }

run 0 "${anything[@]}" --store scene.scores scene.wav; cp out all.jsonl
onsets all.jsonl | awk '$1 < 11 || $1 > 20 { n++ } END { exit !n }' ||
    bad "nothing is told of what is quiet, gate or not: $(onsets all.jsonl | sort -n | uniq -c)"

# only where it is loud, to the hop; events still end
run 0 "${anything[@]}" --gate -35 scene.wav; cp out gated.jsonl
jq -e -s '[.[] | select(.type == "onset" or .type == "offset")] | length > 0 and all(.time >= 11.99 and .time <= 14.01)' gated.jsonl >/dev/null ||
    bad "beyond the noise: $(jq -c 'select(.type == "offset") | [.onset, .offset]' gated.jsonl | sort | uniq -c)"
[ "$(grep -c '"onset","source"' gated.jsonl)" -eq "$(grep -cE '"(offset|retract)","source"' gated.jsonl)" ] || bad "an event has no end"

# the same whether windows are scored or not, by any number of threads, in any pieces, and from kept scores
run 0 "${anything[@]}" --scores --gate -35 scene.wav; events out >scored; events gated.jsonl >want; same scored want
[ "$(jq -r 'select(.type == "scores" and .gated) | .time' out | wc -l)" -eq 38 ] ||
    bad "gated records: $(jq -r 'select(.type == "scores" and .gated) | .time' out | tr '\n' ' ')"
run 0 "${anything[@]}" --gate -35 --threads 1 --store gated.scores scene.wav; events out >scored; same scored want
run 0 -f jsonl --all-classes -t 0.005 --gate -35 --replay scene.scores; events out >again; same again want
run 0 -f jsonl --all-classes -t 0.005 --replay gated.scores; same out all.jsonl        # what is kept knows no gate
em "${anything[@]}" --gate -35 - <scene.wav >piped 2>err; sed 's/"stdin"/"scene.wav"/; s/"id":"[^"]*"/"id":""/' piped >piped.jsonl
events piped.jsonl >got; sed 's/"id":"[^"]*"/"id":""/' want >wanted; same got wanted
run 0 --scores=top --all-classes --gate -35 scene.wav; [ "$(grep -c '(gated)$' out)" -eq 38 ] || bad "text: $(grep -c gated out)"
late=$(jq -r 'select(.type == "onset" and .time > 22) | .label' all.jsonl | head -n 1)
run 0 -f jsonl --all-classes -t 0.005 --gate -35 --explain "$late" --replay scene.scores; says out '"verdict":"gated"'

# quieter than the gate costs no window: a run over silence scores none
silence_wav $((30 * 32000)) >silence.wav
run 0 -vv --progress never --scores=none --gate -60 silence.wav; says err ' 0 hops, '
run 0 -vv --progress never --scores=none silence.wav; says err ' 30 hops, '
run 0 -vv --progress never --gate -60 silence.wav; says err ' 30 hops, '
run 0 -vv --progress never --scores=none --gate -35 scene.wav; says err ' 11 hops, '

run 2 --gate 3 silence.wav; says err '--gate'
run 2 --gate loud silence.wav; says err '--gate'
finish
