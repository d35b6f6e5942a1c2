#!/bin/bash
# endings.sh - how a run ends: signals, closed and stopped readers, absent devices.
. "$(dirname "$0")/lib.sh"

# A pipe that nobody reads any more is no failure.
em "$demo" 2>err | head -n 1 >out
[ "${PIPESTATUS[0]}" -eq 0 ] || bad "a closed pipe: exit code ${PIPESTATUS[0]}"
one_line out; empty err

# signal NAME args...: starts, waits for the first record, sends it (three times); exit code 0 and a whole last record.
signal() {
    local name=$1 i pid
    shift
    : >out
    em -f jsonl --scores "$@" >out 2>err </dev/null &
    pid=$!
    for i in $(seq 200); do grep -q '"scores"' out && break; sleep 0.05; done
    # Twice at once, as when a terminal and a wrapper both pass it on: still one wish.
    for i in 1 2 3; do pkill -"$name" -P $pid 2>/dev/null; done
    wait $pid
    local code=$?
    [ $code -eq 0 ] || bad "SIG$name: exit code $code: $(cat err)"
    tail -n 1 out | grep -q '"type":"stop"' || bad "SIG$name: the last record is $(tail -n 1 out | head -c 200)"
    "$jsonl_check" <out >/dev/null || bad "SIG$name: whole records, and the counters add up"
}
signal INT --realtime "$demo"
signal INT --realtime -o - -f text -o live.txt "$demo"; [ -s live.txt ] || bad "live sound may end at any moment"
signal TERM --realtime "$demo"

# Files and pipes that wait for us are done at their end only: no name for a part, no summary, and the signal is seen.
# cut NAME CODE FILE TEXT args...: sends the signal when TEXT is in FILE. Standard input goes through.
cut() {
    local name=$1 want=$2 file=$3 text=$4 i pid
    shift 4
    timeout 60 "$earmark" "$@" >out 2>err <&0 &
    pid=$!
    for i in $(seq 200); do grep -qs "$text" "$file" && break; sleep 0.05; done
    pkill -"$name" -P $pid 2>/dev/null
    wait $pid
    local code=$?
    [ $code -eq "$want" ] || bad "SIG$name before the end: exit code $code, not $want: $(cat err)"
}
echo old >part.jsonl
cut INT 130 part.jsonl.part '"scores"' -f jsonl --scores --step 0.1 -o part.jsonl "$demo" "$demo" "$demo" "$demo" </dev/null
[ "$(cat part.jsonl)" = old ] || bad "a part has the name of the whole"
"$jsonl_check" <part.jsonl.part >/dev/null || bad "what was heard is whole records"
tail -n 1 part.jsonl.part | grep -q '"type":"stop"' || bad "the last record is $(tail -n 1 part.jsonl.part | head -c 200)"
one_line err; says err 'stays in part.jsonl.part'
cut TERM 143 s/demo.flac.jsonl.part '"start"' -f jsonl --summary --step 0.01 --out-dir s "$demo" </dev/null
[ ! -e s/demo.flac.jsonl ] && ! grep -q '"summary"' s/* || bad "a summary of a part: $(ls s)"
cut INT 130 pipe.part 0:01 -o pipe - < <(noise_wav 320000; sleep 20)
[ ! -e pipe ] && [ -s pipe.part ] || bad "a pipe that waits was cut off"

# A pipe that is a device: nobody may wait, and the end of the pipe ends the run.
noise_wav 96000 | em --live -f jsonl --scores - >out 2>err
[ $? -eq 0 ] || bad "--live: $(cat err)"
"$jsonl_check" <out >/dev/null || bad "--live: whole records, and the counters add up"
says out '"state":"up"'

# A reader that has stopped does not hold up the end.
mkfifo slow
sleep 30 <slow &
reader=$!
timeout 60 "$earmark" -f jsonl --scores=all --realtime --step 0.02 "$demo" >slow 2>err </dev/null &
pid=$!
sleep 3
pkill -INT -P $pid 2>/dev/null
for i in $(seq 100); do kill -0 $pid 2>/dev/null || break; sleep 0.05; done
kill -0 $pid 2>/dev/null && { bad "a stopped reader holds up the end"; kill -9 $pid; }
kill $reader 2>/dev/null
wait 2>/dev/null

# Two signals within the time that an end may take are one wish: a stopped reader is given its second, and the file
# beside it gets its last record and its name.
sleep 30 <slow &
reader=$!
timeout 60 "$earmark" -f jsonl --scores=all -o twice.jsonl -f jsonl --scores=all -o slow --realtime --step 0.02 "$demo" 2>err </dev/null &
pid=$!
sleep 3
for i in 1 2; do pkill -INT -P $pid 2>/dev/null; sleep 0.7; done
wait $pid
code=$?
[ $code -eq 0 ] || bad "twice SIGINT: exit code $code"
tail -n 1 twice.jsonl | grep -q '"type":"stop"' || bad "twice SIGINT: the last record is $(tail -n 1 twice.jsonl | head -c 200)"
kill $reader 2>/dev/null
wait 2>/dev/null

# An end that hangs (here: a FIFO that nobody opens) is ended by another signal 3 s later.
mkfifo nobody
timeout 60 "$earmark" -o nobody "$demo" 2>err </dev/null &
pid=$!
sleep 1.5
pkill -TERM -P $pid 2>/dev/null; sleep 3.2; pkill -TERM -P $pid 2>/dev/null
wait $pid
code=$?
[ $code -eq 143 ] || bad "SIGTERM while the end hangs: exit code $code"

# Live, a reader that is stuck takes nothing from the output beside it, and does not hold up an end that comes by itself.
# counts FILE: hops scored and records lost; skipped: hops that the machine was too late for.
counts() {
    echo $(($(grep -c '"type":"scores"' "$1") +
            $(sed -n 's/.*"type":"lost".*"records":\([0-9]*\).*/\1/p' "$1" | paste -sd+ | sed 's/^$/0/')))
}
skipped() { sed -n 's/.*"skipped_hops":\([0-9]*\).*/\1/p' "$1"; }
sleep 60 <slow &
reader=$!
started=$SECONDS
em -f jsonl --scores=all --slots -o slow -f jsonl --scores=all --slots -o beside.jsonl --live --step 0.1 --duration 4 "$demo" 2>err </dev/null
code=$?
[ $code -eq 0 ] || bad "a stuck reader, live: exit code $code"
[ $((SECONDS - started)) -lt 20 ] || bad "a stuck reader holds up the end of a live run: $((SECONDS - started)) s"
says err 'slow: the reader takes nothing'
kill $reader 2>/dev/null
wait 2>/dev/null
"$jsonl_check" <beside.jsonl >/dev/null || bad "whole records beside a stuck reader"
[ $(($(grep -c '"type":"scores"' beside.jsonl) + $(skipped beside.jsonl))) -eq 40 ] ||
    bad "beside a stuck reader: $(grep -c '"type":"scores"' beside.jsonl) records, $(skipped beside.jsonl) hops skipped, of 40"

