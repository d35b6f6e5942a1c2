#!/bin/bash
# faults.sh - runs that cannot go well: what is not finite, a full disk, a wrong model, bad data, wrong calls.
. "$(dirname "$0")/lib.sh"
made sounds set 5 tone noise clicks
quick=(--data set --epochs 6 --save-steps 1 --progress=jsonl)

# ---- not finite. Weights at the end of what a float holds: of the loudest windows it runs over.
made model loud.safetensors 5e37
trains 0 "${quick[@]}" --init loud.safetensors --out skips
json skips/log.jsonl 'x[-1]["skipped"] > 0 and x[-1]["epoch"] == 6 and len(x) == 6'
run 0 -m skips/last.safetensors set/tone0.wav
for step in 2 5 9 14; do                # steps left out and taken back are the same ones for a run that is killed among them
    timeout -s KILL 60 "$earmark" --train "${small[@]}" "${quick[@]}" --init loud.safetensors --resume --out again 2>err >out </dev/null &
    pid=$!
    for _ in $(seq 3000); do grep -qs "\"step\":$step," err && break; kill -0 $pid 2>/dev/null || break; sleep 0.01; done
    kill -INT $pid; wait $pid 2>/dev/null
done
trains 0 "${quick[@]}" --init loud.safetensors --resume --out again
same_run again skips

made model hopeless.safetensors 3e38
trains 7 "${quick[@]}" --init hopeless.safetensors --out hopeless
sentence 'training diverged: loss or gradients of step'
sentence 'batch'
[ ! -e hopeless/last.safetensors ] || bad "a run that diverged leaves a last model"
python3 - hopeless/state-*.safetensors <<'PY' || bad "a saved state holds a number that is not finite"
import array, math, struct, sys
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    (n,) = struct.unpack("<Q", data[:8])
    assert all(map(math.isfinite, array.array("f", data[8 + n:])))
PY
trains 7 "${quick[@]}" --init hopeless.safetensors --resume --out hopeless; sentence 'training diverged'
trains 7 --data set --epochs 1 --init hopeless.safetensors --out short; sentence 'of all 3 steps are not finite'
made model broken.safetensors nan
trains 7 "${quick[@]}" --init broken.safetensors --out broken; sentence 'tensor bn0.weight: element 0 is not a finite number'
cp -r set silent; made nan silent/tone1.wav
trains 0 "${quick[@]}" --data silent --out nan-sound
json nan-sound/log.jsonl 'x[-1]["skipped"] == 0'
# As high as a rate may be, and nothing to hold it: in the end the weights are still numbers, or the run says why not.
train "${quick[@]}" --epochs 20 --lr 10 --clip-norm 0 --warmup 0 --out wild
case $? in 0 | 7) ;; *) bad "a wild rate: $(tail -n 2 err)" ;; esac

# ---- a full disk: the states before it stay, and are gone on with
trains 0 "${quick[@]}" --out straight
(ulimit -f 1000; train "${quick[@]}" --out full)
[ $? -eq 6 ] || bad "no room for the first state: $(tail -n 2 err)"
sentence 'full/state-0.safetensors: '
timeout -s KILL 20 "$earmark" --train "${small[@]}" "${quick[@]}" --out full >out 2>err </dev/null &
pid=$!
for _ in $(seq 3000); do grep -qs '"step":8,' err && break; sleep 0.01; done
kill -INT $pid; wait $pid 2>/dev/null
sha256sum full/state-*.safetensors >before
(ulimit -f 1000; train "${quick[@]}" --resume --out full)
[ $? -eq 6 ] || bad "no room for a state: $(tail -n 2 err)"
sha256sum -c --quiet before || bad "a full disk took a state away"
trains 0 "${quick[@]}" --resume --out full
same_run full straight
trains 6 "${quick[@]}" --out nowhere/run; sentence 'nowhere/run'
: >file; trains 6 "${quick[@]}" --out file; sentence 'file: is there and is not a folder'

# ---- two runs in one folder
(
    exec 9>straight/lock; flock 9
    trains 2 "${quick[@]}" --resume --out straight; sentence 'another run uses this folder now'
    exit $((n_failed > 0))
) || n_failed=$((n_failed + 1))

# ---- models
trains 3 "${quick[@]}" --preset dass-small --init tiny.safetensors --out x
sentence 'tiny.safetensors: none of its blocks fits: it has 8 channels, depths 1 1 1 1; leave --preset out, or name one of tiny, micro, nano,'
trains 3 "${quick[@]}" --init set/set.csv --out x; sentence 'set/set.csv'
trains 3 "${quick[@]}" --init nope.safetensors --out x; sentence 'nope.safetensors'
trains 2 "${quick[@]}" --preset nope --out x; sentence 'preset nope is unknown'
trains 2 "${quick[@]}" --train-window 0.7 --out x
trains 2 "${quick[@]}" --backend tpu --out x

# ---- data
refuses_data() { trains "$1" --epochs 1 --data "$3" --out x; sentence "$2"; [ ! -e x ] || bad "$3: a folder is left: $(ls x)"; }
refuses_data 7 'nope: cannot be read' nope
mkdir empty; refuses_data 2 'empty: no data set: looked for meta/esc50.csv' empty
mkdir bad; echo 'filename,labels,split' >bad/set.csv; refuses_data 7 'has a header and no clips' bad
printf 'x0.wav,tone,train\nx1.wav,noise,train\n' >>bad/set.csv; refuses_data 7 'none of its 2 sound files is there (the first: x0.wav)' bad
: >bad/x0.wav; : >bad/x1.wav
trains 7 --epochs 1 --data bad --out x; sentence 'none of 2 clips could be used: bad/x1.wav: '; rm -rf x
cp -r set valid; sed -i 's/train/valid/' valid/set.csv; refuses_data 7 'no clip is left to learn from' valid
made folds folded 4 tone noise
trains 7 --epochs 1 --data folded --fold 3 --out x; sentence 'folded: there is no clip of fold 3; its folds: 1, 2'
trains 7 --epochs 1 --data set --fold 1 --out x; sentence 'set: there is no clip of fold 1: it has no folds'
[ ! -e x ] || bad "a fold that is not there leaves a folder: $(ls x)"
trains 2 --epochs 1 --data set --layout nope --out x; sentence 'layout "nope" is unknown: esc50, '
cp -r set half; rm half/tone0.wav; echo junk >half/noise1.wav
trains 0 --epochs 1 --data half --out half-run; says err '2 of 15 clips of the set could not be used (--dry-run says why)'
trains 0 --data half --dry-run
says out 'csv: 15 clips, 3 classes'; says out 'half/tone0.wav: cannot be opened'; says out 'half/noise1.wav: is not a sound file'
says out '2 cannot be used'
grep -q '^training: 10 windows an epoch, 60 epochs, .* s a window: about [0-9:]*$' out || bad "no time is told: $(tail -n 1 out)"
grep -q '^tone  *5  *4  *1$' out || bad "no counts: $(cat out)"

# ---- calls
trains 2 --out x; sentence 'which data? --data DIR names them'
trains 2 --data set; sentence 'where to? --out DIR'
trains 2 "${quick[@]}" --epochs 0 --out x; sentence "--epochs: '0'"
trains 2 "${quick[@]}" --head append --init tiny.safetensors --head maybe --out x; sentence "--head: 'maybe'"
trains 2 "${quick[@]}" --mixup-alpha 0 --out x
[ ! -e x ] || bad "a wrong call leaves a folder: $(ls x)"

finish
