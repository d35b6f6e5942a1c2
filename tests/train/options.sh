#!/bin/bash
# options.sh - what options make of a run: heads, teachers, losses, mixtures, sampling, parts of a batch, means.
. "$(dirname "$0")/lib.sh"
made sounds set 5 tone noise clicks
made sounds more 3 sweep hum
quick=(--epochs 3 --lr 0.002)
trains 0 --data set "${quick[@]}" --out base
base=(--init base/last.safetensors)

# ---- heads. Appended classes leave what the old ones answer as it was, to the last bit.
trains 0 --data more "${quick[@]}" "${base[@]}" --head append --out appended
run 0 --inspect appended/last.safetensors; says out '5 classes'; says out 'trained      5 of 5'
score_all() {
    for clip in set/tone0.wav set/noise1.wav set/clicks4.wav more/hum0.wav more/sweep2.wav; do
        em -m "$1/last.safetensors" -f jsonl --scores=all --threads 1 $clip 2>/dev/null
    done >"$1.jsonl"
}
score_all base; score_all appended
python3 - <<'PY' || bad "an old class has another score once others were appended"
import json
def scores(path):
    return [r["scores"] for r in map(json.loads, open(path)) if "scores" in r]
old, new = scores("base.jsonl"), scores("appended.jsonl")
assert len(old) == len(new) >= 5
for a, b in zip(old, new):
    assert len(a) == 3 and len(b) == 5, (a, b)
    assert (dict(b.items() & a.items()) if isinstance(a, dict) else b[:3]) == a, (a, b)
PY
trains 0 --data more "${quick[@]}" "${base[@]}" --head append --resume --out appended; says err 'nothing is left to do'
made sounds mixed 3 tone hum
trains 0 --data mixed "${quick[@]}" "${base[@]}" --head append --out mixed-run
run 0 --inspect mixed-run/last.safetensors; says out '4 classes'
trains 2 --data set "${quick[@]}" "${base[@]}" --head append --out nothing-new; sentence 'base/last.safetensors knows every class of set already'
run 0 --inspect appended/last.safetensors; says out 'added to it by --head append, from other sounds: hum, sweep'

# A class that the model has a row for, and no clip ever trained, is a new one: of AudioSet's 527, all but what was heard.
cp -r set named; sed -i 's/,tone,/,Sine wave,/; s/,noise,/,White noise,/; s/,clicks,/,Tick-tock,/' named/set.csv
cp -r more knocks; sed -i 's/,hum,/,Knock,/; s/,sweep,/,Tick-tock,/' knocks/set.csv
trains 0 --data named "${quick[@]}" --label-set audioset --name heard --licence CC0-1.0 --provenance 'tones' --out heard
heard=(--init heard/last.safetensors --head append)
trains 0 --data knocks --epochs 20 --lr 0.01 "${heard[@]}" --out knocked
run 0 --inspect knocked/last.safetensors; says out '527 classes'
says out 'trained      4 of 527: Knock, Tick-tock, Sine wave, White noise'
says out 'tones; added to it by --head append, from other sounds: Knock'; says out 'CC0-1.0; of the sounds added: not said'
knock=$(em --list-classes -m heard/last.safetensors | grep '"Knock"' | cut -d, -f1)
score_all heard; score_all knocked
python3 - "$knock" <<'PY' || bad "a class that was named and never trained"
import json, sys
def scores(path):
    return [r["scores"] for r in map(json.loads, open(path)) if "scores" in r]
old, new, knock = scores("heard.jsonl"), scores("knocked.jsonl"), int(sys.argv[1])
assert len(old) == len(new) == 10 and all(len(a) == len(b) == 527 for a, b in zip(old, new)), (len(old), len(new))
wrong = {c for a, b in zip(old, new) for c in range(527) if (a[c] == b[c]) == (c == knock)}
assert not wrong, wrong
PY
trains 0 --data knocks "${quick[@]}" "${heard[@]}" --provenance mine --licence MIT --out said
run 0 --inspect said/last.safetensors; says out 'mine'; says out 'MIT'; ! grep -q 'added to it' out || bad "what --provenance says is added to"
trains 2 --data named "${quick[@]}" "${heard[@]}" --out x; sentence 'heard/last.safetensors knows every class of named already'

trains 0 --data more "${quick[@]}" "${base[@]}" --out replaced
run 0 --inspect replaced/last.safetensors; says out '2 classes'; says out 'hum, sweep'
# As many classes, but other ones: the old head's rows mean nothing to them.
made sounds three 3 tone sweep hum
trains 0 --data three "${quick[@]}" "${base[@]}" -v --out three-run; says err 'base/last.safetensors: 98 of 100 tensors fit'
trains 0 --data set "${quick[@]}" "${base[@]}" --out again; says err 'base/last.safetensors: 100 of 100 tensors fit'

