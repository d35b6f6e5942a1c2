#!/bin/bash
# until.sh - waiting for a sound: the exit status is the answer, whatever the sound comes from, and the wait always ends.
. "$(dirname "$0")/lib.sh"

# The demo's second sound, and the class above its first one (a bark, told as such).
onset_of() { jq -r --arg name "$1" 'select(.type == "onset" and .label == $name) | .time' "$2" | head -n 1; }
run 0 -f jsonl --store demo.scores "$demo"; cp out all.jsonl
second=Rain
told=$(jq -r --arg name "$second" 'select(.type == "onset" and .label == $name) | .time + .delay' all.jsonl | head -n 1)

run 0 -f jsonl --until "$second" "$demo"; empty err
[ "$(onset_of "$second" out)" = "$(onset_of "$second" all.jsonl)" ] || bad "its onset: $(cat out)"
jq -e -s --argjson told "$told" '.[-1].type == "stop" and (.[-1].time - $told | fabs) < 0.002' out >/dev/null ||
    bad "it ends at the hop that told: $(tail -n 1 out)"
jq -e -s '[.[] | select(.type == "onset") | .id] as $on | [.[] | select(.type == "offset" or .type == "retract") | .id] as $off |
          ($on | sort) == ($off | sort)' out >/dev/null || bad "not every onset has one end: $(cat out)"
events() { grep -v '"stop"' "$1"; }           # what was captured by then depends on the reader's lead
cp out want; run 0 -f jsonl --until "$second" --step 1 "$demo"; [ "$(events out)" = "$(events want)" ] || bad "not the same twice"
em -f jsonl --until Dog --watch Dog --watch Bark "$demo" >out 2>err; [ $? -eq 0 ] || bad "what is below it counts: $(cat err)"
says out '"label":"Bark"'
run 0 --until it --group "it=$second" "$demo"
run 0 --until "$second" --until Dog "$demo"; ! grep -qF "$second" out || bad "the first of several ends it: $(cat out)"
run 0 -o until.txt --until Dog "$demo"; [ -s until.txt ] && [ ! -e until.txt.part ] || bad "what was heard is whole: $(ls)"

# not heard: at the end of the sound, after the time, and of several files together
silence_wav $((3 * 32000)) >silence.wav
run 1 --scores=none --until Dog silence.wav; empty out; empty err
run 1 -f jsonl --until "$second" --timeout 2.5 "$demo"; says out '"type":"stop","source":"demo.flac","time":2.500'; empty err
run 1 --until "$second" --duration 2 "$demo"
run 0 --until Dog silence.wav silence.wav "$demo"
run 1 -f jsonl --until Dog --timeout 5 silence.wav silence.wav "$demo"; says out '"time":2.000'
! grep -q demo.flac out || bad "it goes on: $(cat out)"
run 4 --until Dog silence.wav nope.wav
run 0 --until Dog nope.wav "$demo"

# nobody makes a script hang: pipes that send nothing, little, or silence at their own pace
ends_in() {         # ends_in SECONDS COMMAND...: exit code 1, after at least 1 s and in time
    local most=$1 from=$EPOCHREALTIME code took
    shift
    "$@" >out 2>err; code=$?
    took=$(awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN { printf "%d", (b - a) * 1000 }')
    [ $code -eq 1 ] && [ "$took" -ge 1000 ] && [ "$took" -lt $((most * 1000)) ] || bad "$*: exit code $code after $took ms: $(cat err)"
    empty err
}
ends_in 12 em -q --until Dog --timeout 1 - < <(sleep 14)
ends_in 12 em -q --until Dog --timeout 1 --raw s16le < <(sleep 14)
ends_in 12 em -q --until Dog --timeout 1 - < <(silence_wav 320000 | head -c 32044; sleep 14)
ends_in 12 em -q --until Dog --timeout 1 --live - < <(silence_wav 320000 | head -c 32044; sleep 14)
em -q --until Dog --timeout 30 - < <(silence_wav 32000) >out 2>err; [ $? -eq 1 ] || bad "a pipe that ends: $(cat err)"
timeout 60 "$earmark" --until Dog --realtime silence.wav silence.wav >out 2>err </dev/null & pid=$!
for _ in $(seq 200); do [ -s out ] && break; sleep 0.05; done
pkill -TERM -P $pid; wait $pid; code=$?
[ $code -eq 1 ] || bad "a signal before it was heard: exit code $code: $(cat err)"

# kept scores answer the same
again() { local code=$1; shift; run "$code" --replay demo.scores "$@"; }
again 0 -f jsonl --until "$second"; events out >got; events want >wanted; cmp -s got wanted || bad "--replay: $(diff got wanted | head -c 300)"
again 1 --until "$second" --timeout 2.5
again 1 --until "$second" --min-on 600

# what can never come is wrong use
run 2 --until Bogus "$demo"; says err '"Bogus" is unknown'
run 2 --until Meow "$demo"; says err 'Meow is never told'; one_line err 2
run 2 --until Dog --watch "$second" "$demo"; says err 'Dog is never told'
run 2 --until Dog --summary "$demo"; says err '--until'
run 2 --timeout 5 "$demo"; says err '--timeout is for --until'
run 2 --until Dog --timeout -1 "$demo"; says err '--timeout'
finish
