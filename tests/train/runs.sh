#!/bin/bash
# runs.sh - a run through the program: what it leaves, and that stopping, killing and going on change no byte of it.
. "$(dirname "$0")/lib.sh"
made sounds set 5 tone noise clicks
recipe=(--data set --epochs 6 --mixup 0.5 --drop-path 0.1 --average 2 --save-steps 1 --progress=jsonl)

# stopped_at STEP SIGNAL args...: the run gets the signal once it has told of that step; its exit code in $code
stopped_at() {
    local step=$1 number=$2 pid
    shift 2
    "$earmark" --train "${small[@]}" "$@" >out 2>err </dev/null &
    pid=$!
    for _ in $(seq 3000); do
        grep -qs "\"step\":$step," err && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.01
    done
    kill -s "$number" $pid
    wait $pid 2>/dev/null
    code=$?
}

trains 0 "${recipe[@]}" --out straight
json straight/log.jsonl '[r["epoch"] for r in x] == [1, 2, 3, 4, 5, 6] and [r["step"] for r in x] == [3, 6, 9, 12, 15, 18]'
json straight/log.jsonl 'all(r["loss"] > 0 and r["lr"] > 0 and r["skipped"] == 0 and 0 <= r["valid_map"] <= 1 for r in x)'
json straight/log.jsonl 'x[-1]["lr"] < x[1]["lr"]'
[ "$(grep -c '"type":"step"' err)" -eq 18 ] || bad "18 steps are not told: $(cat err)"
[ "$(ls straight/state-*.safetensors | wc -l)" -eq 2 ] || bad "two states stay: $(ls straight)"
[ -z "$(ls straight | grep -vE '^((state|weights)-[0-9]*.safetensors|(best|last).safetensors|log.jsonl|lock)$')" ] ||
    bad "files that nobody knows: $(ls -a straight)"
run 0 --inspect straight/last.safetensors; says out 'clicks, noise, tone'; says out '3 classes'
run 0 -m straight/last.safetensors set/tone0.wav

# Something is learnt, without what makes it harder: three sounds are soon told apart.
plain=(--data set --lr 0.004 --mixup 0 --neighbours 0 --bed 0 --empty 0 --mask-time 0 --mask-mel 0 --drop-path 0)
trains 0 "${plain[@]}" --epochs 40 --validate 0 --out learnt
json learnt/log.jsonl 'sum(r["loss"] for r in x[-5:]) < 0.3 * sum(r["loss"] for r in x[:5])'
same learnt/best.safetensors learnt/last.safetensors

trains 0 "${recipe[@]}" --threads 2 --out threads
same_run threads straight
trains 0 "${recipe[@]}" --recompute --out recomputed
same_run recomputed straight

stopped_at 5 INT "${recipe[@]}" --out stopped
[ $code -eq 130 ] || bad "SIGINT: exit code $code: $(tail -n 2 err)"
tail -n 1 err | grep -q 'stopped after step [0-9]* of 18; --resume goes on' || bad "SIGINT: $(tail -n 2 err)"
trains 2 "${recipe[@]}" --out stopped; sentence 'stopped holds a run already: --resume goes on with it'
trains 2 "${recipe[@]}" --seed 2 --resume --out stopped; sentence 'is of a run with other data, model or settings'
trains 2 "${recipe[@]}" --lr 0.002 --resume --out stopped; sentence 'is of a run with other data, model or settings'
cp -r set other; sed -i 's/tone0.wav,tone/tone0.wav,noise/' other/set.csv
trains 2 "${recipe[@]}" --data other --resume --out stopped; sentence 'is of a run with other data, model or settings'
stopped_at 10 TERM "${recipe[@]}" --recompute --resume --out stopped
[ $code -eq 143 ] || bad "SIGTERM: exit code $code"
mv set moved                            # the same clips in another place, a run in another folder, by other threads, blocks kept
mv stopped gone-on
trains 0 "${recipe[@]}" --data moved --threads 2 --resume --out gone-on
mv moved set
same_run gone-on straight

for step in 2 3 7 13 18; do
    stopped_at $step KILL "${recipe[@]}" --resume --out killed
    [ $code -eq 137 ] || bad "SIGKILL after step $step: exit code $code: $(tail -n 2 err)"
done
trains 0 "${recipe[@]}" --resume --out killed
same_run killed straight

# A state that was damaged on the disk is told, and the one before it taken.
stopped_at 8 KILL "${recipe[@]}" --out damaged
newest=$(ls -v damaged/state-*.safetensors | tail -n 1)
printf 'X' | dd of="$newest" bs=1 seek=200000 conv=notrunc 2>/dev/null
trains 0 "${recipe[@]}" --resume --out damaged
says err "$newest"
same_run damaged straight

trains 0 "${recipe[@]}" --resume --out fresh            # nothing is saved: afresh
same_run fresh straight

stat -c '%n %Y %Z %s' straight/* >before
trains 0 "${recipe[@]}" --resume --out straight
says err 'straight: the run is finished; nothing is left to do'
stat -c '%n %Y %Z %s' straight/* >after
same after before

finish
