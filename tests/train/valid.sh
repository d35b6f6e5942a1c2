#!/bin/bash
# valid.sh - clips to validate on, where the data name some and where none: what they choose is in the model files, which say so.
# Clips that are held out choose nothing.
. "$(dirname "$0")/lib.sh"

# card FILE EXPRESSION: the expression over the card `c` of that model holds
card() { python3 - "$@" <<'PY' || bad "$1: $2: $(em --inspect "$1" | tail -n 4)"
import json, struct, sys
data = open(sys.argv[1], "rb").read()
c = json.loads(json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]["earmark"])
sys.exit(not eval(sys.argv[2]))
PY
}

# ---- the data's own: what --train chooses is what --eval would choose on the same clips
made sounds named 12 tone noise clicks
awk -F, 'NR > 1 { n[$2]++; $3 = n[$2] > 7 ? "valid" : "train" } { print $1 "," $2 "," $3 }' named/set.csv >set.csv; mv set.csv named/set.csv
quick=(--epochs 3 --ema 0 --lr 0.004)
trains 0 --data named "${quick[@]}" --out named-run
for model in best last; do
    card named-run/$model.safetensors 'len(c["thresholds"]) == 3 and all(0 <= t <= 1 for t in c["thresholds"])'
    card named-run/$model.safetensors 'c["thresholds_from"] == "best F1 on 15 clips (the data'"'"'s own clips to validate on)"'
    card named-run/$model.safetensors 'c["metrics"]["clips"] == 15 and c["metrics"]["classes"] == 3 and 0 <= c["metrics"]["mAP"] <= 1'
done
card named-run/last.safetensors 'c["metrics"]["epoch"] == 3 and "chosen_by" not in c["metrics"]'
card named-run/best.safetensors '"best" in c["metrics"]["chosen_by"]'
run 0 --inspect named-run/last.safetensors; says out 'best F1 on 15 clips'
run 0 --eval -m named-run/last.safetensors --data named --split valid --json --threads 1 --thresholds chosen.safetensors
python3 - out named-run/last.safetensors <<'PY' || bad "--train and --eval choose otherwise: $(cat out)"
import json, struct, sys
report = json.loads(open(sys.argv[1]).readline())
data = open(sys.argv[2], "rb").read()
c = json.loads(json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]["earmark"])
best = [row["best_threshold"] for row in sorted(report["per_class"], key=lambda row: row["index"])]
assert all(abs(a - b) < 1e-6 for a, b in zip(best, c["thresholds"])), (best, c["thresholds"])
assert abs(report["map"] - c["metrics"]["mAP"]) < 1e-4 and abs(report["accuracy"] - c["metrics"]["accuracy"]) < 1e-4
PY
card chosen.safetensors 'c["thresholds_from"] == "best F1 on 15 clips (the data'"'"'s valid clips of named)"'

# The last model's figures are of its own weights: of the mean, where it is one.
trains 0 --data named "${quick[@]}" --average 2 --validate 2 --out mean-run
run 0 --eval -m mean-run/last.safetensors --data named --split valid --json --threads 1
python3 - out mean-run/last.safetensors <<'PY' || bad "figures of other weights: $(cat out)"
import json, struct, sys
report = json.loads(open(sys.argv[1]).readline())
data = open(sys.argv[2], "rb").read()
c = json.loads(json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]["earmark"])
best = [row["best_threshold"] for row in sorted(report["per_class"], key=lambda row: row["index"])]
assert all(abs(a - b) < 1e-6 for a, b in zip(best, c["thresholds"])) and abs(report["map"] - c["metrics"]["mAP"]) < 1e-4, (best, c)
PY

# A wanted precision, and floors; they belong to what a run is.
sure=(--data named "${quick[@]}" --wanted-precision 0.9 --least-threshold 0.2 --out sure)
trains 0 "${sure[@]}"
card sure/last.safetensors 'all(t >= 0.2 - 1e-6 for t in c["thresholds"]) and c["thresholds_from"].startswith("precision 0.9 on 15 clips")'
trains 0 "${sure[@]}" --resume; says err 'nothing is left to do'
trains 2 "${sure[@]}" --wanted-precision 0.8 --resume; sentence 'other data, model or settings'

# Too few clips of a class to choose on, or nobody asks: no thresholds, but honest figures, or none.
made sounds few 3 tone noise clicks
trains 0 --data few "${quick[@]}" --out few-run
card few-run/last.safetensors '"thresholds" not in c and "thresholds_from" not in c and c["metrics"]["clips"] == 3'
trains 0 --data named "${quick[@]}" --validate 0 --out never
card never/last.safetensors '"thresholds" not in c and "metrics" not in c'

# A model that is appended to keeps the thresholds it had.
made sounds more 12 hum
awk -F, 'NR > 1 { n[$2]++; $3 = n[$2] > 7 ? "valid" : "train" } { print $1 "," $2 "," $3 }' more/set.csv >set.csv; mv set.csv more/set.csv
trains 0 --data more "${quick[@]}" --init named-run/last.safetensors --head append --out appended
python3 - named-run/last.safetensors appended/last.safetensors <<'PY' || bad "appending changes old thresholds, or chooses no new one"
import json, struct, sys
def card(path):
    data = open(path, "rb").read()
    return json.loads(json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]["earmark"])
