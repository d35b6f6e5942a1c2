#!/bin/bash
# ranks.sh PROGRAM SOURCE JSONL_CHECK HAS_MPI - two ranks with a batch are one rank with it; one that dies ends the run, which goes on from its state.
. "$(dirname "$0")/lib.sh"
needs_mpi "${4:-OFF}"
two=(mpirun --oversubscribe --bind-to none -n 2 "$earmark" --train "${small[@]}")

made sounds set 5 tone noise clicks
recipe=(--data set --epochs 3 --mixup 1 --cutmix 0.5 --drop-path 0.2 --average 2 --slot-loss 1 --progress=jsonl)

em --train "${small[@]}" "${recipe[@]}" --out one >out 2>one.err || bad "one rank: $(tail -n 1 one.err)"
timeout -k 5 60 "${two[@]}" "${recipe[@]}" --out two >out 2>two.err </dev/null || bad "two ranks: $(tail -n 3 two.err)"
made curve one.err two.err 1e-5
timeout -k 5 60 "${two[@]}" "${recipe[@]}" --out twice >out 2>two.err </dev/null || bad "two ranks again: $(tail -n 3 two.err)"
same_run twice two
[ "$(grep -c '"type":"step"' two.err)" -eq 9 ] || bad "steps are told $(grep -c '"type":"step"' two.err) times, not 9"
timeout -k 5 60 "${two[@]}" "${recipe[@]}" --resume --out two >out 2>err </dev/null || bad "a finished run: $(tail -n 3 err)"
same_run twice two

timeout -k 5 60 "${two[@]}" "${recipe[@]}" --batch 5 --out odd >out 2>err </dev/null
[ $? -eq 2 ] || bad "5 windows on 2 ranks: $(tail -n 3 err)"
says err 'a batch of 5 windows cannot be shared by 2 ranks'

# One of them is killed in the middle.
loses_a_rank 5 timeout -k 5 60 "${two[@]}" "${recipe[@]}" --epochs 400 --save-steps 1 --out dead
ls dead/state-*.safetensors >/dev/null 2>&1 || bad "a killed rank: no state is left: $(ls dead)"
"$earmark" --train "${small[@]}" "${recipe[@]}" --epochs 400 --save-steps 1 --resume --out dead >out 2>err </dev/null &
one=$!
for _ in $(seq 3000); do grep -qs '"type":"step"' err && break; kill -0 $one 2>/dev/null || break; sleep 0.01; done
first=$(grep -m 1 '"type":"step"' err | sed 's/.*"step":\([0-9]*\),.*/\1/')
kill -INT $one
wait $one 2>/dev/null
[ "${first:-0}" -ge 5 ] || bad "one rank does not go on from the state of two: it begins with step ${first:-none}: $(tail -n 1 err)"

finish