# One that goes on later sees the hole and the end.
# until_late: 80 hops were told beside it, or all there will be.
until_late() {
    for _ in $(seq 200); do
        [ "$(grep -cs '"type":"scores"' beside.jsonl.part)" -ge 80 ] 2>/dev/null || [ -e beside.jsonl ] && return
        sleep 0.05
    done
}
rm -f beside.jsonl
(until_late; cat) <slow >later.jsonl &
em -f jsonl --scores=all --slots -o slow -f jsonl --scores -o beside.jsonl --live --step 0.05 --duration 5 "$demo" 2>err </dev/null
code=$?
wait
[ $code -eq 0 ] || bad "a late reader: exit code $code"
"$jsonl_check" <later.jsonl >types || bad "whole records for a late reader"
[ "$(tail -n 1 types)" = stop ] || bad "a late reader sees $(uniq -c types | tr '\n' ' ')"
# (An output holds 64 records. A machine too slow for most hops has little to lose.)
[ "$(grep -c lost types)" -eq 1 ] || [ "$(grep -c '"type":"scores"' beside.jsonl)" -lt 80 ] ||
    bad "a late reader sees no hole: $(uniq -c types | tr '\n' ' ')"
[ $(($(counts later.jsonl) + $(skipped later.jsonl))) -eq 100 ] ||
    bad "a late reader: $(counts later.jsonl) records and holes, $(skipped later.jsonl) skipped, of 100"
! grep -q lost types || says err 'records were dropped'

# Devices that are not there: at once, or after the time to wait.
features=$(em --version)
case $features in *'jack: yes'*)
    run 4 --jack --jack-server em-test-none; empty out; one_line err; says err 'em-test-none'
    run 4 --jack --jack-server em-test-none --jack-wait=0.5; empty out; says err 'em-test-none' ;;
*)  run 4 --jack; says err 'EARMARK_JACK' ;;
esac
case $features in *'portaudio: yes'*) ASAN_OPTIONS=detect_leaks=0 run 4 --device em-test-none; empty out; says err 'em-test-none' ;;
*)  run 4 --device x; says err 'EARMARK_PORTAUDIO' ;;
esac
finish