old, new = card(sys.argv[1]), card(sys.argv[2])
assert new["thresholds"][:3] == old["thresholds"] and new["thresholds"][3] != .5
assert "1 of 4 classes; the others: best F1 on 15 clips" in new["thresholds_from"], new["thresholds_from"]
PY

# ---- none: a share of each class, by recording, from the folds that train
made folds folded 24 tone noise clicks
parted=(--data folded --fold 2 --val-split 0.5 "${quick[@]}" --average 2 --save-steps 1)
trains 0 "${parted[@]}" --out parted; says err '18 clips of 3 classes (esc50), 18 to validate on'
card parted/last.safetensors 'c["thresholds_from"] == "best F1 on 18 clips (0.5 of the clips to learn from, set apart)"'
for part in valid=18 train=18; do
    run 0 --eval -m parted/last.safetensors --data folded --fold 2 --val-split 0.5 --split ${part%=*} --predictions ${part%=*}.jsonl
    json ${part%=*}.jsonl "len(x) == ${part#*=} and all(r['fold'] == 1 for r in x)"
done
[ -z "$(jq -r .clip valid.jsonl train.jsonl | sort | uniq -d)" ] || bad "clips that train and validate"
jq -r '.labels[0]' valid.jsonl | sort | uniq -c | awk '$1 != 6' | grep . && bad "classes have other shares: $(jq -r .clip valid.jsonl | tr '\n' ' ')"
trains 0 "${parted[@]}" --seed 2 --out seed; cmp -s seed/last.safetensors parted/last.safetensors && bad "a seed changes nothing"
json seed/log.jsonl 'len(x) == 3'
trains 0 "${parted[@]}" --dry-run; says out 'training: 18 windows an epoch, 3 epochs'; says out 'validation: 18 clips'
trains 2 "${parted[@]}" --val-split 0.4 --resume --out parted; sentence 'other data, model or settings'

# Whatever the held-out clips are, the files are the same: they chose nothing, neither weights nor epoch nor threshold.
cp -r folded other
heard=$(awk -F, '$2 == 1 { print $1; exit }' folded/meta.csv)
awk -F, '$2 == 2 { print $1 }' folded/meta.csv | while read -r clip; do cp "folded/audio/$heard" "other/audio/$clip"; done
cmp -s folded/audio/tone1.wav other/audio/tone1.wav && bad "no held-out clip is another"
trains 0 "${parted[@]}" --data other --out other-run
same_run other-run parted
trains 0 --data folded --fold 2 "${quick[@]}" --out unparted
card unparted/last.safetensors '"thresholds" not in c and "metrics" not in c'
json unparted/log.jsonl 'all("valid_map" not in r for r in x)'
same unparted/best.safetensors unparted/last.safetensors
# --eval does as it is told, and says what that is.
run 0 --eval -m unparted/last.safetensors --data folded --fold 2 --thresholds told.safetensors
says err 'were chosen on fold 2 of folded, whose figures are flattered'
card told.safetensors '"(fold 2 of folded)" in c["thresholds_from"]'

# Killed at any step and gone on with, also between the last epoch and its model file.
for step in 2 9 13 15; do
    "$earmark" --train "${small[@]}" "${parted[@]}" --progress=jsonl --resume --out killed >out 2>err </dev/null &
    pid=$!
    for _ in $(seq 3000); do grep -qs "\"step\":$step," err && break; kill -0 $pid 2>/dev/null || break; sleep 0.01; done
    kill -KILL $pid
    wait $pid 2>/dev/null
done
trains 0 "${parted[@]}" --resume --out killed
same_run killed parted

# ---- recordings stay whole
made folds takes 12 tone noise
python3 - <<'PY'
import os
lines = open("takes/meta.csv").read().split("\n")
out = [lines[0]]
for i, line in enumerate(filter(None, lines[1:])):
    name, rest = line.split(",", 1)
    new = f"1-{1000 + i // 3}-{'ABC'[i % 3]}-0.wav"
    os.rename(f"takes/audio/{name}", f"takes/audio/{new}")
    out.append(f"{new},{rest}")
open("takes/meta.csv", "w").write("\n".join(out) + "\n")
PY
trains 0 --data takes --val-split 0.25 "${quick[@]}" --epochs 1 --out takes-run; says err '18 clips of 2 classes (esc50), 6 to validate on'
run 0 --eval -m takes-run/last.safetensors --data takes --val-split 0.25 --split valid --predictions valid.jsonl
[ "$(jq -r .clip valid.jsonl | cut -d- -f2 | sort | uniq -c | awk '$1 == 3' | wc -l)" -eq 2 ] || bad "torn: $(jq -r .clip valid.jsonl | tr '\n' ' ')"

# Data that name their own are not drawn from; a share that leaves nothing is refused.
trains 0 --data few --val-split 0.5 "${quick[@]}" --epochs 1 --out x; says err '--val-split takes no others'; says err '3 to validate on'
finish