# tensor FILE NAME-PREFIX: the bytes of those tensors
tensors() { python3 -c '
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = {k: v for k, v in json.loads(data[8:8 + n]).items() if k != "__metadata__"}
for name in sorted(head):
    if name.startswith(tuple(sys.argv[2].split(","))) == (sys.argv[3] == "in"):
        a, b = head[name]["data_offsets"]
        print(name, data[8 + n + a:8 + n + b].hex())' "$@"; }
trains 0 --data more "${quick[@]}" "${base[@]}" --freeze --ema 0 --out frozen
tensors base/last.safetensors tscam_conv,classifier out >a; tensors frozen/last.safetensors tscam_conv,classifier out >b
same a b; [ -s a ] || bad "no tensors outside the head"
tensors replaced/last.safetensors tscam_conv,classifier out >c; cmp -s a c && bad "without --freeze nothing but the head learns"

# A new head may begin at the log-odds of its classes: here each has 4 of the 12 clips to learn from.
still=(--epochs 1 --lr 1e-12 --ema 0)
trains 0 --data set "${still[@]}" --head-bias prior --out prior
tensors prior/last.safetensors tscam_conv.bias,classifier.head.bias in >a
python3 - a <<'PY' || bad "a head at priors: $(cat a)"
import math, struct, sys
rows = open(sys.argv[1]).read().split()
values = struct.unpack("<3f", bytes.fromhex(rows[1]))
assert len(rows) == 2 and all(abs(v - math.log(4.5 / 8.5)) < 1e-6 for v in values), values
PY
trains 0 --data set "${still[@]}" --out random
tensors random/last.safetensors tscam_conv.bias,classifier.head.bias in >b; cmp -s a b && bad "a head is at priors unasked"
trains 2 --data set "${still[@]}" --resume --out prior; sentence 'prior'
trains 0 --data set "${still[@]}" "${base[@]}" --head-bias prior --out going-on
tensors going-on/last.safetensors tscam_conv.bias,classifier.head.bias in >b; cmp -s a b && bad "a head that goes on lost its biases"

# ---- window attention, HTS-AT's kind: learns, is saved, evaluated, and tags
made swin swin.safetensors
hts=(--data set --init swin.safetensors --epochs 30 --lr 0.003 --mixup 0 --place start)
trains 0 "${hts[@]}" --out hts
json hts/log.jsonl 'len(x) == 30 and sum(r["loss"] for r in x[25:]) < 0.7 * sum(r["loss"] for r in x[:5]) and all(r["skipped"] == 0 for r in x)'
run 0 --inspect hts/last.safetensors; says out 'swin blocks, embed 4x4, downsample merging, heads 1 2 4 8, windows of 8'; says out 'fit stretch'
run 0 --eval -m hts/last.safetensors --data set --threads 1; says out accuracy
run 0 -m ./hts/last.safetensors --threads 1 --duration 1 "$demo"; says out '0:01.0'
# The baseline itself, at its full size and from nothing: one step.
made sounds pair 2 tone noise
em --train --preset htsat --data pair --epochs 1 --batch 2 --micro-batch 1 --validate 0 --threads 1 --out baseline >out 2>err </dev/null ||
    bad "--preset htsat: $(tail -c 400 err)"
run 0 --inspect baseline/last.safetensors; says out 'heads 4 8 16 32'; says out 'dims         96 192 384 768, depths 2 2 6 2'
run 0 -m ./baseline/last.safetensors --threads 1 --duration 1 "$demo"; says out '0:01.0'
rm -r baseline                                          # hundreds of megabytes
trains 3 --data set --preset htsat --init tiny.safetensors --out x; sentence 'tiny.safetensors: none of its blocks fits'

# ---- a public checkpoint goes on as the network that its shapes say it is
mkdir files; python3 "$source_dir/tests/unit/model/torch_files.py" files || bad "no checkpoints"
trains 0 --data set --epochs 1 --init files/vmamba.pth --out public
says err 'files/vmamba.pth: 67 tensors loaded, 2 skipped, 4 fresh'; says err '71 of 73 tensors fit'
run 0 --inspect public/last.safetensors; says out 'd_state 2, ratio 2, mlp 0, gate, conv bias'; says out 'dims         8 16 32 64, depths 1 1 1 1'
run 0 --import files/vmamba.pth -o imported.safetensors
trains 0 --data set --epochs 1 --init imported.safetensors --out imported; says err '71 of 73 tensors fit'
same_run public imported                            # bn0's statistics are the data's either way
trains 3 --data set --epochs 1 --preset nano --init files/vmamba.pth --out x
sentence 'files/vmamba.pth: none of its blocks fits: it has 8 channels, depths 1 1 1 1; leave --preset out, or name one of tiny, micro, nano,'

# ---- a teacher
run 0 --eval -m base/last.safetensors --data set --threads 1 --save-logits teacher.safetensors
trains 0 --data set "${quick[@]}" --kd teacher.safetensors --kd-share 0.7 --out taught
trains 0 --data set "${quick[@]}" --out untaught
cmp -s taught/last.safetensors untaught/last.safetensors && bad "a teacher makes no difference"
cp teacher.safetensors elsewhere.safetensors
trains 0 --data set "${quick[@]}" --kd elsewhere.safetensors --kd-share 0.7 --resume --out taught; says err 'nothing is left to do'
trains 7 --data more "${quick[@]}" --kd teacher.safetensors --out x; sentence 'teacher.safetensors'
cp -r set renamed; for f in renamed/*.wav; do mv "$f" "renamed/other-${f##*/}"; done; sed -i '2,$s/^/other-/' renamed/set.csv
trains 7 --data renamed "${quick[@]}" --kd teacher.safetensors --out x; sentence 'it was made of other data'
trains 7 --data set "${quick[@]}" --kd set/set.csv --out x; sentence 'set/set.csv'
trains 7 --data set "${quick[@]}" --kd nope --out x; sentence 'nope'
trains 7 --data set "${quick[@]}" --kd base/last.safetensors --out x; sentence 'logits'

