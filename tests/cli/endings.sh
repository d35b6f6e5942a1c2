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
signal TERM --realtime "$demo"

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