# ---- each makes another model, and is the same one each time
n=0
while read -r options; do
    n=$((n + 1))
    # shellcheck disable=SC2086
    trains 0 --data set "${quick[@]}" $options --out one-$n
    # shellcheck disable=SC2086
    trains 0 --data set "${quick[@]}" $options --out two-$n
    same_run one-$n two-$n
    cmp -s one-$n/last.safetensors untaught/last.safetensors && bad "$options makes no difference"
done <<'OPTIONS'
--loss ce --label-smoothing 0.1
--cutmix 1 --mixup 0
--mixup 1 --mixup-form power --mixup-labels keep
--sampling ast
--sampling passt --draws 10
--sampling panns
--sampling htsat --schedule htsat
--sampling htsat --schedule audio-mamba
--average 2 --ema 0
--layer-decay 0.7 --decay-all
--d-state 2 --gated
--transformer-block
--bed-high -60
--slot-loss 0.5
--alone tone
--seed 2
OPTIONS

# ---- clips that stay alone belong to what a run is
trains 0 --data set "${quick[@]}" --alone tone --out alone
trains 0 --data set "${quick[@]}" --alone tone --resume --out alone; says err 'nothing is left to do'
trains 2 --data set "${quick[@]}" --alone noise --resume --out alone
trains 2 --data set "${quick[@]}" --resume --out alone

# ---- halves are half as large, and answer nearly the same
run 0 --rewrite base/last.safetensors --half -o half.safetensors; empty out
[ $(($(stat -c %s half.safetensors) * 10)) -lt $(($(stat -c %s base/last.safetensors) * 7)) ] || bad "halves of $(stat -c %s half.safetensors) bytes"
run 0 --eval -m ./half.safetensors --data set --threads 1; says out accuracy

# ---- clips of a split
for split in valid=3 train=12 test=15; do               # a set without test clips is tested on all
    run 0 --eval -m base/last.safetensors --data set --threads 1 --split ${split%=*}; says out "on set: ${split#*=} clips"
done
cp -r set whole; cut -d, -f1,2 set/set.csv >whole/set.csv
run 7 --eval -m base/last.safetensors --data whole --split valid; sentence 'names no clip of the split valid'

# ---- what is trained as one class a clip says so in its file, and is read so wherever it is used
run 0 --inspect one-1/last.safetensors; says out 'softmax'
run 0 -m one-1/last.safetensors -f jsonl --scores=all --threads 1 set/tone0.wav
json out 'all(abs(sum(r["scores"]) - 1) < 1e-5 for r in x if r["type"] == "scores") and any(r["type"] == "scores" for r in x)'
run 0 --eval -m one-1/last.safetensors --data set --threads 1 --json --predictions predictions.jsonl
json predictions.jsonl 'len(x) > 0 and all(abs(sum(r["scores"]) - 1) < 1e-5 for r in x)'
trains 2 --data more "${quick[@]}" --init one-1/last.safetensors --head append --out x; sentence '--loss ce'
trains 2 --data more "${quick[@]}" --init base/last.safetensors --head append --gated --out x; sentence 'make another'
trains 2 --data set "${quick[@]}" --alone Owl --out x; sentence 'Owl'

# ---- a batch in parts is the batch: the losses of the steps agree
for micro in 4 2 3; do
    em --train "${small[@]}" --micro-batch $micro --data set --epochs 3 --progress=jsonl --out micro-$micro >out 2>micro.$micro ||
        bad "--micro-batch $micro: $(tail -n 1 micro.$micro)"
done
made curve micro.4 micro.2 1e-5
made curve micro.4 micro.3 1e-5

finish
